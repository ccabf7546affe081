/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRP targets, as the control plane sees them. Everything here is the control
 * thread's. A target has LUN groups (masking by session name), sessions (I_T
 * nexuses) and each session 1..n channels; channels live on reactors and are
 * private to srp/.
 */
#ifndef SRPT_SRP_TARGET_H
#define SRPT_SRP_TARGET_H

#include "base/list.h"
#include "base/reactor.h"
#include "scsi/scsi.h"
#include "transport/transport.h"

#include <stdbool.h>
#include <stdint.h>

#define SRP_TARGET_NAME_MAX 64

/* Limits and sizes, from TARGET_DRIVER ib_srpt; constant while the daemon runs. */
struct srp_params {
	uint32_t max_req_size;    /* srp_max_req_size: largest initiator → target IU, bytes */
	uint32_t max_rsp_size;    /* srp_max_rsp_size: largest target → initiator IU, bytes */
	uint32_t max_rdma_size;   /* srp_max_rdma_size: advertised only */
	uint32_t queue_depth;     /* credit granted per channel at login, ≥ 64 */
	uint32_t max_channels;    /* per session */
	uint32_t max_sessions;    /* per target */
};

struct srp_server; /* all targets of the daemon, their limits and memory */
struct srp_target;
struct srp_session;

/*
 * Allocates the per-reactor command pools and response memory (regions) before
 * the reactors start.
 */
int srp_server_create(struct reactor_group *g, struct scsi_device *d, const struct srp_params *p,
		      struct srp_server **out);

/*
 * After srp_server_shutdown() is done, the targets are destroyed and the reactors
 * are stopped, before these are destroyed.
 */
void srp_server_destroy(struct srp_server *s);

/* The upcall table to create a transport with; listener_ctx is the srp_server. */
const struct transport_upcalls *srp_upcalls(void);

/* Which of a session's possible LUN maps applies: chosen by the session name. */
struct srp_target_params {
	const char *name;
	uint64_t id_ext;
	uint64_t ioc_guid;
	uint16_t rel_tgt_id;
};

/* 0, -EEXIST (name, or id_ext and ioc_guid), -ENAMETOOLONG or -ENOMEM. */
int srp_target_create(struct srp_server *s, const struct srp_target_params *p,
		      struct srp_target **out);

/*
 * How the control plane answers "which LUNs does a session of this name see".
 * Fills @map (at most @max) and returns the count, or -EACCES to refuse the login.
 */
typedef int (*srp_map_fn)(void *arg, const char *session_name, struct lun_entry *map, unsigned max);
void srp_target_set_map(struct srp_target *t, srp_map_fn fn, void *arg);

/*
 * Whether the target is to be reached the way @info came: asked at each login, before
 * the map function. Without one it is.
 */
typedef bool (*srp_reach_fn)(void *arg, const struct conn_info *info);
void srp_target_set_reach(struct srp_target *t, srp_reach_fn fn, void *arg);

/*
 * Ask the map function again for every session (after a LUN or group change) and
 * publish the new maps; @done(arg) when no reactor uses an old one. A session that
 * is refused now is closed.
 */
int srp_target_remap(struct srp_target *t, void (*done)(void *arg), void *arg);

/* Logins are refused (reason 0x00010001) while disabled; that is the initial state. */
void srp_target_enable(struct srp_target *t);

/*
 * Refuse logins, close every session; @done(arg) (may be NULL) runs later, when the
 * last channel is closed. Not again before that, but for a NULL.
 */
void srp_target_disable(struct srp_target *t, void (*done)(void *arg), void *arg);
bool srp_target_enabled(const struct srp_target *t);

/* Must be disabled (and done). */
void srp_target_destroy(struct srp_target *t);

struct srp_target *srp_target_find(struct srp_server *s, const char *name);

/*
 * Stop for good: refuse logins everywhere, let commands in flight end (at most
 * @deadline_ms), then disconnect every channel; @done(arg) when all are closed.
 */
void srp_server_shutdown(struct srp_server *s, unsigned deadline_ms, void (*done)(void *arg),
			 void *arg);

/* ---- listings ---- */

struct srp_session_info {
	uint64_t id;                 /* unique while the daemon runs */
	const char *name;            /* session name: peer address or GID */
	const char *target;
	const struct nexus *nexus;
	uint8_t initiator_port_id[16];
	uint8_t target_port_id[16];
	unsigned channels;
	uint64_t login_time;         /* seconds since the epoch */
	uint64_t commands, read_bytes, write_bytes; /* sums over channels, racy */
	int req_lim_sum;             /* credit the initiator holds */
};

void srp_for_each_session(struct srp_server *s,
			  void (*fn)(void *arg, const struct srp_session_info *i), void *arg);

struct srp_channel_info {
	uint64_t session_id;
	unsigned reactor;
	const char *state;
	const char *local, *peer, *device;
	uint32_t req_lim;
	uint64_t commands;
	uint32_t in_flight;
	bool imm_data;
};

/* @session_id 0: of all sessions. */
void srp_for_each_channel(struct srp_server *s, uint64_t session_id,
			  void (*fn)(void *arg, const struct srp_channel_info *i), void *arg);

/* Disconnect all channels of one session. 0 or -ENOENT. */
int srp_session_close(struct srp_server *s, uint64_t id);

#endif
