/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/plan.h"

/* Where @guid is now. How often: a GUID that is there twice is none. */
static size_t seen_find(struct plan_point *p, const struct fabric *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		for (unsigned port = 1; port <= f->sw[i].n_ports; port++) {
			const struct fabric_peer *peer = &f->sw[i].peer[port];

			if (peer->kind != PEER_ADAPTER || peer->guid != p->guid)
				continue;
			p->switch_guid = f->sw[i].guid;
			p->port = (uint8_t)port;
			p->route = f->sw[i].route;
			n++;
		}
	return n;
}

static const struct guid_place *place_of(const struct guid_node *node, uint64_t guid)
{
	for (size_t i = 0; i < node->n; i++)
		if (node->place[i].guid == guid && node->place[i].switch_guid)
			return &node->place[i];
	return NULL;
}

static const struct fabric_peer *peer_of(const struct fabric *f, const struct plan_point *p)
{
	const struct fabric_switch *s = fabric_switch_find(f, p->switch_guid);

	return s && p->port && p->port <= s->n_ports ? &s->peer[p->port] : NULL;
}

/* What is in the way of taking the place it had for the place it has. */
static const char *peer_objection(const struct fabric_peer *peer)
{
	switch (peer->kind) {
	case PEER_NONE:
	case PEER_SILENT:
		return NULL;
	case PEER_ADAPTER:
		return "it is not in the fabric, and another adapter is where it was";
	case PEER_SWITCH:
		return "it is not in the fabric, and a switch is where it was";
	default:
		return "it is not in the fabric, and the switch does not tell about the port";
	}
}

/* It was seen last, or is said to be, where @place is. */
static void remembered_take(struct plan_point *p, const struct fabric *f,
			    const struct guid_place *place)
{
	const struct fabric_switch *s = fabric_switch_find(f, place->switch_guid);
	const struct fabric_peer *peer;

	p->switch_guid = place->switch_guid;
	p->port = place->port;
	peer = peer_of(f, p);
	if (!s)
		p->unknown = "neither it nor the switch that it was on is in the fabric";
	else if (!peer)
		p->unknown = "the switch that it was on has no such port";
	else
		p->unknown = peer_objection(peer);
	if (p->unknown)
		return;
	p->route = s->route;
	p->off = peer->off;
}

/* Since somebody else was seen where the map has it, it must be elsewhere. */
static bool is_superseded(const struct guid_place *place, const struct places *remembered)
{
	const struct guid_place *last =
		places_find_at(remembered, place->switch_guid, place->port);

	return last && last->guid != place->guid;
}

static void point_find(struct plan_point *p, const struct fabric *f, const struct guid_node *node,
		       const struct places *remembered)
{
	const struct guid_place *place;
	size_t n = seen_find(p, f);

	if (n == 1) {
		p->seen = true;
		return;
	}
	place = places_find(remembered, p->guid);
	if (!place)
		place = place_of(node, p->guid);
	if (n)
		p->unknown = "it is in the fabric twice";
	else if (place)
		remembered_take(p, f, place);
	else
		p->unknown = "it is not in the fabric, and where it was is not known";
	if (!p->unknown && is_superseded(place, remembered))
		p->unknown = "it is not in the fabric, and another adapter was seen where it was";
}

/* Two ports of adapters cannot be on one port of a switch: what was remembered is wrong then. */
static void twins_find(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!p->point[i].unknown && !p->point[k].unknown &&
			    p->point[i].switch_guid == p->point[k].switch_guid &&
			    p->point[i].port == p->point[k].port)
				p->point[i].unknown = "another one of its ports was seen there";
}

static bool plan_has(const struct plan *p, uint64_t guid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->point[i].guid == guid)
			return true;
	return false;
}

/* Some other port of the adapter @node_guid is in the fabric, and not in the plan. */
static bool sibling_is_there(const struct plan *p, const struct fabric *f, uint64_t node_guid)
{
	for (size_t i = 0; i < f->n; i++)
		for (unsigned port = 1; port <= f->sw[i].n_ports; port++) {
			const struct fabric_peer *peer = &f->sw[i].peer[port];

			if (peer->kind == PEER_ADAPTER && peer->node_guid == node_guid &&
			    !plan_has(p, peer->guid))
				return true;
		}
	return false;
}

/* Isolated at some of its ports a node is not isolated: one was forgotten. */
static void siblings_find(struct plan *p, const struct fabric *f)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->point[i].unknown || !p->point[i].seen ||
		    !sibling_is_there(p, f, peer_of(f, &p->point[i])->node_guid))
			continue;
		p->point[i].unknown = "its adapter has another port, which is not in guid_map";
		p->lacks_port = true;
	}
}

/*
 * What is not there may be where nobody could look. A neighbour that does not answer is no such
 * place if it is where the port was: an adapter of a machine that hangs is like that.
 */
static void blind_take(struct plan *p, const struct fabric *f)
{
	size_t n_blind = f->n_blind;

	for (size_t i = 0; i < p->n; i++)
		if (!p->point[i].unknown && peer_of(f, &p->point[i])->kind == PEER_SILENT)
			n_blind--;
	if (!n_blind)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (!p->point[i].unknown && !p->point[i].seen)
			p->point[i].unknown = "it is not in the part of the fabric that answers";
}

void plan_make(struct plan *p, const struct fabric *f, const struct guid_node *node,
	       const struct places *remembered)
{
	*p = (struct plan){ .n = node->n };
	for (size_t i = 0; i < node->n; i++) {
		p->point[i].guid = node->place[i].guid;
		point_find(&p->point[i], f, node, remembered);
	}
	twins_find(p);
	siblings_find(p, f);
	blind_take(p, f);
}

enum plan_state plan_state(const struct plan *p)
{
	enum plan_state state = PLAN_OFF;

	for (size_t i = 0; i < p->n; i++) {
		if (p->point[i].unknown)
			return PLAN_UNKNOWN;
		if (!p->point[i].off)
			state = PLAN_ON;
	}
	return state;
}

static bool is_uplink(const struct fabric *f, const struct plan_point *p)
{
	const struct fabric_peer *peer = peer_of(f, p);

	for (size_t i = 0; i < f->n_roots; i++)
		if ((f->root[i].switch_guid == p->switch_guid && f->root[i].port == p->port) ||
		    (f->root[i].guid && f->root[i].guid == peer->guid))
			return true;
	return false;
}

static bool is_own(const struct fabric *f, const uint64_t *own, size_t n_own, uint64_t guid)
{
	for (size_t i = 0; i < n_own; i++)
		if (own[i] == guid)
			return true;
	for (size_t i = 0; i < f->n_roots; i++)
		if (f->root[i].guid == guid)
			return true;
	return false;
}

const char *plan_objection(const struct plan *p, const struct fabric *f, const uint64_t *own,
			   size_t n_own, const struct plan_point **which)
{
	for (size_t i = 0; i < p->n; i++) {
		*which = &p->point[i];
		if (is_own(f, own, n_own, p->point[i].guid))
			return "it is one of this machine's";
		if (p->point[i].unknown)
			return p->point[i].unknown;
		if (is_uplink(f, &p->point[i]))
			return "this machine speaks through the port that it was on";
	}
	return NULL;
}
