/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded before libumad2sim into programs on a node, for what that does not simulate:
 *
 * - Files of sysfs that change: it makes them once. Those asked for here are as they are now.
 * - Routing of answers by the agent that sent the request: it does so by class. Who registers for
 *   the SA, as srp_daemon does, also gets answers of device management.
 * - Requests to an agent: ibsim forwards them to who holds issm open, see fabric.c. Who registers
 *   for requests of device management gets it.
 * - P_Keys of MADs: that of a device-management request travels in a field of the header that is
 *   reserved. It is dropped at a port that is not in the partition.
 * - add_target and the list of SCSI hosts: $NODE_ADD_TARGET, a file to which lines are added, and
 *   $NODE_SCSI_HOST, a directory. The lock of srp_daemon is in the directory where it runs.
 * - $NODE_HIDDEN: the port does not become one with device management, and is asked nothing.
 */
#include "tests/ibsim/node.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/umad.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* ---- our connection to ibsim: another client of the same node ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ctl = -1, mads = -1;
static uint32_t client;

static uint32_t own_id(void)
{
	return (uint32_t)getpid() + (1u << 24); /* libumad2sim has the process id */
}

uint32_t node_qpn(void)
{
	return 0x100 + ((uint32_t)getpid() & 0xffff);
}

/* In the abstract namespace; the terminator is part of the name. */
static socklen_t name_make(struct sockaddr_un *un, const char *kind, uint32_t id, bool numbered)
{
	const char *base = getenv("IBSIM_SOCKNAME");
	char number[16] = "";
	int n;

	if (numbered)
		snprintf(number, sizeof(number), "%u", id);
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "%s:%s%s", base ? base : "sim",
		     kind, number);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 2 + (size_t)n);
}

static int ctl_ask(enum sim_ctl_type type, void *data, size_t len)
{
	struct sim_ctl c = { SIM_MAGIC, client, type, (uint32_t)len, "" };

	memcpy(c.data, data, len);
	if (send(ctl, &c, sizeof(c), 0) != sizeof(c) || recv(ctl, &c, sizeof(c), 0) != sizeof(c) ||
	    !c.type)
		return -1;
	memcpy(data, c.data, len);
	return 0;
}

static int sockets_bind(void)
{
	struct sockaddr_un un;
	socklen_t len;

	ctl = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mads = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	len = name_make(&un, "ctl", own_id(), true);
	if (bind(ctl, (struct sockaddr *)&un, len))
		return -1;
	len = name_make(&un, "in", own_id(), true);
	if (bind(mads, (struct sockaddr *)&un, len))
		return -1;
	len = name_make(&un, "ctl", 0, false);
	return connect(ctl, (struct sockaddr *)&un, len);
}

/* lock is held. */
static int connected(void)
{
	struct sim_client_info info = { .id = own_id(), .qp = node_qpn() };
	const char *node = getenv("SIM_HOST");
	struct sockaddr_un un;
	socklen_t len;

	if (ctl >= 0)
		return 0;
	snprintf(info.node, sizeof(info.node), "%s", node ? node : "");
	if (sockets_bind() || ctl_ask(SIM_CTL_CONNECT, &info, sizeof(info)))
		return -1;
	client = info.id;
	len = name_make(&un, "out", client, true);
	return connect(mads, (struct sockaddr *)&un, len);
}

int node_ask(enum sim_ctl_type type, void *data, size_t len)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = connected();
	if (!rc)
		rc = ctl_ask(type, data, len);
	pthread_mutex_unlock(&lock);
	return rc;
}

/* ibsim has places for ten clients, and two are ours. */
__attribute__((destructor)) static void disconnect(void)
{
	char none;

	if (ctl >= 0)
		ctl_ask(SIM_CTL_DISCONNECT, &none, 0);
}

int node_mads(void)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = connected() ? -1 : mads;
	pthread_mutex_unlock(&lock);
	return fd;
}

int node_pkeys(uint16_t pkeys[SIM_PKEYS])
{
	if (node_ask(SIM_CTL_GET_PKEYS, pkeys, SIM_PKEYS * sizeof(pkeys[0])))
		return -1;
	for (unsigned i = 0; i < SIM_PKEYS; i++)
		pkeys[i] = ntohs(pkeys[i]);
	return 0;
}

int node_pkey_index(uint16_t pkey)
{
	uint16_t pkeys[SIM_PKEYS];

	if (node_pkeys(pkeys))
		return -1;
	for (int i = 0; i < SIM_PKEYS; i++)
		if (pkeys[i] && !((pkeys[i] ^ pkey) & 0x7fff))
			return i;
	return -1;
}

/* ---- files ---- */

static unsigned be(const uint8_t *p, unsigned bytes)
{
	unsigned v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

/* Of /sys/class/infiniband/ibsim0/ports/1. */
static const struct live_file {
	const char *name;
	unsigned at, bytes; /* in PortInfo */
	unsigned mask;
} live_files[] = {
	{ "/lid", PORT_LID, 2, ~0u },
	{ "/sm_lid", PORT_SM_LID, 2, ~0u },
	{ "/cap_mask", PORT_CAPABILITIES, 4, ~0u },
	{ "/state", PORT_STATE, 1, 0xf },
};

static int text_file(const char *text)
{
	int fd = memfd_create("node", MFD_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%s\n", text) < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int number_file(unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%04x", value);
	return text_file(text);
}

static int live_open(const struct live_file *f)
{
	uint8_t info[64] = { 0 };

	if (node_ask(SIM_CTL_GET_PORTINFO, info, sizeof(info)))
		return -1;
	return number_file(be(info + f->at, f->bytes) & f->mask);
}

static int pkey_open(const char *index)
{
	unsigned long i = strtoul(index, NULL, 10);
	uint16_t pkeys[SIM_PKEYS];

	if (i >= SIM_PKEYS || node_pkeys(pkeys))
		return -1;
	return number_file(pkeys[i]);
}

/* -1: it is none that changes. */
static int sysfs_open(const char *path)
{
	const char *name = strstr(path, "/ports/");

	if (strncmp(path, "/sys/class/infiniband/", 22) || !name)
		return -1;
	name = strchr(name + 7, '/');
	if (name && !strcmp(name, "/link_layer"))
		return text_file("InfiniBand");
	for (size_t i = 0; name && i < sizeof(live_files) / sizeof(live_files[0]); i++)
		if (!strcmp(name, live_files[i].name))
			return live_open(&live_files[i]);
	return name && !strncmp(name, "/pkeys/", 7) ? pkey_open(name + 7) : -1;
}

static bool is_add_target(const char *path)
{
	const char *end = strrchr(path, '/');

	return !strncmp(path, "/sys/class/infiniband_srp/", 26) && !strcmp(end, "/add_target");
}

/* Each line is written by itself, and not ended. */
static int add_target_open(int (*open_next)(const char *, int, ...))
{
	const char *path = getenv("NODE_ADD_TARGET");
	int fd;

	if (!path) {
		errno = ENOENT;
		return -1;
	}
	fd = open_next(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0 && lseek(fd, 0, SEEK_END) > 0)
		dprintf(fd, "\n");
	return fd;
}

/* Into @buf when it is one of the list of SCSI hosts, or of srp_daemon's own. */
static const char *elsewhere(const char *path, char *buf, size_t size)
{
	static const char list[] = "/sys/class/scsi_host";
	const char *dir = getenv("NODE_SCSI_HOST"), *lock_file = strstr(path, "/srp_daemon_ibsim0");

	if (lock_file)
		return lock_file + 1;
	if (!dir || strncmp(path, list, sizeof(list) - 1))
		return path;
	snprintf(buf, size, "%s%s", dir, path + sizeof(list) - 1);
	return buf;
}

int open(const char *path, int flags, ...)
{
	char buf[512];
	mode_t mode = 0;
	va_list ap;
	int fd;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	fd = sysfs_open(path);
	if (fd >= 0)
		return fd;
	if (is_add_target(path))
		return add_target_open(NEXT(open));
	return NEXT(open)(elsewhere(path, buf, sizeof(buf)), flags, mode);
}

DIR *opendir(const char *path)
{
	char buf[512];

	return NEXT(opendir)(elsewhere(path, buf, sizeof(buf)));
}

/* ---- libibumad ---- */

static int issm = -1;

int umad_register(int fd, int class, int version, uint8_t rmpp, long mask[16 / sizeof(long)])
{
	int id = NEXT(umad_register)(fd, class, version, rmpp, mask);

	if (id >= 0 && class == MAD_CLASS_SA)
		NEXT(umad_register)(fd, MAD_CLASS_DM, 1, 0, NULL);
	if (id >= 0 && class == MAD_CLASS_DM && mask && issm < 0 && !getenv("NODE_HIDDEN"))
		issm = NEXT(open)("/dev/infiniband/issm0", O_RDONLY | O_NONBLOCK);
	return id;
}

int umad_unregister(int fd, int id)
{
	if (issm >= 0)
		close(issm);
	issm = -1;
	return NEXT(umad_unregister)(fd, id);
}

static bool is_dm_request(const uint8_t *mad)
{
	return mad[MAD_CLASS] == MAD_CLASS_DM && !(mad[MAD_METHOD] & MAD_RESPONSE);
}

int umad_send(int fd, int id, void *umad, int len, int timeout_ms, int retries)
{
	uint8_t *mad = umad_get_mad(umad);
	unsigned at = umad_get_mad_addr(umad)->pkey_index;
	uint16_t pkeys[SIM_PKEYS];

	if (len == 256 && is_dm_request(mad) && at < SIM_PKEYS && !node_pkeys(pkeys)) {
		mad[MAD_RESERVED] = (uint8_t)(pkeys[at] >> 8);
		mad[MAD_RESERVED + 1] = (uint8_t)pkeys[at];
	}
	return NEXT(umad_send)(fd, id, umad, len, timeout_ms, retries);
}

int umad_recv(int fd, void *umad, int *len, int timeout_ms)
{
	int id = NEXT(umad_recv)(fd, umad, len, timeout_ms), at = 0;
	uint8_t *mad = umad_get_mad(umad);
	uint16_t pkey;

	if (id < 0 || *len < 256)
		return id;
	pkey = (uint16_t)be(mad + MAD_RESERVED, 2);
	if (is_dm_request(mad) && pkey)
		at = node_pkey_index(pkey);
	if (at < 0)
		return -EAGAIN; /* the adapter drops it */
	umad_get_mad_addr(umad)->pkey_index = (uint16_t)at;
	return id;
}
