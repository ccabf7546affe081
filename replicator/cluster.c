/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/cluster.h"
#include "base/list.h"
#include "base/log.h"

#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define GROUP "srpt-ha"
#define NS_PER_MS 1000000ull
#define CONNECT_RETRY (200 * NS_PER_MS)
#define SEND_RETRY (10 * NS_PER_MS)
#define QUEUE_MAX 256  /* messages that wait while Corosync forms a membership */
#define DRAIN_MAX 1000 /* events at once; more wait for the next turn of the loop */

/* A message that Corosync did not take yet. */
struct unsent {
	struct list_node link;
	size_t len;
	char text[];
};

struct cluster {
	qb_loop_t *loop;
	const struct cluster_listener *listener;
	void *arg;
	cpg_handle_t cpg; /* 0: not connected, as the next */
	quorum_handle_t quorum;
	int cpg_fd, quorum_fd; /* in the loop, -1: not */
	bool joined;  /* members() was called, lost() was not yet */
	bool broken;  /* to be connected anew */
	int complaint; /* cs_error_t that was logged of the last tries */
	qb_loop_timer_handle connect_timer, send_timer; /* 0: none */
	struct cluster_address self;
	struct list_node queue;
	unsigned queued;
	struct log_limit limit;
	struct ha_msg msg;
};

static void cluster_connect(void *arg);

struct cluster_address cluster_self(const struct cluster *c)
{
	return c->self;
}

bool cluster_is_up(const struct cluster *c)
{
	return c->joined;
}

/* ---- what Corosync calls ---- */

static void quorum_told(quorum_handle_t handle, uint32_t quorate, uint64_t ring_seq,
			uint32_t n_view, uint32_t *view)
{
	const void *context = NULL;
	struct cluster *c;

	(void)ring_seq;
	if (quorum_context_get(handle, &context) != CS_OK || !context)
		return;
	c = (struct cluster *)(uintptr_t)context;
	c->listener->quorum(c->arg, quorate != 0, view, n_view);
}

static struct cluster *cluster_of(cpg_handle_t handle)
{
	void *context = NULL;

	return cpg_context_get(handle, &context) == CS_OK ? context : NULL;
}

static void message_told(cpg_handle_t handle, const struct cpg_name *group, uint32_t node,
			 uint32_t pid, void *msg, size_t len)
{
	struct cluster *c = cluster_of(handle);
	struct cluster_address from = { .node = node, .pid = pid };
	int rc;

	(void)group;
	if (!c)
		return;
	rc = ha_msg_decode(&c->msg, msg, len);
	if (rc)
		log_warn_limited(&c->limit, "a message of node %u is malformed: %s", node,
				 strerror(-rc));
	else
		c->listener->message(c->arg, from, &c->msg);
}

static size_t addresses_take(struct cluster_address *to, const struct cpg_address *from, size_t n)
{
	if (n > CPG_MEMBERS_MAX)
		n = CPG_MEMBERS_MAX;
	for (size_t i = 0; i < n; i++)
		to[i] = (struct cluster_address){ .node = from[i].nodeid, .pid = from[i].pid };
	return n;
}

static void members_told(cpg_handle_t handle, const struct cpg_name *group,
			 const struct cpg_address *members, size_t n_members,
			 const struct cpg_address *left, size_t n_left,
			 const struct cpg_address *joined, size_t n_joined)
{
	struct cluster_address now[CPG_MEMBERS_MAX], gone[CPG_MEMBERS_MAX];
	struct cluster *c = cluster_of(handle);

	(void)group;
	(void)joined;
	(void)n_joined;
	if (!c)
		return;
	n_members = addresses_take(now, members, n_members);
	n_left = addresses_take(gone, left, n_left);
	c->joined = true;
	c->listener->members(c->arg, now, n_members, gone, n_left);
}

/* ---- sending ---- */

static void queue_clear(struct cluster *c)
{
	struct unsent *u, *next;

	list_for_each_safe(u, next, &c->queue, link) {
		list_del(&u->link);
		free(u);
	}
	c->queued = 0;
}

/* Whoever sends is in the middle of his work: the end of it comes from the loop. */
static void cluster_break(struct cluster *c, const char *why)
{
	if (c->broken)
		return;
	c->broken = true;
	log_warn_limited(&c->limit, "connection with Corosync lost: %s", why);
	if (c->connect_timer)
		qb_loop_timer_del(c->loop, c->connect_timer);
	if (qb_loop_timer_add(c->loop, QB_LOOP_HIGH, 1, c, cluster_connect, &c->connect_timer))
		log_err("no timer to connect with Corosync again");
}

static cs_error_t text_send(struct cluster *c, const char *text, size_t len)
{
	struct iovec iov = { .iov_base = (char *)text, .iov_len = len };

	return cpg_mcast_joined(c->cpg, CPG_TYPE_AGREED, &iov, 1);
}

static void queue_send(void *arg)
{
	struct cluster *c = arg;
	cs_error_t rc = CS_OK;

	c->send_timer = 0;
	while (!c->broken && !list_empty(&c->queue)) {
		struct unsent *u = list_first(&c->queue, struct unsent, link);

		rc = text_send(c, u->text, u->len);
		if (rc != CS_OK)
			break;
		list_del(&u->link);
		free(u);
		c->queued--;
	}
	if (rc == CS_ERR_TRY_AGAIN)
		rc = qb_loop_timer_add(c->loop, QB_LOOP_MED, SEND_RETRY, c, queue_send,
				       &c->send_timer) ? CS_ERR_LIBRARY : CS_OK;
	if (rc != CS_OK)
		cluster_break(c, cs_strerror(rc));
}

void cluster_send(struct cluster *c, const struct ha_out *out)
{
	struct unsent *u;

	if (!c->joined || c->broken)
		return;
	if (out->overflow) {
		log_err("a message for the other nodes is longer than %d bytes: left out",
			HA_MSG_MAX);
		return;
	}
	u = c->queued < QUEUE_MAX ? malloc(sizeof(*u) + out->len) : NULL;
	if (!u) {
		cluster_break(c, "too many messages wait");
		return;
	}
	u->len = out->len;
	memcpy(u->text, out->text, out->len);
	list_add_tail(&c->queue, &u->link);
	c->queued++;
	if (!c->send_timer)
		queue_send(c);
}

/* ---- the connection ---- */

static void cluster_close(struct cluster *c)
{
	if (c->cpg_fd >= 0)
		qb_loop_poll_del(c->loop, c->cpg_fd);
	if (c->quorum_fd >= 0)
		qb_loop_poll_del(c->loop, c->quorum_fd);
	c->cpg_fd = c->quorum_fd = -1;
	if (c->cpg)
		cpg_finalize(c->cpg);
	if (c->quorum)
		quorum_finalize(c->quorum);
	c->cpg = c->quorum = 0;
	if (c->send_timer)
		qb_loop_timer_del(c->loop, c->send_timer);
	c->send_timer = 0;
	queue_clear(c);
	c->broken = false;
}

static void cluster_down(struct cluster *c)
{
	bool told = c->joined;

	cluster_close(c);
	c->joined = false;
	if (told)
		c->listener->lost(c->arg);
}

/* false: there may be more. An error that is no lack of events breaks the connection. */
static bool events_take(struct cluster *c, cs_error_t (*dispatch)(uint64_t, cs_dispatch_flags_t),
			uint64_t handle)
{
	cs_error_t rc = CS_OK;

	for (int i = 0; rc == CS_OK && !c->broken && i < DRAIN_MAX; i++)
		rc = dispatch(handle, CS_DISPATCH_ONE_NONBLOCKING);
	if (rc != CS_OK && rc != CS_ERR_TRY_AGAIN)
		cluster_break(c, cs_strerror(rc));
	return rc != CS_OK || c->broken;
}

bool cluster_drain(struct cluster *c)
{
	bool all = true;

	if (c->quorum_fd >= 0)
		all = events_take(c, quorum_dispatch, c->quorum);
	if (c->cpg_fd >= 0)
		all = events_take(c, cpg_dispatch, c->cpg) && all;
	return all;
}

static int32_t corosync_ready(int32_t fd, int32_t revents, void *data)
{
	(void)fd;
	(void)revents;
	cluster_drain(data);
	return 0;
}

static cs_error_t poll_add(struct cluster *c, int fd, int *watched)
{
	if (qb_loop_poll_add(c->loop, QB_LOOP_HIGH, fd, POLLIN, c, corosync_ready))
		return CS_ERR_NO_RESOURCES;
	*watched = fd;
	return CS_OK;
}

static cs_error_t quorum_open(struct cluster *c)
{
	quorum_callbacks_t callbacks = { .quorum_notify_fn = quorum_told };
	cs_error_t rc;
	uint32_t type;
	int fd;

	rc = quorum_initialize(&c->quorum, &callbacks, &type);
	if (rc != CS_OK) {
		c->quorum = 0;
		return rc;
	}
	if (type != QUORUM_SET)
		log_warn_limited(&c->limit, "Corosync has no quorum provider: every partition of "
				 "the cluster counts as quorate");
	rc = quorum_context_set(c->quorum, c);
	if (rc == CS_OK)
		rc = quorum_fd_get(c->quorum, &fd);
	if (rc == CS_OK)
		rc = poll_add(c, fd, &c->quorum_fd);
	return rc == CS_OK ? quorum_trackstart(c->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES) : rc;
}

static cs_error_t cpg_open(struct cluster *c)
{
	const struct cpg_name group = { .length = sizeof(GROUP) - 1, .value = GROUP };
	cpg_callbacks_t callbacks = {
		.cpg_deliver_fn = message_told,
		.cpg_confchg_fn = members_told,
	};
	cs_error_t rc;
	int fd;

	rc = cpg_initialize(&c->cpg, &callbacks);
	if (rc != CS_OK) {
		c->cpg = 0;
		return rc;
	}
	rc = cpg_context_set(c->cpg, c);
	if (rc == CS_OK)
		rc = cpg_local_get(c->cpg, &c->self.node);
	if (rc == CS_OK)
		rc = cpg_fd_get(c->cpg, &fd);
	if (rc == CS_OK)
		rc = poll_add(c, fd, &c->cpg_fd);
	return rc == CS_OK ? cpg_join(c->cpg, &group) : rc;
}

/* Anew, whatever there was. */
static void cluster_connect(void *arg)
{
	struct cluster *c = arg;
	cs_error_t rc;

	c->connect_timer = 0;
	cluster_down(c);
	rc = quorum_open(c);
	if (rc == CS_OK)
		rc = cpg_open(c);
	if (rc == CS_OK) {
		c->complaint = CS_OK;
		log_info("connected with Corosync, node id %u", c->self.node);
		return;
	}
	if (rc != CS_ERR_TRY_AGAIN && c->complaint != (int)rc) {
		log_notice("no connection with Corosync: %s; trying on", cs_strerror(rc));
		c->complaint = (int)rc;
	}
	cluster_close(c);
	if (qb_loop_timer_add(c->loop, QB_LOOP_MED, CONNECT_RETRY, c, cluster_connect,
			      &c->connect_timer))
		log_err("no timer to connect with Corosync again");
}

int cluster_start(qb_loop_t *loop, const struct cluster_listener *listener, void *arg,
		  struct cluster **out)
{
	struct cluster *c = calloc(1, sizeof(*c));

	if (!c) {
		log_err("no memory to follow Corosync");
		return -ENOMEM;
	}
	c->loop = loop;
	c->listener = listener;
	c->arg = arg;
	c->cpg_fd = c->quorum_fd = -1;
	c->self.pid = (uint32_t)getpid();
	list_init(&c->queue);
	*out = c;
	cluster_connect(c);
	return 0;
}

void cluster_stop(struct cluster *c)
{
	if (!c)
		return;
	cluster_close(c);
	if (c->connect_timer)
		qb_loop_timer_del(c->loop, c->connect_timer);
	free(c);
}
