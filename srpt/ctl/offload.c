/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/offload.h"

#include "base/list.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

struct offload {
	const char *name;
	struct mailbox *control;
	struct mailbox jobs;
	struct msg stop;
	bool stopped; /* the thread's own */
	pthread_t thread;
};

static void job_over(struct msg *m)
{
	struct offload_job *j = container_of(m, struct offload_job, msg);

	j->done(j);
}

static void job_run(struct msg *m)
{
	struct offload_job *j = container_of(m, struct offload_job, msg);

	j->run(j);
	j->msg.fn = job_over;
	mailbox_post(j->offload->control, &j->msg);
}

static void stop_run(struct msg *m)
{
	container_of(m, struct offload, stop)->stopped = true;
}

static void *offload_thread(void *arg)
{
	struct offload *o = arg;
	struct pollfd p = { .fd = o->jobs.fd, .events = POLLIN };

	pthread_setname_np(pthread_self(), o->name);
	while (!o->stopped) {
		if (mailbox_drain(&o->jobs) || !mailbox_prepare_sleep(&o->jobs))
			continue;
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
		mailbox_awake(&o->jobs);
	}
	return NULL;
}

int offload_create(const char *name, struct mailbox *control, struct offload **out)
{
	struct offload *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return -ENOMEM;
	o->name = name;
	o->control = control;
	rc = mailbox_init(&o->jobs);
	if (!rc)
		rc = thread_start(&o->thread, offload_thread, o);
	if (rc) {
		mailbox_destroy(&o->jobs);
		free(o);
		return rc;
	}
	*out = o;
	return 0;
}

void offload_destroy(struct offload *o)
{
	o->stop.fn = stop_run;
	mailbox_post(&o->jobs, &o->stop);
	pthread_join(o->thread, NULL);
	mailbox_destroy(&o->jobs);
	free(o);
}

void offload_run(struct offload *o, struct offload_job *j)
{
	j->offload = o;
	j->msg.fn = job_run;
	mailbox_post(&o->jobs, &j->msg);
}
