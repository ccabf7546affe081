/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/listeners.h"
#include "base/log.h"
#include "transport/verbs.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS 2000000000ull

void listeners_init(struct listeners *l, const struct transport_upcalls *up,
		    const struct transport_params *params, struct reactor_group *group,
		    qb_loop_t *loop, void *ctx)
{
	*l = (struct listeners){ .up = up, .params = *params, .group = group, .loop = loop,
				 .ctx = ctx };
	list_init(&l->list);
}

/* ---- which addresses ---- */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* At each attempt anew: the interface of a link-local address may have come meanwhile. */
static socklen_t address_make(const struct conf_portal *p, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (p->family == AF_INET) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(p->port);
		memcpy(&a->in.sin_addr, p->addr, 4);
		return sizeof(a->in);
	}
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(p->port);
	memcpy(&a->in6.sin6_addr, p->addr, 16);
	a->in6.sin6_scope_id = p->scope[0] ? if_nametoindex(p->scope) : 0;
	return sizeof(a->in6);
}

static void portal_want(struct listeners *l, const struct conf_portal *p, uint16_t default_port)
{
	char name[sizeof(((struct listener *)0)->name)];
	struct listener *li;

	if (!p->port && !default_port)
		return;
	conf_portal_format(p, default_port, name, sizeof(name));
	list_for_each(li, &l->list, link) {
		if (!strcmp(li->name, name)) {
			li->wanted = true;
			return;
		}
	}
	li = calloc(1, sizeof(*li));
	if (!li) {
		log_err("no memory to listen on %s", name);
		return;
	}
	memcpy(li->name, name, sizeof(li->name));
	li->portal = *p;
	li->portal.port = p->port ? p->port : default_port;
	li->wanted = true;
	list_add_tail(&l->list, &li->link);
}

static void target_want(struct listeners *l, const struct conf_target *t, uint16_t default_port)
{
	static const struct conf_portal any[] = {
		{ .family = AF_INET }, { .family = AF_INET6 },
	};

	for (size_t i = 0; i < t->n_portals; i++)
		portal_want(l, &t->portals[i], default_port);
	for (size_t i = 0; i < 2 && !t->n_portals; i++)
		portal_want(l, &any[i], default_port);
}

/* ---- making it so ---- */

static void listener_stop(struct listener *li)
{
	if (li->tl) {
		log_info("no longer listening on %s", li->name);
		li->tl->t->ops->unlisten(li->tl);
	}
	list_del(&li->link);
	free(li);
}

/* A new reason is logged, the same one only once. */
static void error_set(char *kept, size_t size, const char *error, const char *what)
{
	if (!strncmp(kept, error, size - 1))
		return;
	snprintf(kept, size, "%s", error);
	log_warn("%s: %s; trying again every %u s", what, error,
		 (unsigned)(RETRY_NS / 1000000000));
}

static void transport_open(struct listeners *l)
{
	char err[sizeof(l->error)] = "";
	int rc;

	if (l->transport)
		return;
	rc = verbs_create(l->up, &l->params, l->group, l->loop, &l->transport, err, sizeof(err));
	if (rc) {
		l->transport = NULL;
		error_set(l->error, sizeof(l->error), err[0] ? err : strerror(-rc),
			  "no RDMA transport");
		return;
	}
	l->error[0] = 0;
}

static void listener_start(struct listeners *l, struct listener *li)
{
	char err[sizeof(li->error)] = "", what[sizeof(li->name) + 32];
	union address a;
	socklen_t len;
	int rc;

	if (li->tl || !l->transport)
		return;
	len = address_make(&li->portal, &a);
	rc = l->transport->ops->listen(l->transport, &a.sa, len, l->ctx, &li->tl, err,
				       sizeof(err));
	if (!rc) {
		li->error[0] = 0;
		log_info("listening on %s", li->name);
		return;
	}
	li->tl = NULL;
	snprintf(what, sizeof(what), "cannot listen on %s", li->name);
	error_set(li->error, sizeof(li->error), err[0] ? err : strerror(-rc), what);
}

static void listeners_try(void *arg)
{
	struct listeners *l = arg;
	struct listener *li;
	bool again = false;

	l->retrying = false;
	if (list_empty(&l->list))
		return;
	transport_open(l);
	list_for_each(li, &l->list, link) {
		listener_start(l, li);
		again |= !li->tl;
	}
	if (again && !qb_loop_timer_add(l->loop, QB_LOOP_MED, RETRY_NS, l, listeners_try,
					&l->retry))
		l->retrying = true;
}

static void retry_cancel(struct listeners *l)
{
	if (l->retrying)
		qb_loop_timer_del(l->loop, l->retry);
	l->retrying = false;
}

void listeners_update(struct listeners *l, const struct conf *conf)
{
	struct listener *li, *tmp;

	list_for_each(li, &l->list, link)
		li->wanted = false;
	for (size_t i = 0; i < conf->n_targets; i++)
		target_want(l, &conf->targets[i], conf->driver.rdma_cm_port);
	list_for_each_safe(li, tmp, &l->list, link)
		if (!li->wanted)
			listener_stop(li);
	retry_cancel(l);
	listeners_try(l);
}

void listeners_close(struct listeners *l)
{
	struct listener *li, *tmp;

	retry_cancel(l);
	list_for_each_safe(li, tmp, &l->list, link)
		listener_stop(li);
}

void listeners_destroy(struct listeners *l)
{
	listeners_close(l);
	if (l->transport)
		verbs_destroy(l->transport);
	l->transport = NULL;
}
