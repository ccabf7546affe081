/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDMA devices in use: protection domain, pollers.
 * A device that was removed or failed is dead: its connections end, then its
 * pollers stop, then everything of it is freed; when it comes back it is a new
 * device to us. Control thread.
 */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STOP_WAIT_MS 2000

#define SIW_VENDOR 0x626d74u  /* the kernel's software iWARP */
#define SIW_MAX_SILENT 4095u

/* ---- devices ---- */

static int device_open(struct verbs_device *dev)
{
	int rc;

	if (ibv_query_device(dev->ctx, &dev->attr))
		return -EIO;
	dev->pd = ibv_alloc_pd(dev->ctx);
	if (!dev->pd)
		return -errno;
	rc = verbs_watch_start(dev->v, &dev->async, dev->ctx->async_fd, verbs_async_ready);
	if (rc)
		ibv_dealloc_pd(dev->pd);
	return rc;
}

static struct verbs_device *device_find(struct verbs *v, struct ibv_context *ctx)
{
	struct verbs_device *dev;

	list_for_each(dev, &v->devices, link)
		if (dev->ctx == ctx)
			return dev;
	return NULL;
}

/*
 * Without an id on it the RDMA CM library may close the context of a device that
 * went away, under our feet. A failure is harmless until then.
 */
static void anchor_add(struct verbs_device *dev, struct rdma_cm_id *cm)
{
	struct sockaddr_storage sa = cm->route.addr.src_storage;
	struct verbs_id *id = calloc(1, sizeof(*id));

	if (!id)
		return;
	list_init(&id->link);
	id->v = dev->v;
	id->state = ID_ANCHOR;
	id->dev = dev;
	if (sa.ss_family == AF_IB)
		verbs_ib_any_port(&sa);
	else
		((struct sockaddr_in *)&sa)->sin_port = 0; /* sin6_port is at the same place */
	if (rdma_create_id(dev->v->ec, &id->cm, id,
			   sa.ss_family == AF_IB ? RDMA_PS_IB : RDMA_PS_TCP) ||
	    rdma_bind_addr(id->cm, (struct sockaddr *)&sa) || id->cm->verbs != dev->ctx) {
		verbs_id_free(id);
		return;
	}
	list_add_tail(&dev->v->ids, &id->link);
}

/*
 * Of a WRITE or SEND of a page or more that asks for no completion, siw gives TCP
 * the pages themselves, and says done when TCP has them, not when it has sent them.
 * Of one that asks for a completion TCP gets a copy. No page is smaller than 4 KiB.
 */
static uint32_t device_max_silent(const struct verbs_device *dev)
{
	return dev->iwarp && dev->attr.vendor_id == SIW_VENDOR ? SIW_MAX_SILENT : UINT32_MAX;
}

static struct verbs_device *device_new(struct verbs *v, struct rdma_cm_id *cm)
{
	struct verbs_device *dev = calloc(1, sizeof(*dev));
	int rc;

	if (!dev)
		return NULL;
	dev->v = v;
	dev->ctx = cm->verbs;
	dev->name = ibv_get_device_name(dev->ctx->device);
	dev->iwarp = dev->ctx->device->transport_type == IBV_TRANSPORT_IWARP;
	dev->listed = !access(dev->ctx->device->dev_path, F_OK);
	rc = device_open(dev);
	if (rc) {
		log_err("%s: cannot be used: %s", dev->name, strerror(-rc));
		free(dev);
		return NULL;
	}
	dev->max_silent = device_max_silent(dev);
	list_add_tail(&v->devices, &dev->link);
	anchor_add(dev, cm);
	return dev;
}

struct verbs_device *verbs_device_see(struct verbs *v, struct rdma_cm_id *cm)
{
	struct verbs_device *dev = device_find(v, cm->verbs);

	return dev ? dev : device_new(v, cm);
}

int verbs_device_get(struct verbs *v, struct rdma_cm_id *cm, struct verbs_device **out)
{
	struct verbs_device *dev = verbs_device_see(v, cm);

	if (!dev)
		return -ENOMEM;
	if (dev->dead)
		return -ENODEV;
	dev->conns++;
	*out = dev;
	return 0;
}

struct verbs_poller *verbs_device_poller(struct verbs_device *dev, struct reactor *r)
{
	if (!dev->pollers[r->id] && verbs_poller_create(dev, r, &dev->pollers[r->id]))
		dev->pollers[r->id] = NULL;
	return dev->pollers[r->id];
}

/* All ids of a device hold its context open; they go after everything else of it. */
static void device_ids_free(struct verbs_device *dev)
{
	struct verbs_id *id, *next;

	list_for_each_safe(id, next, &dev->v->ids, link)
		if (id->dev == dev)
			verbs_id_free(id);
}

static void fd_detach(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup3(null, fd, O_CLOEXEC);
	close(null);
}

/*
 * Drivers that cannot take a device from its users (soft-RoCE) wait until all
 * have closed it, but the RDMA CM library keeps its context, for ever if it is
 * the only device. So the descriptors are closed under it; it will not use them
 * again, for a device that comes back has a new index.
 */
static void context_detach(struct verbs_device *dev)
{
	fd_detach(dev->ctx->async_fd);
	fd_detach(dev->ctx->cmd_fd);
}

static void device_free(struct verbs_device *dev)
{
	verbs_watch_stop(&dev->async);
	for (unsigned i = 0; i < REACTOR_MAX; i++)
		if (dev->pollers[i])
			verbs_poller_destroy(dev->pollers[i]);
	ibv_dealloc_pd(dev->pd);
	list_del(&dev->link);
	if (dev->removed)
		context_detach(dev);
	device_ids_free(dev);
	free(dev);
}

void verbs_device_poller_stopped(struct msg *m)
{
	struct verbs_device *dev = container_of(m, struct verbs_poller, msg)->dev;

	if (!--dev->stops)
		device_free(dev);
}

static void device_stop(struct verbs_device *dev)
{
	dev->stops = 1;
	for (unsigned i = 0; i < REACTOR_MAX; i++) {
		struct verbs_poller *p = dev->pollers[i];

		if (!p)
			continue;
		dev->stops++;
		p->msg.fn = verbs_poller_stop;
		reactor_send(p->reactor, &p->msg);
	}
	if (!--dev->stops)
		device_free(dev);
}

void verbs_device_put(struct verbs_device *dev)
{
	if (!--dev->conns && dev->dead && !dev->stops)
		device_stop(dev);
}

void verbs_device_kill(struct verbs_device *dev, const char *why)
{
	struct verbs_id *id, *next;

	if (dev->dead)
		return;
	dev->dead = true;
	log_warn("%s: %s, %u connection(s) end", dev->name, why, dev->conns);
	dev->conns++; /* so that it stays until the loop is over */
	list_for_each_safe(id, next, &dev->v->ids, link)
		if (id->dev == dev)
			verbs_id_down(id, why);
	verbs_device_put(dev);
}

void verbs_device_removed(struct verbs_device *dev)
{
	dev->removed = true;
	verbs_device_kill(dev, "RDMA device removed");
}

/* False: a connection is left, against the rules; its memory must stay. */
static bool poller_stop_wait(struct verbs_poller *p)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	sem_init(&p->stopped, 0, 0);
	p->stop_waited = true;
	p->msg.fn = verbs_poller_stop;
	if (p->reactor->running)
		reactor_send(p->reactor, &p->msg);
	else
		verbs_poller_stop(&p->msg);
	for (int i = 0; i < STOP_WAIT_MS; i++) {
		if (!sem_trywait(&p->stopped)) {
			sem_destroy(&p->stopped);
			return true;
		}
		nanosleep(&ms, NULL);
	}
	log_err("%s: connections of reactor %u are left", p->dev->name, p->reactor->id);
	return false;
}

void verbs_device_destroy(struct verbs_device *dev)
{
	bool all = true;

	for (unsigned i = 0; i < REACTOR_MAX; i++)
		if (dev->pollers[i] && !poller_stop_wait(dev->pollers[i]))
			all = false;
	if (all)
		device_free(dev);
	else
		list_del(&dev->link);
}
