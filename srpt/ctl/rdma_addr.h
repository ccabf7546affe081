/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local IP addresses at which connections can arrive: by RDMA/CM those of network interfaces that
 * belong to an RDMA device, by TCP all. Read from sysfs, so it needs neither verbs nor privileges.
 */
#ifndef SRPT_CTL_RDMA_ADDR_H
#define SRPT_CTL_RDMA_ADDR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct rdma_addr {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t addr[16];   /* network order; 4 bytes used for AF_INET, rest zero */
	char netdev[16];
};

struct rdma_addrs {
	struct rdma_addr *list; /* owned */
	size_t count;
};

/* @sysfs: "/sys". Link-local IPv6 addresses are left out. 0 or -errno; none is no error. */
int rdma_addrs_get(const char *sysfs, struct rdma_addrs *addrs);
/* Those of all interfaces but loopback, as above. */
int host_addrs_get(struct rdma_addrs *addrs);
void rdma_addrs_free(struct rdma_addrs *addrs);

/*
 * The names of network interfaces of RDMA devices below @sysfs, NULL-terminated, to be freed with
 * rdma_netdevs_free(). NULL: no memory.
 */
char **rdma_netdevs_get(const char *sysfs);
void rdma_netdevs_free(char **names);

#endif
