/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines are queued for a thread of their own, which alone calls libqb: libqb's
 * threaded targets hold a spin lock while they write, and libqb drops a line
 * when two threads log at once. It still does when the control thread makes it
 * say something itself, written or not: a line that got lost is given again.
 */
#include "base/log.h"

#include "base/bytes.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/thread.h"

#include <poll.h>
#include <pthread.h>
#include <qb/qblog.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 480    /* below QB_LOG_MAX_LEN, with room for what the format adds */
#define LOG_QUEUE_MAX 4096u /* lines; more are dropped and counted */
#define LOG_SOURCE "srpt"   /* file name given to libqb: tells our lines from its own */
#define WRITE_TRIES 10000   /* of one line; a second in all, then it is counted as dropped */
#define WRITE_RETRY_US 100
#define NS_PER_S 1000000000ull

struct log_line {
	struct msg m;
	const char *func;
	uint32_t line;
	uint8_t level;
	char text[];
};

/* Set by the control thread, read by all. */
static atomic_int log_level = LOG_INFO;
static atomic_bool log_is_open;
static atomic_bool log_journal;

static struct mailbox queue;
static atomic_uint queued, dropped;
static pthread_t writer;
static struct msg stop_msg;
static bool writer_stop; /* writer thread */
static bool line_taken = true; /* writer thread: libqb gave the last line to its targets */

static const char *const level_names[] = {
	"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
};

/* systemd sets this for a service whose stderr goes to the journal. */
static bool stderr_is_journal(void)
{
	return getenv("JOURNAL_STREAM") != NULL;
}

static void *writer_thread(void *arg)
{
	struct pollfd p = { .fd = queue.fd, .events = POLLIN };

	(void)arg;
	pthread_setname_np(pthread_self(), "log");
	while (!writer_stop) {
		if (mailbox_drain(&queue) || !mailbox_prepare_sleep(&queue))
			continue;
		poll(&p, 1, -1);
		mailbox_awake(&queue);
	}
	return NULL;
}

static void writer_stop_run(struct msg *m)
{
	(void)m;
	writer_stop = true;
}

static int writer_start(void)
{
	int rc = mailbox_init(&queue);

	if (rc)
		return rc;
	writer_stop = false;
	rc = thread_start(&writer, writer_thread, NULL);
	if (rc)
		mailbox_destroy(&queue);
	return rc;
}

/* libqb's files, without ipc_setup.c: any local user can make it complain, and ctl/ipc.c tells. */
static const char *const libqb_files[] = { "^[^i]", "^ipcs", "^ipc_shm" };

static int target_enable(int32_t target)
{
	int rc;

	/* Syslog has one for everything from qb_log_init(). */
	qb_log_filter_ctl(target, QB_LOG_FILTER_CLEAR_ALL, QB_LOG_FILTER_FILE, "*", LOG_TRACE);
	rc = qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, LOG_SOURCE,
			       LOG_TRACE);
	if (rc)
		return rc;
	/* Of libqb itself only errors. */
	for (size_t i = 0; i < ARRAY_SIZE(libqb_files); i++)
		qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE_REGEX,
				  libqb_files[i], LOG_ERR);
	return qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
}

/* One more target for our lines: libqb does not tell whether it took one. */
static void line_witness(int32_t target, struct qb_log_callsite *cs, struct timespec *at,
			 const char *msg)
{
	(void)target;
	(void)cs;
	(void)at;
	(void)msg;
	line_taken = true;
}

static int witness_open(void)
{
	int32_t target = qb_log_custom_open(line_witness, NULL, NULL, NULL);
	int rc;

	if (target < 0)
		return target;
	rc = qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, LOG_SOURCE,
			       LOG_TRACE);
	return rc ? rc : qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
}

int log_open(const char *name, enum log_target target, int max_level)
{
	bool journal = target == LOG_TO_STDERR && stderr_is_journal();
	int rc;

	qb_log_init(name, LOG_DAEMON, LOG_ERR);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
	qb_log_format_set(QB_LOG_SYSLOG, "%b");
	qb_log_format_set(QB_LOG_STDERR, journal ? "%b" : "%t %N[%P]: %b");
	rc = target_enable(target == LOG_TO_SYSLOG ? QB_LOG_SYSLOG : QB_LOG_STDERR);
	if (!rc)
		rc = witness_open();
	if (!rc)
		rc = writer_start();
	if (rc) {
		qb_log_fini();
		return rc;
	}
	atomic_store(&log_journal, journal);
	log_set_level(max_level);
	atomic_store(&log_is_open, true);
	return 0;
}

void log_set_level(int max_level)
{
	atomic_store(&log_level, max_level);
}

void log_close(void)
{
	if (!atomic_exchange(&log_is_open, false))
		return;
	stop_msg.fn = writer_stop_run;
	mailbox_post(&queue, &stop_msg);
	pthread_join(writer, NULL);
	mailbox_destroy(&queue);
	qb_log_fini();
	atomic_store(&log_journal, false);
}

/* The writer is alone in giving lines from LOG_SOURCE. Of a libqb that is stuck it waits once. */
static void libqb_write(const char *func, uint8_t level, uint32_t line, const char *text)
{
	int tries = line_taken ? WRITE_TRIES : 1;

	while (tries--) {
		line_taken = false;
		qb_log_from_external_source(func, LOG_SOURCE, "%s", level, line, 0, text);
		if (line_taken)
			return;
		usleep(WRITE_RETRY_US);
	}
	atomic_fetch_add(&dropped, 1);
}

static void line_write(struct msg *m)
{
	struct log_line *l = container_of(m, struct log_line, m);
	unsigned lost = atomic_exchange(&dropped, 0);
	char text[32];

	atomic_fetch_sub(&queued, 1);
	libqb_write(l->func, l->level, l->line, l->text);
	if (lost) {
		snprintf(text, sizeof(text), "%u lines left out", lost);
		libqb_write(__func__, LOG_WARNING, __LINE__, text);
	}
	free(l);
}

static void line_queue(int level, const char *func, int line, const char *text)
{
	size_t size = strlen(text) + 1;
	struct log_line *l = NULL;

	if (atomic_fetch_add(&queued, 1) < LOG_QUEUE_MAX)
		l = malloc(sizeof(*l) + size);
	if (!l) {
		atomic_fetch_sub(&queued, 1);
		atomic_fetch_add(&dropped, 1);
		return;
	}
	l->m.fn = line_write;
	l->func = func;
	l->line = (uint32_t)line;
	l->level = (uint8_t)level;
	memcpy(l->text, text, size);
	mailbox_post(&queue, &l->m);
}

/*
 * The line as the targets print it. The journal takes the priority from a
 * leading <n>; other readers of stderr get the name of anything unusual.
 */
__attribute__((format(printf, 5, 0)))
static void line_format(char *text, size_t size, int level, const char *func, const char *fmt,
			va_list ap)
{
	int n = 0;

	if (atomic_load(&log_journal))
		n = snprintf(text, size, "<%d>", level);
	if (level != LOG_INFO && level != LOG_NOTICE)
		n += snprintf(text + n, size - (size_t)n, "%s: ", level_names[level]);
	if (level == LOG_DEBUG)
		n += snprintf(text + n, size - (size_t)n, "%.40s: ", func);
	vsnprintf(text + n, size - (size_t)n, fmt, ap);
}

void log_write(int level, const char *func, const char *file, int line, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	(void)file;
	if (level < 0 || level > LOG_DEBUG || level > atomic_load(&log_level))
		return;
	va_start(ap, fmt);
	line_format(text, sizeof(text), level, func, fmt, ap);
	va_end(ap);
	if (atomic_load(&log_is_open))
		line_queue(level, func, line, text);
	else
		fprintf(stderr, "%s\n", text);
}

static uint64_t coarse_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/*
 * Threads may race here: the worst is that a line too many gets through or
 * that one left out is not counted, which a lock is not worth.
 */
bool log_allowed(struct log_limit *l, unsigned burst, unsigned interval_s, uint32_t *missed)
{
	uint64_t now = coarse_now_ns();
	uint64_t start = __atomic_load_n(&l->window_start_ns, __ATOMIC_RELAXED);

	*missed = 0;
	if (!start || now - start >= interval_s * NS_PER_S) {
		__atomic_store_n(&l->window_start_ns, now, __ATOMIC_RELAXED);
		__atomic_store_n(&l->used, 0, __ATOMIC_RELAXED);
		*missed = __atomic_exchange_n(&l->missed, 0, __ATOMIC_RELAXED);
	}
	if (__atomic_fetch_add(&l->used, 1, __ATOMIC_RELAXED) < burst)
		return true;
	__atomic_fetch_add(&l->missed, 1, __ATOMIC_RELAXED);
	return false;
}
