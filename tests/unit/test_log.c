/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <qb/qblog.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define THREADS 4
#define LINES 200

/* stderr of one test goes to a file, read by captured(). */
static int saved_stderr;
static FILE *capture;

static int setup(void **state)
{
	(void)state;
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	capture = tmpfile();
	if (!capture || saved_stderr < 0)
		return -1;
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_INFO);
	return dup2(fileno(capture), STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close();
	fclose(capture);
	return 0;
}

static const char *captured(void)
{
	static char text[THREADS * LINES * 100];
	size_t n;

	log_close();
	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(capture);
	n = fread(text, 1, sizeof(text) - 1, capture);
	text[n] = '\0';
	return text;
}

static void test_before_open_lines_go_to_stderr(void **state)
{
	(void)state;
	log_info("value %d", 7);
	log_warn("odd");
	log_debug("unseen");
	assert_string_equal(captured(), "value 7\nwarning: odd\n");
}

static void test_level_is_a_limit(void **state)
{
	(void)state;
	log_set_level(LOG_ERR);
	log_warn("unseen");
	log_err("seen");
	log_set_level(LOG_DEBUG);
	log_debug("deep");
	assert_string_equal(captured(), "error: seen\ndebug: test_level_is_a_limit: deep\n");
}

static void test_open_log_names_the_program(void **state)
{
	const char *text, *name;

	(void)state;
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	log_info("first");
	log_err("second");
	log_debug("unseen");
	text = captured();
	name = strstr(text, " prog[");
	assert_non_null(name);
	assert_non_null(strstr(name, "]: first\n"));
	assert_non_null(strstr(text, "]: error: second\n"));
	assert_null(strstr(text, "unseen"));
}

static void test_journal_gets_priorities_and_no_time(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	log_info("first");
	log_err("second");
	assert_string_equal(captured(), "<6>first\n<3>error: second\n");
}

/* Any local user can provoke those of ipc_setup.c, without limit. */
static void test_errors_of_libqb_are_kept_except_refused_clients(void **state)
{
	static const char *const kept[] = { "ipcs.c", "ipc_shm.c", "ringbuffer.c", "loop_poll.c",
					    "unix.c" };
	char line[64];
	const char *text;

	(void)state;
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	qb_log_from_external_source("f", "ipc_setup.c", "%s refused", LOG_ERR, 1, 0, "client");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		qb_log_from_external_source("f", kept[i], "%s errs", LOG_ERR, 1, 0, kept[i]);
		qb_log_from_external_source("f", kept[i], "%s warns", LOG_WARNING, 1, 0, kept[i]);
	}
	text = captured();
	assert_null(strstr(text, "refused"));
	assert_null(strstr(text, "warns"));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		snprintf(line, sizeof(line), "%s errs\n", kept[i]);
		assert_non_null(strstr(text, line));
	}
}

static void test_long_line_is_cut(void **state)
{
	char longer[2000];
	size_t len;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_info("%s", longer);
	len = strlen(captured());
	assert_in_range(len, 200, 520);
}

static void test_percent_in_an_argument_is_text(void **state)
{
	(void)state;
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	log_info("%s", "100%n %s");
	assert_non_null(strstr(captured(), "100%n %s\n"));
}

static void *log_many(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("from %p", arg);
	return NULL;
}

static void test_no_line_is_lost_among_threads(void **state)
{
	pthread_t thread[THREADS];
	const char *text;
	int lines = 0;

	(void)state;
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, log_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (text = captured(); (text = strchr(text, '\n')); text++)
		lines++;
	assert_int_equal(lines, THREADS * LINES);
}

static atomic_bool quiet;

/* What libqb says itself and nobody wants to see, as when a client of the IPC comes. */
static void *libqb_traces(void *arg)
{
	while (!atomic_load(&quiet))
		qb_log_from_external_source("f", "ipcs.c", "%s", LOG_TRACE, 1, 0, "connected");
	return arg;
}

static void test_no_line_is_lost_to_what_libqb_says(void **state)
{
	pthread_t thread;
	const char *text;
	int lines = 0;

	(void)state;
	assert_int_equal(log_open("prog", LOG_TO_STDERR, LOG_INFO), 0);
	atomic_store(&quiet, false);
	assert_int_equal(pthread_create(&thread, NULL, libqb_traces, NULL), 0);
	for (int i = 0; i < LINES; i++) {
		log_info("line %d", i);
		usleep(50); /* the writer sleeps now and then, and meets libqb anywhere */
	}
	atomic_store(&quiet, true);
	pthread_join(thread, NULL);
	for (text = captured(); (text = strstr(text, ": line ")); text++)
		lines++;
	assert_int_equal(lines, LINES);
}

static void test_limit_counts_what_it_leaves_out(void **state)
{
	struct log_limit l = { 0 };
	uint32_t missed;

	(void)state;
	captured();
	for (int i = 0; i < 3; i++)
		assert_true(log_allowed(&l, 3, 1000000, &missed));
	for (int i = 0; i < 4; i++)
		assert_false(log_allowed(&l, 3, 1000000, &missed));
	/* An interval of 0 is always over. */
	assert_true(log_allowed(&l, 3, 0, &missed));
	assert_int_equal(missed, 4);
	assert_true(log_allowed(&l, 3, 0, &missed));
	assert_int_equal(missed, 0);
}

static void test_limited_line_tells_what_was_left_out(void **state)
{
	struct log_limit l = { 0 };

	(void)state;
	for (int i = 0; i < 7; i++)
		log_warn_limited(&l, "bad %d", i);
	l.window_start_ns = 0;
	log_warn_limited(&l, "bad %d", 7);
	assert_string_equal(captured(),
			    "warning: bad 0\nwarning: bad 1\nwarning: bad 2\nwarning: bad 3\n"
			    "warning: bad 4\nwarning: bad 7 (2 alike left out)\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_before_open_lines_go_to_stderr),
		TEST(test_level_is_a_limit),
		TEST(test_open_log_names_the_program),
		TEST(test_journal_gets_priorities_and_no_time),
		TEST(test_errors_of_libqb_are_kept_except_refused_clients),
		TEST(test_long_line_is_cut),
		TEST(test_percent_in_an_argument_is_text),
		TEST(test_no_line_is_lost_among_threads),
		TEST(test_no_line_is_lost_to_what_libqb_says),
		TEST(test_limit_counts_what_it_leaves_out),
		TEST(test_limited_line_tells_what_was_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
