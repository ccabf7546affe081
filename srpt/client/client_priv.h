/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the initiator. Files: client.c (the client: reactor, message memory),
 * client_transport.c (which transport), client_channel.c (a channel's life),
 * client_cmd.c (requests and their answers), client_iu.c (bytes), client_sync.c
 * (the calls that wait). All on one thread.
 */
#ifndef SRPT_CLIENT_CLIENT_PRIV_H
#define SRPT_CLIENT_CLIENT_PRIV_H

#include "client/client.h"
#include "client/client_iu.h"

#define CLIENT_IT_IU_LEN 8260u   /* of ib_srp */
#define CLIENT_IT_IU_MAX 131072u
#define CLIENT_MAX_RECV 1024u    /* longest message we take */
#define CLIENT_MIN_TI_IU_LEN 56u /* shortest that a target may promise to keep to */
#define CLIENT_QUEUE_MAX 4096u
#define CLIENT_TMFS 4u           /* task management at once, per channel */
#define CLIENT_CTLS 6u           /* answers to the target, raw messages */
#define CLIENT_CREDIT_MAX (1 << 20)
#define CLIENT_CLOSE_NS 1000000000ull /* for I_LOGOUT to leave */
#define CLIENT_POOLS 10u         /* of message memory, each twice the last */
#define CLIENT_POOL_SIZE (8u << 20) /* the first */

/* Message memory: a region of the reactor, handed out as blocks. */
struct client_pool {
	struct iobuf_pool blocks;
	int region;
};

struct client {
	struct client_params p;
	struct transport *t;
	struct reactor *r;
	struct reactor_group group;
	struct mailbox control;
	struct reactor_source control_source;
	bool control_armed;
	struct list_node channels;
	struct list_node dead;   /* of client_sync.c, until it takes notice */
	uint32_t nchannels;
	struct client_pool pools[CLIENT_POOLS];
	unsigned npools;
};

/* A block of message memory. */
struct client_block {
	struct iobuf buf; /* as the pool made it */
	struct client_pool *pool;
};

/* 0, -EINVAL (longer than IOBUF_MAX_SIZE) or -ENOMEM. */
int client_block_get(struct client *c, uint32_t len, struct client_block *b);
void client_block_put(struct client_block *b);

/* ---- client_transport.c ---- */

int client_transport_open(const struct client_params *p, const struct transport_upcalls *up,
			  struct reactor_group *g, struct transport **out, char *err,
			  size_t errlen);
void client_transport_close(enum client_transport kind, struct transport *t);

/* ---- requests ---- */

enum client_slot_kind { SLOT_FREE, SLOT_CMD, SLOT_TMF, SLOT_CTL };

/*
 * A request that was sent, or a message that is being sent. Free again when the
 * transport has given the message back and there is nobody left to answer.
 */
struct client_slot {
	struct list_node link;  /* free, or in flight: oldest first */
	struct xfer x;
	struct client_channel *ch;
	uint32_t index;
	uint32_t generation;    /* a tag is never used twice in a row */
	uint8_t kind;           /* enum client_slot_kind */
	bool sending;           /* the transport has the message */
	uint8_t opcode;         /* SLOT_CTL: what to do when it left */
	uint8_t nexposed;
	uint8_t *msg;
	uint16_t region;
	uint64_t tag;
	uint64_t task_tag;      /* SLOT_TMF: of the task to abort */
	void *owner;            /* struct client_cmd or client_tmf, NULL: answered */
	struct exposure data, table;
};

enum client_channel_state {
	CHANNEL_OPENING,
	CHANNEL_OPEN,
	CHANNEL_ENDING, /* nothing is sent or understood any more */
	CHANNEL_OVER,   /* closed(): to be told and freed */
};

struct client_channel {
	struct list_node link;
	struct client *c;
	struct conn *conn;
	const struct client_events *ev;
	void *context;
	uint8_t state;           /* enum client_channel_state */
	bool logged_in;
	bool kept;               /* client_sync.c frees it */
	bool gone;               /* its end was told; only this struct is left */
	uint16_t id;             /* part of the tags: channels of a nexus share them */
	int32_t req_lim;
	int32_t reserve;         /* credit kept for task management */
	uint32_t iu_room;        /* longest message there is memory for */
	uint32_t iu_size;        /* longest request the target takes */
	uint32_t queue_depth;
	uint32_t cmds, tmfs;     /* in flight */
	bool asked_imm, imm_data; /* asked for, agreed on */
	struct list_node free_cmds, free_ctls;
	struct list_node flight; /* slots that await an answer, in the order they were sent */
	struct list_node waiting;      /* commands without credit or slot */
	struct list_node tmfs_waiting;
	struct list_node ended, tmfs_ended; /* to be called back */
	struct reactor_deferred run;
	struct reactor_timer timer;    /* for I_LOGOUT to leave */
	const char *why;         /* it ended, static text */
	struct client_login_result result;
	struct client_slot *slots;
	uint32_t nslots;
	struct client_block *blocks;
	uint32_t nblocks;
	union client_login_req req;
};

/* ---- client_channel.c ---- */

extern const struct transport_upcalls client_upcalls;

/* End it; the first @why (static text) counts. */
void client_channel_end(struct client_channel *ch, const char *why);
void client_channel_free(struct client_channel *ch);

/* ---- client_cmd.c ---- */

/* Make the slots, all free. 0 or -errno; client_slots_fini() in any case. */
int client_slots_init(struct client_channel *ch);
void client_slots_fini(struct client_channel *ch);

/* A message of the target. */
void client_received(struct client_channel *ch, const uint8_t *iu, uint32_t len);
/* A message left, or will not. */
void client_sent(struct client_slot *s);
/* Everything in flight or waiting ends with -ECONNRESET, called back later. */
void client_fail_all(struct client_channel *ch);
/* Send what waits, as far as there are credit and slots. */
void client_kick(struct client_channel *ch);
/* Call back what ended without an answer. */
void client_ended_run(struct client_channel *ch);
/* SRP_I_LOGOUT; false: it cannot be sent. */
bool client_send_logout(struct client_channel *ch);

#endif
