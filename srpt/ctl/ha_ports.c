/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ha_ports.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURN_NS 1000000000ull
#define TURNS_WITHOUT 10u /* turns between looks for devices while there is none */

struct ha_ports {
	qb_loop_t *loop;
	struct mailbox *control;
	const struct listeners *listeners;
	const char *dir;
	void (*changed)(void *arg);
	void *arg;
	qb_loop_timer_handle timer;
	struct offload *offload;
	struct offload_job job;
	bool busy;                    /* the job is the thread's */
	bool again;                   /* an event came meanwhile: what it found may be old */
	struct port_watch watch;
	bool stopped;
	unsigned turns;               /* since the last look at devices */
	struct ha_ports_count found;  /* by the job */
	struct ha_ports_count rdma, last; /* last: as told */
};

/* ---- RDMA ports ---- */

/* "4: ACTIVE", as enum ibv_port_state has them. */
static bool port_active(int ports, const char *port)
{
	char path[NAME_MAX + 16], text[32] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/state", port);
	fd = openat(ports, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && atoi(text) == 4;
}

static void device_scan(int devices, const char *name, struct ha_ports_count *c)
{
	char path[NAME_MAX + 16];
	int fd;
	DIR *dir;
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/ports", name);
	fd = openat(devices, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (port_active(fd, e->d_name))
			c->up++;
		else
			c->down++;
	}
	closedir(dir);
}

void ha_ports_scan(const char *dir, struct ha_ports_count *c)
{
	DIR *devices = opendir(dir);
	struct dirent *e;

	*c = (struct ha_ports_count){ 0, 0 };
	if (!devices)
		return;
	while ((e = readdir(devices)))
		if (e->d_name[0] != '.')
			device_scan(dirfd(devices), e->d_name, c);
	closedir(devices);
}

/* ---- portals ---- */

void ha_ports_add_listeners(const struct listeners *l, struct ha_ports_count *c)
{
	struct listener *portal;

	list_for_each(portal, &l->list, link) {
		if (portal->tl && !portal->tl->down)
			c->up++;
		else if (portal->wanted && !portal->optional && !portal->away)
			c->down++;
	}
}

/* ---- both, again and again ---- */

struct ha_ports_count ha_ports_get(const struct ha_ports *p)
{
	struct ha_ports_count c = p->rdma;

	ha_ports_add_listeners(p->listeners, &c);
	return c;
}

static void look(struct ha_ports *p)
{
	struct ha_ports_count now = ha_ports_get(p);

	if (now.up == p->last.up && now.down == p->last.down)
		return;
	p->last = now;
	p->changed(p->arg);
}

static void scan_run(struct offload_job *j)
{
	struct ha_ports *p = container_of(j, struct ha_ports, job);

	ha_ports_scan(p->dir, &p->found);
}

static void scan_over(struct offload_job *j);

static void scan_start(struct ha_ports *p)
{
	p->busy = true;
	p->again = false;
	p->job = (struct offload_job){ .run = scan_run, .done = scan_over };
	offload_run(p->offload, &p->job);
}

static void scan_over(struct offload_job *j)
{
	struct ha_ports *p = container_of(j, struct ha_ports, job);

	p->busy = false;
	p->rdma = p->found;
	if (p->stopped)
		return;
	look(p);
	if (p->again)
		scan_start(p);
}

static void event(void *arg)
{
	struct ha_ports *p = arg;

	p->again = true;
	if (!p->busy)
		scan_start(p);
}

static void turn(struct ha_ports *p)
{
	bool any = p->rdma.up || p->rdma.down;

	look(p);
	if (p->busy || (!any && p->turns++ % TURNS_WITHOUT))
		return;
	scan_start(p);
}

static void timer_run(void *arg)
{
	struct ha_ports *p = arg;

	turn(p);
	if (qb_loop_timer_add(p->loop, QB_LOOP_LOW, TURN_NS, p, timer_run, &p->timer))
		log_err("no timer to look after RDMA ports: the cluster hears no more of them");
}

int ha_ports_start(qb_loop_t *loop, struct mailbox *control, struct listeners *listeners,
		   const char *dir, void (*changed)(void *arg), void *arg, struct ha_ports **out)
{
	struct ha_ports *p = calloc(1, sizeof(*p));
	int rc = p ? offload_create("ports", control, &p->offload) : -ENOMEM;

	if (rc) {
		free(p);
		return rc;
	}
	p->loop = loop;
	p->control = control;
	p->listeners = listeners;
	p->dir = dir;
	p->changed = changed;
	p->arg = arg;
	p->watch = (struct port_watch){ .fn = event, .arg = p };
	listeners_watch_ports(listeners, &p->watch);
	p->last = ha_ports_get(p);
	timer_run(p);
	*out = p;
	return 0;
}

void ha_ports_stop(struct ha_ports *p)
{
	if (!p)
		return;
	qb_loop_timer_del(p->loop, p->timer);
	list_del(&p->watch.link);
	p->stopped = true;
	offload_destroy(p->offload);
	mailbox_drain(p->control);
	free(p);
}
