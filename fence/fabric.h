/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hangs where: found by asking each switch for its ports and each neighbour who it is, along
 * directed routes, so that no subnet manager is needed. Nothing is changed here.
 */
#ifndef FENCE_FABRIC_H
#define FENCE_FABRIC_H

#include "fence/smp.h"

#define FABRIC_ROOTS_MAX 16 /* ports of this machine that questions leave by */
#define FABRIC_SWITCHES_MAX 8192 /* what is behind more of them is not seen */

/* How questions are asked. Each ends in a finite time. */
struct fabric_io {
	/* 0, -ETIMEDOUT (no answer), -EIO (refused) or -ETIME (no time is left for any). */
	int (*ask)(void *context, struct smp *s);
	void *context;
	size_t n_roots; /* 1 … FABRIC_ROOTS_MAX */
};

enum peer_kind {
	PEER_UNKNOWN = 0, /* the port could not be looked at */
	PEER_NONE, /* the link is down */
	PEER_SILENT, /* it may be up, and what is there does not say what it is */
	PEER_ADAPTER, /* channel adapter or router */
	PEER_SWITCH,
};

struct fabric_peer {
	enum peer_kind kind;
	bool off; /* the port is disabled, and it is seen that nothing passes */
	bool disabled;
	/* Of the neighbour's port, and of all of it; PEER_ADAPTER, PEER_SWITCH. */
	uint64_t guid, node_guid;
};

struct fabric_switch {
	uint64_t guid; /* of the node */
	uint8_t n_ports;
	struct smp_route route; /* one of the ways to it */
	struct fabric_peer *peer; /* [1 … n_ports] */
};

struct fabric {
	struct fabric_switch *sw;
	size_t n, size;
	size_t n_blind; /* ports and roots behind which there may be something */
	/* Of this machine's ports: who each is, 0 when it does not say; what it hangs on. */
	struct {
		uint64_t guid;
		uint64_t switch_guid; /* 0: none */
		uint8_t port;
	} root[FABRIC_ROOTS_MAX];
	size_t n_roots;
};

/* 0 or -ENOMEM; *@f is to be freed in both cases. What could not be seen is counted in it. */
int fabric_discover(struct fabric *f, const struct fabric_io *io);
void fabric_free(struct fabric *f);

const struct fabric_switch *fabric_switch_find(const struct fabric *f, uint64_t guid);

#endif
