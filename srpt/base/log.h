/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging: thin names over libqb's log. Never called for a good command.
 * log_write() and log_allowed() may be called from any thread; a thread of the
 * log does the writing, so a reactor does not wait for syslog or a terminal.
 * Lines are cut at about 480 bytes. Before log_open() and after log_close()
 * they go straight to stderr.
 */
#ifndef SRPT_BASE_LOG_H
#define SRPT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Log levels are syslog priorities: LOG_ERR … LOG_DEBUG. */
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

/*
 * Open the log. @name: program name. Control thread, after any fork: it starts
 * a thread. 0 or -errno.
 */
int log_open(const char *name, enum log_target target, int max_level);
void log_set_level(int max_level); /* any thread */

/* Write out what is queued. Control thread, when no other thread logs any more. */
void log_close(void);

void log_write(int level, const char *func, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#define log_at(level, ...) log_write((level), __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_err(...) log_write(3, __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_warn(...) log_write(4, __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_notice(...) log_write(5, __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(...) log_write(6, __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(...) log_write(7, __func__, __FILE__, __LINE__, __VA_ARGS__)

/*
 * Rate limit for lines a peer can provoke: at most @burst lines in @interval_s
 * seconds per struct; the first line after a silent period reports how many
 * were left out (in *@missed). Relaxed atomics: may be shared by threads.
 */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t used;
	uint32_t missed;
};

bool log_allowed(struct log_limit *l, unsigned burst, unsigned interval_s, uint32_t *missed);

/* log_warn at most 5 times in 10 s for this call site and object. */
#define log_warn_limited(limit, fmt, ...)                                              \
	do {                                                                           \
		uint32_t missed_;                                                      \
		if (log_allowed((limit), 5, 10, &missed_)) {                           \
			if (missed_)                                                   \
				log_warn(fmt " (%u alike left out)", ##__VA_ARGS__,    \
					 missed_);                                     \
			else                                                           \
				log_warn(fmt, ##__VA_ARGS__);                          \
		}                                                                      \
	} while (0)

#endif
