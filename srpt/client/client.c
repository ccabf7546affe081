/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client_priv.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFERS_MIN (8u << 20)
#define DESTROY_NS 1500000000ull /* transports linger for a second */

/* ---- message memory ---- */

static int pool_add(struct client *c)
{
	struct client_pool *p = &c->pools[c->npools];
	int rc;

	if (c->npools == CLIENT_POOLS)
		return -ENOMEM;
	rc = iobuf_pool_init(&p->blocks, (size_t)CLIENT_POOL_SIZE << c->npools);
	if (rc)
		return rc;
	p->region = reactor_region_add(c->r, p->blocks.slab.base, p->blocks.slab.len);
	if (p->region < 0) {
		iobuf_pool_destroy(&p->blocks);
		return -ENOMEM;
	}
	c->npools++;
	return 0;
}

int client_block_get(struct client *c, uint32_t len, struct client_block *b)
{
	int rc;

	for (unsigned i = 0; ; i++) {
		if (i == c->npools) {
			rc = pool_add(c);
			if (rc)
				return rc;
		}
		rc = iobuf_get(&c->pools[i].blocks, len, &b->buf);
		if (!rc)
			b->pool = &c->pools[i];
		if (rc != -EAGAIN)
			return rc;
	}
}

void client_block_put(struct client_block *b)
{
	if (b->pool)
		iobuf_put(&b->pool->blocks, &b->buf);
	b->pool = NULL;
}

static void pools_destroy(struct client *c)
{
	for (unsigned i = 0; i < c->npools; i++) {
		reactor_region_del(c->r, c->pools[i].region);
		iobuf_pool_destroy(&c->pools[i].blocks);
	}
}

/* ---- the control thread's mail: that thread is this one ---- */

static int control_poll(struct reactor_source *s)
{
	struct client *c = container_of(s, struct client, control_source);

	if (c->control_armed) {
		mailbox_awake(&c->control);
		c->control_armed = false;
	}
	return mailbox_drain(&c->control);
}

static bool control_arm(struct reactor_source *s)
{
	struct client *c = container_of(s, struct client, control_source);

	c->control_armed = mailbox_prepare_sleep(&c->control);
	return !c->control_armed;
}

/* ---- life ---- */

static int params_check(const struct client_params *p, char *err, size_t errlen)
{
	const char *wrong = NULL;

	if (p->buffer_size < BUFFERS_MIN)
		wrong = "buffer_size is less than 8 MiB";
	else if (!p->max_channels)
		wrong = "max_channels is 0";
	else if (p->transport == CLIENT_IWARP && p->mpa_revision != 1 && p->mpa_revision != 2)
		wrong = "the MPA revision must be 1 or 2";
	if (!wrong)
		return 0;
	snprintf(err, errlen, "%s", wrong);
	return -EINVAL;
}

static int cpu_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	if (cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static int client_open(struct client *c, char *err, size_t errlen)
{
	const struct reactor_params rp = {
		.buffer_size = c->p.buffer_size,
		.poll_budget_us = c->p.poll_budget_us,
		.cpu = -1,
	};
	int rc = cpu_pin(c->p.cpu);

	if (rc) {
		snprintf(err, errlen, "cannot run on CPU %d: %s", c->p.cpu, strerror(-rc));
		return rc;
	}
	rc = mailbox_init(&c->control);
	if (!rc)
		rc = reactor_create(0, &rp, &c->r);
	if (rc) {
		snprintf(err, errlen, "no memory or descriptors: %s", strerror(-rc));
		return rc;
	}
	c->group = (struct reactor_group){ .r = { c->r }, .n = 1, .control = &c->control };
	c->control_source = (struct reactor_source){
		.poll = control_poll, .arm = control_arm, .fd = c->control.fd,
	};
	reactor_source_add(c->r, &c->control_source);
	return client_transport_open(&c->p, &client_upcalls, &c->group, &c->t, err, errlen);
}

static void client_free(struct client *c)
{
	if (c->t)
		client_transport_close(c->p.transport, c->t);
	if (c->r) {
		reactor_source_del(c->r, &c->control_source);
		pools_destroy(c);
		reactor_destroy(c->r);
	}
	mailbox_destroy(&c->control);
	free(c);
}

int client_create(const struct client_params *p, struct client **out, char *err, size_t errlen)
{
	struct client *c;
	int rc = params_check(p, err, errlen);

	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(err, errlen, "no memory");
		return -ENOMEM;
	}
	c->p = *p;
	c->control.fd = -1;
	list_init(&c->channels);
	list_init(&c->dead);
	rc = client_open(c, err, errlen);
	if (rc) {
		client_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void client_destroy(struct client *c)
{
	uint64_t until = clock_now_ns() + DESTROY_NS;
	struct client_channel *ch, *tmp;

	list_for_each(ch, &c->channels, link)
		client_drop(ch);
	while (!list_empty(&c->channels) && clock_now_ns() < until)
		client_turn(c, 10);
	list_for_each_safe(ch, tmp, &c->dead, link)
		client_channel_free(ch);
	/* What does not close keeps its memory: the transport may still use it. */
	if (list_empty(&c->channels))
		client_free(c);
}

void client_turn(struct client *c, int timeout_ms)
{
	reactor_turn(c->r, timeout_ms);
}

struct reactor *client_reactor(struct client *c)
{
	return c->r;
}
