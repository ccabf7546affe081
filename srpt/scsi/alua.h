/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asymmetric logical unit access, inside scsi/: what reactors see of a device group.
 * A table is constant once it is published on the LUs of the group; the control
 * thread puts another in its place and frees the old one when every reactor has
 * passed a message. So all that one command reads is of one moment: never two
 * groups active because a change came in between.
 */
#ifndef SRPT_SCSI_ALUA_H
#define SRPT_SCSI_ALUA_H

#include "scsi/lu.h"
#include "scsi/scsi.h"

#include <stdbool.h>
#include <stdint.h>

struct itl;

/* STATUS CODE of a target port group: how it came to its state, SPC-4 table 312. */
enum alua_status {
	ALUA_STATUS_NONE = 0,     /* no change since the group was made */
	ALUA_STATUS_IMPLICIT = 2, /* by the target itself */
};

/* A target port group. */
struct alua_entry {
	uint16_t id;
	bool preferred;
	enum alua_status status;
	enum alua_state state;
	unsigned n_ports;
	const uint16_t *ports; /* relative target port identifiers; in the table */
};

struct alua_table {
	struct scsi_call *retire; /* to wait out its readers */
	struct alua_group *dead;  /* to be freed with it */
	uint16_t lu_group;
	uint8_t transition_time;
	uint64_t vacant_ns; /* CLOCK_MONOTONIC: none is active since then; 0: one is, or none was */
	unsigned n_groups;
	struct alua_entry groups[];
};

/*
 * NULL: the LU is in no device group, every port is active/optimized. Reactor: only
 * until it returns to its loop. Control thread: until the next change.
 */
static inline const struct alua_table *alua_table(const struct lu *lu)
{
	return atomic_load_explicit(&lu->alua_table, memory_order_acquire);
}

/*
 * The target port group of port @rel_tgt_id; NULL, as for a @t of NULL: it is in none
 * and has active/optimized access.
 */
const struct alua_entry *alua_find_port(const struct alua_table *t, uint16_t rel_tgt_id);

/*
 * Is some group of @lu to become active soon: was one until now, no longer than TRANSITION TIME
 * before @now_ns? Reactor.
 */
bool alua_is_awaited(const struct lu *lu, uint64_t now_ns);

/* GATE_ bit of scsi/access.h for the state that @itl has access in. Control thread. */
unsigned alua_gate(const struct itl *itl);

#endif
