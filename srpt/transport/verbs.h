/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMA through rdma-core verbs and the RDMA CM. */
#ifndef SRPT_TRANSPORT_VERBS_H
#define SRPT_TRANSPORT_VERBS_H

#include "transport/transport.h"

/*
 * Create the transport: opens the RDMA CM event channel and adds it to @loop
 * (a qb_loop_t). Devices are opened when the first connection or listener needs
 * them. Works without any RDMA device present (listeners on addresses then wait
 * for one or fail with a clear error). Control thread. 0 or -errno with @err.
 *
 * To connect, @loop is NULL: the control thread is then that of @g's only reactor,
 * which watches the channel, opened by the first transport_connect(); the same
 * thread drains @g's control mailbox.
 */
int verbs_create(const struct transport_upcalls *up, const struct transport_params *p,
		 struct reactor_group *g, void *loop, struct transport **out, char *err,
		 size_t errlen);

/* No connection may be left. Control thread. */
void verbs_destroy(struct transport *t);

/* What an administrator asks of the hardware, one per RDMA device seen. */
struct verbs_device_info {
	const char *name;      /* rxe0 */
	uint8_t ports;
	uint64_t node_guid;    /* host order */
	uint8_t gid0[16];      /* of port 1 */
	const char *link_layer; /* InfiniBand, Ethernet */
	const char *port_state; /* ACTIVE, DOWN … */
	bool srq;
	unsigned vectors;      /* completion vectors: interrupts it can raise, ≥ 1 */
};
/*
 * Which of @vectors completion vectors tells reactor @id of its completions: each has its
 * own while there are enough, then they are shared evenly.
 */
static inline unsigned verbs_vector(unsigned id, unsigned vectors)
{
	return id % vectors;
}

/* Ask every device present; opens it for the query. Control thread. */
int verbs_for_each_device(void (*fn)(void *arg, const struct verbs_device_info *d), void *arg);

#endif
