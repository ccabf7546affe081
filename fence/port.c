/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/port.h"

#include "fence/lock.h"

#include <errno.h>
#include <unistd.h>

#define AGAIN_US 50000

/* What the way leads to may have changed: only that switch is believed. */
static int switch_check(const struct fabric_io *io, const struct plan_point *p)
{
	struct smp s = { .route = p->route, .method = SMP_GET, .attribute = SMP_NODE_INFO };
	struct node_info n;
	int rc = io->ask(io->context, &s);

	if (rc)
		return rc;
	return node_info_decode(&n, s.data) && n.type == NODE_SWITCH &&
			       n.node_guid == p->switch_guid ?
		       0 :
		       -ENODEV;
}

static int info_get(const struct fabric_io *io, const struct plan_point *p, struct smp *s)
{
	int rc = switch_check(io, p);

	if (rc)
		return rc;
	*s = (struct smp){ .route = p->route, .method = SMP_GET, .attribute = SMP_PORT_INFO,
			   .modifier = p->port };
	return io->ask(io->context, s);
}

static bool info_is(const struct smp *s, bool off)
{
	return off ? port_info_is_off(s->data) : !port_info_is_disabled(s->data);
}

/* @s: as it was read. The answer does not matter: it is read again. */
static void info_set(const struct fabric_io *io, struct smp *s, bool off)
{
	s->method = SMP_SET;
	port_info_to_set(s->data, off ? PHYSICAL_DISABLED : PHYSICAL_POLLING);
	io->ask(io->context, s);
}

/* 0: it was as wanted before this. */
static int port_step(const struct fabric_io *io, const struct plan_point *p, bool off)
{
	struct smp s;
	int rc = info_get(io, p, &s);

	if (rc || info_is(&s, off))
		return rc;
	/* Disabled, it takes its time until the link has ended. */
	if (port_info_is_disabled(s.data) != off)
		info_set(io, &s, off);
	return -EAGAIN;
}

/* Those that have gone well are read again each time. */
static bool ports_step(const struct fabric_io *io, const struct plan *p, bool off,
		       int rc[GUID_PLACES_MAX])
{
	bool good = true;

	for (size_t i = 0; i < p->n; i++) {
		rc[i] = port_step(io, &p->point[i], off);
		good &= !rc[i];
	}
	return good;
}

bool ports_switch(const struct fabric_io *io, const struct plan *p, bool off, uint64_t until,
		  int rc[GUID_PLACES_MAX])
{
	while (!ports_step(io, p, off, rc)) {
		if (now_ms() >= until)
			return false;
		usleep(AGAIN_US);
	}
	return true;
}
