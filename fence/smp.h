/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subnet management packets with directed routes, and the two attributes that are needed. What
 * comes from the fabric is hostile. No memory is allocated, nothing is sent.
 *
 * Source: InfiniBand Architecture 1.3, volume 1: 14.2.1.2 (directed route), 14.2.5.3 (NodeInfo),
 * 14.2.5.6 (PortInfo).
 */
#ifndef FENCE_SMP_H
#define FENCE_SMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMP_SIZE 256 /* bytes of a MAD */
#define SMP_DATA 64  /* of them an attribute */
#define SMP_HOPS_MAX 63
#define SMP_CLASS 0x81 /* of those with directed routes */
#define SMP_PORTS_MAX 254 /* of a switch */

enum smp_method { SMP_GET = 0x01, SMP_SET = 0x02, SMP_GET_RESP = 0x81 };
enum smp_attribute { SMP_NODE_INFO = 0x0011, SMP_PORT_INFO = 0x0015 };

/* The way to a node, from one of this machine's ports. */
struct smp_route {
	uint8_t root; /* which of this machine's ports, from 0 */
	uint8_t hops; /* 0 … SMP_HOPS_MAX */
	uint8_t port[SMP_HOPS_MAX + 1]; /* [1 … hops]: the port to leave each node by */
};

struct smp {
	struct smp_route route;
	enum smp_method method; /* SMP_GET or SMP_SET */
	enum smp_attribute attribute;
	uint32_t modifier;
	uint64_t m_key;
	uint32_t id; /* of this question; no other one in flight has it */
	uint8_t data[SMP_DATA]; /* of the question, then of the answer */
};

/* Write the question @s. */
void smp_encode(const struct smp *s, uint8_t mad[SMP_SIZE]);

/* @mad: @len bytes that came, the question @s itself or an answer to it. */
bool smp_is_about(const struct smp *s, const uint8_t *mad, size_t len);

/*
 * @mad: @len bytes that came. -EAGAIN: it is no answer to @s; -EIO: it is, and the other side
 * refuses; 0: its data are in @s->data.
 */
int smp_decode(struct smp *s, const uint8_t *mad, size_t len);

/* false: there are SMP_HOPS_MAX already. */
bool smp_route_add(struct smp_route *route, uint8_t port);

/* ---- NodeInfo ---- */

enum node_type { NODE_CA = 1, NODE_SWITCH = 2, NODE_ROUTER = 3 };

struct node_info {
	enum node_type type;
	uint8_t n_ports; /* 1 … SMP_PORTS_MAX; of a switch without its port 0 */
	uint8_t port; /* that the question came in by; 1 … n_ports, with a switch also 0 */
	uint64_t node_guid; /* not 0 */
	uint64_t port_guid; /* not 0; of a switch that of port 0 */
};

/* false: no node can have these values. */
bool node_info_decode(struct node_info *n, const uint8_t data[SMP_DATA]);

/* ---- PortInfo ---- */

enum port_logical { PORT_DOWN = 1 };
enum port_physical {
	PHYSICAL_POLLING = 2, PHYSICAL_DISABLED = 3, PHYSICAL_UP = 5, PHYSICAL_RECOVERY = 6
};

/*
 * It has no neighbour now. A link that recovers from errors, or where the two states do not go
 * together, may have one.
 */
bool port_info_is_down(const uint8_t data[SMP_DATA]);

/* Nothing passes it, and nothing will before somebody enables it. */
bool port_info_is_off(const uint8_t data[SMP_DATA]);

/* Disabled, even if not all of it has come to pass. */
bool port_info_is_disabled(const uint8_t data[SMP_DATA]);

/* Of what a switch has said about a port make what sets its physical state, and nothing else. */
void port_info_to_set(uint8_t data[SMP_DATA], enum port_physical state);

#endif
