/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/reactors.h"
#include "backend/backend.h"
#include "base/log.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#define RING_DEPTH 1024u

/* The CPUs this process may run on, ascending, at most REACTOR_MAX; their number, 0: unknown. */
static unsigned cpus_get(int cpus[REACTOR_MAX])
{
	cpu_set_t set;
	unsigned n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < REACTOR_MAX; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	return n;
}

static int reactor_add(struct reactor_group *g, const struct conf_daemon *conf, int cpu)
{
	const struct reactor_params p = {
		.buffer_size = conf->buffer_size,
		.poll_budget_us = conf->poll_budget_us,
		.cpu = cpu,
	};
	struct reactor *r;
	int rc = reactor_create(g->n, &p, &r);

	if (rc)
		return rc;
	rc = be_ring_create(r, RING_DEPTH);
	if (rc) {
		reactor_destroy(r);
		return rc;
	}
	g->r[g->n++] = r;
	return 0;
}

int reactors_create(struct reactor_group *g, const struct conf_daemon *conf,
		    struct mailbox *control)
{
	int cpus[REACTOR_MAX];
	unsigned n_cpus = cpus_get(cpus), n = conf->threads_num;
	bool pin = !n && n_cpus;

	memset(g, 0, sizeof(*g));
	g->control = control;
	if (!n)
		n = n_cpus ? n_cpus : 1;
	if (n > REACTOR_MAX) {
		log_warn("threads_num %u is cut to %u", n, REACTOR_MAX);
		n = REACTOR_MAX;
	}
	while (g->n < n) {
		int rc = reactor_add(g, conf, pin ? cpus[g->n] : -1);

		if (rc) {
			log_err("reactor %u of %u cannot be made: %s", g->n, n, strerror(-rc));
			reactors_destroy(g);
			return rc;
		}
	}
	return 0;
}

int reactors_start(struct reactor_group *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		int rc = reactor_start(g->r[i]);

		if (rc) {
			log_err("reactor %u does not start: %s", i, strerror(-rc));
			reactors_stop(g);
			return rc;
		}
	}
	return 0;
}

void reactors_stop(struct reactor_group *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->r[i]->running)
			reactor_stop(g->r[i]);
}

void reactors_destroy(struct reactor_group *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		be_ring_destroy(g->r[i]);
		reactor_destroy(g->r[i]);
	}
	g->n = 0;
}
