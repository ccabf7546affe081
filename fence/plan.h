/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports of switches a node hangs on, and whether they may be disabled: from what was found in
 * the fabric, and for a port that is not there from where it was. What is not certain is unknown.
 * Nothing is asked and nothing is changed here.
 */
#ifndef FENCE_PLAN_H
#define FENCE_PLAN_H

#include "fence/fabric.h"
#include "fence/guid_map.h"
#include "fence/places.h"

struct plan_point {
	uint64_t guid; /* of the node's port */
	uint64_t switch_guid; /* 0: not known */
	uint8_t port; /* of the switch */
	struct smp_route route; /* to the switch; set unless @unknown is */
	bool seen; /* it is there now */
	bool off; /* seen to be disabled */
	const char *unknown; /* NULL, or why it is not known, static */
};

struct plan {
	struct plan_point point[GUID_PLACES_MAX];
	size_t n;
	bool lacks_port; /* one of its adapters has another port in the fabric: the map is wrong */
};

enum plan_state { PLAN_ON, PLAN_OFF, PLAN_UNKNOWN };

void plan_make(struct plan *p, const struct fabric *f, const struct guid_node *node,
	       const struct places *remembered);

/* PLAN_ON: one of its ports is, at least. PLAN_UNKNOWN: one of them is. */
enum plan_state plan_state(const struct plan *p);

/*
 * NULL: all of its ports are known and may be disabled; else why not, static, and *@which is the
 * one it is about. @own: GUIDs of this machine's ports, @n_own of them.
 */
const char *plan_objection(const struct plan *p, const struct fabric *f, const uint64_t *own,
			   size_t n_own, const struct plan_point **which);

#endif
