/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ha_link.h"
#include "base/log.h"
#include "ctl/alua_names.h"
#include "ctl/daemon.h"
#include "ctl/ha_heard.h"
#include "ctl/ha_msg.h"
#include "ctl/ha_ports.h"
#include "ctl/ipc.h"
#include "ctl/parity.h"
#include "ctl/text.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURN_ACCEPTS 8           /* connections and messages taken before others have a turn */
#define TURN_MESSAGES 64
#define QUEUE_MAX (256u << 10)   /* bytes that wait for a replicator that reads slowly */

struct ha_link {
	struct daemon *d;
	char name[CONF_NAME_MAX + 8];
	gid_t group; /* of IPC_GROUP, -1: none */
	int listener;
	int fd;      /* the replicator's, -1: none */
	bool broken; /* to be dropped, as soon as the loop is back */
	bool waits;  /* for room in the socket */
	struct text queue; /* messages that had no room: two bytes of length, text */
	size_t sent;       /* bytes of it that are gone */
	struct parity parity;
	size_t next_item; /* of the list it asked for; > n: it asked for none */
	struct ha_ports *ports;
	struct log_limit limit;
	struct ha_msg in;
	struct ha_out out;
};

static int32_t link_ready(int32_t fd, int32_t revents, void *data);

/* ---- the connection ---- */

bool ha_link_connected(const struct ha_link *l)
{
	return l && l->fd >= 0 && !l->broken;
}

static void events_want(struct ha_link *l, bool room)
{
	if (l->waits == room || l->fd < 0)
		return;
	l->waits = room;
	qb_loop_poll_mod(l->d->loop, QB_LOOP_HIGH, l->fd, room ? POLLIN | POLLOUT : POLLIN, l,
			 link_ready);
}

static void queue_empty(struct ha_link *l)
{
	text_free(&l->queue);
	l->sent = 0;
}

/* Who calls in the middle of something else hears of it later, from the loop. */
static void link_break(struct ha_link *l, const char *why)
{
	if (l->broken)
		return;
	log_warn("replicator: %s: connection ended", why);
	l->broken = true;
	shutdown(l->fd, SHUT_RDWR);
}

static void link_drop(struct ha_link *l)
{
	if (l->fd < 0)
		return;
	qb_loop_poll_del(l->d->loop, l->fd);
	close(l->fd);
	l->fd = -1;
	l->broken = l->waits = false;
	l->next_item = SIZE_MAX;
	queue_empty(l);
	ha_link_is_down(l->d);
}

/* ---- sending ---- */

/* False: there is no room now. */
static bool send_now(struct ha_link *l, const char *text, size_t len)
{
	if (send(l->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN || errno == EINTR)
		return false;
	link_break(l, strerror(errno));
	return true;
}

/* What is gone makes room. */
static void queue_shift(struct ha_link *l)
{
	if (l->sent < QUEUE_MAX)
		return;
	memmove(l->queue.data, l->queue.data + l->sent, l->queue.len - l->sent);
	l->queue.len -= l->sent;
	l->sent = 0;
}

static void queue_add(struct ha_link *l, const char *text, size_t len)
{
	const char size[2] = { (char)(len >> 8), (char)len };

	queue_shift(l);
	if (l->queue.len - l->sent + len + sizeof(size) > QUEUE_MAX) {
		link_break(l, "it does not read");
		return;
	}
	text_add(&l->queue, size, sizeof(size));
	text_add(&l->queue, text, len);
	if (l->queue.failed)
		link_break(l, "no memory for what it does not read");
	events_want(l, true);
}

static void out_send(struct ha_link *l)
{
	if (!ha_link_connected(l))
		return;
	if (l->out.overflow)
		log_err("replicator: a message is longer than %d bytes: left out", HA_MSG_MAX);
	else if (l->queue.len || !send_now(l, l->out.text, l->out.len))
		queue_add(l, l->out.text, l->out.len);
}

static void queue_send(struct ha_link *l)
{
	while (l->sent < l->queue.len && !l->broken) {
		const unsigned char *p = (const unsigned char *)l->queue.data + l->sent;
		size_t len = (size_t)p[0] << 8 | p[1];

		if (!send_now(l, (const char *)p + 2, len))
			return;
		l->sent += len + 2;
	}
	queue_empty(l);
}

/* The next ones, as many as one message has room for whatever is escaped in it. */
static void items_put(struct ha_link *l)
{
	char list[HA_MSG_MAX / 3 - 16];
	size_t len = 0;

	for (; l->next_item < l->parity.n; l->next_item++) {
		const struct parity_item *item = &l->parity.items[l->next_item];
		int n = snprintf(list + len, sizeof(list) - len, "%s\n%s\n", item->key,
				 item->value);

		if ((size_t)n >= sizeof(list) - len)
			break;
		len += (size_t)n;
	}
	list[len] = 0;
	/* One that no message has room for: the hash differs by it, too. */
	if (!len)
		l->next_item++;
	ha_out_begin(&l->out, "parity-items");
	ha_out_add(&l->out, "list", list);
}

/* As many as there is room for: the list may be longer than all queues. */
static void items_send(struct ha_link *l)
{
	while (l->next_item <= l->parity.n && !l->queue.len && !l->broken) {
		if (l->next_item < l->parity.n) {
			items_put(l);
		} else {
			ha_out_begin(&l->out, "parity-end");
			l->next_item = SIZE_MAX;
		}
		out_send(l);
	}
}

/* ---- what srptd tells ---- */

static void begin(struct ha_link *l, const char *verb, const char *group)
{
	ha_out_begin(&l->out, verb);
	ha_out_add(&l->out, "group", group);
}

void ha_link_role(struct ha_link *l, const char *group, enum ha_role role, uint64_t epoch)
{
	if (!ha_link_connected(l))
		return;
	begin(l, "role", group);
	ha_out_add(&l->out, "role", ha_role_name(role));
	ha_out_add_u64(&l->out, "epoch", epoch);
	out_send(l);
}

void ha_link_want(struct ha_link *l, const char *group, uint64_t above, bool primary)
{
	if (!ha_link_connected(l))
		return;
	begin(l, "want", group);
	ha_out_add_u64(&l->out, "above", above);
	if (primary)
		ha_out_add_u64(&l->out, "primary", 1);
	out_send(l);
}

void ha_link_unwant(struct ha_link *l, const char *group)
{
	if (!ha_link_connected(l))
		return;
	begin(l, "unwant", group);
	out_send(l);
}

void ha_link_announce(struct ha_link *l, const char *group, enum alua_state state, uint64_t epoch)
{
	if (!ha_link_connected(l))
		return;
	begin(l, "announce", group);
	ha_out_add(&l->out, "state", alua_state_name(state));
	ha_out_add_u64(&l->out, "epoch", epoch);
	out_send(l);
}

static void states_format(const struct ha_group_info *i, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = 0;
	for (unsigned j = 0; j < i->n && len < size; j++) {
		const struct ha_state *s = &i->states[j];

		len += (size_t)snprintf(buf + len, size - len, "%s%u:%s", j ? "," : "", s->id,
					alua_state_name(s->id == i->local ? i->own : s->state));
	}
}

static void group_tell(void *arg, const struct ha_group_info *i)
{
	char states[ALUA_GROUPS_MAX * 24];
	struct ha_link *l = arg;

	states_format(i, states, sizeof(states));
	begin(l, "group", i->name);
	ha_out_add(&l->out, "drbd", i->resource);
	ha_out_add_u64(&l->out, "local", i->local);
	if (i->floating)
		ha_out_add_u64(&l->out, "floating", 1);
	ha_out_add(&l->out, "states", states);
	ha_out_add(&l->out, "role", ha_role_name(i->role));
	ha_out_add_u64(&l->out, "epoch", i->epoch);
	ha_out_add_u64(&l->out, "transition_s", i->transition_time);
	out_send(l);
	if (i->waiting)
		ha_link_want(l, i->name, i->wants, false);
}

static void ports_tell(void *arg)
{
	struct ha_link *l = arg;
	struct ha_ports_count c = ha_ports_get(l->ports);

	ha_out_begin(&l->out, "ports");
	ha_out_add_u64(&l->out, "up", c.up);
	ha_out_add_u64(&l->out, "down", c.down);
	out_send(l);
}

static void parity_tell(struct ha_link *l)
{
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, l->parity.hash);
	ha_out_begin(&l->out, "parity");
	ha_out_add(&l->out, "hash", hash);
	ha_out_add_u64(&l->out, "keys", l->parity.n);
	out_send(l);
}

static void hello(struct ha_link *l)
{
	const struct daemon *d = l->d;
	const struct conf_daemon *daemon = &d->live.conf->daemon;

	ha_out_begin(&l->out, "hello");
	ha_out_add_u64(&l->out, "version", HA_MSG_VERSION);
	ha_out_add(&l->out, "node", d->node ? d->node : conf_this_node());
	ha_out_add_u64(&l->out, "pid", (uint64_t)getpid());
	ha_out_add_u64(&l->out, "grace_ms", daemon->write_gate_grace * 1000ull);
	if (daemon->fence_delay >= 0)
		ha_out_add_u64(&l->out, "fence_delay_s", (uint64_t)daemon->fence_delay);
	out_send(l);
	ha_for_each_group(d, group_tell, l);
	parity_tell(l);
	ports_tell(l);
	ha_out_begin(&l->out, "ready");
	out_send(l);
}

/* ---- what the replicator says ---- */

/* False: it is malformed. */
static bool message_act(struct ha_link *l)
{
	if (strcmp(l->in.verb, "parity-request"))
		return ha_heard(l->d, &l->in);
	l->next_item = 0;
	items_send(l);
	return true;
}

/* ---- events of the loop ---- */

/* False: there is no more now. */
static bool message_take(struct ha_link *l)
{
	char data[HA_MSG_MAX + 1];
	ssize_t n = recv(l->fd, data, sizeof(data), MSG_DONTWAIT);
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		if (!l->broken)
			log_warn_limited(&l->limit, "replicator: connection ended%s%s",
					 n ? ": " : "", n ? strerror(errno) : "");
		link_drop(l);
		return false;
	}
	/* What was sent before it was given up counts no more. */
	if (l->broken)
		return true;
	rc = ha_msg_decode(&l->in, data, (size_t)n);
	if (rc || !message_act(l)) {
		log_warn_limited(&l->limit, "replicator: a message of %zd bytes is malformed%s"
				 "%.40s: connection ended", n, rc ? "" : ": ",
				 rc ? "" : l->in.verb);
		link_drop(l);
	}
	return l->fd >= 0;
}

static int32_t link_ready(int32_t fd, int32_t revents, void *data)
{
	struct ha_link *l = data;

	if (fd != l->fd)
		return 0;
	if (revents & POLLOUT && !l->broken) {
		queue_send(l);
		items_send(l);
		if (!l->queue.len)
			events_want(l, false);
	}
	for (int i = 0; i < TURN_MESSAGES && message_take(l); i++)
		;
	return 0;
}

static bool peer_allowed(struct ha_link *l, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (ipc_peer_check(peer.uid, peer.gid, l->group))
		return true;
	log_warn_limited(&l->limit, "replicator: connection of user %u refused: neither root nor "
			 "in the group " IPC_GROUP, (unsigned)peer.uid);
	return false;
}

static void client_take(struct ha_link *l, int fd)
{
	if (l->fd >= 0)
		log_warn_limited(&l->limit, "replicator: another one has connected: that counts");
	link_drop(l);
	if (qb_loop_poll_add(l->d->loop, QB_LOOP_HIGH, fd, POLLIN, l, link_ready)) {
		log_err("replicator: the connection cannot be watched");
		close(fd);
		return;
	}
	l->fd = fd;
	log_info("replicator connected");
	hello(l);
	ha_link_is_up(l->d);
}

static int32_t listener_ready(int32_t fd, int32_t revents, void *data)
{
	struct ha_link *l = data;

	(void)revents;
	for (int i = 0; i < TURN_ACCEPTS; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			break;
		if (peer_allowed(l, client))
			client_take(l, client);
		else
			close(client);
	}
	return 0;
}

/* ---- beginning and end ---- */

static int address_make(struct sockaddr_un *un, const char *name, socklen_t *len)
{
	int n = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "%s-ha", name);

	if (n < 0 || (size_t)n >= sizeof(un->sun_path) - 1)
		return -ENAMETOOLONG;
	un->sun_family = AF_UNIX;
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

static int listener_open(struct ha_link *l, const char *name)
{
	struct sockaddr_un un = { 0 };
	socklen_t len;
	int rc = address_make(&un, name, &len);

	if (rc)
		return rc;
	l->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listener < 0 || bind(l->listener, (struct sockaddr *)&un, len) ||
	    listen(l->listener, TURN_ACCEPTS))
		return -errno;
	return qb_loop_poll_add(l->d->loop, QB_LOOP_MED, l->listener, POLLIN, l, listener_ready);
}

int ha_link_start(struct daemon *d, const char *name, struct ha_link **out)
{
	const struct group *gr = getgrnam(IPC_GROUP);
	struct ha_link *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	if (l) {
		l->d = d;
		l->group = gr ? gr->gr_gid : (gid_t)-1;
		l->listener = l->fd = -1;
		l->next_item = SIZE_MAX;
		rc = parity_make(d->live.conf, &l->parity);
	}
	if (!rc)
		rc = ha_ports_start(d->loop, &d->mailbox, &d->listeners, HA_PORTS_SYSFS,
				    ports_tell, l, &l->ports);
	if (!rc)
		rc = listener_open(l, name);
	if (rc) {
		log_err("replicator: cannot listen as @%s-ha: %s", name, strerror(-rc));
		ha_link_stop(l);
		return rc;
	}
	*out = l;
	return 0;
}

void ha_link_stop(struct ha_link *l)
{
	if (!l)
		return;
	link_drop(l);
	if (l->listener >= 0) {
		qb_loop_poll_del(l->d->loop, l->listener);
		close(l->listener);
	}
	ha_ports_stop(l->ports);
	parity_free(&l->parity);
	free(l);
}

static void link_refresh(struct ha_link *l)
{
	struct parity fresh;

	if (parity_make(l->d->live.conf, &fresh)) {
		log_err("replicator: no memory for what the nodes must agree on");
		if (l->fd >= 0)
			link_break(l, "it cannot be told of the configuration");
		return;
	}
	parity_free(&l->parity);
	l->parity = fresh;
	l->next_item = SIZE_MAX;
	if (ha_link_connected(l))
		hello(l);
}

static bool any_clustered(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_device_groups; i++)
		if (conf_group_clustered(&conf->device_groups[i]))
			return true;
	return false;
}

void ha_link_update(struct daemon *d)
{
	const struct conf *conf = d->live.conf;

	if (!any_clustered(conf)) {
		ha_link_stop(d->ha_link);
		d->ha_link = NULL;
	} else if (d->ha_link) {
		link_refresh(d->ha_link);
	} else {
		ha_link_start(d, conf->daemon.control_socket, &d->ha_link);
	}
}
