/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/addresses.h"
#include "base/log.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_MESSAGES 64 /* taken before others have a turn */

struct addresses {
	qb_loop_t *loop;
	int fd;
	void (*fn)(void *arg);
	void *arg;
};

/* False: there is nothing more now. What there was no room for may have been an address. */
static bool message_take(struct addresses *a, bool *fresh)
{
	union {
		struct nlmsghdr header;
		char data[8192];
	} m;
	ssize_t n = recv(a->fd, &m, sizeof(m), MSG_DONTWAIT);
	int left = n > 0 ? (int)n : 0;

	if (n < 0 && errno == ENOBUFS)
		*fresh = true;
	for (struct nlmsghdr *h = &m.header; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		*fresh |= h->nlmsg_type == RTM_NEWADDR;
	return n > 0;
}

static int32_t readable(int32_t fd, int32_t revents, void *data)
{
	struct addresses *a = data;
	bool fresh = false;

	(void)fd;
	(void)revents;
	for (int i = 0; i < TURN_MESSAGES && message_take(a, &fresh); i++)
		;
	if (fresh)
		a->fn(a->arg);
	return 0;
}

static int socket_open(void)
{
	const struct sockaddr_nl all = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || !bind(fd, (const struct sockaddr *)&all, sizeof(all)))
		return fd;
	close(fd);
	return -1;
}

struct addresses *addresses_watch(qb_loop_t *loop, void (*fn)(void *arg), void *arg)
{
	struct addresses *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return NULL;
	*a = (struct addresses){ .loop = loop, .fd = socket_open(), .fn = fn, .arg = arg };
	rc = a->fd < 0 ? -errno : qb_loop_poll_add(loop, QB_LOOP_MED, a->fd, POLLIN, a, readable);
	if (!rc)
		return a;
	log_warn("new addresses of this host are not told: %s", strerror(-rc));
	if (a->fd >= 0)
		close(a->fd);
	free(a);
	return NULL;
}

void addresses_unwatch(struct addresses *a)
{
	if (!a)
		return;
	qb_loop_poll_del(a->loop, a->fd);
	close(a->fd);
	free(a);
}
