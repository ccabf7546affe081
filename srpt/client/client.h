/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An SRP initiator in user space: logs in over software iWARP or verbs, sends SCSI
 * commands and task management, one thread per struct client. Asynchronous: who
 * uses it turns the client (client_turn()) and is called back from there.
 * client_sync.h has calls that wait, for those who do one thing at a time.
 * Everything of a client belongs to the thread that created it.
 */
#ifndef SRPT_CLIENT_CLIENT_H
#define SRPT_CLIENT_CLIENT_H

#include "base/ib_portal.h"
#include "base/iobuf.h"
#include "base/list.h"
#include "transport/iwarp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct client;
struct client_channel;

enum client_transport { CLIENT_IWARP, CLIENT_VERBS };

struct client_params {
	enum client_transport transport;
	size_t buffer_size;    /* bytes of data buffers; ≥ 8 MiB */
	int poll_budget_us;    /* as in reactor_params */
	int cpu;               /* pin the calling thread; -1: not */
	uint32_t max_channels; /* that may be open at once, ≥ 1 */
	enum iwarp_crc crc;    /* iWARP */
	uint8_t mpa_revision;  /* iWARP: 1 or 2 */
};

/* 0 or -errno with @err: one line, what and what to do. */
int client_create(const struct client_params *p, struct client **out, char *err, size_t errlen);
/* Ends what is still open, without waiting for the peers longer than 1.5 s. */
void client_destroy(struct client *c);

/*
 * One round; when there was nothing to do it sleeps until something comes,
 * @timeout_ms at most (-1: for ever, 0: not at all). Callbacks run in here only.
 */
void client_turn(struct client *c, int timeout_ms);
struct reactor *client_reactor(struct client *c); /* its buffers (bufs), timers, clock */

/* ---- channels ---- */

struct client_login {
	struct sockaddr_storage addr; /* of the target, with port; or a struct ib_portal */
	uint64_t id_ext, ioc_guid;    /* host order */
	uint8_t initiator_port_id[16];
	bool multi;                   /* add to the I_T nexus; false: end its other channels */
	bool imm_data;                /* ask for immediate data */
	uint32_t it_iu_len;           /* longest request we may send, bytes; 0: 8260 as ib_srp */
	uint32_t queue_depth;         /* commands in flight at most, ≥ 1 */
	uint32_t timeout_ms;          /* > 0 */
};

enum client_login_status {
	CLIENT_LOGGED_IN,
	CLIENT_REJECTED,   /* SRP_LOGIN_REJ: reason is set */
	CLIENT_REFUSED,    /* no such service, or closed without a reason */
	CLIENT_TIMED_OUT,
	CLIENT_UNREACHABLE, /* no route, no such host; err is set */
	CLIENT_PROTOCOL,   /* what answered does not speak the protocol; err is set */
};

struct client_login_result {
	enum client_login_status status;
	int err;               /* -errno, 0 */
	uint32_t reason;       /* enum srp_login_rej_reason; 0: none given */
	uint32_t req_lim;      /* first credit */
	uint32_t max_it_iu_len, max_ti_iu_len;
	uint8_t multichan;     /* SRP_RSP_NO_CHANNELS … */
	bool imm_data;         /* agreed on */
};

struct client_events {
	/* The answer to client_login(); unless CLIENT_LOGGED_IN the channel is gone after it. */
	void (*login)(struct client_channel *ch, const struct client_login_result *r);
	/*
	 * The channel ended: all its commands were called back before. @why: static text.
	 * It is freed after this. Not called for a login that failed.
	 */
	void (*closed)(struct client_channel *ch, const char *why);
};

/* 0: ev->login() follows. -errno with @err: nothing happened. */
int client_login(struct client *c, const struct client_login *l, const struct client_events *ev,
		 void *context, struct client_channel **out, char *err, size_t errlen);
void *client_context(const struct client_channel *ch);
struct client *client_of(const struct client_channel *ch);

/* Say SRP_I_LOGOUT and close; ev->closed() follows. */
void client_logout(struct client_channel *ch);
/* Close the connection without a word, as a host that crashes; ev->closed() follows. */
void client_drop(struct client_channel *ch);

/* ---- commands ---- */

enum client_dir { CLIENT_NONE, CLIENT_READ, CLIENT_WRITE };

#define CLIENT_SENSE_MAX 252

/* How DATA is described to the target. */
enum client_desc { CLIENT_DIRECT, CLIENT_INDIRECT, CLIENT_IMMEDIATE };

/* Owned by the caller; the client's between submit and done(), which runs exactly once. */
struct client_cmd {
	uint8_t lun[8];        /* as on the wire */
	uint8_t cdb[16];
	enum client_dir dir;
	enum client_desc desc; /* IMMEDIATE: writes only, if agreed on and it fits; else DIRECT */
	uint32_t pieces;       /* INDIRECT: how many descriptors, 1 … 255 */
	struct iobuf data;     /* data.len bytes; not for CLIENT_NONE */
	void (*done)(struct client_cmd *cmd);

	/* the answer */
	/*
	 * 0: the target answered; -ECONNRESET: the channel died; -ECANCELED: aborted by
	 * task management of its channel; -EPROTO: the target did not understand the
	 * request; else why it could not be sent.
	 */
	int result;
	uint8_t status;        /* SCSI status */
	uint32_t residual;     /* bytes of DATA not moved */
	bool overflow;         /* residual is what did not fit */
	uint32_t sense_len;
	uint8_t sense[CLIENT_SENSE_MAX];
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC, when it was sent and answered */

	/* private */
	struct list_node link;
	struct client_channel *ch;
	void *slot;
};

/* @lun (0 … 16383) as SAM peripheral or flat addressing. */
void client_lun_encode(uint8_t lun[8], uint16_t number);
uint16_t client_lun_decode(const uint8_t lun[8]);

/* Send it; without credit it waits its turn in the channel. */
void client_submit(struct client_channel *ch, struct client_cmd *cmd);

struct client_tmf {
	uint8_t lun[8];
	uint8_t function;      /* enum srp_tsk_mgmt_func */
	const struct client_cmd *task; /* ABORT TASK: which; not called back yet */
	void (*done)(struct client_tmf *tmf);

	int result;            /* 0 or -ECONNRESET */
	uint8_t response;      /* enum srp_rsp_code */

	/* private */
	struct list_node link;
	struct client_channel *ch;
	void *slot;
};
void client_task_mgmt(struct client_channel *ch, struct client_tmf *tmf);

/* Send @len bytes as they are: for tests of what a target does with them. 0 or -errno. */
int client_send_raw(struct client_channel *ch, const void *iu, uint32_t len);

#endif
