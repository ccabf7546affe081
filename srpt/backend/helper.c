/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that makes the system calls which may block and which io_uring does not have. They
 * are rare (GET LBA STATUS), so there is one thread for each reactor, and it sleeps.
 */
#include "backend/backend_priv.h"

#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>

struct be_helper {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct list_node waiting; /* be_io.link; under the lock */
	bool stop;                /* under the lock */
	pthread_t thread;
};

static void result_received(struct msg *m)
{
	struct be_io *io = container_of(m, struct be_io, msg);

	be_ring_result(io->reactor->be_ring, io, io->result);
}

/* Waits for the next; NULL: the end. */
static struct be_io *request_get(struct be_helper *h)
{
	struct be_io *io = NULL;

	pthread_mutex_lock(&h->lock);
	while (!h->stop && list_empty(&h->waiting))
		pthread_cond_wait(&h->wanted, &h->lock);
	if (!h->stop) {
		io = list_first(&h->waiting, struct be_io, link);
		list_del(&io->link);
	}
	pthread_mutex_unlock(&h->lock);
	return io;
}

static void *helper_thread(void *arg)
{
	struct be_helper *h = arg;
	struct be_io *io;

	pthread_setname_np(pthread_self(), "disk-map");
	while ((io = request_get(h))) {
		io->result = be_space_find(io);
		io->msg.fn = result_received;
		reactor_send(io->reactor, &io->msg);
	}
	return NULL;
}

void be_helper_submit(struct be_helper *h, struct be_io *io)
{
	pthread_mutex_lock(&h->lock);
	list_add_tail(&h->waiting, &io->link);
	pthread_cond_signal(&h->wanted);
	pthread_mutex_unlock(&h->lock);
}

static void helper_free(struct be_helper *h)
{
	pthread_cond_destroy(&h->wanted);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

struct be_helper *be_helper_create(void)
{
	struct be_helper *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wanted, NULL);
	list_init(&h->waiting);
	if (!thread_start(&h->thread, helper_thread, h))
		return h;
	helper_free(h);
	return NULL;
}

void be_helper_destroy(struct be_helper *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->wanted);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	helper_free(h);
}
