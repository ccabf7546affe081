/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdisk_fault: a vdisk_ram that misbehaves as told, to test what is above it. What to do wrong
 * is a script, changed by the control thread at any time: each reactor gets its copy by message,
 * so that a request looks at nothing shared but a counter.
 */
#include "backend/backend_priv.h"

#include <pthread.h>
#include <stdlib.h>

#define NS_PER_MS 1000000ull

/* What one reactor has of it. Reactor thread, but for @reactor and @posted. */
struct fault_port {
	struct backend_fault script;
	struct list_node held;    /* be_io.link: by fault_hang */
	struct list_node delayed; /* be_io.link, by time: be_io.done_bytes is when it ends, ns */
	struct reactor_timer timer;
	struct msg msg;           /* the script is another one */
	atomic_bool posted;
	struct fault *fault;
	struct reactor *reactor;  /* NULL: not attached; control thread when no message is due */
} __attribute__((aligned(CACHE_LINE)));

struct fault {
	pthread_mutex_t lock;     /* of @script; never held for a request */
	struct backend_fault script;
	atomic_uint matched;      /* requests that the script is about */
	struct fault_port port[REACTOR_MAX];
};

/* ---- requests ---- */

static bool script_matches(const struct backend_fault *s, const struct be_io *io)
{
	if (!s->every || !(s->ops & 1u << io->op))
		return false;
	if (io->op == BE_FLUSH || !s->len)
		return true;
	return io->off >= s->off ? io->off - s->off < s->len : s->off - io->off < io->len;
}

static bool script_hits(struct fault *f, const struct backend_fault *s, const struct be_io *io)
{
	unsigned n;

	if (!script_matches(s, io))
		return false;
	n = atomic_fetch_add_explicit(&f->matched, 1, memory_order_relaxed) + 1;
	return n % s->every == 0;
}

static void request_end(struct be_io *io, int error)
{
	if (error)
		be_complete_later(io, -error);
	else
		ram_submit(io->be, io);
}

static void timer_set(struct fault_port *p)
{
	uint64_t now = p->reactor->now_ns, at;

	reactor_timer_stop(&p->timer);
	if (list_empty(&p->delayed))
		return;
	at = list_first(&p->delayed, struct be_io, link)->done_bytes;
	reactor_timer_start(p->reactor, &p->timer, at > now ? at - now : 0);
}

/* Those before have mostly the same delay, so the place is near the end. */
static void request_delay(struct fault_port *p, struct be_io *io)
{
	struct list_node *after = p->delayed.prev;

	io->done_bytes = p->reactor->now_ns + p->script.delay_ms * NS_PER_MS;
	while (after != &p->delayed &&
	       container_of(after, struct be_io, link)->done_bytes > io->done_bytes)
		after = after->prev;
	list_insert_before(after->next, &io->link);
	timer_set(p);
}

static void delayed_end(struct fault_port *p, uint64_t until)
{
	while (!list_empty(&p->delayed)) {
		struct be_io *io = list_first(&p->delayed, struct be_io, link);

		if (io->done_bytes > until)
			break;
		list_del(&io->link);
		request_end(io, p->script.error);
	}
	timer_set(p);
}

static void delay_over(struct reactor_timer *t)
{
	struct fault_port *p = container_of(t, struct fault_port, timer);

	delayed_end(p, p->reactor->now_ns);
}

static void held_end(struct fault_port *p)
{
	while (!list_empty(&p->held)) {
		struct be_io *io = list_first(&p->held, struct be_io, link);

		list_del(&io->link);
		request_end(io, p->script.error);
	}
}

static void fault_submit(struct backend *be, struct be_io *io)
{
	struct fault *f = be->priv;
	struct fault_port *p = &f->port[io->reactor->id];

	if (!script_hits(f, &p->script, io))
		request_end(io, 0);
	else if (p->script.hang)
		list_add_tail(&p->held, &io->link);
	else if (p->script.delay_ms)
		request_delay(p, io);
	else
		request_end(io, p->script.error);
}

/* ---- the script ---- */

static void script_copy(struct fault_port *p)
{
	struct fault *f = p->fault;

	pthread_mutex_lock(&f->lock);
	p->script = f->script;
	pthread_mutex_unlock(&f->lock);
}

static void script_received(struct msg *m)
{
	struct fault_port *p = container_of(m, struct fault_port, msg);

	/* First, so that a script that comes from now on is posted again. */
	atomic_store(&p->posted, false);
	script_copy(p);
	if (!p->script.hang)
		held_end(p);
	if (!p->script.delay_ms)
		delayed_end(p, UINT64_MAX);
}

static void fault_change(struct backend *be, const struct backend_params *p)
{
	struct fault *f = be->priv;

	pthread_mutex_lock(&f->lock);
	f->script = p->fault;
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < REACTOR_MAX; i++) {
		struct fault_port *port = &f->port[i];

		if (port->reactor && !atomic_exchange(&port->posted, true))
			reactor_send(port->reactor, &port->msg);
	}
}

/* ---- life ---- */

static struct fault *fault_new(const struct backend_fault *script)
{
	struct fault *f = aligned_alloc(CACHE_LINE, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct fault){ .script = *script };
	pthread_mutex_init(&f->lock, NULL);
	for (unsigned i = 0; i < REACTOR_MAX; i++) {
		struct fault_port *p = &f->port[i];

		p->fault = f;
		list_init(&p->held);
		list_init(&p->delayed);
		list_init(&p->timer.link);
		p->timer.fn = delay_over;
		p->msg.fn = script_received;
	}
	return f;
}

static int fault_open(struct backend *be, const struct backend_params *p, char *err,
		      size_t errlen)
{
	int rc = ram_ops.open(be, p, err, errlen);

	if (rc)
		return rc;
	be->priv = fault_new(&p->fault);
	if (be->priv)
		return 0;
	ram_ops.close(be);
	return be_error(err, errlen, -ENOMEM, "out of memory");
}

static void fault_close(struct backend *be)
{
	struct fault *f = be->priv;

	pthread_mutex_destroy(&f->lock);
	free(f);
	ram_ops.close(be);
}

static int fault_attach(struct backend *be, struct reactor *r)
{
	struct fault *f = be->priv;
	struct fault_port *p = &f->port[r->id];

	p->reactor = r;
	script_copy(p);
	return 0;
}

static void fault_detach(struct backend *be, struct reactor *r)
{
	struct fault *f = be->priv;

	reactor_timer_stop(&f->port[r->id].timer);
	f->port[r->id].reactor = NULL;
}

static int fault_resync(struct backend *be)
{
	return ram_ops.resync(be);
}

const struct backend_ops fault_ops = {
	.handler = "vdisk_fault",
	.open = fault_open,
	.close = fault_close,
	.attach = fault_attach,
	.detach = fault_detach,
	.submit = fault_submit,
	.resync = fault_resync,
	.change = fault_change,
};
