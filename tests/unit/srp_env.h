/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An SRP server with one target on the in-memory transport, and an initiator
 * that keeps its own account of the credit. Everything runs in the test's thread.
 */
#ifndef TESTS_SRP_ENV_H
#define TESTS_SRP_ENV_H

#include "srp/server.h"
#include "transport/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define SRP_ENV_ID_EXT 0x0002c90300a1b2c0ull
#define SRP_ENV_IOC_GUID 0x0002c90300a1b2c3ull
#define SRP_ENV_IMM_OFFSET 68
#define SRP_ENV_PEER "10.0.0.1"
#define SRP_ENV_QUEUE 8
#define SRP_ENV_SLAB (8u << 20)

struct srp_env {
	struct mailbox control;
	struct reactor_group group;
	struct srp_params params;   /* change before srp_env_open() */
	uint32_t imm_offset;
	struct srp_server *server;
	struct srp_target *target;
	struct transport *transport;
	struct scsi_device *device; /* from the test; may be NULL with a fake device server */
	struct lun_entry map[4];    /* what every session sees */
	int map_count;              /* or -errno */
	char map_asked[TRANSPORT_NAME_MAX];
	unsigned map_calls;
	int (*pump)(void);          /* called between the rounds, returns work done; or NULL */
};

/* Make reactors and mailbox; then set @device and params; then open. */
void srp_env_init(struct srp_env *e, unsigned reactors);
void srp_env_open(struct srp_env *e);
/* Ends every session, then all. Fails the test if anything is left. */
void srp_env_close(struct srp_env *e);
void srp_env_fini(struct srp_env *e);

/* Rounds on all threads until nothing happens any more. */
void srp_env_run(struct srp_env *e);

/* Let the first timer of reactor @i expire. False: there is none. */
bool srp_env_expire(struct srp_env *e, unsigned i);

/* What a channel is like on the inside; 0 is the oldest of all sessions. */
struct srp_channel *srp_env_channel(struct srp_env *e, unsigned i);
unsigned srp_env_sessions(struct srp_env *e);

/* ---- the initiator ---- */

struct ini_login {
	const char *peer;      /* NULL: SRP_ENV_PEER */
	uint8_t initiator;     /* last byte of the port id; the others are 1. 0: all are 0 */
	uint8_t flags;
	uint16_t imm_offset;
	uint32_t it_iu_len;    /* 0: all that we take */
	uint64_t id_ext;       /* 0: the target's */
	uint16_t buf_fmt;      /* 0: both */
	bool ib;               /* the layout of the IB CM */
};

struct ini {
	struct srp_env *e;
	struct mem_peer *p;
	int32_t req_lim;
	int32_t req_lim_max;   /* the first credit: never to be exceeded */
	uint32_t max_ti_iu_len;
	uint8_t result;        /* multi-channel result of the login */
	bool imm;
	uint32_t reject;       /* reason, when p->state is MEM_REJECTED */
};

/* An answer of the target, decoded. */
struct ini_rsp {
	uint8_t opcode;
	uint64_t tag;
	int32_t delta;
	uint8_t flags, status;
	uint32_t out_res, in_res;
	uint32_t sense_len;
	uint8_t sense[252];
	uint32_t rsp_len;
	uint8_t code;
	uint32_t len;
};

/* Ask for a channel; the answer, if there is one by now, is in the result. */
struct ini *ini_connect(struct srp_env *e, const struct ini_login *l);
/* The answer came meanwhile: take it over. */
void ini_answered(struct ini *i);
/* Connect and complete the handshake; the login must be accepted. */
struct ini *ini_login(struct srp_env *e, const struct ini_login *l);
/* The initiator disconnects (if it has not), all is run and freed. */
void ini_free(struct ini *i);

/* An SRP_CMD; add descriptors, then ini_send(). */
struct ini_iu {
	uint8_t buf[9000];
	uint32_t len;
};
struct ini_iu ini_cmd(uint64_t tag, const uint8_t cdb[16], uint8_t buf_fmt);
void ini_desc(struct ini_iu *iu, uint64_t addr, uint32_t key, uint32_t len);
void ini_be32(struct ini_iu *iu, uint32_t v);
/* Immediate data of @len bytes. */
void ini_imm(struct ini_iu *iu, const void *data, uint32_t len);
struct ini_iu ini_tmf(uint64_t tag, uint8_t function, uint8_t lun, uint64_t task_tag);

/* Send and run; takes credit, which must be there. */
void ini_send(struct ini *i, const struct ini_iu *iu);
/* Without looking at the credit, and without running. */
void ini_post(struct ini *i, const void *buf, uint32_t len);

/* Is there an answer? Takes it and its credit. */
bool ini_poll(struct ini *i, struct ini_rsp *r);
/* The answer to @tag, which must be there. */
void ini_rsp(struct ini *i, uint64_t tag, struct ini_rsp *r);

#endif
