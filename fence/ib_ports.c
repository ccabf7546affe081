/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/ib_ports.h"

#include "base/bytes.h"
#include "fence/lock.h"

#include <errno.h>
#include <infiniband/umad.h>
#include <stdio.h>
#include <string.h>

#define STATE_INIT 2 /* of sysfs, as in PortInfo */
#define PERMISSIVE_LID 0xffff

static char problem[128];

/* ---- asking ---- */

/* libibumad writes up to what it says here; with room for more, as umad2sim reads on. */
struct buffer {
	_Alignas(8) uint8_t byte[1024];
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Waits for the answer to @s; -EAGAIN: it is late, or the kernel says that it is lost. */
static int answer_await(int fd, struct smp *s, uint64_t until)
{
	struct buffer b;
	uint64_t now;
	int len, rc;

	while ((now = now_ms()) < until) {
		len = SMP_SIZE;
		rc = umad_recv(fd, &b, &len, (int)(until - now));
		if (rc < 0 && rc != -EINTR)
			return -EAGAIN;
		if (rc < 0)
			continue;
		if (!smp_is_about(s, umad_get_mad(&b), len < 0 ? 0 : (size_t)len))
			continue;
		/* What was sent comes back with a status when there is no answer. */
		return umad_status(&b) ? -EAGAIN :
					 smp_decode(s, umad_get_mad(&b), (size_t)len);
	}
	return -EAGAIN;
}

static int question_send(const struct ib_ports *p, const struct smp *s)
{
	struct buffer b = { { 0 } };
	int root = s->route.root;

	umad_set_addr(&b, PERMISSIVE_LID, 0, 0, 0);
	smp_encode(s, umad_get_mad(&b));
	return umad_send(p->port[root].fd, p->port[root].agent, &b, SMP_SIZE, (int)p->timeout_ms,
			 0);
}

int ib_ports_ask(void *context, struct smp *s)
{
	struct ib_ports *p = context;
	uint64_t now;
	int rc = -EAGAIN;

	for (unsigned i = 0; rc == -EAGAIN && i < p->tries; i++) {
		now = now_ms();
		if (now >= p->until)
			return -ETIME;
		s->id = ++p->last_id;
		s->m_key = p->m_key;
		if (question_send(p, s) < 0)
			return -EIO;
		/* Twice that: the kernel is to say first that it is lost. */
		rc = answer_await(p->port[s->route.root].fd, s,
				  earlier(now + 2 * (uint64_t)p->timeout_ms, p->until));
	}
	return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

/* ---- which there are ---- */

static bool is_named(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = list; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, name, len) && (!s[len] || s[len] == ','))
			return true;
	}
	return false;
}

static size_t names_count(const char *list)
{
	size_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

static const char *port_open(struct ib_ports *p, const umad_port_t *port, const char *name)
{
	int fd, agent;

	if (p->n == FABRIC_ROOTS_MAX)
		return NULL;
	fd = umad_open_port(port->ca_name, port->portnum);
	agent = fd < 0 ? -1 : umad_register(fd, SMP_CLASS, 1, 0, NULL);
	if (agent < 0) {
		if (fd >= 0)
			umad_close_port(fd);
		snprintf(problem, sizeof(problem), "the port %s cannot be opened", name);
		return problem;
	}
	p->port[p->n].fd = fd;
	p->port[p->n].agent = agent;
	strcpy(p->port[p->n].name, name);
	p->n++;
	return NULL;
}

static const char *port_take(struct ib_ports *p, const umad_port_t *port, const char *only)
{
	char name[sizeof(p->port[0].name)];

	if (!strcmp(port->link_layer, "Ethernet"))
		return NULL;
	if (p->n_own < IB_OWN_MAX)
		p->own[p->n_own++] = get_be64(&port->port_guid);
	snprintf(name, sizeof(name), "%.19s:%d", port->ca_name, port->portnum);
	if (only && !is_named(only, name))
		return NULL;
	if (port->phys_state == PHYSICAL_UP && port->state >= STATE_INIT)
		return port_open(p, port, name);
	if (!only)
		return NULL;
	snprintf(problem, sizeof(problem), "the port %s is down", name);
	return problem;
}

static const char *device_take(struct ib_ports *p, const char *device, const char *only)
{
	const char *why = NULL;
	umad_ca_t ca;

	if (umad_get_ca(device, &ca))
		return NULL;
	for (int i = 1; !why && i < UMAD_CA_MAX_PORTS; i++)
		if (ca.ports[i])
			why = port_take(p, ca.ports[i], only);
	umad_release_ca(&ca);
	return why;
}

const char *ib_ports_open(struct ib_ports *p, const char *only)
{
	char device[UMAD_MAX_DEVICES][UMAD_CA_NAME_LEN];
	const char *why = NULL;
	int n;

	*p = (struct ib_ports){ 0 };
	if (umad_init() < 0)
		return "libibumad does not work here; is ib_umad loaded?";
	n = umad_get_cas_names(device, UMAD_MAX_DEVICES);
	for (int i = 0; !why && i < n; i++)
		why = device_take(p, device[i], only);
	if (!why && only && p->n != names_count(only))
		why = "not all of local_ports are InfiniBand ports of this machine";
	if (!why && !p->n)
		why = "no InfiniBand port of this machine is up";
	return why;
}

void ib_ports_close(struct ib_ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		umad_close_port(p->port[i].fd);
	p->n = 0;
}
