/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of what lives in a qb_loop: run it until something is so. */
#ifndef LOOP_UTIL_H
#define LOOP_UTIL_H

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_TICK_NS (5ull * 1000 * 1000)
#define LOOP_WAIT_NS (30ull * 1000 * 1000 * 1000) /* for what must come */

struct loop_wait {
	qb_loop_t *loop;
	bool (*done)(void *arg);
	void *arg;
	uint64_t left; /* ns */
	bool was;
};

static void loop_tick(void *arg)
{
	struct loop_wait *w = arg;
	qb_loop_timer_handle timer;

	w->was = w->done(w->arg);
	if (w->was || w->left < LOOP_TICK_NS) {
		qb_loop_stop(w->loop);
		return;
	}
	w->left -= LOOP_TICK_NS;
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, LOOP_TICK_NS, w, loop_tick, &timer);
}

/* Whether it became so. */
static inline bool loop_until(qb_loop_t *loop, bool (*done)(void *arg), void *arg)
{
	struct loop_wait w = { .loop = loop, .done = done, .arg = arg, .left = LOOP_WAIT_NS };
	qb_loop_timer_handle timer;

	qb_loop_timer_add(loop, QB_LOOP_LOW, 1, &w, loop_tick, &timer);
	qb_loop_run(loop);
	return w.was;
}

#endif
