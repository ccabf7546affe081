/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software iWARP: creation, the table of operations.
 *
 * Lifetimes
 *
 * Actors: the control thread (listeners, requests, accept, reject), the reactor
 * of a connection (its socket, SRP) and the peer.
 *
 *   control thread                          reactor (iwarp_conn.state)
 *   iwarp_request: socket accepted,
 *     MPA request awaited
 *   iwarp_conn made, request()
 *   accept(): request freed      --msg-->   OPENING  MPA reply is sent
 *                                           LIVE     live()
 *     connect() on the reactor:             OPENING  TCP and MPA; LIVE: connected()
 *                                           CLOSING  dying(), every xfer is back
 *                                           CLOSED   no socket; waits for slots
 *   request_gone(), if it never  <--msg--            closed() or connected(error),
 *     was live; conn freed                           conn freed
 *
 * - A request that ends before accept() is the control thread's alone.
 * - A connection is freed by iwarp_conn_run() only, at the end of a round, never
 *   below an upcall or the data path.
 * - Pollers and the memory of slots live as long as the transport, so a message
 *   SRP still holds stays readable.
 */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct iwarp_poller *iwarp_poller_get(struct iwarp *t, struct reactor *r)
{
	struct iwarp_poller *p = atomic_load(&t->pollers[r->id]), *fresh;

	if (p)
		return p;
	fresh = iwarp_poller_new(t, r);
	if (!fresh)
		return NULL;
	if (atomic_compare_exchange_strong(&t->pollers[r->id], &p, fresh))
		return fresh;
	/* The other thread was faster. */
	iwarp_poller_free(fresh);
	return p;
}

static int iwarp_open(struct transport *t)
{
	struct iwarp *iw = iwarp_of(t);

	list_init(&iw->listeners);
	list_init(&iw->requests);
	return 0;
}

static void iwarp_close(struct transport *t)
{
	struct iwarp *iw = iwarp_of(t);

	iwarp_listen_end(iw);
	for (unsigned i = 0; i < REACTOR_MAX; i++) {
		struct iwarp_poller *p = atomic_load(&iw->pollers[i]);

		if (p)
			iwarp_poller_free(p);
	}
}

static const struct transport_ops iwarp_ops = {
	.name = "iwarp",
	.create = iwarp_open,
	.destroy = iwarp_close,
	.listen = iwarp_listen,
	.unlisten = iwarp_unlisten,
	.accept = iwarp_accept,
	.reject = iwarp_reject,
	.rx_put = iwarp_rx_put,
	.pull = iwarp_pull,
	.push = iwarp_push,
	.disconnect = iwarp_disconnect,
	.connect = iwarp_connect,
	.expose = iwarp_expose,
	.unexpose = iwarp_unexpose,
};

void iwarp_set_crc(struct transport *t, enum iwarp_crc crc)
{
	atomic_store(&iwarp_of(t)->crc, (int)crc);
}

int iwarp_create(const struct transport_upcalls *up, const struct transport_params *p,
		 const struct iwarp_params *ip, struct reactor_group *g, void *loop,
		 struct transport **out, char *err, size_t errlen)
{
	struct iwarp *t;

	if (ip->revision != 1 && ip->revision != 2) {
		snprintf(err, errlen, "MPA revision %u is not known: 1 or 2", ip->revision);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, errlen, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	t->base.ops = &iwarp_ops;
	t->base.up = up;
	t->base.params = *p;
	t->base.group = g;
	t->base.loop = loop;
	t->revision = ip->revision;
	atomic_init(&t->crc, (int)ip->crc);
	t->base.ops->create(&t->base);
	*out = &t->base;
	return 0;
}

void iwarp_destroy(struct transport *t)
{
	t->ops->destroy(t);
	free(iwarp_of(t));
}
