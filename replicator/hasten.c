/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/hasten.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "replicator/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What one of them does, for the log. */
struct deed {
	const char *of, *done, *not_done, *instead;
};

static const struct deed primary_deed = {
	"DRBD resource", "made primary", "not made primary", "its agent will",
};
static const struct deed secondary_deed = {
	"DRBD resource", "made secondary", "not made secondary", "its agent will",
};
static const struct deed fence_deed = {
	"node", "fenced", "not fenced", "Pacemaker will",
};

struct run {
	struct list_node link; /* hasten.runs */
	struct child child;
	const struct deed *deed;
	char name[];
};

struct hasten {
	qb_loop_t *loop;
	const char *role_program, *fence_program;
	struct list_node runs;
};

struct hasten *hasten_start(qb_loop_t *loop, const char *role_program, const char *fence_program)
{
	struct hasten *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->loop = loop;
	h->role_program = role_program;
	h->fence_program = fence_program;
	list_init(&h->runs);
	return h;
}

void hasten_stop(struct hasten *h)
{
	struct run *r, *tmp;

	if (!h)
		return;
	list_for_each_safe(r, tmp, &h->runs, link) {
		child_abandon(&r->child);
		free(r);
	}
	free(h);
}

static void ended(struct child *c, int status)
{
	struct run *r = container_of(c, struct run, child);
	const struct deed *d = r->deed;

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		log_notice("%s %s: %s", d->of, r->name, d->done);
	else
		log_notice("%s %s: %s (status %d), %s", d->of, r->name, d->not_done,
			   WIFEXITED(status) ? WEXITSTATUS(status) : -1, d->instead);
	list_del(&r->link);
	free(r);
}

static bool runs(const struct hasten *h, const struct deed *d, const char *name)
{
	struct run *r;

	list_for_each(r, &h->runs, link)
		if (!strcmp(r->deed->of, d->of) && !strcmp(r->name, name))
			return true;
	return false;
}

static void run(struct hasten *h, const struct deed *d, const char *name, const char *const argv[])
{
	struct run *r;
	int rc;

	if (runs(h, d, name))
		return;
	r = calloc(1, sizeof(*r) + strlen(name) + 1);
	if (!r)
		return;
	r->deed = d;
	strcpy(r->name, name);
	child_init(&r->child, h->loop);
	r->child.ended = ended;
	rc = child_start(&r->child, argv);
	if (rc) {
		log_warn("cannot run %s: %s", argv[0], strerror(-rc));
		free(r);
		return;
	}
	list_add_tail(&h->runs, &r->link);
}

void hasten_drbd(struct hasten *h, bool primary, const char *resource)
{
	const char *const argv[] = { h->role_program, primary ? "primary" : "secondary", resource,
				     NULL };

	run(h, primary ? &primary_deed : &secondary_deed, resource, argv);
}

void hasten_fencing(struct hasten *h, const char *node, unsigned delay)
{
	char seconds[16];
	const char *const argv[] = { h->fence_program, "--delay", seconds, node, NULL };

	snprintf(seconds, sizeof(seconds), "%u", delay);
	run(h, &fence_deed, node, argv);
}
