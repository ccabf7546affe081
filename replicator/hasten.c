/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/hasten.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "replicator/child.h"
#include "replicator/events2.h"

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
	struct hasten *of;
	const struct deed *deed;
	char name[DRBD_NAME_MAX + 1]; /* "": it waits to be told */
};

struct hasten {
	qb_loop_t *loop;
	const char *role_program, *fence_program;
	struct list_node runs;
	struct run *waiting; /* srp-fence-node, or NULL */
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

	if (r == r->of->waiting)
		r->of->waiting = NULL;
	else if (WIFEXITED(status) && !WEXITSTATUS(status))
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

/* NULL: it does not run, which is logged. */
static struct run *run(struct hasten *h, const struct deed *d, const char *name,
		       const char *const argv[])
{
	struct run *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return NULL;
	r->of = h;
	r->deed = d;
	snprintf(r->name, sizeof(r->name), "%s", name);
	child_init(&r->child, h->loop);
	r->child.ended = ended;
	r->child.listens = !*name;
	rc = child_start(&r->child, argv);
	if (rc) {
		log_warn("cannot run %s: %s", argv[0], strerror(-rc));
		free(r);
		return NULL;
	}
	list_add_tail(&h->runs, &r->link);
	return r;
}

void hasten_drbd(struct hasten *h, bool primary, const char *resource)
{
	const struct deed *d = primary ? &primary_deed : &secondary_deed;
	const char *const argv[] = { h->role_program, primary ? "primary" : "secondary", resource,
				     NULL };

	if (!runs(h, d, resource))
		run(h, d, resource, argv);
}

/* ---- fencing ---- */

void hasten_fencing_prepare(struct hasten *h)
{
	const char *const argv[] = { h->fence_program, "--wait", NULL };

	if (!h->waiting)
		h->waiting = run(h, &fence_deed, "", argv);
}

void hasten_fencing(struct hasten *h, const char *node, unsigned delay)
{
	char line[DRBD_NAME_MAX + 32];
	struct run *r;
	int rc;

	if (runs(h, &fence_deed, node))
		return;
	hasten_fencing_prepare(h);
	r = h->waiting;
	if (!r)
		return;
	h->waiting = NULL;
	snprintf(r->name, sizeof(r->name), "%s", node);
	snprintf(line, sizeof(line), "%u %s\n", delay, node);
	rc = child_write(&r->child, line);
	if (rc)
		log_warn("cannot tell %s which node is lost: %s", h->fence_program, strerror(-rc));
}
