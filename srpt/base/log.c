/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include "base/bytes.h"

#include <qb/qblog.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#define LOG_LINE_MAX 480 /* below QB_LOG_MAX_LEN, with room for what the format adds */
#define LOG_SOURCE "srpt" /* file name given to libqb: tells our lines from its own */
#define NS_PER_S 1000000000ull

/* Written by the control thread, read by all. */
static atomic_int log_level = LOG_INFO;
static atomic_bool log_is_open;
static atomic_bool log_journal;

static const char *const level_names[] = {
	"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
};

/* systemd sets this for a service whose stderr goes to the journal. */
static bool stderr_is_journal(void)
{
	return getenv("JOURNAL_STREAM") != NULL;
}

static int target_start(int32_t target)
{
	int rc = qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, LOG_SOURCE,
				   LOG_TRACE);

	if (rc)
		return rc;
	/* Of libqb itself only errors; syslog has this filter from qb_log_init(). */
	if (target != QB_LOG_SYSLOG)
		qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_ERR);
	rc = qb_log_ctl(target, QB_LOG_CONF_THREADED, QB_TRUE);
	if (rc)
		return rc;
	rc = qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
	if (rc)
		return rc;
	return qb_log_thread_start();
}

int log_open(const char *name, enum log_target target, int max_level)
{
	bool journal = target == LOG_TO_STDERR && stderr_is_journal();
	int32_t qb_target = target == LOG_TO_SYSLOG ? QB_LOG_SYSLOG : QB_LOG_STDERR;
	int rc;

	qb_log_init(name, LOG_DAEMON, LOG_ERR);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
	qb_log_format_set(QB_LOG_SYSLOG, "%b");
	qb_log_format_set(QB_LOG_STDERR, journal ? "%b" : "%t %N[%P]: %b");
	rc = target_start(qb_target);
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
	if (atomic_exchange(&log_is_open, false))
		qb_log_fini();
}

/*
 * The line as the targets print it. The journal takes the priority from a
 * leading <n>; other readers of stderr get the name of anything unusual.
 */
__attribute__((format(printf, 5, 0)))
static void line_format(char *line, size_t size, int level, const char *func, const char *fmt,
			va_list ap)
{
	int n = 0;

	if (atomic_load(&log_journal))
		n = snprintf(line, size, "<%d>", level);
	if (level != LOG_INFO && level != LOG_NOTICE)
		n += snprintf(line + n, size - (size_t)n, "%s: ", level_names[level]);
	if (level == LOG_DEBUG)
		n += snprintf(line + n, size - (size_t)n, "%.40s: ", func);
	vsnprintf(line + n, size - (size_t)n, fmt, ap);
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
		qb_log_from_external_source(func, LOG_SOURCE, "%s", (uint8_t)level, (uint32_t)line, 0,
					    text);
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
