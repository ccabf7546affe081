/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of software iWARP over a socket pair, without its handshake and
 * life: what the data path reports is noted here. The test is the peer; FPDUs
 * are made byte by byte from the RFCs, not by the code under test.
 */
#ifndef SRPT_TESTS_IWARP_FAKE_H
#define SRPT_TESTS_IWARP_FAKE_H

#include "transport/iwarp_priv.h"

#define FAKE_SLOTS 4
#define FAKE_RECV 256u  /* longest message */
#define FAKE_READS 2    /* c.ord and c.ird */
#define FAKE_EXPOSED 8
#define FAKE_MESSAGES 64
#define FAKE_FPDU_MAX 65560u

/* First and second byte of DDP's header */
enum {
	D_TAGGED = 0xc1,   /* last, version 1 */
	D_UNTAGGED = 0x41,
	D_MORE = 0x40,     /* to be taken away: not the last segment */
	R_VERSION = 0x40,
};

struct fake {
	struct iwarp_conn c;
	struct iwarp_poller poller;
	struct iwarp t;
	struct reactor reactor;
	struct transport_upcalls up;
	int peer; /* the other end */

	struct iwarp_slot slots[FAKE_SLOTS];
	struct rx *held[FAKE_MESSAGES];
	unsigned messages;
	bool keep; /* held messages are not put back */
	uint8_t message[FAKE_RECV]; /* the last one */
	uint32_t message_len;

	unsigned pulled, sent, resets;
	struct xfer *order[FAKE_MESSAGES]; /* in which xfers ended */
	unsigned ended;

	unsigned terminates, deaths, flushes;
	uint16_t code;         /* of the TERMINATE */
	uint16_t quoted_len;
	bool quoted, quoted_read;
	const char *why;
	bool want_write, hot;
	void (*on_recv)(struct fake *f);
	void (*on_end)(struct fake *f); /* of an xfer */
};

/* LIVE, active, no CRC, MSS @mss. */
void fake_open(struct fake *f, uint32_t mss);
void fake_close(struct fake *f);

/* What the reactor does at the end of a round. */
void fake_run(struct fake *f);
/* Read all that is there, in as many calls as it takes. */
void fake_read(struct fake *f);
/* The peer writes, then fake_read(). */
void fake_feed(struct fake *f, const void *p, size_t len);

/* One FPDU into @p; its length. @crc: a right one, else 0. */
size_t fake_tagged(uint8_t *p, uint8_t control, uint8_t opcode, uint32_t stag, uint64_t to,
		   const void *payload, uint32_t len, bool crc);
size_t fake_untagged(uint8_t *p, uint8_t control, uint8_t opcode, uint32_t stag, uint32_t qn,
		     uint32_t msn, uint32_t mo, const void *payload, uint32_t len, bool crc);
/* A READ request, message @msn of its queue; answers go to @to of tag 0x5151. */
size_t fake_read_request(uint8_t *p, uint32_t msn, uint32_t len, uint32_t stag, uint64_t to,
			 uint64_t sink_to, bool crc);

/* An FPDU as the peer sees it. */
struct fake_fpdu {
	uint8_t control, opcode;
	uint32_t stag, qn, msn, mo;
	uint64_t to;
	uint32_t len;
	const uint8_t *payload;
	bool crc_zero, crc_right;
};

/*
 * What the peer has received since the last call, at most @max bytes into @buf;
 * does not wait.
 */
size_t fake_peer_read(struct fake *f, uint8_t *buf, size_t max);
/* Take one apart; the bytes it has, 0: not a whole one. */
size_t fake_parse(const uint8_t *p, size_t len, struct fake_fpdu *out);

/* Bytes that tell where they belong. */
void fake_pattern(uint8_t *p, size_t len, unsigned seed);

#endif
