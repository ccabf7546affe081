/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/fabric.h"

#include <errno.h>
#include <stdlib.h>

static int ask(const struct fabric_io *io, const struct smp_route *route,
	       enum smp_attribute attribute, uint32_t modifier, struct smp *s)
{
	*s = (struct smp){ .route = *route, .method = SMP_GET, .attribute = attribute,
			   .modifier = modifier };
	return io->ask(io->context, s);
}

/* Who is at the end of this way. */
static bool node_ask(const struct fabric_io *io, const struct smp_route *route,
		     struct node_info *n)
{
	struct smp s;

	return !ask(io, route, SMP_NODE_INFO, 0, &s) && node_info_decode(n, s.data);
}

const struct fabric_switch *fabric_switch_find(const struct fabric *f, uint64_t guid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->sw[i].guid == guid)
			return &f->sw[i];
	return NULL;
}

static bool room_make(struct fabric *f)
{
	size_t size = f->size ? 2 * f->size : 16;
	struct fabric_switch *sw;

	if (f->n < f->size)
		return true;
	sw = realloc(f->sw, size * sizeof(*sw));
	if (!sw)
		return false;
	f->sw = sw;
	f->size = size;
	return true;
}

/* There are several ways to most of them: the first one is kept. -E2BIG: no more of them. */
static int switch_add(struct fabric *f, const struct node_info *n, const struct smp_route *route)
{
	struct fabric_switch *s;

	if (fabric_switch_find(f, n->node_guid))
		return 0;
	if (f->n == FABRIC_SWITCHES_MAX)
		return -E2BIG;
	if (!room_make(f))
		return -ENOMEM;
	s = &f->sw[f->n];
	*s = (struct fabric_switch){ .guid = n->node_guid, .n_ports = n->n_ports, .route = *route };
	s->peer = calloc((size_t)n->n_ports + 1, sizeof(*s->peer));
	if (!s->peer)
		return -ENOMEM;
	f->n++;
	return 0;
}

/* What is behind port @port of the switch with index @i, which is not down. */
static int peer_visit(struct fabric *f, const struct fabric_io *io, size_t i, uint8_t port)
{
	struct smp_route route = f->sw[i].route;
	struct fabric_peer *peer = &f->sw[i].peer[port];
	struct node_info n;
	int rc;

	peer->kind = PEER_SILENT;
	if (!smp_route_add(&route, port) || !node_ask(io, &route, &n))
		return 0;
	peer->guid = n.port_guid;
	peer->node_guid = n.node_guid;
	peer->kind = n.type == NODE_SWITCH ? PEER_SWITCH : PEER_ADAPTER;
	rc = n.type == NODE_SWITCH ? switch_add(f, &n, &route) : 0;
	if (rc == -E2BIG)
		peer->kind = PEER_UNKNOWN;
	return rc == -ENOMEM ? rc : 0;
}

/* -ETIME: nothing can be asked any more. */
static int port_visit(struct fabric *f, const struct fabric_io *io, size_t i, uint8_t port)
{
	struct fabric_peer *peer = &f->sw[i].peer[port];
	struct smp s;
	int rc = ask(io, &f->sw[i].route, SMP_PORT_INFO, port, &s);

	if (rc)
		return rc == -ETIME ? rc : 0;
	peer->off = port_info_is_off(s.data);
	peer->disabled = port_info_is_disabled(s.data);
	peer->kind = PEER_NONE;
	return port_info_is_down(s.data) ? 0 : peer_visit(f, io, i, port);
}

static int switch_visit(struct fabric *f, const struct fabric_io *io, size_t i)
{
	int rc = 0;

	for (unsigned port = 1; !rc && port <= f->sw[i].n_ports; port++)
		rc = port_visit(f, io, i, (uint8_t)port);
	return rc;
}

/* A port of this machine, and its neighbour. */
static int root_visit(struct fabric *f, const struct fabric_io *io, size_t i)
{
	struct smp_route route = { .root = (uint8_t)i };
	struct node_info n;

	f->n_blind++;
	if (!node_ask(io, &route, &n))
		return 0;
	f->root[i].guid = n.port_guid;
	if (!smp_route_add(&route, n.port) || !node_ask(io, &route, &n) || !n.port)
		return 0;
	f->n_blind--;
	if (n.type != NODE_SWITCH)
		return 0;
	f->root[i].switch_guid = n.node_guid;
	f->root[i].port = n.port;
	return switch_add(f, &n, &route);
}

static size_t blind_count(const struct fabric_switch *s)
{
	size_t n = 0;

	for (unsigned port = 1; port <= s->n_ports; port++)
		n += s->peer[port].kind == PEER_UNKNOWN || s->peer[port].kind == PEER_SILENT;
	return n;
}

int fabric_discover(struct fabric *f, const struct fabric_io *io)
{
	int rc = 0;

	*f = (struct fabric){ .n_roots = io->n_roots };
	for (size_t i = 0; !rc && i < io->n_roots; i++)
		rc = root_visit(f, io, i);
	for (size_t i = 0; !rc && i < f->n; i++)
		rc = switch_visit(f, io, i);
	for (size_t i = 0; i < f->n; i++)
		f->n_blind += blind_count(&f->sw[i]);
	return rc == -ENOMEM ? rc : 0;
}

void fabric_free(struct fabric *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->sw[i].peer);
	free(f->sw);
	*f = (struct fabric){ 0 };
}
