/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric that answers subnet management packets: nodes, and links between their ports. Each test
 * describes its own.
 */
#ifndef FABRIC_FAKE_H
#define FABRIC_FAKE_H

#include "fence/fabric.h"

#define FAKE_NODES 16
#define FAKE_PORTS 8

struct fake_port {
	int node, port; /* that it is linked to; node -1: none */
	bool disabled;
	bool stuck; /* what is set is answered, and not done */
	bool lingers; /* disabled, it still calls itself up */
	bool recovers; /* its link has errors: nothing passes, for the moment */
};

struct fake_node {
	enum node_type type;
	uint64_t guid; /* of the node; its port N has guid + N, a switch has guid */
	uint8_t n_ports;
	bool silent;
	struct fake_port port[FAKE_PORTS + 1];
};

struct fake_fabric {
	struct fake_node node[FAKE_NODES];
	int n;
	int root[FABRIC_ROOTS_MAX]; /* nodes, each with port 1 */
	unsigned n_asked, n_set;
	unsigned lose; /* so many of the next questions */
	unsigned end_at; /* 0 or the number of questions after which there is no time */
	void (*before_set)(struct fake_fabric *f); /* or NULL */
};

/* Number of the new node, without links. */
int fake_node_add(struct fake_fabric *f, enum node_type type, uint64_t guid, uint8_t n_ports);
void fake_link(struct fake_fabric *f, int a, int port_a, int b, int port_b);
void fake_unlink(struct fake_fabric *f, int node, int port);

/* ask() of struct fabric_io, with the fake for @context. */
int fake_ask(void *context, struct smp *s);

/*
 * What most tests begin with. Switch 0 (GUID 0x500), its port 1: adapter 2 (0x100), which is this
 * machine; port 2: adapter 3 (0x200); port 8: port 8 of switch 1 (0x600). Of that port 1: adapter
 * 4 (0x300), port 2: adapter 5 (0x400). Ports of adapters have their GUID + 1.
 */
void fake_make(struct fake_fabric *f);

#endif
