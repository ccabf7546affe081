/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs transport: creation, the operations table, the list of devices.
 *
 * Lifetimes
 *
 * Actors: the control thread (CM events, asynchronous device events, accept,
 * reject), the reactor of a connection (completions, SRP), the peer and the
 * device. A connection has two halves: the verbs_id with the CM id, which the
 * control thread owns, and the verbs_conn, which is the control thread's until
 * accept and the reactor's afterwards. Each half only moves forward:
 *
 *   control (verbs_id)                        reactor (verbs_conn)
 *   REQUESTED   CONNECT_REQUEST; SRP decides
 *   ATTACHING   accept(): QP made     --life--> in the QP table, receives posted
 *   ACCEPTED    rdma_accept()         <--life-- ATTACHED
 *               ESTABLISHED           --live--> LIVE, or by the first message
 *               verbs_id_down()       <--disc-- DYING: a failure, or SRP's wish
 *   DOWN        QP in error, DREQ     --life--> FLUSHING, marker posted
 *   LINGERING   QP destroyed          <--life-- DRAINED: marker flushed, or time is up
 *               request_gone() if it never was live
 *               CM id is freed when   --life--> GONE: closed() when SRP has put all
 *               the peer has answered           messages back; the conn is freed
 *
 * One that we open begins in verbs_connect.c, which says what differs.
 *
 * - Whoever learns first that the connection ends (CM event, device event, failed
 *   completion, transport_disconnect()) calls verbs_id_down() or verbs_conn_die();
 *   a second caller finds the state changed and does nothing.
 * - "life" is one message that goes to and fro, so that it is never posted twice;
 *   live and disc are posted at most once, always before the next life message of
 *   the same thread, so none of them can reach a freed connection.
 * - The device may write to receive and data buffers until the QP is destroyed, not
 *   only until it is in error state; xfers that were posted come back by their
 *   completion or after that. Receive slots and pollers live as long as the device
 *   is used, so a message SRP still holds stays readable.
 * - A device that is removed or fails takes no new connection; when its last
 *   connection is drained its pollers are stopped by message and then everything
 *   of it is freed, the CM ids last: they keep the device's context open. One id,
 *   the anchor, does that while there is no connection: a device is known, and its
 *   removal heard of, as soon as the RDMA CM library has opened it for a request or
 *   for a portal with an address, whether or not anybody is let in.
 */
#include "transport/verbs.h"

#include "base/log.h"
#include "transport/verbs_priv.h"

#include <errno.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int verbs_channel_open(struct verbs *v)
{
	int rc;

	if (v->ec)
		return 0;
	v->ec = rdma_create_event_channel();
	if (!v->ec)
		return -errno;
	rc = verbs_watch_start(v, &v->cm, v->ec->fd, verbs_cm_ready);
	if (rc) {
		rdma_destroy_event_channel(v->ec);
		v->ec = NULL;
	} else if (v->base.loop) {
		verbs_uevents_start(v);
	}
	return rc;
}

void verbs_channel_explain(int rc, char *err, size_t errlen)
{
	if (rc == -ENODEV)
		snprintf(err, errlen, "no RDMA device on this host; is the module loaded? "
			 "(soft-RoCE: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev "
			 "INTERFACE)");
	else
		snprintf(err, errlen, "cannot use the RDMA connection manager: %s%s",
			 strerror(-rc), rc == -ENOENT || rc == -EPERM ?
			 " (load its module: modprobe rdma_ucm)" : "");
}

/*
 * The library opens no channel while there is no device: then the listeners do it
 * later. Who connects opens it when it does.
 */
static int verbs_open(struct transport *t)
{
	int rc = t->loop ? verbs_channel_open(verbs_of(t)) : 0;

	return rc == -ENODEV ? 0 : rc;
}

/* A device that stops by itself just now ends with a message to this thread. */
static void stops_wait(struct verbs *v)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct verbs_device *dev;

	for (int i = 0; i < 1000; i++) {
		bool stopping = false;

		list_for_each(dev, &v->devices, link)
			stopping |= dev->stops > 0;
		if (!stopping)
			return;
		nanosleep(&ms, NULL);
		mailbox_drain(v->base.group->control);
	}
}

static void verbs_close(struct transport *t)
{
	struct verbs *v = verbs_of(t);

	stops_wait(v);
	verbs_timer_stop(&v->tick);
	while (!list_empty(&v->devices))
		verbs_device_destroy(list_first(&v->devices, struct verbs_device, link));
	while (!list_empty(&v->ids)) {
		struct verbs_id *id = list_first(&v->ids, struct verbs_id, link);

		if (id->state == ID_REQUESTED || id->state == ID_RESOLVING)
			verbs_id_drop(id);
		else
			verbs_id_free(id);
	}
	if (!v->ec)
		return;
	verbs_uevents_stop(v);
	verbs_watch_stop(&v->cm);
	rdma_destroy_event_channel(v->ec);
}

static const struct transport_ops verbs_ops = {
	.name = "verbs",
	.create = verbs_open,
	.destroy = verbs_close,
	.listen = verbs_listen,
	.unlisten = verbs_unlisten,
	.accept = verbs_accept,
	.reject = verbs_reject,
	.rx_put = verbs_rx_put,
	.pull = verbs_pull,
	.push = verbs_push,
	.disconnect = verbs_disconnect,
	.connect = verbs_connect,
	.expose = verbs_expose,
	.unexpose = verbs_unexpose,
};

static struct verbs *verbs_new(const struct transport_upcalls *up,
			       const struct transport_params *p, struct reactor_group *g,
			       void *loop)
{
	struct verbs *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->base.ops = &verbs_ops;
	v->base.up = up;
	v->base.params = *p;
	v->base.group = g;
	v->base.loop = loop;
	list_init(&v->ids);
	list_init(&v->devices);
	verbs_timer_init(&v->tick, v, verbs_tick);
	return v;
}

int verbs_create(const struct transport_upcalls *up, const struct transport_params *p,
		 struct reactor_group *g, void *loop, struct transport **out, char *err,
		 size_t errlen)
{
	struct verbs *v = verbs_new(up, p, g, loop);
	int rc = v ? verbs_ops.create(&v->base) : -ENOMEM;

	if (rc) {
		verbs_channel_explain(rc, err, errlen);
		free(v);
		return rc;
	}
	*out = &v->base;
	return 0;
}

void verbs_destroy(struct transport *t)
{
	t->ops->destroy(t);
	free(verbs_of(t));
}

/* ---- list of devices ---- */

static void device_report(struct ibv_context *ctx,
			  void (*fn)(void *arg, const struct verbs_device_info *d), void *arg)
{
	struct verbs_device_info d = { .name = ibv_get_device_name(ctx->device) };
	struct ibv_device_attr attr;
	struct ibv_port_attr port;
	union ibv_gid gid;

	if (ibv_query_device(ctx, &attr) || ibv_query_port(ctx, 1, &port))
		return;
	d.ports = attr.phys_port_cnt;
	d.node_guid = be64toh(attr.node_guid);
	if (!ibv_query_gid(ctx, 1, 0, &gid))
		memcpy(d.gid0, gid.raw, sizeof(d.gid0));
	d.link_layer = port.link_layer == IBV_LINK_LAYER_INFINIBAND ? "InfiniBand" : "Ethernet";
	d.port_state = ibv_port_state_str(port.state);
	d.srq = attr.max_srq > 0;
	d.vectors = ctx->num_comp_vectors > 0 ? (unsigned)ctx->num_comp_vectors : 1;
	fn(arg, &d);
}

int verbs_for_each_device(void (*fn)(void *arg, const struct verbs_device_info *d), void *arg)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	if (!list)
		return -errno;
	for (int i = 0; list[i]; i++) {
		struct ibv_context *ctx = ibv_open_device(list[i]);

		if (!ctx) {
			log_warn("%s: cannot be opened: %s", ibv_get_device_name(list[i]),
				 strerror(errno));
			continue;
		}
		device_report(ctx, fn, arg);
		ibv_close_device(ctx);
	}
	ibv_free_device_list(list);
	return 0;
}
