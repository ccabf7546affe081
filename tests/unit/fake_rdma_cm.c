/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for librdmacm, as far as the verbs transport uses it. */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <infiniband/ib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct rdma_cm_event *next_event;
static uint32_t next_qpn = 17;

struct rdma_event_channel *rdma_create_event_channel(void)
{
	struct rdma_event_channel *ec;

	if (fake_fails(fake.channel_error))
		return NULL;
	ec = fake_object(sizeof(*ec), &fake.cm_channels);
	ec->fd = eventfd(0, EFD_NONBLOCK);
	return ec;
}

void rdma_destroy_event_channel(struct rdma_event_channel *ec)
{
	close(ec->fd);
	free(ec);
	fake.cm_channels--;
}

int rdma_create_id(struct rdma_event_channel *ec, struct rdma_cm_id **id, void *ctx,
		   enum rdma_port_space ps)
{
	assert_true(ps == RDMA_PS_TCP || ps == RDMA_PS_IB);
	*id = fake_object(sizeof(**id), &fake.ids);
	(*id)->channel = ec;
	(*id)->context = ctx;
	(*id)->ps = ps;
	return 0;
}

int rdma_destroy_id(struct rdma_cm_id *id)
{
	assert_null(id->qp);
	free(id);
	fake.ids--;
	return 0;
}

int rdma_set_option(struct rdma_cm_id *id, int level, int name, void *val, size_t len)
{
	(void)id;
	(void)val;
	(void)len;
	fake.afonly += level == RDMA_OPTION_ID && name == RDMA_OPTION_ID_AFONLY;
	return 0;
}

static size_t addr_len(const struct rdma_cm_id *id, const struct sockaddr *addr)
{
	assert_int_equal(addr->sa_family == AF_IB, id->ps == RDMA_PS_IB);
	return addr->sa_family == AF_IB ? sizeof(struct sockaddr_ib) :
	       addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					     sizeof(struct sockaddr_in);
}

/* A wildcard is on no device. */
static bool addr_is_any(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_ib *sib = (const void *)sa;

	return sa->sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) :
	       sa->sa_family == AF_IB ? ib_gid_is_any((const uint8_t *)&sib->sib_addr) :
					in->sin_addr.s_addr == 0;
}

int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *addr)
{
	fake.binds++;
	memcpy(&id->route.addr.src_storage, addr, addr_len(id, addr));
	id->verbs = addr_is_any(addr) ? NULL : &fake_context;
	return fake_fails(fake.bind_error);
}

int rdma_resolve_addr(struct rdma_cm_id *id, struct sockaddr *src, struct sockaddr *dst, int ms)
{
	assert_null(src);
	assert_true(ms > 0);
	fake.resolves++;
	memcpy(&id->route.addr.dst_storage, dst, addr_len(id, dst));
	id->route.addr.src_sin = (struct sockaddr_in){
		AF_INET, htons(34567), { htonl(0x0a630002) }, { 0 } };
	if (dst->sa_family == AF_IB)
		memcpy(&id->route.addr.src_storage, dst, sizeof(struct sockaddr_ib));
	id->verbs = &fake_context;
	id->port_num = 1;
	return fake_fails(fake.resolve_error);
}

int rdma_resolve_route(struct rdma_cm_id *id, int ms)
{
	(void)id;
	assert_true(ms > 0);
	fake.routes++;
	return fake_fails(fake.route_error);
}

int rdma_listen(struct rdma_cm_id *id, int backlog)
{
	(void)id;
	(void)backlog;
	return 0;
}

int rdma_get_cm_event(struct rdma_event_channel *ec, struct rdma_cm_event **ev)
{
	(void)ec;
	if (!next_event)
		return fake_fails(EAGAIN);
	*ev = next_event;
	next_event = NULL;
	return 0;
}

/* What the event pointed to is not there any more. */
int rdma_ack_cm_event(struct rdma_cm_event *ev)
{
	if (ev->param.conn.private_data)
		memset((void *)(uintptr_t)ev->param.conn.private_data, 0xee,
		       ev->param.conn.private_data_len);
	memset(ev, 0xee, sizeof(*ev));
	return 0;
}

const char *rdma_event_str(enum rdma_cm_event_type type)
{
	return type == RDMA_CM_EVENT_ADDR_CHANGE ? "address change" : "event";
}

int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct fake_qp *qp;

	if (fake_fails(fake.qp_error))
		return -1;
	qp = fake_object(sizeof(*qp), &fake.qps);
	qp->qp = (struct ibv_qp){ .context = &fake_context, .pd = pd,
				  .qp_context = attr->qp_context, .send_cq = attr->send_cq,
				  .recv_cq = attr->recv_cq,
				  .srq = attr->srq, .qp_num = next_qpn++ };
	id->qp = &qp->qp;
	return 0;
}

void rdma_destroy_qp(struct rdma_cm_id *id)
{
	assert_true(((struct fake_qp *)id->qp)->error);
	free(id->qp);
	id->qp = NULL;
	fake.qps--;
	fake_trace("destroy_qp");
}

static void answer(const void *pd, uint8_t len)
{
	fake.private_len = len;
	if (len)
		memcpy(fake.private_data, pd, len);
}

int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *cp)
{
	(void)id;
	fake.accepts++;
	fake.accepted = *cp;
	answer(cp->private_data, cp->private_data_len);
	fake_trace("accept");
	return fake_fails(fake.accept_error);
}

int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *cp)
{
	assert_non_null(id->qp);
	fake.connects++;
	fake.connecting = *cp;
	answer(cp->private_data, cp->private_data_len);
	fake_trace("connect");
	return fake_fails(fake.connect_error);
}

int rdma_reject(struct rdma_cm_id *id, const void *pd, uint8_t len)
{
	(void)id;
	fake.rejects++;
	answer(pd, len);
	return 0;
}

int rdma_disconnect(struct rdma_cm_id *id)
{
	fake.disconnects++;
	fake_trace("disconnect");
	fake_qp_fail((struct fake_qp *)id->qp);
	return 0;
}

int rdma_notify(struct rdma_cm_id *id, enum ibv_event_type type)
{
	(void)id;
	(void)type;
	fake.notifies++;
	return 0;
}

/* ---- events ---- */

static void event_deliver(struct rdma_cm_event *ev)
{
	next_event = ev;
	verbs_cm_ready(&verbs_of(fake_t)->cm);
	assert_null(next_event);
}

void fake_cm_event(struct rdma_cm_id *id, enum rdma_cm_event_type type)
{
	struct rdma_cm_event ev = { .id = id, .event = type };

	event_deliver(&ev);
}

void fake_cm_answer(struct rdma_cm_id *id, enum rdma_cm_event_type type, int status,
		    const void *pd, uint8_t len)
{
	uint8_t copy[256];
	struct rdma_cm_event ev = { .id = id, .event = type, .status = status,
				    .param.conn = { .private_data = len ? copy : NULL,
						    .private_data_len = len } };

	if (len)
		memcpy(copy, pd, len);
	event_deliver(&ev);
}

/* @id gets @len bytes of private data; its addresses are there. */
static struct conn *request(struct rdma_cm_id *id, struct rdma_cm_id *listener, uint8_t len)
{
	uint8_t pd[92] = "login";
	struct rdma_cm_event ev = {
		.id = id, .listen_id = listener, .event = RDMA_CM_EVENT_CONNECT_REQUEST,
		.param.conn = { .private_data = pd, .private_data_len = len,
				.initiator_depth = 4 },
	};

	id->verbs = &fake_context;
	id->port_num = 1;
	id->context = listener->context;
	event_deliver(&ev);
	return fake_request;
}

struct conn *fake_connect(struct transport_listener *l)
{
	struct rdma_cm_id *id = fake_object(sizeof(*id), &fake.ids);
	struct sockaddr_in *src = &id->route.addr.src_sin, *dst = &id->route.addr.dst_sin;

	id->ps = RDMA_PS_TCP;
	*src = (struct sockaddr_in){ AF_INET, htons(5555), { htonl(0x0a630001) }, { 0 } };
	*dst = (struct sockaddr_in){ AF_INET, htons(34567), { htonl(0x0a630002) }, { 0 } };
	return request(id, fake_listener_id(l), 56);
}

struct conn *fake_connect_ib(struct rdma_cm_id *listener, const char *to, const char *from,
			     uint16_t pkey)
{
	struct rdma_cm_id *id = fake_object(sizeof(*id), &fake.ids);
	struct sockaddr_ib *src = (void *)&id->route.addr.src_storage;
	struct sockaddr_ib *dst = (void *)&id->route.addr.dst_storage;

	id->ps = RDMA_PS_IB;
	memcpy(src, &listener->route.addr.src_storage, sizeof(*src));
	src->sib_pkey = htobe16(pkey);
	*dst = *src;
	inet_pton(AF_INET6, to, &src->sib_addr);
	inet_pton(AF_INET6, from, &dst->sib_addr);
	return request(id, listener, 92);
}
