/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One verbs transport on the fake device, one reactor, no thread; see fake_rdma.h. */
#include "fake_rdma.h"

#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <stdlib.h>
#include <string.h>

#define SLAB (4u << 20)

void fake_context_init(void);
void fake_context_end(void);

struct transport *fake_t;
struct reactor_group fake_group;
struct reactor *fake_r;
struct conn *fake_request;
struct conn_info fake_info;
uint8_t fake_pd[256];
size_t fake_pd_len;
struct transport_params fake_params;
uint8_t *fake_msg;
uint16_t fake_msg_region;

struct connect_params fake_cp;

static struct mailbox control;
static bool alone;
static bool over; /* the test returned: its channels are gone */
static qb_loop_timer_dispatch_fn timer_fn;
static void *timer_data;
static struct {
	int fd;
	qb_loop_poll_dispatch_fn fn;
	void *data;
} watch[8];

/* ---- libqb's loop: descriptors are never ready, time passes on demand ---- */

int32_t qb_loop_poll_add(qb_loop_t *l, enum qb_loop_priority p, int32_t fd, int32_t events,
			 void *data, qb_loop_poll_dispatch_fn fn)
{
	(void)l;
	(void)p;
	(void)events;
	assert_true(fake.watches < 8);
	watch[fake.watches].fd = fd;
	watch[fake.watches].fn = fn;
	watch[fake.watches++].data = data;
	return 0;
}

int32_t qb_loop_poll_del(qb_loop_t *l, int32_t fd)
{
	int i = 0;

	(void)l;
	while (watch[i].fd != fd)
		assert_true(++i < fake.watches);
	watch[i] = watch[--fake.watches];
	return 0;
}

void fake_readable(int fd)
{
	for (int i = 0; i < fake.watches; i++)
		if (watch[i].fd == fd)
			watch[i].fn(fd, 1, watch[i].data);
}

int32_t qb_loop_timer_add(qb_loop_t *l, enum qb_loop_priority p, uint64_t ns, void *data,
			  qb_loop_timer_dispatch_fn fn, qb_loop_timer_handle *h)
{
	(void)l;
	(void)p;
	(void)ns;
	assert_null(timer_fn);
	timer_fn = fn;
	timer_data = data;
	*h = 1;
	fake.timers++;
	return 0;
}

int32_t qb_loop_timer_del(qb_loop_t *l, qb_loop_timer_handle h)
{
	(void)l;
	assert_int_equal(h, 1);
	timer_fn = NULL;
	fake.timers--;
	return 0;
}

void fake_tick(void)
{
	qb_loop_timer_dispatch_fn fn = timer_fn;

	if (!fn)
		return;
	timer_fn = NULL;
	fake.timers--;
	fn(timer_data);
}

void fake_async_event(enum ibv_event_type type, struct conn *c)
{
	struct verbs_device *dev;

	fake_async = (struct ibv_async_event){ .event_type = type, .element.port_num = 1 };
	if (c)
		fake_async.element.qp = &fake_qp(c)->qp;
	fake_has_async = true;
	dev = list_first(&verbs_of(fake_t)->devices, struct verbs_device, link);
	dev->async.ready(&dev->async);
	assert_false(fake_has_async);
}

/* ---- SRP's part ---- */

static void on_request(struct conn *c, const struct conn_info *info, const uint8_t *pd, size_t len,
		       void *listener_ctx)
{
	assert_ptr_equal(listener_ctx, &fake_group);
	fake_request = c;
	fake_info = *info;
	fake_pd_len = len;
	memcpy(fake_pd, pd, len);
	fake_trace("request");
}

static void on_gone(struct conn *c, void *context)
{
	if (c == fake_request)
		fake_request = NULL;
	fake_trace(context ? "gone" : "gone_unaccepted");
}

static void on_recv(struct conn *c, struct rx *rx)
{
	struct fake_chan *ch = c->context;

	assert_true(ch->nheld < 64);
	ch->held[ch->nheld++] = rx;
	fake_trace("recv");
}

static void on_live(struct conn *c)
{
	assert_ptr_equal(((struct fake_chan *)c->context)->c, c);
	fake_trace("live");
}

static void on_pulled(struct xfer *x, int status)
{
	struct fake_chan *ch = x->conn->context;

	ch->pulled++;
	ch->reset += status != 0;
	fake_trace(status ? "pull_reset" : "pulled");
}

static void on_sent(struct xfer *x, int status)
{
	struct fake_chan *ch = x->conn->context;

	ch->sent++;
	ch->reset += status != 0;
	fake_trace(status ? "send_reset" : "sent");
}

static void on_dying(struct conn *c, const char *why)
{
	(void)c;
	assert_non_null(why);
	fake_trace("dying");
}

static void on_closed(struct conn *c, void *context)
{
	(void)c;
	if (!over)
		((struct fake_chan *)context)->c = NULL;
	fake_trace("closed");
}

static void on_connected(struct conn *c, int status, const uint8_t *pd, size_t len)
{
	struct fake_chan *ch = c->context;

	fake_trace(status ? "failed" : "connected");
	assert_true(len <= sizeof(ch->pd));
	if (over)
		return;
	ch->status = status;
	ch->pd_len = len;
	if (len)
		memcpy(ch->pd, pd, len);
	if (status)
		ch->c = NULL;
}

static const struct transport_upcalls upcalls = {
	.request = on_request, .request_gone = on_gone, .recv = on_recv, .live = on_live,
	.pulled = on_pulled, .sent = on_sent, .dying = on_dying, .closed = on_closed,
	.connected = on_connected,
};

/* ---- the environment ---- */

static void attr_init(void)
{
	fake_attr = (struct ibv_device_attr){
		.max_qp_wr = 16384, .max_cqe = 32767, .max_srq = 16, .max_srq_wr = 4096,
		.max_qp_init_rd_atom = 16, .max_qp_rd_atom = 16, .phys_port_cnt = 1,
	};
}

static void cp_init(void)
{
	static struct sockaddr_in sin;

	sin = (struct sockaddr_in){ AF_INET, htons(5555), { htonl(0x0a630001) }, { 0 } };
	fake_cp = (struct connect_params){
		.addr = (struct sockaddr *)&sin, .addr_len = sizeof(sin), .recv_depth = 16,
		.max_xfers = 16, .max_rd_atomic = 4, .timeout_ms = 60000,
		.private_data = "hello", .private_len = 5,
	};
}

/* The fake functions do not look at it. */
void *fake_loop(void)
{
	return alone ? NULL : &fake;
}

int fake_setup_alone(void **state)
{
	alone = true;
	return fake_setup(state);
}

int fake_setup(void **state)
{
	static const struct reactor_params rp = { .buffer_size = SLAB, .cpu = -1 };
	char err[128];

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.pkeys[0] = 0xffff;
	fake_request = NULL;
	over = false;
	timer_fn = NULL;
	attr_init();
	cp_init();
	fake_context_init();
	if (!fake_params.max_recv)
		fake_params = (struct transport_params){
			.max_recv = 8260, .max_send = 256, .imm_offset = 68, .srq_size = 200,
			.sq_size = 1024,
		};
	assert_int_equal(mailbox_init(&control), 0);
	assert_int_equal(reactor_create(0, &rp, &fake_r), 0);
	fake_group = (struct reactor_group){ .r = { fake_r }, .n = 1, .control = &control };
	fake_msg = aligned_alloc(4096, 4096);
	fake_msg_region = (uint16_t)reactor_region_add(fake_r, fake_msg, 4096);
	return verbs_create(&upcalls, &fake_params, &fake_group, fake_loop(), &fake_t, err,
			    sizeof(err));
}

int fake_teardown(void **state)
{
	(void)state;
	over = true;
	fake_settle();
	verbs_destroy(fake_t);
	reactor_destroy(fake_r);
	mailbox_destroy(&control);
	free(fake_msg);
	fake_context_end();
	memset(&fake_params, 0, sizeof(fake_params));
	alone = false;
	assert_int_equal(fake.ids, 0);
	assert_int_equal(fake.qps, 0);
	assert_int_equal(fake.cqs, 0);
	assert_int_equal(fake.srqs, 0);
	assert_int_equal(fake.mrs, 0);
	assert_int_equal(fake.pds, 0);
	assert_int_equal(fake.comp_channels, 0);
	assert_int_equal(fake.cm_channels, 0);
	assert_int_equal(fake.timers, 0);
	assert_int_equal(fake.watches, 0);
	return 0;
}

void fake_reactor(void)
{
	while (reactor_round(fake_r))
		;
}

void fake_control(void)
{
	while (mailbox_drain(&control))
		;
}

void fake_work(void)
{
	while (reactor_round(fake_r) + mailbox_drain(&control))
		;
}

/* Timers are ripe at once: no test waits for the clock. */
static int timers_ripen(void)
{
	int n = 0;

	for (struct list_node *p = fake_r->timers.next; p != &fake_r->timers; p = p->next, n++)
		container_of(p, struct reactor_timer, link)->at_ns = 0;
	return n;
}

void fake_settle(void)
{
	do {
		fake_work();
	} while (timers_ripen());
}

struct transport_listener *fake_listen(const char *addr)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(5555) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(5555) };
	struct transport_listener *l = NULL;
	char err[256] = "";
	int rc;

	if (inet_pton(AF_INET, addr, &sin.sin_addr) == 1) {
		rc = fake_t->ops->listen(fake_t, (struct sockaddr *)&sin, sizeof(sin), &fake_group,
					 &l, err, sizeof(err));
	} else {
		assert_int_equal(inet_pton(AF_INET6, addr, &sin6.sin6_addr), 1);
		rc = fake_t->ops->listen(fake_t, (struct sockaddr *)&sin6, sizeof(sin6),
					 &fake_group, &l, err, sizeof(err));
	}
	assert_int_equal(rc != 0, err[0] != 0);
	return rc ? NULL : l;
}

int fake_accept(struct conn *c, struct fake_chan *ch, uint32_t depth)
{
	struct accept_params ap = {
		.reactor = fake_r, .context = ch, .recv_depth = depth, .max_xfers = depth,
		.private_data = "welcome", .private_len = 7,
	};
	int rc;

	memset(ch, 0, sizeof(*ch));
	ch->c = c;
	rc = transport_accept(c, &ap);
	if (!rc)
		fake_request = NULL;
	return rc;
}

struct conn *fake_live(struct transport_listener *l, struct fake_chan *ch)
{
	struct conn *c = fake_connect(l);

	assert_int_equal(fake_accept(c, ch, 16), 0);
	fake_settle();
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_ESTABLISHED);
	fake_settle();
	return c;
}

int fake_open(struct fake_chan *ch, char err[256])
{
	int rc;

	memset(ch, 0, sizeof(*ch));
	err[0] = 0;
	fake_cp.context = ch;
	rc = transport_connect(fake_t, fake_r, &fake_cp, &ch->c, err, 256);
	assert_int_equal(rc != 0, err[0] != 0);
	return rc;
}

struct conn *fake_asked(struct fake_chan *ch)
{
	char err[256];

	assert_int_equal(fake_open(ch, err), 0);
	fake_cm_event(fake_id(ch->c), RDMA_CM_EVENT_ADDR_RESOLVED);
	fake_cm_event(fake_id(ch->c), RDMA_CM_EVENT_ROUTE_RESOLVED);
	fake_work();
	return ch->c;
}

struct conn *fake_opened(struct fake_chan *ch)
{
	struct conn *c = fake_asked(ch);

	fake_cm_answer(fake_id(c), RDMA_CM_EVENT_ESTABLISHED, 0, "welcome", 7);
	return c;
}

void fake_end(struct conn *c)
{
	transport_disconnect(c);
	fake_settle();
}

struct rdma_cm_id *fake_id(struct conn *c)
{
	return verbs_conn_of(c)->id->cm;
}

struct rdma_cm_id *fake_listener_id(struct transport_listener *l)
{
	return container_of(l, struct verbs_id, listener)->cm;
}

struct fake_qp *fake_qp(struct conn *c)
{
	return (struct fake_qp *)verbs_conn_of(c)->qp;
}

struct fake_cq *fake_cq(struct conn *c)
{
	return (struct fake_cq *)verbs_conn_of(c)->p->cq;
}

static void xfer_init(struct xfer *x, uint32_t len)
{
	static const struct xfer_seg seg = { 0x10000, 5, 1u << 20 };

	memset(x, 0, sizeof(*x));
	x->segs = &seg;
	x->nsegs = len ? 1 : 0;
	x->local = (struct iobuf){ .addr = fake_r->bufs.slab.base, .len = len };
}

void fake_push(struct conn *c, struct xfer *x, uint32_t len)
{
	xfer_init(x, len);
	x->msg = fake_msg;
	x->msg_len = 36;
	x->msg_region = fake_msg_region;
	transport_push(c, x);
}

void fake_pull(struct conn *c, struct xfer *x, uint32_t len)
{
	xfer_init(x, len);
	transport_pull(c, x);
}
