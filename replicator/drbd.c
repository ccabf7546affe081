/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/drbd.h"
#include "base/list.h"
#include "base/log.h"
#include "replicator/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S (1000 * NS_PER_MS)
#define RETRY_MIN (100 * NS_PER_MS)
#define RETRY_MAX (1 * NS_PER_S) /* its module is loaded when the first resource is started */
#define STEADY (10 * NS_PER_S) /* having run for so long, it is started again quickly */
#define READS_MAX 64           /* at once, each of a buffer; more wait for the next turn */
#define EXIT_NO_PROGRAM 127

struct drbd {
	qb_loop_t *loop;
	const char *const *command;
	const struct drbd_listener *listener;
	void *arg;
	struct child child;
	qb_loop_timer_handle retry; /* 0: none */
	uint64_t delay, started;    /* ns */
	bool listening; /* the child's words count: from its start until lost() */
	int complaint;  /* status + 1 that was logged of the last end */
	size_t len;
	char buf[DRBD_LINE_MAX + 1];
};

static void drbd_run(void *arg);

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void run_later(struct drbd *d)
{
	if (now_ns() - d->started >= STEADY)
		d->delay = RETRY_MIN;
	if (qb_loop_timer_add(d->loop, QB_LOOP_MED, d->delay, d, drbd_run, &d->retry))
		log_err("no timer to run %s again", d->command[0]);
	d->delay = d->delay * 2 < RETRY_MAX ? d->delay * 2 : RETRY_MAX;
}

void drbd_again(struct drbd *d)
{
	if (!d->listening)
		return; /* on the way already */
	d->listening = false;
	d->listener->lost(d->arg);
	child_kill(&d->child);
}

/* ---- its lines ---- */

static void line_take(struct drbd *d, const char *line, size_t len)
{
	struct drbd_event e;
	int rc = events2_parse(line, len, &e);

	if (rc == -ENOMSG)
		return;
	if (!rc && e.action != DRBD_LOST) {
		d->listener->event(d->arg, &e);
		return;
	}
	log_err("%s: %s, it is run again: %.*s", d->command[0],
		rc ? "this line is not understood" : "events were left out",
		len < 200 ? (int)len : 200, line);
	drbd_again(d);
}

/* The whole lines of the buffer. */
static void lines_take(struct drbd *d)
{
	char *at = d->buf, *end = d->buf + d->len, *newline;

	while (d->listening && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		line_take(d, at, (size_t)(newline - at));
		at = newline + 1;
	}
	d->len = (size_t)(end - at);
	memmove(d->buf, at, d->len);
}

/* false: there is nothing more to read now. */
static bool output_read(struct drbd *d)
{
	ssize_t n = read(d->child.out, d->buf + d->len, sizeof(d->buf) - d->len);

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		drbd_again(d);
		return false;
	}
	d->len += (size_t)n;
	lines_take(d);
	if (d->len == sizeof(d->buf))
		line_take(d, d->buf, d->len); /* too long a line is not understood */
	return true;
}

bool drbd_drain(struct drbd *d)
{
	for (int i = 0; d->listening && i < READS_MAX; i++)
		if (!output_read(d))
			return true;
	return !d->listening;
}

static void child_readable(struct child *c)
{
	struct drbd *d = container_of(c, struct drbd, child);

	drbd_drain(d);
	if (!d->listening)
		child_output_close(c);
}

/* ---- its life ---- */

static void end_log(struct drbd *d, int status)
{
	const char *name = d->command[0];

	if (d->complaint == status + 1)
		return;
	d->complaint = status + 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM)
		log_err("%s is not there or cannot be run: no gate opens", name);
	else if (WIFEXITED(status))
		log_warn("%s has ended with status %d: it is run again", name,
			 WEXITSTATUS(status));
	else if (WTERMSIG(status) != SIGKILL)
		log_warn("%s was ended by signal %d: it is run again", name, WTERMSIG(status));
}

static void child_ended(struct child *c, int status)
{
	struct drbd *d = container_of(c, struct drbd, child);

	drbd_again(d);
	end_log(d, status);
	run_later(d);
}

static void drbd_run(void *arg)
{
	struct drbd *d = arg;
	int rc;

	d->retry = 0;
	d->len = 0;
	d->started = now_ns();
	rc = child_start(&d->child, d->command);
	d->listening = !rc;
	if (rc) {
		log_err("cannot run %s: %s", d->command[0], strerror(-rc));
		run_later(d);
	}
}

int drbd_start(qb_loop_t *loop, const char *const *command, const struct drbd_listener *listener,
	       void *arg, struct drbd **out)
{
	struct drbd *d = calloc(1, sizeof(*d));

	if (!d) {
		log_err("no memory to follow DRBD");
		return -ENOMEM;
	}
	d->loop = loop;
	d->command = command;
	d->listener = listener;
	d->arg = arg;
	d->delay = RETRY_MIN;
	child_init(&d->child, loop);
	d->child.readable = child_readable;
	d->child.ended = child_ended;
	*out = d;
	drbd_run(d);
	return 0;
}

void drbd_stop(struct drbd *d)
{
	if (!d)
		return;
	if (d->retry)
		qb_loop_timer_del(d->loop, d->retry);
	child_abandon(&d->child);
	free(d);
}
