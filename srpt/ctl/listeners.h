/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport and the addresses it listens on, kept as the configuration wants them. What does
 * not work now (no RDMA device yet, address not there yet) is tried again. Control thread.
 */
#ifndef SRPT_CTL_LISTENERS_H
#define SRPT_CTL_LISTENERS_H

#include "base/list.h"
#include "ctl/conf.h"
#include "transport/transport.h"

#include <qb/qbloop.h>
#include <stdbool.h>

struct listener {
	struct list_node link;
	struct conf_portal portal; /* port: the one in force */
	char name[80];             /* as in the configuration, with the port */
	bool wanted;
	struct transport_listener *tl; /* NULL: not listening, error says why */
	char error[200];
};

struct listeners {
	struct list_node list;
	struct transport *transport; /* NULL: none yet, error says why */
	char error[200];
	const struct transport_upcalls *up;
	struct transport_params params;
	struct reactor_group *group;
	void *ctx; /* given to the transport with each listener */
	qb_loop_t *loop;
	qb_loop_timer_handle retry;
	bool retrying;
};

/* @ctx: the srp_server that gets the logins. */
void listeners_init(struct listeners *l, const struct transport_upcalls *up,
		    const struct transport_params *params, struct reactor_group *group,
		    qb_loop_t *loop, void *ctx);

/*
 * Listen where @conf wants it and nowhere else; addresses that stay are not touched. A target
 * without portals is reachable at every address with the driver's rdma_cm_port.
 */
void listeners_update(struct listeners *l, const struct conf *conf);

/* Stop listening; connections live on. */
void listeners_close(struct listeners *l);
/* Also the transport: no connection may be left. */
void listeners_destroy(struct listeners *l);

#endif
