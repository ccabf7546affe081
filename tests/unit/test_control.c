/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to srp-replicatord, and answers of any length. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/control.h"

#include "loop_util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG_ANSWER (5u << 20)
#define CLIENTS 40 /* more than are served at once */

static qb_loop_t *loop;
static struct control *c;
static char name[64], question[256];
static size_t answer_len;

static unsigned answer(void *arg, const struct ha_msg *m, struct text *out)
{
	const char *who = ha_msg_get(m, "name");

	(void)arg;
	snprintf(question, sizeof(question), "%s %s", m->verb, who ? who : "");
	text_fill(out, 'x', answer_len);
	return 5;
}

static int setup(void **state)
{
	(void)state;
	snprintf(name, sizeof(name), "test_control-%d", getpid());
	question[0] = 0;
	answer_len = 3;
	c = NULL;
	loop = qb_loop_create();
	return loop ? control_start(loop, name, answer, NULL, &c) : -1;
}

static int teardown(void **state)
{
	(void)state;
	control_stop(c);
	qb_loop_destroy(loop);
	return 0;
}

/* A client that never waits. */
struct asker {
	int fd;
	char head[64];
	size_t bytes;
	bool ended;
};

static void asker_open(struct asker *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s" CONTROL_SUFFIX, name);

	memset(a, 0, sizeof(*a));
	a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(a->fd >= 0);
	assert_int_equal(connect(a->fd, (struct sockaddr *)&un,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					     (size_t)n)), 0);
}

static void asker_say(const struct asker *a, const char *text, size_t len)
{
	assert_int_equal(send(a->fd, text, len, MSG_NOSIGNAL), len);
}

static bool asker_ended(void *arg)
{
	static char packet[HA_MSG_MAX + 1];
	struct asker *a = arg;
	ssize_t n;

	while ((n = recv(a->fd, packet, sizeof(packet) - 1, 0)) > 0) {
		packet[n] = 0;
		if (*a->head)
			a->bytes += (size_t)n;
		else
			snprintf(a->head, sizeof(a->head), "%.63s", packet);
	}
	a->ended = n == 0 || errno != EAGAIN;
	return a->ended;
}

static void asker_wait(struct asker *a)
{
	assert_true(loop_until(loop, asker_ended, a));
	close(a->fd);
}

static void a_question_is_answered(void **state)
{
	struct asker a;

	(void)state;
	asker_open(&a);
	asker_say(&a, "resource\tname=srpt", 18);
	asker_wait(&a);
	assert_string_equal(question, "resource srpt");
	assert_string_equal(a.head, "answer\tstatus=5\tbytes=3");
	assert_int_equal(a.bytes, 3);
}

static void answers_may_be_long_or_empty(void **state)
{
	struct asker a;

	(void)state;
	answer_len = LONG_ANSWER;
	asker_open(&a);
	asker_say(&a, "status", 6);
	asker_wait(&a);
	assert_int_equal(a.bytes, LONG_ANSWER);
	answer_len = 0;
	asker_open(&a);
	asker_say(&a, "status", 6);
	asker_wait(&a);
	assert_string_equal(a.head, "answer\tstatus=5\tbytes=0");
	assert_int_equal(a.bytes, 0);
}

static void malformed_questions_end_it(void **state)
{
	static const char *const texts[] = { "status\t", "\x01", "a\tb", "Status" };
	static char big[HA_MSG_MAX + 1];
	struct asker a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		asker_open(&a);
		asker_say(&a, texts[i], strlen(texts[i]));
		asker_wait(&a);
		assert_string_equal(a.head, "");
	}
	memset(big, 'x', sizeof(big));
	asker_open(&a);
	asker_say(&a, big, sizeof(big));
	asker_wait(&a);
	assert_string_equal(a.head, "");
	assert_string_equal(question, "");
}

static void who_goes_away_does_no_harm(void **state)
{
	struct asker a, b;

	(void)state;
	answer_len = LONG_ANSWER;
	asker_open(&a);
	asker_say(&a, "status", 6);
	close(a.fd);
	asker_open(&a);
	close(a.fd);
	asker_open(&b);
	asker_say(&b, "status", 6);
	asker_wait(&b);
	assert_int_equal(b.bytes, LONG_ANSWER);
}

/* Those that never ask or read keep nobody away. */
static void there_may_be_many(void **state)
{
	struct asker silent[CLIENTS], a;

	(void)state;
	answer_len = LONG_ANSWER;
	for (int i = 0; i < CLIENTS; i++) {
		asker_open(&silent[i]);
		if (i % 2)
			asker_say(&silent[i], "status", 6);
		if (i % 8 == 7) {
			answer_len = 1;
			asker_open(&a);
			asker_say(&a, "status", 6);
			asker_wait(&a);
			assert_int_equal(a.bytes, 1);
			answer_len = LONG_ANSWER;
		}
	}
	for (int i = 0; i < CLIENTS; i++)
		close(silent[i].fd);
}

static void one_daemon_has_a_name(void **state)
{
	struct control *other = NULL;

	(void)state;
	assert_int_equal(control_start(loop, name, answer, NULL, &other), -EADDRINUSE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_question_is_answered),
		T(answers_may_be_long_or_empty),
		T(malformed_questions_end_it),
		T(who_goes_away_does_no_harm),
		T(there_may_be_many),
		T(one_daemon_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
