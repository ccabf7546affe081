/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/rdma_addr.h"

#include <errno.h>
#include <glob.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file, without newline; "" if it cannot be read. */
static void line_read(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	line[0] = 0;
	if (!f)
		return;
	if (!fgets(line, (int)size, f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	fclose(f);
}

struct names {
	char **list; /* NULL-terminated */
	size_t count;
	bool failed;
};

static bool names_have(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->list[i], name))
			return true;
	return false;
}

static void names_add(struct names *n, const char *name)
{
	char **list;

	if (!*name || n->failed || names_have(n, name))
		return;
	list = reallocarray(n->list, n->count + 2, sizeof(*list));
	if (!list || !(list[n->count] = strdup(name))) {
		n->list = list ? list : n->list;
		n->failed = true;
		return;
	}
	n->list = list;
	n->list[++n->count] = NULL;
}

static void for_each_path(const char *sysfs, const char *pattern,
			  void (*fn)(void *arg, const char *sysfs, const char *path), void *arg)
{
	char full[512];
	glob_t g;

	snprintf(full, sizeof(full), "%s/%s", sysfs, pattern);
	if (glob(full, 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			fn(arg, sysfs, g.gl_pathv[i]);
	globfree(&g);
}

/* RoCE: each GID names the interface it was made from. */
static void netdev_of_gid(void *arg, const char *sysfs, const char *path)
{
	char name[32];

	(void)sysfs;
	line_read(path, name, sizeof(name));
	names_add(arg, name);
}

/* Hex digits of a GID or hardware address, without colons, into @hex; their number. */
static size_t hex_digits(const char *text, char *hex, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		if (*text != ':')
			hex[n++] = *text;
	hex[n] = 0;
	return n;
}

struct gid_search {
	struct names *names;
	char gid[40];
};

/*
 * A GID is the last 16 of the 20 bytes of an IPoIB hardware address, and an iWARP device has its
 * Ethernet address in the first 6 bytes of its GID.
 */
static void netdev_with_address(void *arg, const char *sysfs, const char *path)
{
	struct gid_search *s = arg;
	char text[80], address[64], name[32];
	size_t n;

	(void)sysfs;
	line_read(path, text, sizeof(text));
	n = hex_digits(text, address, sizeof(address));
	if (!(n == 40 && !strcmp(address + 8, s->gid)) &&
	    !(n == 12 && !strncmp(address, s->gid, 12) && strspn(s->gid + 12, "0") == 20))
		return;
	if (sscanf(strstr(path, "/class/net/") + strlen("/class/net/"), "%31[^/]", name) == 1)
		names_add(s->names, name);
}

static void netdevs_of_port(void *arg, const char *sysfs, const char *path)
{
	struct gid_search s = { .names = arg };
	char text[64];

	line_read(path, text, sizeof(text));
	if (hex_digits(text, s.gid, sizeof(s.gid)) == 32)
		for_each_path(sysfs, "class/net/*/address", netdev_with_address, &s);
}

void rdma_netdevs_free(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

char **rdma_netdevs_get(const char *sysfs)
{
	struct names n = { .list = calloc(1, sizeof(char *)) };

	if (!n.list)
		return NULL;
	for_each_path(sysfs, "class/infiniband/*/ports/*/gid_attrs/ndevs/*", netdev_of_gid, &n);
	for_each_path(sysfs, "class/infiniband/*/ports/*/gids/0", netdevs_of_port, &n);
	if (!n.failed)
		return n.list;
	rdma_netdevs_free(n.list);
	return NULL;
}

static bool addr_from_sockaddr(const struct sockaddr *sa, struct rdma_addr *a)
{
	a->family = sa->sa_family;
	if (sa->sa_family == AF_INET) {
		memcpy(a->addr, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(a->addr, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		return !(a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80);
	}
	return false;
}

static bool is_listed(char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static int addrs_add(struct rdma_addrs *addrs, const struct ifaddrs *ifa)
{
	struct rdma_addr a = { .family = AF_UNSPEC };
	struct rdma_addr *list;

	if (!ifa->ifa_addr || !addr_from_sockaddr(ifa->ifa_addr, &a))
		return 0;
	snprintf(a.netdev, sizeof(a.netdev), "%s", ifa->ifa_name);
	list = reallocarray(addrs->list, addrs->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[addrs->count++] = a;
	addrs->list = list;
	return 0;
}

/* Of the interfaces in @names, or, if that is NULL, of all but loopback. */
static int addrs_collect(char *const *names, struct rdma_addrs *addrs)
{
	struct ifaddrs *all = NULL;
	int rc = 0;

	*addrs = (struct rdma_addrs){ NULL, 0 };
	if (getifaddrs(&all))
		return -errno;
	for (struct ifaddrs *ifa = all; ifa && !rc; ifa = ifa->ifa_next)
		if (names ? is_listed(names, ifa->ifa_name) : !(ifa->ifa_flags & IFF_LOOPBACK))
			rc = addrs_add(addrs, ifa);
	freeifaddrs(all);
	if (rc)
		rdma_addrs_free(addrs);
	return rc;
}

int rdma_addrs_get(const char *sysfs, struct rdma_addrs *addrs)
{
	char **names = rdma_netdevs_get(sysfs);
	int rc = names ? addrs_collect(names, addrs) : -ENOMEM;

	rdma_netdevs_free(names);
	return rc;
}

int host_addrs_get(struct rdma_addrs *addrs)
{
	return addrs_collect(NULL, addrs);
}

void rdma_addrs_free(struct rdma_addrs *addrs)
{
	free(addrs->list);
	*addrs = (struct rdma_addrs){ NULL, 0 };
}
