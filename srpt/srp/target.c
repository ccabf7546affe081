/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets: what initiators log in to. Control thread. */
#include "srp/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int srp_target_create(struct srp_server *s, const struct srp_target_params *p,
		      struct srp_target **out)
{
	struct srp_target *t;

	if (strlen(p->name) >= SRP_TARGET_NAME_MAX)
		return -ENAMETOOLONG;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	put_be64(t->port.id, p->id_ext);
	put_be64(t->port.id + 8, p->ioc_guid);
	t->port.rel_tgt_id = p->rel_tgt_id;
	if (srp_target_find(s, p->name) || server_target_by_id(s, t->port.id)) {
		free(t);
		return -EEXIST;
	}
	t->server = s;
	snprintf(t->name, sizeof(t->name), "%s", p->name);
	list_init(&t->sessions);
	list_add_tail(&s->targets, &t->link);
	scsi_port_add(s->device, &t->port);
	*out = t;
	return 0;
}

void srp_target_destroy(struct srp_target *t)
{
	list_del(&t->link);
	scsi_port_remove(&t->port);
	free(t);
}

void srp_target_set_map(struct srp_target *t, srp_map_fn fn, void *arg)
{
	t->map = fn;
	t->map_arg = arg;
}

void srp_target_set_reach(struct srp_target *t, srp_reach_fn fn, void *arg)
{
	t->reach = fn;
	t->reach_arg = arg;
}

bool srp_target_enabled(const struct srp_target *t)
{
	return t->enabled;
}

void srp_target_enable(struct srp_target *t)
{
	t->enabled = true;
}

/* ---- disabling ---- */

void target_check_disabled(struct srp_target *t)
{
	struct srp_session *s;

	list_for_each(s, &t->sessions, link)
		if (s->closing)
			return;
	srp_done_tell(&t->disabled, t->server->group->control);
}

void srp_target_disable(struct srp_target *t, void (*done)(void *arg), void *arg)
{
	struct srp_session *s, *tmp;

	t->enabled = false;
	srp_done_want(&t->disabled, done, arg);
	list_for_each_safe(s, tmp, &t->sessions, link)
		if (!s->closing)
			session_close(s, STOP_NOW, 0);
	target_check_disabled(t);
}

/* ---- new LUN maps ---- */

struct remap {
	struct srp_done done;
	struct mailbox *control;
	unsigned left; /* sessions whose map is not in use yet, and the caller */
};

static void remap_over(void *arg)
{
	struct remap *r = arg;

	if (r->done.fn)
		r->done.fn(r->done.arg);
	free(r);
}

static void remap_told(struct msg *m)
{
	remap_over(container_of(m, struct remap, done.msg));
}

static void remap_put(void *arg)
{
	struct remap *r = arg;

	if (--r->left)
		return;
	r->done.msg.fn = remap_told;
	mailbox_post(r->control, &r->done.msg);
}

/* Who is not allowed any more, or is closing, must let go of LUNs that go away all the same. */
static int session_remap(struct srp_session *s, struct remap *r)
{
	struct srp_target *t = s->target;
	int rc, n = t->map ? t->map(t->map_arg, s->name, t->server->map, SCSI_MAX_LUN + 1) : 0;

	r->left++;
	rc = session_set_map(s, n > 0 ? (unsigned)n : 0, remap_put, r);
	if (rc)
		r->left--;
	if (n < 0 && !s->closing) {
		log_notice("target %s: session %s: not allowed any more, closing it", t->name,
			   s->name);
		session_close(s, STOP_NOW, 0);
	}
	return rc;
}

int srp_target_remap(struct srp_target *t, void (*done)(void *arg), void *arg)
{
	struct remap *r = calloc(1, sizeof(*r));
	struct srp_session *s, *tmp;
	int rc = 0;

	if (!r)
		return -ENOMEM;
	r->done.fn = done;
	r->done.arg = arg;
	r->control = t->server->group->control;
	r->left = 1;
	list_for_each_safe(s, tmp, &t->sessions, link)
		if (session_remap(s, r))
			rc = -ENOMEM;
	remap_put(r);
	return rc;
}
