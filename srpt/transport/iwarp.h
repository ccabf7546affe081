/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software iWARP: RDMA over plain TCP sockets, in this process. RDMAP (RFC 5040)
 * on DDP (RFC 5041) on MPA (RFC 5044, RFC 6581); no RDMA device and no kernel
 * module is needed. Peers: the kernel's siw, iWARP adapters, and itself.
 */
#ifndef SRPT_TRANSPORT_IWARP_H
#define SRPT_TRANSPORT_IWARP_H

#include "transport/transport.h"

/* Do we ask for the CRC of every FPDU? If the peer asks, it is used in any case. */
enum iwarp_crc {
	/*
	 * When we open a connection: unless the peer is on this host. When we are
	 * called: as the caller wants it (the kernel's siw takes no other answer).
	 */
	IWARP_CRC_AUTO,
	IWARP_CRC_ON,
	IWARP_CRC_OFF,
};

/* Constant after creation, but for what iwarp_set_crc() changes. */
struct iwarp_params {
	enum iwarp_crc crc;
	/*
	 * MPA revision of connections we open: 2 (enhanced) or 1. Who listens takes
	 * both and answers in kind.
	 */
	uint8_t revision;
};

/*
 * Create the transport. @loop (a qb_loop_t) watches listeners and handshakes of
 * those who connect to us; NULL: we only connect. Control thread. 0 or -errno
 * with @err.
 */
int iwarp_create(const struct transport_upcalls *up, const struct transport_params *p,
		 const struct iwarp_params *ip, struct reactor_group *g, void *loop,
		 struct transport **out, char *err, size_t errlen);

/* For connections from now on. Control thread. */
void iwarp_set_crc(struct transport *t, enum iwarp_crc crc);

/*
 * No connection may be left, and the reactors have stopped or run on this
 * thread. Control thread.
 */
void iwarp_destroy(struct transport *t);

#endif
