/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/control.h"
#include "base/list.h"
#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16u
#define GROUPS_MAX 1024 /* of a client, supplementary */

struct control {
	qb_loop_t *loop;
	control_answer answer;
	void *arg;
	gid_t group; /* of CONTROL_GROUP, -1: none */
	int fd;
	struct list_node clients;
	unsigned n;
	struct log_limit limit;
	struct ha_msg msg;
};

struct client {
	struct list_node link;
	struct control *control;
	int fd;
	bool answered; /* out is what is still to be sent, from sent on */
	struct text out;
	size_t sent;
};

static int32_t client_ready(int32_t fd, int32_t revents, void *data);

static void client_end(struct client *cl)
{
	qb_loop_poll_del(cl->control->loop, cl->fd);
	close(cl->fd);
	list_del(&cl->link);
	cl->control->n--;
	text_free(&cl->out);
	free(cl);
}

/* ---- who may ask ---- */

static bool has_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (group == (gid_t)-1 || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The kernel knows the peer's groups: no name service is asked, which could take its time. */
static bool peer_allowed(const struct control *c, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() ||
	       (c->group != (gid_t)-1 && peer.gid == c->group) || has_group(fd, c->group);
}

/* ---- questions and answers ---- */

/* false: it has ended. */
static bool client_send(struct client *cl)
{
	while (cl->sent < cl->out.len) {
		size_t len = cl->out.len - cl->sent;
		ssize_t n = send(cl->fd, cl->out.data + cl->sent,
				 len < HA_MSG_MAX ? len : HA_MSG_MAX, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			break;
		cl->sent += (size_t)n;
	}
	client_end(cl);
	return false;
}

static void client_answer(struct client *cl)
{
	struct control *c = cl->control;
	unsigned status = c->answer(c->arg, &c->msg, &cl->out);
	struct ha_out head;

	ha_out_begin(&head, "answer");
	ha_out_add_u64(&head, "status", status);
	ha_out_add_u64(&head, "bytes", cl->out.len);
	cl->answered = true;
	if (cl->out.failed || send(cl->fd, head.text, head.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		client_end(cl);
	else if (client_send(cl))
		qb_loop_poll_mod(c->loop, QB_LOOP_LOW, cl->fd, POLLOUT, cl,
				 client_ready);
}

static int32_t client_ready(int32_t fd, int32_t revents, void *data)
{
	struct client *cl = data;
	char question[HA_MSG_MAX + 1];
	ssize_t n;

	(void)revents;
	if (cl->answered) {
		client_send(cl);
		return 0;
	}
	n = recv(fd, question, sizeof(question), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || n > HA_MSG_MAX ||
	    ha_msg_decode(&cl->control->msg, question, (size_t)n))
		client_end(cl);
	else
		client_answer(cl);
	return 0;
}

static int client_add(struct control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (!cl || qb_loop_poll_add(c->loop, QB_LOOP_LOW, fd, POLLIN, cl, client_ready)) {
		free(cl);
		return -ENOMEM;
	}
	cl->control = c;
	cl->fd = fd;
	list_add_tail(&c->clients, &cl->link);
	c->n++;
	return 0;
}

static int32_t client_comes(int32_t fd, int32_t revents, void *data)
{
	struct control *c = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (client < 0)
		return 0;
	if (!peer_allowed(c, client)) {
		log_warn_limited(&c->limit, "a question was refused: its user is neither root nor "
				 "in the group " CONTROL_GROUP);
		close(client);
		return 0;
	}
	/* Who asks nothing keeps none away that does. */
	if (c->n >= CLIENTS_MAX)
		client_end(list_first(&c->clients, struct client, link));
	if (client_add(c, client))
		close(client);
	return 0;
}

/* ---- its life ---- */

static int control_listen(struct control *c, const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t room = sizeof(un.sun_path) - 1;
	int n = snprintf(un.sun_path + 1, room, "%s" CONTROL_SUFFIX, name);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	if (n < 0 || (size_t)n >= room)
		return -ENAMETOOLONG;
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&un, len) || listen(c->fd, CLIENTS_MAX))
		return -errno;
	return qb_loop_poll_add(c->loop, QB_LOOP_LOW, c->fd, POLLIN, c, client_comes);
}

int control_start(qb_loop_t *loop, const char *name, control_answer answer, void *arg,
		  struct control **out)
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	struct control *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (c) {
		c->loop = loop;
		c->answer = answer;
		c->arg = arg;
		c->fd = -1;
		c->group = group ? group->gr_gid : (gid_t)-1;
		list_init(&c->clients);
		rc = control_listen(c, name);
	}
	if (!rc) {
		*out = c;
		return 0;
	}
	log_err("cannot listen as @%s" CONTROL_SUFFIX ": %s%s", name, strerror(-rc),
		rc == -EADDRINUSE ? ": srp-replicatord runs already" : "");
	if (c && c->fd >= 0)
		close(c->fd);
	free(c);
	return rc;
}

void control_stop(struct control *c)
{
	if (!c)
		return;
	while (!list_empty(&c->clients))
		client_end(list_first(&c->clients, struct client, link));
	qb_loop_poll_del(c->loop, c->fd);
	close(c->fd);
	free(c);
}
