/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/link.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_NS (100ull * 1000 * 1000)
#define DRAIN_MAX 1000 /* messages at once; more wait for the next turn of the loop */
#define SRPTD_USER "srpt"

struct link {
	qb_loop_t *loop;
	const struct link_listener *listener;
	void *arg;
	struct sockaddr_un address;
	socklen_t address_len;
	uid_t srptd; /* who may answer besides root and our own user */
	int fd;      /* -1: not connected */
	int complaint; /* errno that was logged of the last tries */
	qb_loop_timer_handle retry;
	struct log_limit limit;
	struct ha_msg msg;
};

static void link_try(void *arg);

bool link_is_up(const struct link *l)
{
	return l->fd >= 0;
}

static const char *link_name(const struct link *l)
{
	return l->address.sun_path + 1;
}

static void retry_later(struct link *l)
{
	if (qb_loop_timer_add(l->loop, QB_LOOP_MED, RETRY_NS, l, link_try, &l->retry))
		log_err("no timer to connect with srptd again");
}

static void link_drop(struct link *l, const char *why)
{
	if (l->fd < 0)
		return;
	log_warn_limited(&l->limit, "connection with srptd at @%s lost: %s", link_name(l), why);
	qb_loop_poll_del(l->loop, l->fd);
	close(l->fd);
	l->fd = -1;
	retry_later(l);
	l->listener->down(l->arg);
}

/* One message; false: there is none, or no connection any more. */
static bool link_read(struct link *l)
{
	char data[HA_MSG_MAX + 1];
	ssize_t n = recv(l->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		link_drop(l, n ? strerror(errno) : "srptd ended it");
		return false;
	}
	if (n > HA_MSG_MAX || ha_msg_decode(&l->msg, data, (size_t)n)) {
		link_drop(l, "a message is malformed");
		return false;
	}
	l->listener->message(l->arg, &l->msg);
	return l->fd >= 0;
}

bool link_drain(struct link *l)
{
	for (int i = 0; l->fd >= 0 && i < DRAIN_MAX; i++)
		if (!link_read(l))
			return true;
	return l->fd < 0;
}

static int32_t link_readable(int32_t fd, int32_t revents, void *data)
{
	(void)fd;
	(void)revents;
	link_drain(data);
	return 0;
}

/* Anybody could have taken the name while srptd was away. */
static int peer_check(const struct link *l, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == l->srptd ? 0 : -EPERM;
}

static int link_connect(struct link *l)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&l->address, l->address_len))
		rc = -errno;
	if (!rc)
		rc = peer_check(l, fd);
	if (!rc)
		rc = qb_loop_poll_add(l->loop, QB_LOOP_MED, fd, POLLIN, l, link_readable);
	if (rc)
		close(fd);
	else
		l->fd = fd;
	return rc;
}

static void link_try(void *arg)
{
	struct link *l = arg;
	int rc = link_connect(l);

	l->retry = 0;
	if (rc) {
		if (l->complaint != rc)
			log_notice("no connection with srptd at @%s: %s%s; trying on",
				   link_name(l), strerror(-rc),
				   rc == -EPERM ? ", another user has the name" : "");
		l->complaint = rc;
		retry_later(l);
		return;
	}
	l->complaint = 0;
	log_info("connected with srptd at @%s", link_name(l));
	l->listener->up(l->arg);
}

void link_send(struct link *l, const struct ha_out *out)
{
	if (l->fd < 0)
		return;
	if (out->overflow) {
		log_err("a message for srptd is longer than %d bytes: left out", HA_MSG_MAX);
		return;
	}
	if (send(l->fd, out->text, out->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	/* The loop sees the end of it: who sends is not told of it in the middle of his work. */
	log_warn_limited(&l->limit, "cannot send to srptd: %s",
			 errno == EAGAIN ? "it does not read" : strerror(errno));
	shutdown(l->fd, SHUT_RDWR);
}

static int address_make(struct link *l, const char *name)
{
	size_t room = sizeof(l->address.sun_path) - 1;
	int n = snprintf(l->address.sun_path + 1, room, "%s-ha", name);

	if (n < 0 || (size_t)n >= room)
		return -ENAMETOOLONG;
	l->address.sun_family = AF_UNIX;
	l->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

int link_start(qb_loop_t *loop, const char *name, const struct link_listener *listener, void *arg,
	       struct link **out)
{
	const struct passwd *pw = getpwnam(SRPTD_USER);
	struct link *l = calloc(1, sizeof(*l));
	int rc = l ? address_make(l, name) : -ENOMEM;

	if (rc) {
		log_err("cannot connect with srptd %s: %s", name, strerror(-rc));
		free(l);
		return rc;
	}
	l->loop = loop;
	l->listener = listener;
	l->arg = arg;
	l->fd = -1;
	l->srptd = pw ? pw->pw_uid : 0;
	*out = l;
	link_try(l);
	return 0;
}

void link_stop(struct link *l)
{
	if (!l)
		return;
	if (l->retry)
		qb_loop_timer_del(l->loop, l->retry);
	if (l->fd >= 0) {
		qb_loop_poll_del(l->loop, l->fd);
		close(l->fd);
	}
	free(l);
}
