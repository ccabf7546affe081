/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Persistent reservations of one LU (SPC-4 5.13): who is registered with which key and
 * who holds the reservation. Registrations belong to I_T nexuses, which outlive their
 * sessions: initiator port and target port, not a login.
 *
 * A state is constant once it is the LU's; a change makes a new one. Control thread,
 * except where it says otherwise; no I/O.
 */
#ifndef SRPT_SCSI_PR_H
#define SRPT_SCSI_PR_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lu;
struct nexus;
struct itl;

/* Registrations of an LU; 05/55/04 beyond. */
#define PR_MAX 1024u

/* SPC-4 table 65; 0: no reservation. */
enum pr_type {
	PR_NONE = 0,
	PR_WRITE_EXCLUSIVE = 1,
	PR_EXCLUSIVE_ACCESS = 3,
	PR_WRITE_EXCLUSIVE_RO = 5, /* registrants only */
	PR_EXCLUSIVE_ACCESS_RO = 6,
	PR_WRITE_EXCLUSIVE_AR = 7, /* all registrants are holders */
	PR_EXCLUSIVE_ACCESS_AR = 8,
};
/* Bit by type. */
#define PR_TYPES 0x1eau
#define PR_TYPES_WE (1u << PR_WRITE_EXCLUSIVE | 1u << PR_WRITE_EXCLUSIVE_RO | \
		     1u << PR_WRITE_EXCLUSIVE_AR)
#define PR_TYPES_RO (1u << PR_WRITE_EXCLUSIVE_RO | 1u << PR_EXCLUSIVE_ACCESS_RO)
#define PR_TYPES_AR (1u << PR_WRITE_EXCLUSIVE_AR | 1u << PR_EXCLUSIVE_ACCESS_AR)

#define PR_ID_SIZE 16u

struct pr_nexus {
	uint8_t id[PR_ID_SIZE]; /* SRP initiator port identifier */
	uint16_t port;          /* relative target port identifier */
};

struct pr_registrant {
	struct pr_nexus nexus;
	uint64_t key; /* never 0 */
};

struct pr {
	uint32_t generation; /* PRgeneration; 0 at power on, kept when an LU moves */
	bool aptpl;          /* kept in the LU's store, see pr_always_kept() */
	uint8_t type;        /* enum pr_type */
	unsigned holder;     /* index; of types with one holder, else 0 */
	unsigned count, room;
	struct pr_registrant r[]; /* ascending by id, then port */
};

/* Nobody is registered; of every LU at first. Not freed. */
extern const struct pr pr_none;

/* A copy with @room registrants, at least count of them. NULL: no memory. */
struct pr *pr_copy(const struct pr *pr, unsigned room);

/* Ignores pr_none. */
void pr_free(const struct pr *pr);

/* Index of the registration of @n, or -1. Any thread. */
int pr_find(const struct pr *pr, const struct pr_nexus *n);

static inline bool pr_type_is(unsigned type, unsigned types)
{
	return type < 32 && (1u << type & types);
}

/* Does registrant @i (−1: none) hold the reservation? */
bool pr_is_holder(const struct pr *pr, int i);

/* GATE_ bits (scsi/access.h) of registrant @i, or −1 for who is not registered. */
unsigned pr_conflict(const struct pr *pr, int i);

/* Add @n, not registered yet, or change its key. False: there is no room. */
bool pr_set_key(struct pr *pr, const struct pr_nexus *n, uint64_t key);

/* Registrant @i leaves; a reservation that has no holder any more is gone. */
void pr_remove(struct pr *pr, unsigned i);

/*
 * Who @n is. An initiator without a port id (software iWARP without an RDMA port) would
 * be taken for any other of that kind: its name stands for it. Any thread.
 */
void pr_identify(const struct nexus *n, struct pr_nexus *out);

/* The GATE_ bits of the LU's reservations for @itl. */
unsigned pr_gate(const struct itl *itl);

/*
 * Behind a write gate all is kept, also without APTPL: the LU goes on on another node, for which
 * it did not lose power.
 */
bool pr_always_kept(const struct lu *lu);

/*
 * The state as bytes for the LU's store: 0 when nothing is to be kept. @room: at least
 * PR_STATE_MAX. While a change waits for the store it is the changed state.
 */
size_t pr_state_encode(const struct lu *lu, uint8_t *p, size_t room);
/*
 * Take it over; PRgeneration 0 unless all is kept. 0, -EINVAL or -ENOMEM and nothing is taken
 * over.
 */
int pr_state_decode(struct lu *lu, const uint8_t *p, size_t len);

#define PR_STATE_HEADER 12u
#define PR_STATE_HEADER_ALL 16u /* of an LU of which all is kept */
#define PR_STATE_ENTRY 26u
#define PR_STATE_MAX (PR_STATE_HEADER_ALL + PR_STATE_ENTRY * PR_MAX)

/* TransportID of an SRP initiator port, SPC-4 7.6.4.5. */
#define TRANSPORT_ID_SIZE 24u
void transport_id_encode(uint8_t p[TRANSPORT_ID_SIZE], const uint8_t id[PR_ID_SIZE]);
/* False: of another protocol or format. Reserved bytes are not looked at. */
bool transport_id_decode(const uint8_t p[TRANSPORT_ID_SIZE], uint8_t id[PR_ID_SIZE]);

#endif
