/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The initiator on a transport that is the test: it sees what is sent, says what
 * comes back and when a connection ends. Nothing happens but in env_run() and in
 * what the test calls.
 */
#ifndef TESTS_CLIENT_ENV_H
#define TESTS_CLIENT_ENV_H

#include "client/client_priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define ENV_MSGS 64
#define ENV_EXPOSED 128

struct env_msg {
	uint8_t *data; /* an allocation of its own */
	uint32_t len;
};

/* A connection as the target sees it. */
struct env_conn {
	struct conn base; /* first */
	uint8_t login[64];
	struct connect_params asked;
	bool open, ending, over;
	struct list_node pushed; /* xfers not given back */
	struct env_msg msgs[ENV_MSGS];
	unsigned nmsgs, taken;
	struct exposed {
		const uint8_t *addr;
		uint32_t len;
		unsigned access;
	} exposed[ENV_EXPOSED];
	unsigned nexposed;
};

struct env {
	struct client *c;
	struct env_conn conns[4];
	unsigned nconns;
	bool hold_sent;    /* messages do not leave */
	int fail_connect;  /* of the next ones: -errno */
	int fail_expose;
	/* what the client told */
	struct client_login_result result;
	unsigned logins, closes;
	char why[96];
};

extern const struct client_events env_events; /* context: struct env */

int env_setup(void **state);
int env_teardown(void **state);

/* Let messages leave and connections end, once; how much there was. */
int env_step(struct env *e);
/* Let messages leave, connections end and callbacks run until nothing happens. */
void env_run(struct env *e);

/* Ask for a login with @depth; the connection is conns[nconns - 1]. */
struct client_channel *env_ask(struct env *e, uint32_t depth, bool imm, uint32_t it_iu_len);
/* The target's answers. */
void env_accept(struct env *e, struct env_conn *tc, const void *pd, size_t len);
void env_refuse(struct env *e, struct env_conn *tc, int err, const void *pd, size_t len);
void env_login_rsp(struct srp_login_rsp *rsp, uint32_t req_lim, uint8_t flags);
/* All of it: logged in with @credit. */
struct client_channel *env_login(struct env *e, uint32_t depth, uint32_t credit, bool imm,
				 uint32_t it_iu_len);

/* The next message that was sent; fails the test when there is none. */
const struct env_msg *env_take(struct env_conn *tc);
bool env_none(const struct env_conn *tc);
/* The target sends. */
void env_send(struct env *e, struct env_conn *tc, const void *iu, size_t len);
/* The answer to the request @m: GOOD, credit of @delta. */
void env_good(struct env *e, struct env_conn *tc, const struct env_msg *m, int32_t delta);
/* SRP_RSP to @m; its other fields are the test's business. */
struct srp_rsp_iu env_rsp(const struct env_msg *m, int32_t delta);
/* The connection breaks. */
void env_break(struct env *e, struct env_conn *tc, const char *why);

/* A command that counts its callbacks. */
struct env_cmd {
	struct client_cmd cmd;
	unsigned calls;
	struct env_cmd *next; /* submitted from the callback */
	struct client_channel *ch;
};
void env_cmd_init(struct env_cmd *x, uint8_t opcode);
void env_cmd_data(struct env_cmd *x, enum client_dir dir, enum client_desc desc, void *data,
		  uint32_t len);

#endif
