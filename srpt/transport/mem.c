/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport/mem.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define PAGE 4096u

enum { MEM_PULL = 1, MEM_PUSH };

/* A receive of ours. Only the bytes received may be read. */
struct mem_rx {
	struct rx rx; /* first */
	struct mem_rx *next;
};

struct mem_conn {
	struct conn base; /* first */
	struct list_node link; /* of the transport */
	struct mem_peer *peer;
	struct list_node pulls, pushes; /* xfers, in order */
	struct list_node unsent;        /* delivered, sent() is held back */
	uint8_t *arena;
	size_t arena_len;
	int region;
	struct mem_rx *rx, *free;
	uint32_t nrx, rx_held;
	bool established, went_live, received;
	bool closing, dying;
	const char *why;
	struct msg gone; /* request_gone() on the control thread */
};

struct mem {
	struct transport base; /* first */
	struct list_node conns;
	int fail_accept;
	struct mem_source {
		struct reactor_source source;
		struct mem *m;
		struct reactor *r;
		bool added;
	} sources[REACTOR_MAX];
};

static struct mem *mem_of(struct transport *t)
{
	return container_of(t, struct mem, base);
}

static struct mem_conn *conn_of(struct conn *c)
{
	return container_of(c, struct mem_conn, base);
}

/* ---- the end of a connection ---- */

static void conn_free(struct mem_conn *c)
{
	if (c->arena) {
		ASAN_UNPOISON_MEMORY_REGION(c->arena, c->arena_len);
		if (c->region > 0)
			reactor_region_del(c->base.reactor, c->region);
	}
	c->peer->conn = NULL;
	list_del(&c->link);
	free(c->arena);
	free(c->rx);
	free(c);
}

static void conn_die(struct mem_conn *c, const char *why)
{
	if (!c->why)
		c->why = why;
	c->closing = true;
}

static void gone_received(struct msg *m)
{
	struct mem_conn *c = container_of(m, struct mem_conn, gone);
	const struct transport_upcalls *up = c->base.t->up;

	c->peer->state = MEM_DEAD;
	up->request_gone(&c->base, c->base.context);
	conn_free(c);
}

static int xfer_flush(struct mem_conn *c, struct list_node *from)
{
	const struct transport_upcalls *up = c->base.t->up;
	int n = 0;

	while (!list_empty(from)) {
		struct xfer *x = list_first(from, struct xfer, link);

		list_del(&x->link);
		if (x->kind == MEM_PULL)
			up->pulled(x, -ECONNRESET);
		else
			up->sent(x, -ECONNRESET);
		n++;
	}
	return n;
}

/* Go on with the end of @c, which may be no more then; returns how much happened. */
static int conn_end(struct mem_conn *c)
{
	const struct transport_upcalls *up = c->base.t->up;
	bool known = c->went_live || c->received;
	int n = 0;

	if (!c->dying) {
		c->dying = true;
		if (known)
			up->dying(&c->base, c->why);
		n++;
	}
	if (c->peer->hold_flush)
		return n;
	n += xfer_flush(c, &c->pulls) + xfer_flush(c, &c->pushes) + xfer_flush(c, &c->unsent);
	if (!known) {
		c->gone.fn = gone_received;
		list_del(&c->link);
		mailbox_post(c->base.t->group->control, &c->gone);
		return n + 1;
	}
	if (c->rx_held || !list_empty(&c->pulls) || !list_empty(&c->pushes))
		return n;
	c->peer->state = MEM_DEAD;
	up->closed(&c->base, c->base.context);
	conn_free(c);
	return n + 1;
}

/* ---- moving bytes ---- */

static bool region_has(const struct reactor *r, unsigned region, const uint8_t *p, uint32_t len)
{
	const struct iobuf_region *reg;

	if (!len)
		return true;
	if (region >= IOBUF_REGIONS)
		return false;
	reg = &r->regions[region];
	return p >= reg->base && len <= reg->len && p + len <= reg->base + reg->len;
}

/* NULL: not all of it is mapped with @access. */
static uint8_t *peer_memory(struct mem_peer *p, uint64_t addr, uint32_t key, uint32_t len,
			    unsigned access)
{
	for (unsigned i = 0; i < p->nranges; i++) {
		struct mem_range *r = &p->ranges[i];

		if (r->key == key && (r->access & access) && addr >= r->addr &&
		    addr - r->addr <= r->len && len <= r->len - (addr - r->addr))
			return r->mem + (addr - r->addr);
	}
	return NULL;
}

/* Copy x->local from or to the segments; false: something is not there. */
static bool xfer_copy(struct mem_conn *c, struct xfer *x)
{
	uint32_t left = x->local.len, i;
	uint8_t *local = x->local.addr;

	if (!region_has(c->base.reactor, x->local.region, local, left))
		return false;
	for (i = 0; i < x->nsegs && left; i++) {
		const struct xfer_seg *s = &x->segs[i];
		uint32_t n = min_u32(s->len, left);
		unsigned access = x->kind == MEM_PULL ? MEM_READ : MEM_WRITE;
		uint8_t *remote = peer_memory(c->peer, s->addr, s->key, n, access);

		if (!remote)
			return false;
		if (x->kind == MEM_PULL)
			memcpy(local, remote, n);
		else
			memcpy(remote, local, n);
		local += n;
		left -= n;
	}
	return !left;
}

static void peer_deliver(struct mem_peer *p, const uint8_t *data, uint32_t len)
{
	struct mem_msg *m = malloc(sizeof(*m) + len);

	if (!m)
		abort();
	m->len = len;
	memcpy(m->data, data, len);
	list_add_tail(&p->inbox, &m->link);
}

static void conn_violated(struct mem_conn *c, struct xfer *x)
{
	const struct transport_upcalls *up = c->base.t->up;

	c->peer->violations++;
	conn_die(c, "access outside of memory");
	if (x->kind == MEM_PULL)
		up->pulled(x, -ECONNRESET);
	else
		up->sent(x, -ECONNRESET);
}

static void pull_run(struct mem_conn *c, struct xfer *x)
{
	struct mem_peer *p = c->peer;
	int status = p->fail_pull;

	if (status) {
		p->fail_pull = 0;
		conn_die(c, "RDMA READ failed");
	} else if (!xfer_copy(c, x)) {
		conn_violated(c, x);
		return;
	}
	p->pulls++;
	p->pulled_bytes += x->local.len;
	c->base.t->up->pulled(x, status);
}

static void push_run(struct mem_conn *c, struct xfer *x)
{
	struct mem_peer *p = c->peer;

	if (!xfer_copy(c, x) || x->msg_len > c->base.t->params.max_send ||
	    !region_has(c->base.reactor, x->msg_region, x->msg, x->msg_len)) {
		conn_violated(c, x);
		return;
	}
	p->pushes++;
	p->pushed_bytes += x->local.len;
	peer_deliver(p, x->msg, x->msg_len);
	if (p->hold_sent)
		list_add_tail(&c->unsent, &x->link);
	else
		c->base.t->up->sent(x, 0);
}

static int xfers_run(struct mem_conn *c)
{
	struct mem_peer *p = c->peer;
	int n = 0;

	while (!c->closing && !p->hold_pulls && !list_empty(&c->pulls)) {
		struct xfer *x = list_first(&c->pulls, struct xfer, link);

		list_del(&x->link);
		pull_run(c, x);
		n++;
	}
	while (!c->closing && !p->hold_pushes && !list_empty(&c->pushes)) {
		struct xfer *x = list_first(&c->pushes, struct xfer, link);

		list_del(&x->link);
		push_run(c, x);
		n++;
	}
	while (!c->closing && !p->hold_sent && !list_empty(&c->unsent)) {
		struct xfer *x = list_first(&c->unsent, struct xfer, link);

		list_del(&x->link);
		c->base.t->up->sent(x, 0);
		n++;
	}
	return n;
}

/* ---- receiving ---- */

static void rx_fill(struct mem_conn *c, struct mem_rx *rx, const struct mem_msg *m)
{
	uint32_t max = c->base.t->params.max_recv;

	ASAN_UNPOISON_MEMORY_REGION(rx->rx.data, max);
	memset(rx->rx.data, 0xa5, max);
	memcpy(rx->rx.data, m->data, m->len);
	ASAN_POISON_MEMORY_REGION(rx->rx.data + m->len, max - m->len);
	rx->rx.len = m->len;
	list_init(&rx->rx.link);
}

static int messages_run(struct mem_conn *c)
{
	struct mem_peer *p = c->peer;
	int n = 0;

	while (!c->closing && !list_empty(&p->outbox)) {
		struct mem_msg *m = list_first(&p->outbox, struct mem_msg, link);
		struct mem_rx *rx = c->free;

		if (!rx) {
			p->rnr++;
			break;
		}
		list_del(&m->link);
		c->free = rx->next;
		c->rx_held++;
		c->received = true;
		rx_fill(c, rx, m);
		free(m);
		c->base.t->up->recv(&c->base, &rx->rx);
		n++;
	}
	return n;
}

static int mem_poll(struct reactor_source *s)
{
	struct mem_source *ms = container_of(s, struct mem_source, source);
	struct mem_conn *c, *tmp;
	int n = 0;

	list_for_each_safe(c, tmp, &ms->m->conns, link) {
		if (c->base.reactor != ms->r)
			continue;
		if (c->established && !c->went_live && !c->closing) {
			c->went_live = true;
			c->peer->state = MEM_LIVE;
			c->base.t->up->live(&c->base);
			n++;
		}
		n += messages_run(c);
		n += xfers_run(c);
		if (c->closing)
			n += conn_end(c);
	}
	return n;
}

/* ---- operations ---- */

static void mem_rx_put(struct conn *base, struct rx *r)
{
	struct mem_conn *c = conn_of(base);
	struct mem_rx *rx = container_of(r, struct mem_rx, rx);

	if (!c->rx_held)
		abort();
	ASAN_POISON_MEMORY_REGION(r->data, base->t->params.max_recv);
	c->rx_held--;
	rx->next = c->free;
	c->free = rx;
}

static void mem_pull(struct conn *base, struct xfer *x)
{
	x->conn = base;
	x->kind = MEM_PULL;
	list_add_tail(&conn_of(base)->pulls, &x->link);
}

static void mem_push(struct conn *base, struct xfer *x)
{
	x->conn = base;
	x->kind = MEM_PUSH;
	list_add_tail(&conn_of(base)->pushes, &x->link);
}

static void mem_disconnect(struct conn *base)
{
	conn_die(conn_of(base), "closed by the target");
}

/* Receives start so that the byte at imm_offset begins a page. */
static int receives_make(struct mem_conn *c, uint32_t n)
{
	const struct transport_params *tp = &c->base.t->params;
	size_t lead = (PAGE - tp->imm_offset % PAGE) % PAGE;
	size_t stride = (lead + tp->max_recv + PAGE - 1) / PAGE * PAGE;

	c->rx = calloc(n, sizeof(*c->rx));
	c->arena_len = n * stride;
	c->arena = aligned_alloc(PAGE, c->arena_len);
	if (!c->rx || !c->arena)
		return -ENOMEM;
	c->region = reactor_region_add(c->base.reactor, c->arena, c->arena_len);
	ASAN_POISON_MEMORY_REGION(c->arena, c->arena_len);
	for (uint32_t i = n; i--;) {
		c->rx[i].rx.data = c->arena + i * stride + lead;
		c->rx[i].rx.region = c->region > 0 ? (uint16_t)c->region : IOBUF_UNREGISTERED;
		c->rx[i].next = c->free;
		c->free = &c->rx[i];
	}
	c->nrx = n;
	return 0;
}

static void source_add(struct mem *m, struct reactor *r)
{
	struct mem_source *s = &m->sources[r->id];

	if (s->added)
		return;
	*s = (struct mem_source){ .source = { .poll = mem_poll, .fd = -1 }, .m = m, .r = r,
				  .added = true };
	reactor_source_add(r, &s->source);
}

static int mem_accept(struct conn *base, const struct accept_params *p)
{
	struct mem_conn *c = conn_of(base);
	struct mem *m = mem_of(base->t);

	if (m->fail_accept)
		return m->fail_accept;
	base->reactor = p->reactor;
	if (receives_make(c, p->recv_depth))
		return -ENOMEM;
	base->context = p->context;
	c->peer->state = MEM_ACCEPTED;
	c->peer->accepted = *p;
	c->peer->private_len = p->private_len;
	memcpy(c->peer->private_data, p->private_data, p->private_len);
	source_add(m, p->reactor);
	return 0;
}

static void mem_reject(struct conn *base, const void *pd, uint8_t len)
{
	struct mem_conn *c = conn_of(base);

	c->peer->state = MEM_REJECTED;
	c->peer->private_len = len;
	memcpy(c->peer->private_data, pd, len);
	conn_free(c);
}

static const struct transport_ops mem_ops = {
	.name = "mem",
	.accept = mem_accept,
	.reject = mem_reject,
	.rx_put = mem_rx_put,
	.pull = mem_pull,
	.push = mem_push,
	.disconnect = mem_disconnect,
};

struct transport *mem_create(const struct transport_upcalls *up,
			     const struct transport_params *p, struct reactor_group *g)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->base = (struct transport){ .ops = &mem_ops, .up = up, .params = *p, .group = g };
	list_init(&m->conns);
	return &m->base;
}

void mem_destroy(struct transport *t)
{
	struct mem *m = mem_of(t);

	if (!list_empty(&m->conns))
		abort();
	for (unsigned i = 0; i < REACTOR_MAX; i++)
		if (m->sources[i].added)
			reactor_source_del(m->sources[i].r, &m->sources[i].source);
	free(m);
}

void mem_fail_accept(struct transport *t, int err)
{
	mem_of(t)->fail_accept = err;
}

/* ---- the initiator ---- */

struct mem_peer *mem_connect(struct transport *t, const struct conn_info *info, const void *pd,
			     size_t len, void *listener_ctx)
{
	struct mem_peer *p = calloc(1, sizeof(*p));
	struct mem_conn *c = calloc(1, sizeof(*c));
	uint8_t *copy = malloc(len ? len : 1);

	if (!p || !c || !copy)
		abort();
	list_init(&p->inbox);
	list_init(&p->outbox);
	p->conn = c;
	c->peer = p;
	c->base.t = t;
	c->base.info = *info;
	list_init(&c->pulls);
	list_init(&c->pushes);
	list_init(&c->unsent);
	list_add_tail(&mem_of(t)->conns, &c->link);
	/* Exactly as long as it is, so that a checker sees what is read beyond. */
	memcpy(copy, pd, len);
	t->up->request(&c->base, &c->base.info, copy, len, listener_ctx);
	free(copy);
	return p;
}

static void msgs_free(struct list_node *head)
{
	while (!list_empty(head)) {
		struct mem_msg *m = list_first(head, struct mem_msg, link);

		list_del(&m->link);
		free(m);
	}
}

void mem_peer_free(struct mem_peer *p)
{
	if (p->conn)
		abort();
	msgs_free(&p->inbox);
	msgs_free(&p->outbox);
	free(p);
}

void mem_establish(struct mem_peer *p)
{
	p->conn->established = true;
}

void mem_send(struct mem_peer *p, const void *msg, uint32_t len)
{
	struct mem_msg *m = malloc(sizeof(*m) + len);

	if (!m || len > p->conn->base.t->params.max_recv)
		abort();
	m->len = len;
	memcpy(m->data, msg, len);
	list_add_tail(&p->outbox, &m->link);
}

struct mem_msg *mem_take(struct mem_peer *p)
{
	struct mem_msg *m;

	if (list_empty(&p->inbox))
		return NULL;
	m = list_first(&p->inbox, struct mem_msg, link);
	list_del(&m->link);
	return m;
}

void mem_msg_free(struct mem_msg *m)
{
	free(m);
}

void mem_hang_up(struct mem_peer *p)
{
	struct mem_conn *c = p->conn;

	if (!c)
		return;
	if (p->state != MEM_REQUESTED) {
		conn_die(c, "peer disconnected");
		return;
	}
	p->state = MEM_DEAD;
	c->base.t->up->request_gone(&c->base, NULL);
	conn_free(c);
}

void mem_map(struct mem_peer *p, uint64_t addr, uint32_t key, void *mem, uint32_t len,
	     unsigned access)
{
	if (p->nranges == MEM_RANGES_MAX)
		abort();
	p->ranges[p->nranges++] = (struct mem_range){ addr, key, len, access, mem };
}

void mem_unmap(struct mem_peer *p, uint32_t key)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nranges; i++)
		if (p->ranges[i].key != key)
			p->ranges[n++] = p->ranges[i];
	p->nranges = n;
}
