/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets, sessions and waiting logins inside srp/. All of it belongs to the
 * control thread, except the table pools.
 *
 * A session is one I_T nexus. It is found by its key (initiator port id, target,
 * and the session name when the initiator has no port id) until it closes; then
 * it lives on until its last channel is gone, and a new session of the same key
 * may exist beside it, whose logins wait until the old channels are quiet.
 */
#ifndef SRPT_SRP_SERVER_H
#define SRPT_SRP_SERVER_H

#include "base/log.h"
#include "srp/channel.h"
#include "srp/login.h"
#include "srp/table.h"
#include "srp/target.h"

/* Who asked to be told when something is over; told from the control thread's loop. */
struct srp_done {
	struct msg msg;
	void (*fn)(void *arg);
	void *arg;
	bool wanted;
};

/* @fn NULL: nobody wants to know. */
void srp_done_want(struct srp_done *d, void (*fn)(void *arg), void *arg);
void srp_done_tell(struct srp_done *d, struct mailbox *control);

/*
 * Response memory of a reactor, in regions that are made known to it, and thereby registered with
 * RDMA devices, when the first channel needs them.
 */
#define SRP_BLOCKS 3

struct srp_block {
	struct msg msg;           /* control → reactor: use it */
	struct reactor *r;
	size_t len;               /* bytes */
	uint32_t end;             /* number of the first chunk behind it */
	int region;               /* 0: none */
	bool open;                /* control thread */
};

/* What SRP has on a reactor. */
struct srp_reactor {
	struct table_pool tables; /* reactor */
	/* control thread */
	struct reactor *r;
	uint8_t *mem;             /* tables, then chunks of response memory; touched when used */
	size_t mem_len;
	struct srp_block blocks[SRP_BLOCKS]; /* regions, one behind the other */
	uint32_t *chunks;         /* numbers of the free ones, a stack */
	uint32_t nchunks;
	unsigned channels;        /* that live here */
} __attribute__((aligned(CACHE_LINE)));

/* Limits for the lines about rejected logins; peers share one when their hashes are alike. */
#define SRP_REJECT_LIMITS 64

struct srp_server {
	struct reactor_group *group;
	struct scsi_device *device;
	struct srp_params params;
	struct list_node targets;
	struct list_node deadlines;
	struct lun_entry *map;    /* scratch for the answer of a map function */
	uint64_t next_session_id;
	bool stopping;
	struct srp_done stopped;
	struct log_limit reject_limits[SRP_REJECT_LIMITS];
	struct srp_reactor *per;  /* by reactor id */
};

struct srp_target {
	struct list_node link;    /* of the server */
	struct srp_server *server;
	char name[SRP_TARGET_NAME_MAX];
	struct scsi_port port;    /* id: id_ext, ioc_guid */
	bool enabled;
	struct srp_done disabled;
	srp_map_fn map;
	void *map_arg;
	srp_reach_fn reach;
	void *reach_arg;
	struct list_node sessions;
};

struct srp_session {
	struct list_node link;    /* of the target */
	struct srp_target *target;
	uint64_t id;
	char name[TRANSPORT_NAME_MAX];
	uint8_t initiator_port_id[16];
	struct nexus *nexus;
	struct list_node channels;
	struct list_node logins;  /* waiting to be accepted */
	unsigned nchannels, nlogins;
	unsigned next_channel;    /* number of the next one */
	unsigned maps;            /* LUN maps not yet in use everywhere */
	bool closing;             /* found by nobody any more */
	uint64_t login_time;      /* seconds since the epoch */
	uint64_t commands, read_bytes, write_bytes; /* of channels that are gone */
};

/* A connection request that passed all checks. */
struct srp_login {
	struct list_node link;    /* of the session */
	struct srp_session *session;
	struct conn *conn;        /* its context is the login until it is accepted */
	struct login_req req;
	uint8_t result;           /* SRP_RSP_NO_CHANNELS … for the answer */
};

/* ---- server.c ---- */

static inline struct srp_reactor *server_reactor(struct srp_server *s, const struct reactor *r)
{
	return &s->per[r->id];
}

/*
 * The region of a chunk; known to the reactor before any message that is sent to it from now on.
 */
uint16_t server_chunk_region(struct srp_reactor *sr, uint32_t chunk);

/* Call @fn(s, key) after @delay_ns. 0 or -ENOMEM. */
int server_deadline(struct srp_server *s, uint64_t delay_ns,
		    void (*fn)(struct srp_server *s, uint64_t key), uint64_t key);
struct srp_session *server_session_find(struct srp_server *s, uint64_t id);
struct srp_target *server_target_by_id(struct srp_server *s, const uint8_t id[16]);

/* A session was freed: is somebody waiting for the last one? */
void server_check_stopped(struct srp_server *s);

/* ---- target.c ---- */
void target_check_disabled(struct srp_target *t);

/* ---- session.c ---- */

/* With the first @count entries of the server's map. NULL: no memory. */
struct srp_session *session_create(struct srp_target *t, const uint8_t initiator_port_id[16],
				   const char *name, unsigned count);
struct srp_session *session_find(struct srp_target *t, const uint8_t initiator_port_id[16],
				 const char *name);
/* End all of it. @how: see channel_stop(). */
void session_close(struct srp_session *s, enum channel_stop how, uint64_t deadline_ns);
/* Free it if nothing is left of it. */
void session_check_end(struct srp_session *s);
/* Give it the first @count entries of the server's map; @done may be NULL. */
int session_set_map(struct srp_session *s, unsigned count, void (*done)(void *arg), void *arg);
/* Do channels of closed sessions with its key still move data? */
bool session_key_busy(const struct srp_session *s);
struct srp_channel *session_add_channel(struct srp_session *s, const struct conn *c,
					const struct login_req *req);
/* Undo session_add_channel(), or the channel is gone. */
void session_del_channel(struct srp_session *s, struct srp_channel *ch);

/* ---- admit.c ---- */
void admit_request(struct conn *c, const struct conn_info *info, const uint8_t *pd, size_t len,
		   void *listener_ctx);
void admit_request_gone(struct conn *c, void *context);
/* Accept what waits, if nothing is in the way any more. */
void admit_waiting(struct srp_session *s);
/* Refuse all that wait. */
void admit_refuse_waiting(struct srp_session *s, enum srp_login_rej_reason reason,
			  const char *why);

#endif
