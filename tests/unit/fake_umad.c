/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Over a socket pair, so that poll() works as it does with the device. */
#include "fake_umad.h"

#include <endian.h>
#include <errno.h>
#include <infiniband/umad.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGENT 5
#define SENDER_QPN 0x17

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_umad now;
static int ours = -1, theirs = -1; /* ends of the pair while the port is open */
static uint64_t methods;
static int opened; /* times */
static int stuck;  /* somebody is */

void fake_umad_reset(void)
{
	opened = 0;
	methods = 0;
	fake_umad_set(&(struct fake_umad){ .is_dm = true, .lid = 3, .guid = 0x100003,
					   .pkeys = { 0xffff, 0x8001 } });
}

void fake_umad_set(const struct fake_umad *f)
{
	pthread_mutex_lock(&lock);
	now = *f;
	pthread_mutex_unlock(&lock);
}

static int locked(const int *value)
{
	int was;

	pthread_mutex_lock(&lock);
	was = *value;
	pthread_mutex_unlock(&lock);
	return was;
}

unsigned fake_umad_opened(void)
{
	return (unsigned)locked(&opened);
}

bool fake_umad_is_open(void)
{
	return locked(&ours) >= 0;
}

bool fake_umad_is_stuck(void)
{
	return locked(&stuck);
}

uint64_t fake_umad_methods(void)
{
	return methods;
}

void fake_umad_deliver(const uint8_t *mad, int len, uint16_t pkey_index, int status)
{
	struct {
		struct ib_user_mad head;
		uint8_t mad[256];
	} m = { .head = { .agent_id = AGENT, .status = (uint32_t)status } };

	m.head.addr.qpn = htobe32(SENDER_QPN);
	m.head.addr.pkey_index = pkey_index;
	memcpy(m.mad, mad, (size_t)len);
	pthread_mutex_lock(&lock);
	if (send(theirs, &m, sizeof(m.head) + (size_t)len, MSG_NOSIGNAL) < 0)
		abort();
	pthread_mutex_unlock(&lock);
}

bool fake_umad_sent(uint8_t mad[256], uint32_t *qpn, uint32_t *qkey)
{
	struct {
		struct ib_user_mad head;
		uint8_t mad[256];
	} m;
	struct pollfd p = { .fd = theirs, .events = POLLIN };

	if (poll(&p, 1, 5000) != 1 || recv(theirs, &m, sizeof(m), 0) != sizeof(m))
		return false;
	memcpy(mad, m.mad, 256);
	*qpn = be32toh(m.head.addr.qpn);
	*qkey = be32toh(m.head.addr.qkey);
	return true;
}

void fake_umad_break(void)
{
	pthread_mutex_lock(&lock);
	if (shutdown(theirs, SHUT_RDWR))
		abort();
	pthread_mutex_unlock(&lock);
}

/* ---- libibumad ---- */

int umad_init(void)
{
	return 0;
}

int umad_done(void)
{
	return 0;
}

int umad_get_cas_names(char cas[][UMAD_CA_NAME_LEN], int max)
{
	int n;

	pthread_mutex_lock(&lock);
	for (unsigned left = 2000; now.stuck && left; left--) {
		stuck = true;
		pthread_mutex_unlock(&lock);
		usleep(5000);
		pthread_mutex_lock(&lock);
	}
	stuck = false;
	n = now.absent || !max ? 0 : 1;
	pthread_mutex_unlock(&lock);
	if (n)
		strcpy(cas[0], "mlx5_0");
	return n;
}

int umad_get_ca(const char *name, umad_ca_t *ca)
{
	static umad_port_t port;
	static uint16_t pkeys[2];

	memset(ca, 0, sizeof(*ca));
	pthread_mutex_lock(&lock);
	memcpy(pkeys, now.pkeys, sizeof(pkeys));
	port = (umad_port_t){ .portnum = 1, .base_lid = now.lid, .state = now.lid ? 4 : 1,
			      .capmask = htobe32(now.is_dm ? 1u << 19 : 0),
			      .gid_prefix = htobe64(0xfe80000000000000),
			      .port_guid = htobe64(now.guid), .pkeys_size = 2, .pkeys = pkeys };
	strcpy(port.link_layer, now.layer ? now.layer : "InfiniBand");
	pthread_mutex_unlock(&lock);
	strcpy(ca->ca_name, name);
	ca->node_guid = htobe64(0x0002c90300a1b2c3);
	ca->ports[1] = &port;
	return 0;
}

int umad_release_ca(umad_ca_t *ca)
{
	(void)ca;
	return 0;
}

int umad_open_port(const char *name, int num)
{
	int fds[2], fd = -EIO;

	(void)name;
	(void)num;
	pthread_mutex_lock(&lock);
	if (now.open_errno) {
		errno = now.open_errno;
	} else if (!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds)) {
		fd = ours = fds[0];
		theirs = fds[1];
		opened++;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

int umad_close_port(int fd)
{
	pthread_mutex_lock(&lock);
	close(fd);
	close(theirs);
	ours = theirs = -1;
	pthread_mutex_unlock(&lock);
	return 0;
}

int umad_register(int fd, int class, int version, uint8_t rmpp, long mask[16 / sizeof(long)])
{
	(void)fd;
	if (class != 6 || version != 1 || rmpp)
		abort();
	methods = (uint64_t)mask[0];
	return now.taken ? -EPERM : AGENT;
}

int umad_unregister(int fd, int agent)
{
	(void)fd;
	(void)agent;
	return 0;
}

size_t umad_size(void)
{
	return sizeof(struct ib_user_mad);
}

void *umad_get_mad(void *umad)
{
	return ((struct ib_user_mad *)umad)->data;
}

ib_mad_addr_t *umad_get_mad_addr(void *umad)
{
	return &((struct ib_user_mad *)umad)->addr;
}

int umad_status(void *umad)
{
	return (int)((struct ib_user_mad *)umad)->status;
}

int umad_recv(int fd, void *umad, int *len, int timeout_ms)
{
	ssize_t n = recv(fd, umad, umad_size() + (size_t)*len, MSG_DONTWAIT);

	(void)timeout_ms;
	if (n <= 0)
		return n ? -errno : -EIO;
	*len = (int)((size_t)n - umad_size());
	return AGENT;
}

int umad_send(int fd, int agent, void *umad, int len, int timeout_ms, int retries)
{
	if (agent != AGENT || len != 256 || timeout_ms || retries)
		abort();
	if (now.send_fails)
		return -EINVAL;
	return send(fd, umad, umad_size() + 256, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
