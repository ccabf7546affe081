/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/hasten.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "replicator/child.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct run {
	struct list_node link; /* hasten.runs */
	struct child child;
	const char *role;
	char resource[];
};

struct hasten {
	qb_loop_t *loop;
	const char *program;
	struct list_node runs;
};

struct hasten *hasten_start(qb_loop_t *loop, const char *program)
{
	struct hasten *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->loop = loop;
	h->program = program;
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

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		log_notice("DRBD resource %s: made %s", r->resource, r->role);
	else
		log_notice("DRBD resource %s: not made %s (status %d), its agent will", r->resource,
			   r->role, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	list_del(&r->link);
	free(r);
}

static bool runs(const struct hasten *h, const char *resource)
{
	struct run *r;

	list_for_each(r, &h->runs, link)
		if (!strcmp(r->resource, resource))
			return true;
	return false;
}

void hasten_drbd(struct hasten *h, bool primary, const char *resource)
{
	const char *role = primary ? "primary" : "secondary";
	const char *const argv[] = { h->program, role, resource, NULL };
	struct run *r;
	int rc;

	if (runs(h, resource))
		return;
	r = calloc(1, sizeof(*r) + strlen(resource) + 1);
	if (!r)
		return;
	r->role = role;
	strcpy(r->resource, resource);
	child_init(&r->child, h->loop);
	r->child.ended = ended;
	rc = child_start(&r->child, argv);
	if (rc) {
		log_warn("cannot run %s: %s", h->program, strerror(-rc));
		free(r);
		return;
	}
	list_add_tail(&h->runs, &r->link);
}
