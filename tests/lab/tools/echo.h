/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What target and initiator of verbs-echo agree on. One machine: host byte order. */
#ifndef SRPT_TESTS_ECHO_H
#define SRPT_TESTS_ECHO_H

#include <stddef.h>
#include <stdint.h>

#define ECHO_PORT 7471
#define ECHO_DEPTH 64        /* messages a connection may have outstanding */
#define ECHO_MAX_SEGS 256
#define ECHO_IMM_OFFSET 68
#define ECHO_MAX_RECV 8260
#define ECHO_SRQ 512

enum echo_op {
	ECHO_NOP,   /* answer only */
	ECHO_GET,   /* push a pattern to the segments, then answer */
	ECHO_PUT,   /* pull the segments, answer with their checksum */
	ECHO_CLOSE, /* the target disconnects */
	ECHO_HOLD,  /* the target keeps the message until the end */
};

struct echo_seg {
	uint64_t addr;
	uint32_t key, len;
} __attribute__((packed));

struct echo_req {
	uint32_t op, nsegs, len, seed;
	uint64_t tag;
	struct echo_seg segs[ECHO_MAX_SEGS];
} __attribute__((packed)); /* messages are not aligned, what is at their byte 68 is */

struct echo_rsp {
	uint64_t tag;
	uint32_t sum;
	int32_t status;
};

/* First byte of the private data of a connection request; then the depth wanted. */
struct echo_login {
	char kind; /* A: accept, R: reject, P: leave pending, Q: accept that and reject this */
	uint8_t pad[3];
	uint32_t depth;
};

static inline uint8_t echo_pattern(uint32_t seed, uint32_t i)
{
	return (uint8_t)(seed + i + (i >> 8) * 3);
}

static inline uint32_t echo_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	while (n--)
		sum = sum * 31 + *p++;
	return sum;
}

/* ---- target, echo-target.c ---- */

struct echo_stats {
	int live, dying, closed, gone, recv, done, reset, errors, in_use, pending;
};

/* Start the target in this process: control thread and @reactors. 0 or -errno. */
int echo_target_start(const char *addr, unsigned reactors, uint32_t srq_size, int poll_us);
void echo_target_stop(void);
struct echo_stats echo_target_stats(void);

#endif
