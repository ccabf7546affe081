/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Channels (one RC connection each) and their commands. Private to srp/.
 *
 * A channel is made by the control thread, given to its reactor with
 * transport_accept(), and freed by the control thread when the reactor says
 * that it is gone; srpt-lifetimes(7) tells the whole life.
 */
#ifndef SRPT_SRP_CHANNEL_H
#define SRPT_SRP_CHANNEL_H

#include "base/counter.h"
#include "base/log.h"
#include "scsi/scsi.h"
#include "srp/iu.h"
#include "srp/table.h"
#include "transport/transport.h"

#include <stdbool.h>
#include <stdint.h>

struct srp_channel;
struct srp_session;

/* Descriptors kept in a command; more stay in the receive they came with. */
#define CHANNEL_INLINE_SEGS 4

/* Receives beyond the credit: a CRED_RSP and a logout need none. */
#define CHANNEL_RX_RESERVE 2

/*
 * Receives that may be kept beyond their response (descriptors of a DATA-IN
 * transfer) before the initiator gets less credit back.
 */
#define CHANNEL_RX_SPARE 16

/*
 * Command objects beyond the credit: an initiator may send the next command
 * before we know that the last response has left its memory.
 */
#define CHANNEL_CMD_SPARE 16

#define CHANNEL_CTL_SIZE 64

/* Only moves forward. Set by the reactor. */
enum channel_state {
	CHANNEL_ACCEPTED, /* not live yet: requests wait */
	CHANNEL_LIVE,
	CHANNEL_DRAINING, /* commands in flight end, new requests wait */
	CHANNEL_CLOSING,  /* we end it: nothing is taken or answered any more */
	CHANNEL_DYING,    /* the transport ends it: commands are aborted */
	CHANNEL_CLOSED,   /* the connection is no more; the backend may still work */
	CHANNEL_GONE,     /* nothing is left; the control thread frees it */
};

/* Who has the command; only one at a time may touch it. */
enum command_phase {
	COMMAND_FREE,
	COMMAND_SCSI,       /* the device server */
	COMMAND_TABLE_WAIT, /* waits for memory for its descriptor table */
	COMMAND_TABLE_PULL, /* transport: its descriptor table */
	COMMAND_PULL,       /* transport: DATA-OUT */
	COMMAND_PULL_DEAD,  /* wanted DATA-OUT of a dead connection */
	COMMAND_PUSH,       /* transport: DATA-IN and response */
	COMMAND_TMF,        /* the device server: task management */
};

/* An xfer and whose it is. */
enum channel_io_kind { IO_COMMAND, IO_CRED_REQ, IO_T_LOGOUT };
struct channel_io {
	struct xfer x;
	enum channel_io_kind kind;
};

/* A request of the initiator: SRP_CMD or SRP_TSK_MGMT. Owner: the reactor. */
struct srp_cmd {
	struct srp_channel *ch; /* constant */
	struct srp_cmd *next;   /* free list, or commands of one hash bucket */
	uint64_t tag;
	struct rx *rx;          /* kept: holds immediate data or descriptors; or NULL */
	uint8_t *rsp;           /* room for the response; constant */
	uint8_t phase;          /* enum command_phase */
	bool hashed;            /* its tag is in the channel's hash */
	bool responding;        /* the table is fetched for DATA-IN */
	bool bad_table;         /* the table fetched is malformed */
	uint32_t data_len;      /* bytes the descriptors must cover */
	struct channel_io io;
	struct xfer_seg seg[CHANNEL_INLINE_SEGS];
	struct table_ref table; /* descriptor table fetched from the initiator */
	struct scsi_cmd scsi;
	/* Seldom used, and far away: the sense data of the command lies between. */
	struct scsi_tmf tmf;
};

/* How the control thread asks a channel to end; a higher one overrides. */
enum channel_stop { STOP_NONE, STOP_DRAIN, STOP_NOW };

struct srp_channel {
	/* --- reactor, used by every command --- */
	enum channel_state state;
	int32_t req_lim;        /* credit the initiator has */
	uint32_t owed;          /* credit used up by requests that ended, not returned yet */
	uint32_t unanswered;    /* requests taken; req_lim + owed + this is constant */
	uint32_t in_flight;     /* commands not free */
	uint32_t xfers;         /* transfers the transport has */
	uint32_t rx_held;       /* receives we have */
	uint32_t recv_depth;    /* constant */
	uint32_t imm_offset;    /* of immediate data; 0: not agreed on; constant */
	uint32_t rsp_size;      /* bytes of the longest response; constant */
	uint32_t hash_mask;     /* constant */
	uint16_t rsp_region;    /* constant */
	struct conn *conn;      /* NULL once closed */
	struct srp_cmd *free;
	struct srp_cmd **hash;  /* live tags */
	struct list_node wait;  /* rx: requests before live, or without a free command */
	uint32_t nwait;
	uint64_t commands, read_bytes, write_bytes; /* written with relaxed atomics */
	struct reactor *reactor;
	struct table_pool *tables; /* of the reactor */

	/* --- reactor, seldom --- */
	struct srp_cmd *cmds;   /* made one by one, so that memory is taken as it is needed */
	uint32_t nmade;
	uint32_t ncmds;
	bool swept;             /* commands were aborted after dying */
	bool quiet;             /* the control thread was told that no byte moves any more */
	struct reactor_deferred work;
	struct reactor_timer timer;
	const char *why;        /* we end it because */
	struct log_limit limit;
	struct channel_io cred_req, t_logout;
	uint8_t *ctl_mem;       /* their messages, of CHANNEL_CTL_SIZE; responses follow */
	bool cred_req_busy;     /* in the transport */
	unsigned cred_rsp_due;  /* answers the initiator owes */
	uint64_t cred_req_ns;   /* when the last was sent */
	uint64_t ctl_tag;

	/* --- messages between the threads --- */
	struct mailbox *control;
	struct msg quiet_msg;   /* reactor → control */
	struct msg gone_msg;    /* reactor → control, the last one */
	struct msg stop_msg;    /* control → reactor → control */
	enum channel_stop stop; /* what stop_msg asks for */
	uint64_t stop_deadline_ns; /* for STOP_DRAIN: how long at most */

	/* --- control thread --- */
	struct list_node link;  /* of the session */
	struct srp_session *session;
	struct nexus *nexus;    /* constant */
	unsigned number;        /* within its session, from 0 */
	enum channel_stop stop_wanted;
	bool stop_sent;         /* stop_msg is on its way */
	bool told_quiet, told_gone;
	uint32_t chunk;         /* response memory */
	const char *target_name; /* constant; for the log, any thread */
	struct conn_info info;  /* constant */
};

/* What a new channel is made of; control thread. */
struct channel_params {
	struct srp_session *session;
	struct nexus *nexus;
	const char *target_name;
	struct reactor *reactor;
	struct table_pool *tables;
	struct mailbox *control;
	const struct conn_info *info;
	uint32_t queue_depth;
	uint32_t rsp_size;
	uint32_t imm_offset;
	uint8_t *rsp_mem; /* channel_rsp_bytes() in @rsp_region of the reactor */
	uint16_t rsp_region;
	uint32_t chunk;
};

/* Bytes of response memory of a channel. */
size_t channel_rsp_bytes(uint32_t queue_depth, uint32_t rsp_size);
uint32_t channel_recv_depth(uint32_t queue_depth);
uint32_t channel_max_xfers(uint32_t queue_depth);

/* Control thread. NULL: no memory. Freed only before accept, or when told_gone. */
struct srp_channel *channel_create(const struct channel_params *p);
void channel_free(struct srp_channel *ch);

/* Ask it to end; control thread, any time before told_gone. @deadline_ns for STOP_DRAIN. */
void channel_stop(struct srp_channel *ch, enum channel_stop how, uint64_t deadline_ns);

/* Its connection is gone before it was live: the rest of its end follows. Control thread. */
void channel_forget(struct srp_channel *ch);

/* In session.c: what the channel tells; control thread. */
void session_channel_quiet(struct srp_channel *ch);
void session_channel_gone(struct srp_channel *ch);

const char *channel_state_name(enum channel_state s);

/* ---- upcalls, reactor ---- */
void channel_recv(struct conn *c, struct rx *rx);
void channel_live(struct conn *c);
void channel_pulled(struct xfer *x, int status);
void channel_sent(struct xfer *x, int status);
void channel_dying(struct conn *c, const char *why);
void channel_closed(struct conn *c, void *context);

/* ---- for command.c and tmf.c, reactor ---- */

/* May a response still go out? */
static inline bool channel_sends(const struct srp_channel *ch)
{
	return ch->state == CHANNEL_LIVE || ch->state == CHANNEL_DRAINING;
}

void channel_rx_put(struct srp_channel *ch, struct rx *rx);

/* The credit to put into the message that leaves next. */
int32_t channel_grant(struct srp_channel *ch);

/* A request ended without an answer, or a receive came back late: give the credit back somehow. */
void channel_repay(struct srp_channel *ch);

/* Run channel work at the end of this round. */
void channel_defer(struct srp_channel *ch);

/* End a live connection because of @why, after telling the initiator @reason. */
void channel_logout(struct srp_channel *ch, enum srp_t_logout_reason reason, const char *why);

void channel_push(struct srp_channel *ch, struct channel_io *io);
void channel_pull(struct srp_channel *ch, struct channel_io *io);

/* Go on with the end of the channel if its conditions are met. */
void channel_check_end(struct srp_channel *ch);

/* ---- command.c, reactor ---- */

/* Bytes between the responses of two commands. */
uint32_t channel_rsp_stride(uint32_t rsp_size);

static inline bool channel_has_command(const struct srp_channel *ch)
{
	return ch->free || ch->nmade < ch->ncmds;
}

/* A request was received; there is a free command. Consumes @rx. */
void command_begin(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
		   enum iu_result result);
struct srp_cmd *command_get(struct srp_channel *ch, uint64_t tag);
void command_free(struct srp_cmd *c);

/* Send msg_len bytes of c->rsp, after io.x.local; the request is answered with it. */
void command_push(struct srp_cmd *c, uint32_t msg_len);

void command_pulled(struct srp_cmd *c, int status);
void command_sent(struct srp_cmd *c);

/* The connection is dying: end @c as soon as possible. */
void command_kill(struct srp_cmd *c);

/* ---- tmf.c, reactor ---- */
void tmf_begin(struct srp_channel *ch, struct rx *rx, const struct srp_req *req,
	       enum iu_result result);

#endif
