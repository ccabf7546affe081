/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reactor.h"

#include <errno.h>
#include <stdlib.h>

struct group_call;

struct group_call_msg {
	struct msg m;
	struct group_call *call;
	struct reactor *r;
};

/* One call in progress; freed on the control thread after done(). */
struct group_call {
	struct countdown c;
	void (*fn)(struct reactor *r, void *arg, struct countdown *c);
	void (*done)(void *arg);
	void *arg;
	struct group_call_msg msgs[];
};

/* @fn may end the call: nothing of it is touched afterwards. */
static void call_run(struct msg *m)
{
	struct group_call_msg *gm = container_of(m, struct group_call_msg, m);

	gm->call->fn(gm->r, gm->call->arg, &gm->call->c);
}

static void call_done(struct msg *m)
{
	struct group_call *call = container_of(m, struct group_call, c.done);

	if (call->done)
		call->done(call->arg);
	free(call);
}

int reactor_group_call(struct reactor_group *g,
		       void (*fn)(struct reactor *r, void *arg, struct countdown *c),
		       void (*done)(void *arg), void *arg)
{
	struct group_call *call = malloc(sizeof(*call) + g->n * sizeof(call->msgs[0]));
	unsigned n = g->n;

	if (!call)
		return -ENOMEM;
	call->fn = fn;
	call->done = done;
	call->arg = arg;
	for (unsigned i = 0; i < n; i++)
		call->msgs[i] = (struct group_call_msg){ { NULL, call_run }, call, g->r[i] };
	countdown_init(&call->c, n, g->control, call_done);
	for (unsigned i = 0; i < n; i++)
		reactor_send(g->r[i], &call->msgs[i].m);
	return 0;
}
