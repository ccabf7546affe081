/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/listeners.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/addresses.h"
#include "ctl/limits.h"
#include "transport/iwarp.h"
#include "transport/verbs.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Soon at first: an address may be on its way, and what RDMA knows of it follows it. */
#define RETRY_FIRST_NS 50000000ull
#define RETRY_NS 2000000000ull

/* ---- changes of ports ---- */

static void ports_changed(void *arg)
{
	struct listeners *l = arg;
	struct port_watch *w, *next;

	list_for_each_safe(w, next, &l->watches, link)
		w->fn(w->arg);
}

/* ---- the two transports ---- */

STATIC_ASSERT((int)CONF_IWARP_CRC_AUTO == (int)IWARP_CRC_AUTO);
STATIC_ASSERT((int)CONF_IWARP_CRC_ON == (int)IWARP_CRC_ON);
STATIC_ASSERT((int)CONF_IWARP_CRC_OFF == (int)IWARP_CRC_OFF);

#define MPA_REVISION 2 /* of connections we would open; who connects to us chooses */

static int rdma_open(struct listeners *l, struct transport **out, char *err, size_t errlen)
{
	int rc;

	limits_warn_locked();
	rc = verbs_create(l->up, &l->params, l->group, l->loop, out, err, errlen);
	if (rc)
		return rc;
	(*out)->ports_changed = ports_changed;
	(*out)->ports_arg = l;
	return 0;
}

static int iwarp_open(struct listeners *l, struct transport **out, char *err, size_t errlen)
{
	const struct iwarp_params p = {
		.crc = (enum iwarp_crc)l->iwarp_crc,
		.revision = MPA_REVISION,
	};

	return iwarp_create(l->up, &l->params, &p, l->group, l->loop, out, err, errlen);
}

static const struct {
	const char *name;
	const char *missing; /* what the log says when it cannot be opened */
	int (*open)(struct listeners *l, struct transport **out, char *err, size_t errlen);
	void (*destroy)(struct transport *t);
} kinds[LISTENER_KINDS] = {
	[LISTENER_RDMA] = { "RDMA", "no RDMA transport", rdma_open, verbs_destroy },
	[LISTENER_IWARP] = { "iWARP", "no software iWARP", iwarp_open, iwarp_destroy },
};

const char *listener_kind_name(enum listener_kind kind)
{
	return kinds[kind].name;
}

/* ---- which addresses ---- */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct ib_portal ib;
};

/* At each attempt anew: the interface of a link-local address may have come meanwhile. */
static socklen_t address_make(const struct conf_portal *p, union address *a)
{
	if (conf_portal_ib(p, 0, &a->ib))
		return sizeof(a->ib);
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

static void portal_want(struct listeners *l, enum listener_kind kind, const struct conf_portal *p,
			uint16_t default_port, bool optional, bool away)
{
	char name[sizeof(((struct listener *)0)->name)];
	struct listener *li;

	if (!p->port && !default_port)
		return;
	conf_portal_format(p, default_port, name, sizeof(name));
	list_for_each(li, &l->list, link) {
		if (li->kind == kind && !strcmp(li->name, name)) {
			/* What is of several targets is there for any of them. */
			li->away = away && (!li->wanted || li->away);
			li->wanted = true;
			li->optional = optional;
			return;
		}
	}
	li = calloc(1, sizeof(*li));
	if (!li) {
		log_err("no memory to listen on %s", name);
		return;
	}
	memcpy(li->name, name, sizeof(li->name));
	li->kind = kind;
	li->optional = optional;
	li->away = away;
	li->portal = *p;
	li->portal.port = p->port ? p->port : default_port;
	li->wanted = true;
	list_add_tail(&l->list, &li->link);
}

static void target_want(struct listeners *l, const struct conf_target *t, uint16_t default_port,
			bool away)
{
	static const struct conf_portal any[] = {
		{ .family = AF_INET }, { .family = AF_INET6 },
	};

	for (size_t i = 0; i < t->n_portals; i++)
		portal_want(l, LISTENER_RDMA, &t->portals[i], default_port, false, away);
	for (size_t i = 0; i < 2 && !t->n_portals; i++)
		portal_want(l, LISTENER_RDMA, &any[i], default_port, false, away);
}

/* Of the two loopback addresses behind a lone port, one is enough. */
static void iwarp_want(struct listeners *l, const struct conf_portal *p)
{
	struct conf_portal at[2];
	size_t n = conf_iwarp_port_expand(p, at);

	for (size_t i = 0; i < n; i++)
		portal_want(l, LISTENER_IWARP, &at[i], 0, n > 1, false);
}

/* ---- making it so ---- */

static void listener_close(struct listener *li)
{
	if (!li->tl)
		return;
	log_info("no longer listening on %s (%s)", li->name, kinds[li->kind].name);
	li->tl->t->ops->unlisten(li->tl);
	li->tl = NULL;
}

static void listener_stop(struct listener *li)
{
	listener_close(li);
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

static void transport_open(struct listeners *l, enum listener_kind kind)
{
	struct listener_transport *lt = &l->transports[kind];
	char err[sizeof(lt->error)] = "";
	int rc;

	if (lt->t)
		return;
	rc = kinds[kind].open(l, &lt->t, err, sizeof(err));
	if (rc) {
		lt->t = NULL;
		error_set(lt->error, sizeof(lt->error), err[0] ? err : strerror(-rc),
			  kinds[kind].missing);
		return;
	}
	lt->error[0] = 0;
}

/* The address is not there, and need not be: said once and not tried again. */
static bool listener_absent(struct listener *li, int rc, const char *why)
{
	if (!li->optional || (rc != -EADDRNOTAVAIL && rc != -EAFNOSUPPORT))
		return false;
	if (!li->error[0])
		log_info("not listening on %s: this host does not have the address", li->name);
	snprintf(li->error, sizeof(li->error), "%s", why);
	return true;
}

/* False: it does not listen and is to be tried again. */
static bool listener_start(struct listeners *l, struct listener *li)
{
	struct transport *t = l->transports[li->kind].t;
	char err[sizeof(li->error)] = "", what[sizeof(li->name) + 32];
	const char *why;
	union address a;
	socklen_t len;
	int rc;

	if (li->away) {
		listener_close(li);
		li->error[0] = 0;
		return t;
	}
	if (li->tl || !t)
		return li->tl;
	len = address_make(&li->portal, &a);
	rc = t->ops->listen(t, &a.sa, len, l->ctx, &li->tl, err, sizeof(err));
	if (!rc) {
		li->error[0] = 0;
		log_info("listening on %s (%s)", li->name, kinds[li->kind].name);
		return true;
	}
	li->tl = NULL;
	why = err[0] ? err : strerror(-rc);
	if (listener_absent(li, rc, why))
		return true;
	snprintf(what, sizeof(what), "cannot listen on %s", li->name);
	error_set(li->error, sizeof(li->error), why, what);
	return false;
}

static void listeners_try(void *arg)
{
	struct listeners *l = arg;
	bool tried[LISTENER_KINDS] = { false }, again = false;
	struct listener *li;

	l->retrying = false;
	list_for_each(li, &l->list, link) {
		if (!tried[li->kind])
			transport_open(l, li->kind);
		tried[li->kind] = true;
		again |= !listener_start(l, li);
	}
	if (!again)
		return;
	l->retrying = !qb_loop_timer_add(l->loop, QB_LOOP_MED, l->retry_ns, l, listeners_try,
					 &l->retry);
	l->retry_ns = l->retry_ns < RETRY_NS / 2 ? 2 * l->retry_ns : RETRY_NS;
}

static void retry_cancel(struct listeners *l)
{
	if (l->retrying)
		qb_loop_timer_del(l->loop, l->retry);
	l->retrying = false;
}

static void try_anew(struct listeners *l)
{
	retry_cancel(l);
	l->retry_ns = RETRY_FIRST_NS;
	listeners_try(l);
}

static void address_came(void *arg)
{
	struct listeners *l = arg;

	if (l->retrying)
		try_anew(l);
}

void listeners_init(struct listeners *l, const struct transport_upcalls *up,
		    const struct transport_params *params, struct reactor_group *group,
		    qb_loop_t *loop, void *ctx)
{
	*l = (struct listeners){ .up = up, .params = *params, .group = group, .loop = loop,
				 .ctx = ctx };
	list_init(&l->list);
	list_init(&l->watches);
	l->addresses = addresses_watch(loop, address_came, l);
}

/* For connections from now on. */
static void iwarp_crc_update(struct listeners *l, enum conf_iwarp_crc crc)
{
	struct transport *t = l->transports[LISTENER_IWARP].t;

	if (t && crc != l->iwarp_crc)
		iwarp_set_crc(t, (enum iwarp_crc)crc);
	l->iwarp_crc = crc;
}

void listeners_update(struct listeners *l, const struct conf *conf, listeners_here_fn here,
		      const struct live *live)
{
	struct listener *li, *tmp;

	iwarp_crc_update(l, conf->driver.iwarp_crc);
	list_for_each(li, &l->list, link)
		li->wanted = false;
	for (size_t i = 0; i < conf->n_targets; i++)
		target_want(l, &conf->targets[i], conf->driver.rdma_cm_port,
			    here && !here(live, &conf->targets[i]));
	for (size_t i = 0; i < conf->driver.n_iwarp_ports && conf->n_targets; i++)
		iwarp_want(l, &conf->driver.iwarp_ports[i]);
	list_for_each_safe(li, tmp, &l->list, link)
		if (!li->wanted)
			listener_stop(li);
	try_anew(l);
}

void listeners_close(struct listeners *l)
{
	struct listener *li, *tmp;

	retry_cancel(l);
	addresses_unwatch(l->addresses);
	l->addresses = NULL;
	list_for_each_safe(li, tmp, &l->list, link)
		listener_stop(li);
}

void listeners_destroy(struct listeners *l, enum listener_kind kind)
{
	struct listener_transport *lt = &l->transports[kind];

	if (lt->t)
		kinds[kind].destroy(lt->t);
	lt->t = NULL;
}
