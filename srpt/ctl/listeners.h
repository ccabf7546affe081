/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transports and the addresses they listen on, kept as the configuration wants them. What does
 * not work now (no RDMA device yet, address not there yet) is tried again. A transport nobody
 * wants is not opened. Control thread.
 */
#ifndef SRPT_CTL_LISTENERS_H
#define SRPT_CTL_LISTENERS_H

#include "base/list.h"
#include "ctl/conf.h"
#include "transport/transport.h"

#include <qb/qbloop.h>
#include <stdbool.h>

struct live;

enum listener_kind { LISTENER_RDMA, LISTENER_IWARP, LISTENER_KINDS };

/* What srptctl calls it: "RDMA", "iWARP". */
const char *listener_kind_name(enum listener_kind kind);

struct listener {
	struct list_node link;
	enum listener_kind kind;
	struct conf_portal portal; /* port: the one in force */
	char name[IB_PORTAL_TEXT_MAX]; /* as in the configuration, with the port */
	bool wanted;
	bool optional;             /* a host without this address is all right */
	bool away;                 /* its targets are on another node: nobody listens */
	struct transport_listener *tl; /* NULL: not listening, error says why */
	char error[200];
};

struct listener_transport {
	struct transport *t; /* NULL: none yet, error says why */
	char error[200];
};

/* Somebody who wants to hear of changes of RDMA ports; see transport.ports_changed. */
struct port_watch {
	struct list_node link;
	void (*fn)(void *arg);
	void *arg;
};

struct listeners {
	struct list_node list;
	struct list_node watches;
	struct listener_transport transports[LISTENER_KINDS];
	enum conf_iwarp_crc iwarp_crc; /* as given to the transport */
	const struct transport_upcalls *up;
	struct transport_params params;
	struct reactor_group *group;
	void *ctx; /* given to the transport with each listener */
	qb_loop_t *loop;
	qb_loop_timer_handle retry;
	bool retrying;
	uint64_t retry_ns; /* until the next try */
	struct addresses *addresses; /* tells of new ones; NULL: it could not be made */
};

/* @ctx: the srp_server that gets the logins. */
void listeners_init(struct listeners *l, const struct transport_upcalls *up,
		    const struct transport_params *params, struct reactor_group *group,
		    qb_loop_t *loop, void *ctx);

/* @w: its fn and arg are set; the caller's, until it is taken off the list with list_del(). */
static inline void listeners_watch_ports(struct listeners *l, struct port_watch *w)
{
	list_add_tail(&l->watches, &w->link);
}

/*
 * Listen where @conf wants it and nowhere else; addresses that stay are not touched. A target
 * without portals is reachable at every address with the driver's rdma_cm_port, and every target
 * at the driver's iwarp_ports. Portals of targets that are not @here are kept ready only; NULL:
 * all are.
 */
typedef bool (*listeners_here_fn)(const struct live *live, const struct conf_target *target);
void listeners_update(struct listeners *l, const struct conf *conf, listeners_here_fn here,
		      const struct live *live);

/* Stop listening; connections live on. */
void listeners_close(struct listeners *l);
/*
 * End a transport, which has no connection and no listener any more. That of RDMA needs reactors
 * that run, that of software iWARP reactors that have stopped.
 */
void listeners_destroy(struct listeners *l, enum listener_kind kind);

#endif
