/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/call.h"

#include <stdlib.h>

struct scsi_call_msg {
	struct msg m;
	struct scsi_call *call;
	struct reactor *r;
};

struct scsi_call {
	struct countdown left;
	struct reactor_group *group;
	void (*fn)(struct reactor *r, void *arg, struct countdown *c);
	void (*done)(void *arg);
	void *arg;
	struct scsi_call_msg msgs[];
};

/* @fn may end the call: nothing of it is touched afterwards. */
static void call_received(struct msg *m)
{
	struct scsi_call_msg *cm = container_of(m, struct scsi_call_msg, m);

	cm->call->fn(cm->r, cm->call->arg, &cm->call->left);
}

static void call_ended(struct msg *m)
{
	struct scsi_call *call = container_of(m, struct scsi_call, left.done);

	call->done(call->arg);
}

struct scsi_call *scsi_call_alloc(struct reactor_group *g)
{
	struct scsi_call *call = calloc(1, sizeof(*call) + g->n * sizeof(call->msgs[0]));

	if (!call)
		return NULL;
	call->group = g;
	for (unsigned i = 0; i < g->n; i++)
		call->msgs[i] = (struct scsi_call_msg){ { NULL, call_received }, call, g->r[i] };
	return call;
}

void scsi_call_free(struct scsi_call *call)
{
	free(call);
}

void scsi_call_run(struct scsi_call *call,
		   void (*fn)(struct reactor *r, void *arg, struct countdown *c),
		   void (*done)(void *arg), void *arg)
{
	unsigned n = call->group->n;

	call->fn = fn;
	call->done = done;
	call->arg = arg;
	countdown_init(&call->left, n, call->group->control, call_ended);
	for (unsigned i = 0; i < n; i++)
		reactor_send(call->msgs[i].r, &call->msgs[i].m);
}
