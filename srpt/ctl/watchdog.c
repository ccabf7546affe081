/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/watchdog.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/thread.h"
#include "ctl/notify.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PARTS 4u /* one that is late does no harm, nor do two */
#define PERIOD_MAX_MS (3600u * 1000u)

/* ---- the thread ---- */

static void ping_received(struct msg *m)
{
	struct watchdog_ping *p = container_of(m, struct watchdog_ping, msg);

	atomic_store_explicit(&p->away, false, memory_order_release);
}

/* Have all pings of the last round been received? */
static bool all_are_back(const struct watchdog *w)
{
	for (unsigned i = 0; i < w->group->n; i++)
		if (atomic_load_explicit(&w->pings[i].away, memory_order_acquire))
			return false;
	return true;
}

static void pings_send(struct watchdog *w)
{
	for (unsigned i = 0; i < w->group->n; i++) {
		struct watchdog_ping *p = &w->pings[i];

		atomic_store_explicit(&p->away, true, memory_order_relaxed);
		p->msg.fn = ping_received;
		reactor_send(w->group->r[i], &p->msg);
	}
}

static void *watchdog_thread(void *arg)
{
	struct watchdog *w = arg;
	struct pollfd stop = { .fd = w->stop_fd, .events = POLLIN };

	pthread_setname_np(pthread_self(), "watchdog");
	do {
		if (!all_are_back(w))
			continue;
		notify_send("WATCHDOG=1");
		pings_send(w);
	} while (poll(&stop, 1, (int)w->period_ms) <= 0);
	return NULL;
}

/* ---- control thread ---- */

/* A number of the environment that is all digits; 0: there is none. */
static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	uint64_t n;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno || *end ? 0 : n;
}

/* Milliseconds, 0: nobody asks for it. */
static uint64_t period_find(void)
{
	uint64_t us = number_of("WATCHDOG_USEC"), ms = us / 1000 / PARTS;

	if (getenv("WATCHDOG_PID") && number_of("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	if (!us)
		return 0;
	return ms ? min_u64(ms, PERIOD_MAX_MS) : 1;
}

int watchdog_start(struct watchdog *w, struct reactor_group *group)
{
	int rc;

	w->period_ms = period_find();
	if (!w->period_ms)
		return 0;
	w->group = group;
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = w->stop_fd < 0 ? -errno : thread_start(&w->thread, watchdog_thread, w);
	if (rc) {
		if (w->stop_fd >= 0)
			close(w->stop_fd);
		log_err("no thread for the service manager's watchdog: %s", strerror(-rc));
		return rc;
	}
	w->running = true;
	return 0;
}

void watchdog_stop(struct watchdog *w)
{
	if (!w->running)
		return;
	w->running = false;
	eventfd_write(w->stop_fd, 1);
	pthread_join(w->thread, NULL);
	close(w->stop_fd);
}
