/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric that answers whatever it likes, and what is made of that: what is to be disabled was
 * seen to be the node's, or nothing else's, nothing else is disabled, and it is told to be done
 * only when each of the ports was read as disabled, from its switch.
 *
 * The input is the answers, one after the other: a byte that is 0 (it follows), 1 (none), or 2
 * (refused), then of NodeInfo type, number of ports, port and GUID in a byte each, of PortInfo a
 * byte with both states. At its end there is no time any more.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "fence/plan.h"
#include "fence/port.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t *input;
static size_t left;
static struct plan plan;
static uint64_t last_switch; /* that said who it is, and 0 after any other answer */
static bool is_off[GUID_PLACES_MAX]; /* points of the plan, as they were read last */

static void check(bool good)
{
	if (!good)
		abort();
}

static uint8_t next(void)
{
	left--;
	return *input++;
}

static void node_info(uint8_t *data)
{
	data[2] = next();
	data[3] = next();
	data[36] = next();
	data[19] = next();
	data[27] = data[2] == NODE_SWITCH ? data[19] : data[19] + data[36];
}

static bool is_about(const struct smp *s, const struct plan_point *p)
{
	return s->modifier == p->port && !memcmp(&s->route, &p->route, sizeof(s->route));
}

/* Only what the plan has may be changed. */
static void set_check(const struct smp *s)
{
	bool planned = false;

	for (size_t i = 0; i < plan.n; i++)
		planned |= is_about(s, &plan.point[i]);
	check(planned);
}

/* The answer that @s has: what it says of the node's ports. */
static void off_note(const struct smp *s)
{
	if (s->attribute == SMP_NODE_INFO) {
		last_switch = s->data[2] == NODE_SWITCH ? get_be64(s->data + 12) : 0;
		return;
	}
	for (size_t i = 0; i < plan.n; i++)
		if (is_about(s, &plan.point[i]))
			is_off[i] = s->method == SMP_GET && s->data[33] >> 4 == 3 &&
				    (s->data[32] & 0xf) == 1 &&
				    last_switch == plan.point[i].switch_guid;
	last_switch = 0;
}

static int answer(void *context, struct smp *s)
{
	static const int results[] = { 0, -ETIMEDOUT, -EIO };
	int rc;

	(void)context;
	check(s->route.hops <= SMP_HOPS_MAX);
	if (s->method == SMP_SET)
		set_check(s);
	if (left < 5)
		return -ETIME;
	rc = results[next() % ARRAY_SIZE(results)];
	if (rc)
		return rc;
	memset(s->data, 0, sizeof(s->data));
	if (s->attribute == SMP_NODE_INFO) {
		node_info(s->data);
	} else {
		s->data[32] = *input & 0xf;
		s->data[33] = next() & 0xf0;
	}
	off_note(s);
	return 0;
}

/* Twice: what the first one does the second one may see. */
static void switch_check(const struct fabric_io *io)
{
	int rc[GUID_PLACES_MAX];

	for (int k = 0; k < 2; k++) {
		memset(is_off, 0, sizeof(is_off));
		if (!ports_switch(io, &plan, true, 0, rc))
			continue;
		for (size_t i = 0; i < plan.n; i++)
			check(is_off[i]);
	}
}

static void point_check(const struct fabric *f, const struct plan_point *p)
{
	const struct fabric_switch *s = fabric_switch_find(f, p->switch_guid);
	const struct fabric_peer *peer;

	check(s && p->port && p->port <= s->n_ports);
	peer = &s->peer[p->port];
	check(peer->kind == PEER_NONE || peer->kind == PEER_SILENT ||
	      (peer->kind == PEER_ADAPTER && peer->guid == p->guid && p->seen));
	check(p->off == peer->off || p->seen);
	check(!plan.lacks_port);
	for (size_t i = 0; i < f->n_roots; i++)
		check(f->root[i].switch_guid != p->switch_guid || f->root[i].port != p->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guid_node node = {
		"two", { { 0x21, 0, 0 }, { 0x31, 0x60, 1 } }, 2
	};
	static const struct places places = { { { 0x21, 0x50, 2 } }, 1 };
	struct fabric_io io = { answer, NULL, 2 };
	const struct plan_point *which;
	struct fabric f;

	input = data;
	left = size;
	plan.n = 0;
	check(!fabric_discover(&f, &io));
	plan_make(&plan, &f, &node, &places);
	if (plan_state(&plan) == PLAN_OFF)
		for (size_t i = 0; i < plan.n; i++)
			check(!plan.point[i].unknown && plan.point[i].off);
	if (!plan_objection(&plan, &f, NULL, 0, &which)) {
		for (size_t i = 0; i < plan.n; i++)
			point_check(&f, &plan.point[i]);
		switch_check(&io);
	}
	fabric_free(&f);
	return 0;
}
