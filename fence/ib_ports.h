/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This machine's InfiniBand ports, and sending a question through one of them (libibumad). */
#ifndef FENCE_IB_PORTS_H
#define FENCE_IB_PORTS_H

#include "fence/fabric.h"

#define IB_OWN_MAX 64

struct ib_ports {
	struct {
		int fd; /* libibumad's */
		int agent;
		char name[32]; /* DEVICE:PORT */
	} port[FABRIC_ROOTS_MAX];
	size_t n;
	uint64_t own[IB_OWN_MAX]; /* GUIDs of all of them, also of those that are down */
	size_t n_own;
	/* Set by the caller. */
	unsigned timeout_ms; /* that an answer may take */
	unsigned tries; /* for each question */
	uint64_t until; /* time of now_ms() after which nothing is asked */
	uint64_t m_key;
	uint32_t last_id;
};

/*
 * Opens those of the InfiniBand ports whose link is up; @only: "DEVICE:PORT,…", all of which must
 * be, or NULL for all there are. NULL, or what is wrong, until the next call.
 */
const char *ib_ports_open(struct ib_ports *p, const char *only);
void ib_ports_close(struct ib_ports *p);

/* As ask() of struct fabric_io, with a struct ib_ports for @context. */
int ib_ports_ask(void *context, struct smp *s);

#endif
