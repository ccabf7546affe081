/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files without io_uring: a few threads per reactor make the system calls that block. The
 * doorbell hands them the requests of a round; what they have done is found by poll() or, in
 * its sleep, told by the eventfd.
 *
 * This is the slow way, for containers and the like: a lock, two changes of threads and a
 * system call for each request. Disks that hang can occupy all threads of a reactor, then its
 * others wait too.
 */
#include "backend/backend_priv.h"

#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define THREADS 4u /* of each reactor */

struct be_workers {
	pthread_mutex_t lock;
	pthread_cond_t wanted;     /* something to do, or stop */
	/* Under the lock. */
	struct list_node waiting;  /* handed over, in order */
	struct list_node finished; /* be_io.result is what the system call returned */
	bool armed;                /* the reactor sleeps: write @fd */
	bool stop;
	/* Constant while threads run. */
	int fd;
	unsigned threads;
	pthread_t thread[THREADS];
	atomic_bool ready; /* a hint: @finished may have something */
};

/* As the kernel would do for io_uring. */
static ssize_t sqe_run(const struct io_uring_sqe *sqe)
{
	struct iovec iov = { (void *)(uintptr_t)sqe->addr, sqe->len };

	switch (sqe->opcode) {
	case IORING_OP_READ:
		return preadv2(sqe->fd, &iov, 1, (off_t)sqe->off, 0);
	case IORING_OP_WRITE:
		return pwritev2(sqe->fd, &iov, 1, (off_t)sqe->off, sqe->rw_flags);
	case IORING_OP_FADVISE:
		return -posix_fadvise(sqe->fd, (off_t)sqe->off, sqe->len, (int)sqe->fadvise_advice);
	case IORING_OP_FALLOCATE:
		return fallocate(sqe->fd, (int)sqe->len, (off_t)sqe->off, (off_t)sqe->addr);
	default: /* IORING_OP_FSYNC, by IORING_FSYNC_DATASYNC */
		return fdatasync(sqe->fd);
	}
}

/* One step of @io; what a completion would carry. */
static int step_run(struct be_io *io)
{
	struct io_uring_sqe sqe;
	ssize_t n;

	if (io->step == STEP_SPACE)
		return be_space_find(io);
	uring_io_prep(io, &sqe, -1);
	n = sqe_run(&sqe);
	return n < 0 ? -errno : (int)n;
}

/* The next request, waited for; NULL: end. Under the lock. */
static struct be_io *work_get(struct be_workers *w)
{
	struct be_io *io;

	while (!w->stop && list_empty(&w->waiting))
		pthread_cond_wait(&w->wanted, &w->lock);
	if (w->stop)
		return NULL;
	io = list_first(&w->waiting, struct be_io, link);
	list_del(&io->link);
	return io;
}

/* Under the lock; after it @io is the reactor's. */
static void work_put(struct be_workers *w, struct be_io *io, int result)
{
	io->result = result;
	list_add_tail(&w->finished, &io->link);
	atomic_store_explicit(&w->ready, true, memory_order_relaxed);
	if (w->armed)
		eventfd_write(w->fd, 1);
	w->armed = false;
}

static void *worker_thread(void *arg)
{
	struct be_workers *w = arg;
	struct be_io *io;
	int result;

	pthread_setname_np(pthread_self(), "disk");
	pthread_mutex_lock(&w->lock);
	while ((io = work_get(w))) {
		pthread_mutex_unlock(&w->lock);
		result = step_run(io);
		pthread_mutex_lock(&w->lock);
		work_put(w, io, result);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void requests_hand_over(struct be_ring *ring)
{
	struct be_workers *w = ring->workers;
	struct list_node *n;
	unsigned count = 0;

	for (n = ring->queued.next; n != &ring->queued; n = n->next)
		count++;
	if (!count)
		return;
	ring->inflight += count;
	pthread_mutex_lock(&w->lock);
	list_splice_tail(&w->waiting, &ring->queued);
	if (count > 1)
		pthread_cond_broadcast(&w->wanted);
	else
		pthread_cond_signal(&w->wanted);
	pthread_mutex_unlock(&w->lock);
}

/* What a done() of the first part submits leaves with the others. */
static void workers_doorbell(struct reactor_deferred *d)
{
	struct be_ring *ring = container_of(d, struct be_ring, doorbell);

	be_ring_later_run(ring);
	requests_hand_over(ring);
}

static int workers_poll(struct reactor_source *s)
{
	struct be_ring *ring = container_of(s, struct be_ring, source);
	struct be_workers *w = ring->workers;
	struct list_node finished = LIST_INIT(finished);
	int n = 0;

	if (!atomic_load_explicit(&w->ready, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&w->lock);
	list_splice_tail(&finished, &w->finished);
	atomic_store_explicit(&w->ready, false, memory_order_relaxed);
	pthread_mutex_unlock(&w->lock);
	while (!list_empty(&finished)) {
		struct be_io *io = list_first(&finished, struct be_io, link);

		list_del(&io->link);
		ring->inflight--;
		n++;
		be_ring_result(ring, io, io->result);
	}
	return n;
}

static bool workers_arm(struct reactor_source *s)
{
	struct be_ring *ring = container_of(s, struct be_ring, source);
	struct be_workers *w = ring->workers;
	bool missed;

	if (!ring->inflight)
		return false;
	pthread_mutex_lock(&w->lock);
	missed = !list_empty(&w->finished);
	w->armed = !missed;
	pthread_mutex_unlock(&w->lock);
	return missed;
}

static int threads_start(struct be_workers *w)
{
	int rc = 0;

	while (!rc && w->threads < THREADS) {
		rc = thread_start(&w->thread[w->threads], worker_thread, w);
		w->threads += !rc;
	}
	return rc;
}

/* What is begun is ended, the rest stays undone. */
static void workers_free(struct be_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
}

static struct be_workers *workers_alloc(int fd)
{
	struct be_workers *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = fd;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	list_init(&w->waiting);
	list_init(&w->finished);
	return w;
}

int be_workers_create(struct be_ring *ring)
{
	int rc, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct be_workers *w;

	if (fd < 0)
		return -errno;
	w = workers_alloc(fd);
	if (!w) {
		close(fd);
		return -ENOMEM;
	}
	rc = threads_start(w);
	if (rc) {
		workers_free(w);
		return rc;
	}
	ring->workers = w;
	ring->source.fd = fd;
	ring->source.poll = workers_poll;
	ring->source.arm = workers_arm;
	ring->doorbell.fn = workers_doorbell;
	return 0;
}

void be_workers_destroy(struct be_ring *ring)
{
	workers_free(ring->workers);
	ring->workers = NULL;
	ring->source.fd = -1;
}
