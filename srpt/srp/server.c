/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All targets of the daemon, their memory on the reactors, and the listings. Control thread. */
#include "srp/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NS_PER_MS 1000000ull

/* Channels one reactor has response memory for, at most; by block, see struct srp_block. */
static const uint32_t block_ends[SRP_BLOCKS] = { 512, 1024, 2048 };
#define CHUNKS_MAX 2048u

/* ---- telling when something is over ---- */

static void done_told(struct msg *m)
{
	struct srp_done *d = container_of(m, struct srp_done, msg);

	if (d->fn)
		d->fn(d->arg);
}

void srp_done_want(struct srp_done *d, void (*fn)(void *arg), void *arg)
{
	d->fn = fn;
	d->arg = arg;
	d->wanted = fn != NULL;
}

/* By message: whoever waits may free what the caller still works on. */
void srp_done_tell(struct srp_done *d, struct mailbox *control)
{
	if (!d->wanted)
		return;
	d->wanted = false;
	d->msg.fn = done_told;
	mailbox_post(control, &d->msg);
}

/* ---- deadlines: a reactor has the timer, its end is told to the control thread ---- */

struct deadline {
	struct list_node link; /* of the server */
	struct msg msg;
	struct reactor_timer timer;
	struct reactor *r;
	struct srp_server *server;
	uint64_t delay_ns;
	void (*fn)(struct srp_server *s, uint64_t key);
	uint64_t key;
};

static void deadline_met(struct msg *m)
{
	struct deadline *d = container_of(m, struct deadline, msg);

	list_del(&d->link);
	d->fn(d->server, d->key);
	free(d);
}

static void deadline_expired(struct reactor_timer *t)
{
	struct deadline *d = container_of(t, struct deadline, timer);

	d->msg.fn = deadline_met;
	mailbox_post(d->server->group->control, &d->msg);
}

static void deadline_start(struct msg *m)
{
	struct deadline *d = container_of(m, struct deadline, msg);

	reactor_timer_start(d->r, &d->timer, d->delay_ns);
}

int server_deadline(struct srp_server *s, uint64_t delay_ns,
		    void (*fn)(struct srp_server *s, uint64_t key), uint64_t key)
{
	struct deadline *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->server = s;
	d->r = s->group->r[0];
	d->delay_ns = delay_ns;
	d->fn = fn;
	d->key = key;
	d->timer.fn = deadline_expired;
	list_init(&d->timer.link);
	list_add_tail(&s->deadlines, &d->link);
	d->msg.fn = deadline_start;
	reactor_send(d->r, &d->msg);
	return 0;
}

/* ---- memory on the reactors ---- */

static uint32_t chunks_per_reactor(const struct srp_server *s)
{
	uint64_t all = (uint64_t)s->params.max_sessions * s->params.max_channels;
	uint64_t share = all / s->group->n + s->params.max_channels;

	return (uint32_t)min_u64(share, CHUNKS_MAX);
}

static void block_received(struct msg *m)
{
	struct srp_block *b = container_of(m, struct srp_block, msg);

	reactor_region_open(b->r, b->region, b->len);
}

/* The tables belong to the first block. */
static int blocks_init(struct srp_reactor *sr, uint32_t chunks, size_t chunk)
{
	uint8_t *base = sr->mem;

	for (int i = 0; i < SRP_BLOCKS; i++) {
		struct srp_block *b = &sr->blocks[i];
		uint32_t first = i ? block_ends[i - 1] : 0;

		if (first >= chunks)
			break;
		b->r = sr->r;
		b->msg.fn = block_received;
		b->end = (uint32_t)min_u64(block_ends[i], chunks);
		b->len = (b->end - first) * chunk + (i ? 0 : TABLE_COUNT * TABLE_BYTES);
		b->region = reactor_region_reserve(sr->r, base);
		if (b->region < 0)
			return b->region;
		base += b->len;
	}
	reactor_region_open(sr->r, sr->blocks[0].region, sr->blocks[0].len);
	sr->blocks[0].open = true;
	return 0;
}

uint16_t server_chunk_region(struct srp_reactor *sr, uint32_t chunk)
{
	struct srp_block *b = sr->blocks;

	while (chunk >= b->end)
		b++;
	if (!b->open)
		reactor_send(b->r, &b->msg);
	b->open = true;
	return (uint16_t)b->region;
}

static int srp_reactor_init(struct srp_reactor *sr, struct reactor *r, const struct srp_server *s)
{
	size_t chunk = channel_rsp_bytes(s->params.queue_depth, s->params.max_rsp_size);
	uint32_t n = chunks_per_reactor(s);
	int rc;

	sr->r = r;
	sr->mem_len = TABLE_COUNT * TABLE_BYTES + n * chunk;
	sr->mem = mmap(NULL, sr->mem_len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sr->mem == MAP_FAILED) {
		sr->mem = NULL;
		return -ENOMEM;
	}
	rc = blocks_init(sr, n, chunk);
	if (rc)
		return rc;
	sr->chunks = calloc(n, sizeof(*sr->chunks));
	if (!sr->chunks)
		return -ENOMEM;
	for (uint32_t i = n; i--;)
		sr->chunks[sr->nchunks++] = i;
	table_pool_init(&sr->tables, sr->mem, (uint16_t)sr->blocks[0].region);
	return 0;
}

static void srp_reactor_fini(struct srp_reactor *sr)
{
	for (int i = 0; i < SRP_BLOCKS; i++)
		if (sr->blocks[i].region > 0)
			reactor_region_del(sr->r, sr->blocks[i].region);
	if (sr->mem)
		munmap(sr->mem, sr->mem_len);
	free(sr->chunks);
}

static void *reactors_alloc(unsigned n)
{
	size_t size = n * sizeof(struct srp_reactor);
	void *p = aligned_alloc(CACHE_LINE, size);

	if (p)
		memset(p, 0, size);
	return p;
}

static bool params_valid(const struct srp_params *p)
{
	return p->max_req_size >= SRP_MIN_IT_IU_LEN && p->queue_depth &&
	       p->queue_depth <= UINT16_MAX && p->max_channels && p->max_sessions &&
	       p->max_rsp_size >= IU_TMF_RSP_LEN && p->max_rsp_size <= SRP_MAX_TI_IU_LEN;
}

int srp_server_create(struct reactor_group *g, struct scsi_device *d, const struct srp_params *p,
		      struct srp_server **out)
{
	struct srp_server *s;
	int rc = -ENOMEM;

	if (!params_valid(p))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->group = g;
	s->device = d;
	s->params = *p;
	list_init(&s->targets);
	list_init(&s->deadlines);
	s->map = calloc(SCSI_MAX_LUN + 1, sizeof(*s->map));
	s->per = reactors_alloc(g->n);
	if (s->map && s->per)
		rc = 0;
	for (unsigned i = 0; !rc && i < g->n; i++)
		rc = srp_reactor_init(&s->per[i], g->r[i], s);
	if (rc) {
		srp_server_destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

void srp_server_destroy(struct srp_server *s)
{
	struct deadline *d, *tmp;

	list_for_each_safe(d, tmp, &s->deadlines, link) {
		reactor_timer_stop(&d->timer);
		free(d);
	}
	for (unsigned i = 0; s->per && i < s->group->n; i++)
		srp_reactor_fini(&s->per[i]);
	free(s->per);
	free(s->map);
	free(s);
}

/* ---- finding ---- */

struct srp_target *srp_target_find(struct srp_server *s, const char *name)
{
	struct srp_target *t;

	list_for_each(t, &s->targets, link)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

struct srp_target *server_target_by_id(struct srp_server *s, const uint8_t id[16])
{
	struct srp_target *t;

	list_for_each(t, &s->targets, link)
		if (!memcmp(t->port.id, id, sizeof(t->port.id)))
			return t;
	return NULL;
}

struct srp_session *server_session_find(struct srp_server *s, uint64_t id)
{
	struct srp_session *session;
	struct srp_target *t;

	list_for_each(t, &s->targets, link)
		list_for_each(session, &t->sessions, link)
			if (session->id == id)
				return session;
	return NULL;
}

/* ---- stopping ---- */

void server_check_stopped(struct srp_server *s)
{
	struct srp_target *t;

	list_for_each(t, &s->targets, link)
		if (!list_empty(&t->sessions))
			return;
	if (s->stopping)
		srp_done_tell(&s->stopped, s->group->control);
}

void srp_server_shutdown(struct srp_server *s, unsigned deadline_ms, void (*done)(void *arg),
			 void *arg)
{
	struct srp_session *session, *tmp;
	struct srp_target *t;

	s->stopping = true;
	srp_done_want(&s->stopped, done, arg);
	list_for_each(t, &s->targets, link)
		list_for_each_safe(session, tmp, &t->sessions, link)
			session_close(session, STOP_DRAIN, deadline_ms * NS_PER_MS);
	server_check_stopped(s);
}

int srp_session_close(struct srp_server *s, uint64_t id)
{
	struct srp_session *session = server_session_find(s, id);

	if (!session)
		return -ENOENT;
	session_close(session, STOP_NOW, 0);
	return 0;
}

/* ---- listings ---- */

static void session_info(const struct srp_session *s, struct srp_session_info *i)
{
	struct srp_channel *ch;

	*i = (struct srp_session_info){
		.id = s->id,
		.name = s->name,
		.target = s->target->name,
		.nexus = s->nexus,
		.channels = s->nchannels,
		.login_time = s->login_time,
		.commands = s->commands,
		.read_bytes = s->read_bytes,
		.write_bytes = s->write_bytes,
	};
	memcpy(i->initiator_port_id, s->initiator_port_id, 16);
	memcpy(i->target_port_id, s->target->port.id, 16);
	list_for_each(ch, &s->channels, link) {
		i->commands += counter_read(&ch->commands);
		i->read_bytes += counter_read(&ch->read_bytes);
		i->write_bytes += counter_read(&ch->write_bytes);
		i->req_lim_sum += counter_read(&ch->req_lim);
	}
}

void srp_for_each_session(struct srp_server *s,
			  void (*fn)(void *arg, const struct srp_session_info *i), void *arg)
{
	struct srp_session_info info;
	struct srp_session *session;
	struct srp_target *t;

	list_for_each(t, &s->targets, link) {
		list_for_each(session, &t->sessions, link) {
			session_info(session, &info);
			fn(arg, &info);
		}
	}
}

static void channel_info(const struct srp_channel *ch, struct srp_channel_info *i)
{
	int32_t req_lim = counter_read(&ch->req_lim);

	*i = (struct srp_channel_info){
		.session_id = ch->session->id,
		.reactor = ch->reactor->id,
		.state = channel_state_name(counter_read(&ch->state)),
		.local = ch->info.local,
		.peer = ch->info.peer,
		.device = ch->info.device,
		.req_lim = req_lim > 0 ? (uint32_t)req_lim : 0,
		.commands = counter_read(&ch->commands),
		.in_flight = counter_read(&ch->in_flight),
		.imm_data = ch->imm_offset != 0,
	};
}

static void session_channels(const struct srp_session *s,
			     void (*fn)(void *arg, const struct srp_channel_info *i), void *arg)
{
	struct srp_channel_info info;
	struct srp_channel *ch;

	list_for_each(ch, &s->channels, link) {
		channel_info(ch, &info);
		fn(arg, &info);
	}
}

void srp_for_each_channel(struct srp_server *s, uint64_t session_id,
			  void (*fn)(void *arg, const struct srp_channel_info *i), void *arg)
{
	struct srp_session *session;
	struct srp_target *t;

	list_for_each(t, &s->targets, link)
		list_for_each(session, &t->sessions, link)
			if (!session_id || session->id == session_id)
				session_channels(session, fn, arg);
}

/* ---- what the transports call ---- */

const struct transport_upcalls *srp_upcalls(void)
{
	static const struct transport_upcalls upcalls = {
		.request = admit_request,
		.request_gone = admit_request_gone,
		.recv = channel_recv,
		.live = channel_live,
		.pulled = channel_pulled,
		.sent = channel_sent,
		.dying = channel_dying,
		.closed = channel_closed,
	};

	return &upcalls;
}
