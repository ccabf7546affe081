/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fabric_fake.h"

#include "base/bytes.h"

#include <errno.h>

int fake_node_add(struct fake_fabric *f, enum node_type type, uint64_t guid, uint8_t n_ports)
{
	struct fake_node *n = &f->node[f->n];

	*n = (struct fake_node){ .type = type, .guid = guid, .n_ports = n_ports };
	for (int i = 0; i <= FAKE_PORTS; i++)
		n->port[i].node = -1;
	return f->n++;
}

void fake_link(struct fake_fabric *f, int a, int port_a, int b, int port_b)
{
	f->node[a].port[port_a].node = b;
	f->node[a].port[port_a].port = port_b;
	f->node[b].port[port_b].node = a;
	f->node[b].port[port_b].port = port_a;
}

void fake_unlink(struct fake_fabric *f, int node, int port)
{
	struct fake_port *p = &f->node[node].port[port];

	if (p->node >= 0)
		f->node[p->node].port[p->port].node = -1;
	p->node = -1;
}

static bool is_up(const struct fake_fabric *f, int node, int port)
{
	const struct fake_port *p = &f->node[node].port[port];

	return p->node >= 0 && !p->disabled && !f->node[p->node].port[p->port].disabled &&
	       !p->recovers && !f->node[p->node].port[p->port].recovers;
}

static unsigned physical(const struct fake_fabric *f, int node, int port)
{
	const struct fake_port *p = &f->node[node].port[port];

	if (p->disabled)
		return PHYSICAL_DISABLED;
	if (p->recovers)
		return PHYSICAL_RECOVERY;
	return is_up(f, node, port) ? PHYSICAL_UP : PHYSICAL_POLLING;
}

/* -1: it leads nowhere. *@in: the port that it comes in by. */
static int walk(const struct fake_fabric *f, const struct smp_route *r, int *in)
{
	int node = f->root[r->root], from;

	*in = f->node[node].type == NODE_SWITCH ? 0 : 1;
	for (int i = 1; i <= r->hops; i++) {
		if (!r->port[i] || r->port[i] > f->node[node].n_ports ||
		    !is_up(f, node, r->port[i]) || (i > 1 && f->node[node].type != NODE_SWITCH))
			return -1;
		from = node;
		node = f->node[from].port[r->port[i]].node;
		*in = f->node[from].port[r->port[i]].port;
	}
	return f->node[node].silent ? -1 : node;
}

static void node_info(const struct fake_node *n, int in, uint8_t *data)
{
	memset(data, 0, SMP_DATA);
	data[2] = (uint8_t)n->type;
	data[3] = n->n_ports;
	put_be64(data + 12, n->guid);
	put_be64(data + 20, n->type == NODE_SWITCH ? n->guid : n->guid + (unsigned)in);
	data[36] = (uint8_t)in;
}

static void port_info(const struct fake_fabric *f, int node, int port, uint8_t *data)
{
	const struct fake_port *p = &f->node[node].port[port];
	bool up = is_up(f, node, port) || p->recovers;

	memset(data, 0, SMP_DATA);
	data[32] = up || (p->disabled && p->lingers) ? 4 : 1;
	data[33] = (uint8_t)(physical(f, node, port) << 4 | 2);
}

static void port_set(struct fake_fabric *f, int node, int port, const uint8_t *data)
{
	f->n_set++;
	if (f->node[node].port[port].stuck || data[33] >> 4 == 0)
		return;
	f->node[node].port[port].disabled = data[33] >> 4 == 3;
}

int fake_ask(void *context, struct smp *s)
{
	struct fake_fabric *f = context;
	int node, in;

	if (f->end_at && f->n_asked >= f->end_at)
		return -ETIME;
	f->n_asked++;
	if (s->method == SMP_SET && f->before_set)
		f->before_set(f);
	node = walk(f, &s->route, &in);
	if (node < 0 || f->lose) {
		f->lose -= f->lose > 0;
		return -ETIMEDOUT;
	}
	if (s->attribute == SMP_NODE_INFO) {
		node_info(&f->node[node], in, s->data);
		return 0;
	}
	if (!s->modifier || s->modifier > f->node[node].n_ports)
		return -EIO;
	if (s->method == SMP_SET)
		port_set(f, node, (int)s->modifier, s->data);
	port_info(f, node, (int)s->modifier, s->data);
	return 0;
}

void fake_make(struct fake_fabric *f)
{
	*f = (struct fake_fabric){ 0 };
	fake_node_add(f, NODE_SWITCH, 0x500, 8);
	fake_node_add(f, NODE_SWITCH, 0x600, 8);
	for (uint64_t guid = 0x100; guid <= 0x400; guid += 0x100)
		fake_node_add(f, NODE_CA, guid, 1);
	fake_link(f, 0, 1, 2, 1);
	fake_link(f, 0, 2, 3, 1);
	fake_link(f, 0, 8, 1, 8);
	fake_link(f, 1, 1, 4, 1);
	fake_link(f, 1, 2, 5, 1);
	f->root[0] = 2;
}
