/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software iWARP over real sockets on the loopback interface, in one process and
 * without a thread: a transport that is called ("target"), one that calls
 * ("initiator"), a reactor for each, and libqb's loop replaced by one that the test
 * turns. The clock can be put forward; waiting ends when what is waited for has
 * come, and only a test that fails waits longer.
 */
#ifndef SRPT_TESTS_IWARP_ENV_H
#define SRPT_TESTS_IWARP_ENV_H

#include "transport/iwarp_priv.h"

#define ENV_IMM_OFFSET 68u
#define ENV_MAX_RECV 8260u
#define ENV_DEPTH 8u
#define ENV_ENDS 64

enum env_policy { ENV_HOLD, ENV_ACCEPT, ENV_REJECT };

/* SRP's side of a connection: its context. */
struct env_end {
	struct conn *c; /* NULL before and after */
	bool used;
	unsigned live, dying, closed, gone, connected;
	int status;      /* of connected() */
	const char *why; /* of dying() */
	uint8_t pd[MPA_PD_MAX];
	size_t pd_len;
	struct rx *held[64];
	unsigned nheld;
	bool put_at_once; /* give messages back in recv() */
	unsigned received, pulled, sent, reset;
	unsigned order;   /* of the last upcall of all ends: which came first */
	uint8_t last[64]; /* beginning of the last message */
	uint32_t last_len;
};

extern struct transport *env_target, *env_initiator;
extern struct reactor *env_tr, *env_ir; /* their reactors */
extern struct reactor_group env_group;
extern struct transport_listener *env_listener;
extern struct sockaddr_in env_addr; /* where it listens */
extern enum env_policy env_policy;
extern struct conn *env_request; /* the last one that nobody answered */
extern struct conn_info env_info; /* of the last request */
extern uint8_t env_pd[MPA_PD_MAX]; /* its private data */
extern size_t env_pd_len;
extern unsigned env_requests, env_gone; /* how many came; went before they were accepted */
extern unsigned env_watches, env_timers; /* that the loop has */
extern struct env_end env_ends[ENV_ENDS]; /* by accept and connect, in order */

/* Both transports, listening at 127.0.0.1. */
int env_setup(void **state);
int env_teardown(void **state);
void env_start(enum iwarp_crc target, enum iwarp_crc initiator, uint8_t revision);
void env_stop(void);

/* A round of everything. */
void env_turn(void);
/* The control thread's part of it. */
void env_control_turn(void);
/* Turn until @cond; fails the test when it does not come. */
#define env_until(cond)                                                         \
	do {                                                                    \
		for (unsigned n_ = 0; !(cond); n_++)                            \
			env_wait_step(n_, #cond, __FILE__, __LINE__);           \
	} while (0)
void env_wait_step(unsigned n, const char *what, const char *file, int line);
/* Some rounds, for what must not happen. */
void env_settle(void);
void env_pass_time(uint64_t ns);

/* Answer env_request. */
struct env_end *env_accept(const void *pd, uint8_t len);
struct env_end *env_connect(const void *pd, uint8_t len);
/* A connection that is live at both ends. */
void env_pair(struct env_end **target, struct env_end **initiator);
void env_put_all(struct env_end *e);

/* ---- a peer made by hand: its side of a socket ---- */

int env_dial(void);
void env_send(int fd, const void *p, size_t len);
/* Receive exactly @len bytes, turning meanwhile. */
void env_recv(int fd, void *p, size_t len);
/* The stream ends, and nothing comes before its end; false: it was reset. */
bool env_eof(int fd);
/* An MPA frame without enhanced part: @key "Req" or "Rep". */
size_t env_frame(uint8_t *buf, const char *key, uint8_t flags, uint8_t revision, const void *pd,
		 uint16_t len);
/* An FPDU with an untagged segment, last of its message, without CRC. */
size_t env_fpdu(uint8_t *buf, uint8_t opcode, uint32_t qn, uint32_t msn, const void *p,
		uint16_t len);

#endif
