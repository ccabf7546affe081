/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of a reactor and the memory for what they receive.
 *
 * Sockets are in an epoll instance, edge triggered for both directions, so that
 * one is registered once in its life. One with data is hot: it is read in every
 * round without asking epoll until it stays empty for a while; epoll is asked
 * when nothing is hot, and now and then besides. An idle connection costs nothing.
 */
#include "transport/iwarp_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define EVENTS 64
#define ASK_EVERY 8u       /* rounds, while something is hot */
#define FEW_HOT 4u         /* so many may be read in vain … */
#define FEW_HOT_READS 32u  /* … so often before they cool down; of more each but once */
#define CHUNK_MIN 256u     /* slots */
#define CHUNK_MAX 8192u    /* by which memory grows, unless more is needed at once */

/* Memory for slots; they are made one by one when there is no free one. */
struct iwarp_chunk {
	struct iwarp_chunk *next;
	uint8_t *mem;
	size_t len;
	uint32_t n;
	uint32_t made; /* reactor */
	struct iwarp_slot slots[];
};

/* ---- slots ---- */

/* The message starts so that its byte imm_offset is at a page boundary. */
static uint32_t slot_lead(const struct transport_params *tp)
{
	return (PAGE - tp->imm_offset % PAGE) % PAGE;
}

static size_t slot_stride(const struct transport_params *tp)
{
	return ((size_t)slot_lead(tp) + tp->max_recv + PAGE - 1) / PAGE * PAGE;
}

static void chunk_free(struct iwarp_chunk *k)
{
	munmap(k->mem, k->len);
	free(k);
}

/* Pages are used when a message first comes to lie in them. */
static struct iwarp_chunk *chunk_new(const struct transport_params *tp, uint32_t n)
{
	struct iwarp_chunk *k = calloc(1, sizeof(*k) + n * sizeof(k->slots[0]));
	void *mem;

	if (!k)
		return NULL;
	k->n = n;
	k->len = n * slot_stride(tp);
	mem = mmap(NULL, k->len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		free(k);
		return NULL;
	}
	k->mem = mem;
	return k;
}

static int slots_grow(struct iwarp_poller *p, uint32_t need, uint32_t have)
{
	uint32_t n = min_u32(have > CHUNK_MIN ? have : CHUNK_MIN, CHUNK_MAX);
	struct iwarp_chunk *k;

	if (n < need)
		n = need;
	k = chunk_new(&p->t->base.params, n);
	if (!k)
		return -ENOMEM;
	k->next = atomic_load(&p->chunks);
	while (!atomic_compare_exchange_weak(&p->chunks, &k->next, k))
		;
	atomic_fetch_add(&p->slots_all, n);
	return 0;
}

/* Two threads that grow it at once map more than is needed, never less. */
int iwarp_slots_promise(struct iwarp_poller *p, struct iwarp_conn *c)
{
	uint32_t all, want = atomic_fetch_add(&p->slots_promised, c->rx_depth) + c->rx_depth;

	all = atomic_load(&p->slots_all);
	if (want <= all || !slots_grow(p, want - all, all))
		return 0;
	atomic_fetch_sub(&p->slots_promised, c->rx_depth);
	return -ENOMEM;
}

void iwarp_slots_release(struct iwarp_conn *c)
{
	atomic_fetch_sub(&c->p->slots_promised, c->rx_depth);
}

static struct iwarp_slot *slot_make(struct iwarp_poller *p)
{
	const struct transport_params *tp = &p->t->base.params;
	struct iwarp_chunk *k = atomic_load(&p->chunks);
	struct iwarp_slot *s;

	while (k && k->made == k->n)
		k = k->next;
	if (!k)
		return NULL;
	s = &k->slots[k->made];
	s->rx.data = k->mem + k->made * slot_stride(tp) + slot_lead(tp);
	s->rx.region = IOBUF_UNREGISTERED;
	list_init(&s->rx.link);
	k->made++;
	return s;
}

struct iwarp_slot *iwarp_slot_get(struct iwarp_conn *c)
{
	struct iwarp_slots *all = &c->p->slots;
	struct iwarp_slot *s = all->free;

	if (c->rx_held == c->rx_depth)
		return NULL;
	if (s)
		all->free = s->next;
	else
		s = slot_make(c->p);
	if (s)
		c->rx_held++;
	return s;
}

void iwarp_slot_put(struct iwarp_conn *c, struct iwarp_slot *s)
{
	c->rx_held--;
	s->next = c->p->slots.free;
	c->p->slots.free = s;
}

/* ---- sockets ---- */

int iwarp_poller_add(struct iwarp_conn *c)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c,
	};
	struct iwarp_poller *p = c->p;

	if (!p->started) {
		p->started = true;
		reactor_source_add(p->reactor, &p->source);
	}
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev))
		return -errno;
	list_add_tail(&p->conns, &c->link);
	return 0;
}

void iwarp_poller_close(struct iwarp_conn *c)
{
	iwarp_poller_cool(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void iwarp_poller_heat(struct iwarp_conn *c)
{
	c->idle = 0;
	if (!list_empty(&c->hot))
		return;
	list_add_tail(&c->p->hot, &c->hot);
	c->p->nhot++;
}

void iwarp_poller_cool(struct iwarp_conn *c)
{
	if (list_empty(&c->hot))
		return;
	list_del(&c->hot);
	c->p->nhot--;
}

void iwarp_poller_want_write(struct iwarp_conn *c, bool want)
{
	c->want_write = want;
}

static void event_handle(struct iwarp_conn *c, uint32_t events)
{
	switch (c->state) {
	case IWARP_OPENING:
		iwarp_conn_opening(c);
		break;
	case IWARP_LIVE:
		if (events & ~(uint32_t)EPOLLOUT)
			iwarp_poller_heat(c);
		if (events & ~(uint32_t)EPOLLIN && c->want_write)
			reactor_defer(c->p->reactor, &c->run);
		break;
	default:
		reactor_defer(c->p->reactor, &c->run);
	}
}

/* Connections are freed at the end of a round only: all events are about living ones. */
static int poller_ask(struct iwarp_poller *p)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(p->epoll_fd, ev, EVENTS, 0);

	p->unasked = 0;
	for (int i = 0; i < n; i++)
		event_handle(ev[i].data.ptr, ev[i].events);
	return n > 0 ? n : 0;
}

/* What is read may end the connection, which is work to be done too. */
static int hot_read_one(struct iwarp_conn *c, uint32_t patience)
{
	int n = iwarp_rx_ready(c);

	if (n > 0)
		c->idle = 0;
	else if (c->state != IWARP_LIVE)
		n = 1;
	else if (++c->idle >= patience)
		iwarp_poller_cool(c);
	return n;
}

/* @patience: reads in vain after which a connection cools down. */
static int hot_read(struct iwarp_poller *p, uint32_t patience)
{
	struct list_node round = LIST_INIT(round);
	int work = 0;

	list_splice_tail(&round, &p->hot);
	while (!list_empty(&round)) {
		struct iwarp_conn *c = list_first(&round, struct iwarp_conn, hot);

		list_del(&c->hot);
		list_add_tail(&p->hot, &c->hot);
		work += hot_read_one(c, patience);
	}
	return work;
}

static int poller_poll(struct reactor_source *s)
{
	struct iwarp_poller *p = container_of(s, struct iwarp_poller, source);
	int work = 0;

	if (!p->nhot || ++p->unasked >= ASK_EVERY)
		work = poller_ask(p);
	if (p->nhot)
		work += hot_read(p, p->nhot <= FEW_HOT ? FEW_HOT_READS : 1);
	if (work)
		p->seen = true;
	return work;
}

/* What is not hot wakes us by the epoll descriptor. */
static bool poller_arm(struct reactor_source *s)
{
	struct iwarp_poller *p = container_of(s, struct iwarp_poller, source);

	p->seen = p->nhot && hot_read(p, 1);
	return p->seen;
}

static bool poller_busy(struct reactor_source *s)
{
	return container_of(s, struct iwarp_poller, source)->seen;
}

/* ---- life ---- */

static int poller_open(struct iwarp_poller *p)
{
	void *stage = mmap(NULL, IWARP_STAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (stage == MAP_FAILED)
		return -ENOMEM;
	p->stage = stage;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->source.fd = p->epoll_fd;
	return p->epoll_fd < 0 ? -errno : 0;
}

struct iwarp_poller *iwarp_poller_new(struct iwarp *t, struct reactor *r)
{
	struct iwarp_poller *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return NULL;
	p->t = t;
	p->reactor = r;
	p->epoll_fd = -1;
	p->source.poll = poller_poll;
	p->source.arm = poller_arm;
	p->source.busy = poller_busy;
	list_init(&p->source.link);
	list_init(&p->conns);
	list_init(&p->hot);
	atomic_init(&p->chunks, NULL);
	atomic_init(&p->slots_all, 0);
	atomic_init(&p->slots_promised, 0);
	rc = poller_open(p);
	if (!rc)
		return p;
	log_err("reactor %u cannot poll sockets: %s", r->id, strerror(-rc));
	iwarp_poller_free(p);
	return NULL;
}

void iwarp_poller_free(struct iwarp_poller *p)
{
	struct iwarp_chunk *k = atomic_load(&p->chunks), *next;

	while (!list_empty(&p->conns))
		iwarp_conn_free(list_first(&p->conns, struct iwarp_conn, link));
	if (p->started)
		reactor_source_del(p->reactor, &p->source);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	if (p->stage)
		munmap(p->stage, IWARP_STAGE);
	for (; k; k = next) {
		next = k->next;
		chunk_free(k);
	}
	free(p);
}
