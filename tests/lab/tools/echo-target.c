/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target of verbs-echo: the least that can sit on a transport. */
#include "echo.h"

#include "base/bytes.h"
#include "base/log.h"
#include "transport/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/poll.h>

#define COMMANDS 1024 /* per reactor */
#define SLAB (64u << 20)

struct chan;

struct command {
	struct list_node link;
	struct xfer x;
	struct chan *ch;
	uint32_t seed;
	struct echo_rsp rsp;
	struct xfer_seg segs[ECHO_MAX_SEGS];
};

struct chan {
	struct conn *c;
	bool live;
	struct list_node held;
};

static struct reactor_group group;
static struct mailbox control;
static struct transport *transport;
static struct transport_listener *listener;
static qb_loop_t *loop;
static pthread_t control_thread;
static struct list_node commands[REACTOR_MAX];
static uint16_t command_region[REACTOR_MAX];
static unsigned next_reactor;
static struct conn *pending;
static struct {
	atomic_int live, dying, closed, gone, recv, done, reset, errors, in_use, pending;
} n;

struct echo_stats echo_target_stats(void)
{
	return (struct echo_stats){ n.live, n.dying, n.closed, n.gone, n.recv,
				    n.done, n.reset, n.errors, n.in_use, n.pending };
}

static void wrong(const char *what)
{
	fprintf(stderr, "target: %s\n", what);
	n.errors++;
}

static void command_free(struct command *cmd)
{
	struct reactor *r = reactor_self();

	iobuf_put(&r->bufs, &cmd->x.local);
	list_add_head(&commands[r->id], &cmd->link);
	n.in_use--;
}

static void respond(struct command *cmd, int status)
{
	cmd->rsp.status = status;
	cmd->x.msg = (const uint8_t *)&cmd->rsp;
	cmd->x.msg_len = sizeof(cmd->rsp);
	cmd->x.msg_region = command_region[reactor_self()->id];
	transport_push(cmd->ch->c, &cmd->x);
}

static void on_pulled(struct xfer *x, int status)
{
	struct command *cmd = container_of(x, struct command, x);

	if (status) {
		n.reset++;
		command_free(cmd);
		return;
	}
	cmd->rsp.sum = echo_sum(0, x->local.addr, x->local.len);
	x->local.len = 0;
	respond(cmd, 0);
}

static void on_sent(struct xfer *x, int status)
{
	if (status)
		n.reset++;
	else
		n.done++;
	command_free(container_of(x, struct command, x));
}

static struct command *command_new(struct chan *ch, const struct echo_req *req)
{
	struct reactor *r = reactor_self();
	struct command *cmd;

	if (list_empty(&commands[r->id]) || req->nsegs > ECHO_MAX_SEGS) {
		wrong("no command");
		return NULL;
	}
	cmd = list_first(&commands[r->id], struct command, link);
	list_del(&cmd->link);
	n.in_use++;
	cmd->ch = ch;
	cmd->rsp = (struct echo_rsp){ .tag = req->tag };
	for (uint32_t i = 0; i < req->nsegs; i++)
		cmd->segs[i] = (struct xfer_seg){ req->segs[i].addr, req->segs[i].key,
						  req->segs[i].len };
	cmd->x.segs = cmd->segs;
	cmd->x.nsegs = req->nsegs;
	memset(&cmd->x.local, 0, sizeof(cmd->x.local));
	return cmd;
}

static void command_run(struct command *cmd, const struct echo_req *req)
{
	if (req->len && iobuf_get(&reactor_self()->bufs, req->len, &cmd->x.local)) {
		respond(cmd, -EAGAIN);
		return;
	}
	cmd->x.local.len = req->len;
	if (req->op == ECHO_PUT) {
		transport_pull(cmd->ch->c, &cmd->x);
		return;
	}
	if (req->op == ECHO_GET)
		for (uint32_t i = 0; i < req->len; i++)
			cmd->x.local.addr[i] = echo_pattern(req->seed, i);
	respond(cmd, 0);
}

static void on_recv(struct conn *c, struct rx *rx)
{
	struct chan *ch = c->context;
	const struct echo_req *req = (const void *)rx->data;
	struct command *cmd;

	n.recv++;
	if (!ch->live)
		wrong("message before live");
	if (((uintptr_t)rx->data + ECHO_IMM_OFFSET) % 4096)
		wrong("immediate data not page aligned");
	if (rx->region != IOBUF_UNREGISTERED &&
	    (rx->data < c->reactor->regions[rx->region].base ||
	     rx->data + ECHO_MAX_RECV > c->reactor->regions[rx->region].base +
	     c->reactor->regions[rx->region].len))
		wrong("message outside of its region");
	if (req->op == ECHO_HOLD) {
		list_add_tail(&ch->held, &rx->link);
		return;
	}
	cmd = command_new(ch, req);
	if (cmd)
		command_run(cmd, req);
	if (req->op == ECHO_CLOSE)
		transport_disconnect(c);
	transport_rx_put(c, rx);
}

static void on_live(struct conn *c)
{
	struct chan *ch = c->context;

	ch->live = true;
	n.live++;
}

static void on_dying(struct conn *c, const char *why)
{
	struct chan *ch = c->context;

	log_info("%s dying: %s", c->info.peer, why);
	n.dying++;
	while (!list_empty(&ch->held)) {
		struct rx *rx = list_first(&ch->held, struct rx, link);

		list_del(&rx->link);
		transport_rx_put(c, rx);
	}
}

static void on_closed(struct conn *c, void *context)
{
	(void)c;
	free(context);
	n.closed++;
}

static int accept_it(struct conn *c, const struct echo_login *l)
{
	struct chan *ch = calloc(1, sizeof(*ch));
	struct accept_params ap = {
		.reactor = group.r[next_reactor++ % group.n],
		.context = ch,
		.recv_depth = l->depth + 2,
		.max_xfers = l->depth,
		.private_data = "hello",
		.private_len = 5,
	};
	int rc;

	if (!ch)
		abort();
	ch->c = c;
	list_init(&ch->held);
	rc = transport_accept(c, &ap);
	if (rc) {
		free(ch);
		transport_reject(c, "full", 4);
	}
	return rc;
}

static void on_request(struct conn *c, const struct conn_info *info, const uint8_t *pd, size_t len,
		       void *ctx)
{
	const struct echo_login *l = (const void *)pd;

	if (ctx != &group || len < sizeof(*l) || !info->max_rd_atomic || !info->device[0])
		wrong("request");
	log_info("request %c from %s to %s on %s, %u READs", l->kind, info->peer, info->local,
		 info->device, info->max_rd_atomic);
	if (l->kind == 'Q' && pending && accept_it(pending, l)) {
		pending = NULL;
		n.gone++; /* known at once */
	}
	if (l->kind == 'R' || l->kind == 'Q') {
		transport_reject(c, "no", 2);
	} else if (l->kind == 'P') {
		pending = c;
		n.pending++;
	} else {
		accept_it(c, l);
	}
}

static void on_gone(struct conn *c, void *context)
{
	if (c == pending)
		pending = NULL;
	free(context);
	n.gone++;
}

static const struct transport_upcalls upcalls = {
	.request = on_request, .request_gone = on_gone, .recv = on_recv, .live = on_live,
	.pulled = on_pulled, .sent = on_sent, .dying = on_dying, .closed = on_closed,
};

/* ---- control thread ---- */

static int mail(int32_t fd, int32_t revents, void *data)
{
	(void)fd;
	(void)revents;
	(void)data;
	mailbox_awake(&control);
	do {
		mailbox_drain(&control);
	} while (!mailbox_prepare_sleep(&control));
	return 0;
}

static void *control_run(void *arg)
{
	mail(0, 0, NULL);
	qb_loop_run(loop);
	return arg;
}

static void loop_stop(struct msg *m)
{
	(void)m;
	transport->ops->unlisten(listener);
	qb_loop_stop(loop);
}

static int reactor_new(unsigned i, int poll_us)
{
	struct reactor_params rp = { .buffer_size = SLAB, .poll_budget_us = poll_us, .cpu = -1 };
	size_t len = COMMANDS * sizeof(struct command);
	struct command *mem;
	int rc = reactor_create(i, &rp, &group.r[i]);

	if (rc)
		return rc;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	list_init(&commands[i]);
	for (unsigned k = 0; k < COMMANDS; k++)
		list_add_tail(&commands[i], &mem[k].link);
	command_region[i] = (uint16_t)reactor_region_add(group.r[i], (uint8_t *)mem, len);
	return reactor_start(group.r[i]);
}

int echo_target_start(const char *addr, unsigned reactors, uint32_t srq_size, int poll_us)
{
	struct transport_params tp = {
		.max_recv = ECHO_MAX_RECV, .max_send = 256, .imm_offset = ECHO_IMM_OFFSET,
		.srq_size = srq_size, .sq_size = 4096,
	};
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(ECHO_PORT) };
	bool v6 = inet_pton(AF_INET, addr, &sin.sin_addr) != 1;
	char err[256] = "";
	int rc;

	memset(&n, 0, sizeof(n));
	loop = qb_loop_create();
	mailbox_init(&control);
	group.control = &control;
	group.n = reactors;
	for (unsigned i = 0; i < reactors; i++)
		if (reactor_new(i, poll_us))
			return -ENOMEM;
	rc = verbs_create(&upcalls, &tp, &group, loop, &transport, err, sizeof(err));
	if (!rc && v6)
		inet_pton(AF_INET6, addr, &sin6.sin6_addr);
	if (!rc)
		rc = transport->ops->listen(transport, v6 ? (void *)&sin6 : (void *)&sin,
					    v6 ? sizeof(sin6) : sizeof(sin), &group, &listener,
					    err, sizeof(err));
	if (rc) {
		fprintf(stderr, "target: %s\n", err);
		return rc;
	}
	qb_loop_poll_add(loop, QB_LOOP_MED, control.fd, POLLIN, NULL, mail);
	return -pthread_create(&control_thread, NULL, control_run, NULL);
}

void echo_target_stop(void)
{
	static struct msg stop = { NULL, loop_stop };

	mailbox_post(&control, &stop);
	pthread_join(control_thread, NULL);
	if (next_reactor & 1)
		verbs_destroy(transport);
	for (unsigned i = 0; i < group.n; i++)
		reactor_stop(group.r[i]);
	if (!(next_reactor & 1))
		verbs_destroy(transport);
	for (unsigned i = 0; i < group.n; i++) {
		struct iobuf_region *cmds = &group.r[i]->regions[command_region[i]];

		munmap(cmds->base, cmds->len);
		reactor_destroy(group.r[i]);
	}
	qb_loop_poll_del(loop, control.fd);
	qb_loop_destroy(loop);
	mailbox_destroy(&control);
}
