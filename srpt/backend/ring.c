/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of a reactor's io_uring, or of the threads in its place: set-up, tables, end. */
#include "backend/backend_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEPTH_MAX 16384u

/*
 * SINGLE_ISSUER binds the ring to the thread that enables it (6.0), DEFER_TASKRUN
 * runs completions only when we ask for them (6.1), COOP_TASKRUN does so without
 * interrupting us (5.19); TASKRUN_FLAG tells when to ask.
 */
#define ISSUER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED)
#define COOP (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG)
const unsigned ring_flag_sets[RING_FLAG_SETS] = {
	ISSUER | COOP | IORING_SETUP_DEFER_TASKRUN,
	ISSUER | COOP,
	COOP,
	0,
};

static int uring_disabled(void)
{
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int v = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

void be_ring_explain(int rc, int disabled, char *text, size_t len)
{
	if (rc == -ENOSYS)
		snprintf(text, len, "the kernel has no io_uring, or a seccomp filter hides it");
	else if (rc == -EPERM && disabled == 2)
		snprintf(text, len, "switched off by kernel.io_uring_disabled=2; set it to 0");
	else if (rc == -EPERM && disabled == 1)
		snprintf(text, len, "kernel.io_uring_disabled=1 allows it only with CAP_SYS_ADMIN "
			 "or to the group kernel.io_uring_group; set it to 0 or add the user");
	else if (rc == -EPERM)
		snprintf(text, len, "forbidden by a seccomp filter, as in a container");
	else if (rc == -ENOMEM)
		snprintf(text, len, "%s; raise the limit of locked memory (LimitMEMLOCK=)",
			 strerror(-rc));
	else
		snprintf(text, len, "%s", strerror(-rc));
}

/*
 * Before 6.13 a file taken out of the table stays open until unrelated requests
 * are finished, up to a second or more: a DRBD device could not go Secondary.
 */
static bool kernel_drops_files_at_once(void)
{
	struct utsname u;
	unsigned major, minor;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 13);
}

static void tables_create(struct be_ring *ring)
{
	if (kernel_drops_files_at_once())
		ring->has_files = !io_uring_register_files_sparse(&ring->uring, RING_FILE_SLOTS);
	ring->has_buffers = !io_uring_register_buffers_sparse(&ring->uring, RING_BUF_SLOTS);
}

static unsigned region_slots(size_t len)
{
	return (unsigned)((len + (1ull << RING_BUF_SHIFT) - 1) >> RING_BUF_SHIFT);
}

static int slots_update(struct be_ring *ring, int first, struct iobuf_region g)
{
	unsigned n = region_slots(g.len);
	struct iovec iov[RING_SLAB_SLOTS] = { 0 };
	int rc;

	for (unsigned i = 0; g.base && i < n; i++) {
		size_t off = (size_t)i << RING_BUF_SHIFT;

		iov[i].iov_base = g.base + off;
		iov[i].iov_len = min_u64(g.len - off, 1ull << RING_BUF_SHIFT);
	}
	rc = io_uring_register_buffers_update_tag(&ring->uring, (unsigned)first, iov, NULL, n);
	return rc < 0 ? rc : 0;
}

static void region_unregister(struct be_ring *ring, int id)
{
	struct iobuf_region none = { .len = ring->region[id].len };

	if (ring->buf_slot[id] >= 0)
		slots_update(ring, ring->buf_slot[id], none);
	ring->buf_slot[id] = -1;
}

/* Common without privileges, and much the same for every reactor: said once. */
static void limit_tell(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&told))
		log_info("buffers are not registered with io_uring, which costs a little speed: "
			 "the limit of locked memory is too low (LimitMEMLOCK=, ulimit -l)");
}

/* Failure costs speed, not function: requests then use plain addresses. */
static void region_register(struct be_ring *ring, int id)
{
	int first = id == IOBUF_REGION_SLAB ? IOBUF_REGIONS : id;
	unsigned max = id == IOBUF_REGION_SLAB ? RING_SLAB_SLOTS : 1;
	struct iobuf_region g = ring->region[id];
	int rc;

	if (!g.len || !ring->has_buffers || region_slots(g.len) > max)
		return;
	rc = slots_update(ring, first, g);
	if (rc == -ENOMEM)
		limit_tell();
	else if (rc)
		log_warn("reactor %u: %zu bytes of buffers not registered with io_uring: %s; "
			 "I/O is slower", ring->reactor->id, g.len, strerror(-rc));
	else
		ring->buf_slot[id] = (int16_t)first;
}

void be_ring_regions_sync(struct be_ring *ring)
{
	static const struct iobuf_region none;
	struct reactor *r = ring->reactor;

	for (int i = 0; i < IOBUF_REGIONS; i++) {
		const struct iobuf_region *now = r->regions[i].messages ? &none : &r->regions[i];
		struct iobuf_region *old = &ring->region[i];

		if (iobuf_region_same(old, now))
			continue;
		region_unregister(ring, i);
		*old = *now;
		region_register(ring, i);
	}
	ring->regions_gen = r->regions_gen;
}

static int notifier_create(struct be_ring *ring)
{
	int rc, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	rc = io_uring_register_eventfd(&ring->uring, fd);
	if (rc) {
		close(fd);
		return rc;
	}
	io_uring_cq_eventfd_toggle(&ring->uring, false);
	ring->source.fd = fd;
	return 0;
}

int be_ring_create_flags(struct reactor *r, unsigned depth, unsigned flags)
{
	struct io_uring_params p = {
		.flags = flags | IORING_SETUP_CQSIZE,
		.cq_entries = depth * 2,
	};
	struct be_ring *ring = malloc(sizeof(*ring));
	int rc;

	if (!ring)
		return -ENOMEM;
	be_ring_init(ring, r, depth);
	rc = io_uring_queue_init_params(depth, &ring->uring, &p);
	if (rc) {
		free(ring);
		return rc;
	}
	rc = notifier_create(ring);
	if (rc) {
		io_uring_queue_exit(&ring->uring);
		free(ring);
		return rc;
	}
	ring->helper = be_helper_create();
	if (!ring->helper) {
		io_uring_queue_exit(&ring->uring);
		close(ring->source.fd);
		free(ring);
		return -ENOMEM;
	}
	tables_create(ring);
	r->be_ring = ring;
	return 0;
}

int be_ring_create_workers(struct reactor *r)
{
	struct be_ring *ring = malloc(sizeof(*ring));
	int rc = -ENOMEM;

	if (ring) {
		be_ring_init(ring, r, 0);
		rc = be_workers_create(ring);
	}
	if (rc) {
		log_err("reactor %u: no threads for disks: %s", r->id, strerror(-rc));
		free(ring);
		return rc;
	}
	r->be_ring = ring;
	return 0;
}

/* By rule, age or the limit of locked memory; any other failure would meet threads as well. */
static bool refused(int rc)
{
	return rc == -EPERM || rc == -EACCES || rc == -ENOSYS || rc == -ENOMEM;
}

/* The same for every reactor: said once. */
static void refusal_tell(const char *why)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&told))
		log_warn("io_uring cannot be used (%s): disks are served by threads, which is "
			 "slower", why);
}

int be_ring_create(struct reactor *r, unsigned depth)
{
	char why[160];
	int rc = -EINVAL;

	if (!depth || depth > DEPTH_MAX) {
		log_err("reactor %u: ring of %u entries, must be 1 to %u", r->id, depth, DEPTH_MAX);
		return -EINVAL;
	}
	for (int i = 0; i < RING_FLAG_SETS && rc == -EINVAL; i++)
		rc = be_ring_create_flags(r, depth, ring_flag_sets[i]);
	if (!rc)
		return 0;
	be_ring_explain(rc, uring_disabled(), why, sizeof(why));
	if (refused(rc)) {
		refusal_tell(why);
		return be_ring_create_workers(r);
	}
	log_err("reactor %u: no io_uring: %s", r->id, why);
	return rc;
}

/* As io_uring_enable_rings(), which liburing 2.3 declares but does not export. */
static int ring_bind(struct be_ring *ring)
{
	long rc = syscall(__NR_io_uring_register, ring->uring.ring_fd,
			  IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	return rc < 0 ? -errno : 0;
}

/*
 * A disabled ring belongs to nobody yet; from here on it belongs to this
 * thread. The ring's own descriptor is registered to save a look-up per enter.
 * Buffers are not before, as that pins them and there may never be a file.
 */
static int uring_enable(struct be_ring *ring)
{
	int rc = 0;

	if (ring->uring.flags & IORING_SETUP_R_DISABLED)
		rc = ring_bind(ring);
	if (rc < 0) {
		log_err("reactor %u: cannot enable io_uring: %s", ring->reactor->id, strerror(-rc));
		return rc;
	}
	io_uring_register_ring_fd(&ring->uring);
	be_ring_regions_sync(ring);
	return 0;
}

int be_ring_enable(struct be_ring *ring)
{
	int rc = 0;

	if (ring->enabled)
		return 0;
	if (!ring->workers)
		rc = uring_enable(ring);
	if (rc)
		return rc;
	reactor_source_add(ring->reactor, &ring->source);
	ring->enabled = true;
	return 0;
}

void be_ring_destroy(struct reactor *r)
{
	struct be_ring *ring = r->be_ring;

	if (!ring)
		return;
	assert(!ring->inflight && list_empty(&ring->queued) && list_empty(&ring->later));
	if (ring->enabled)
		reactor_source_del(r, &ring->source);
	list_del(&ring->doorbell.link);
	if (ring->workers) {
		be_workers_destroy(ring);
	} else {
		be_helper_destroy(ring->helper);
		io_uring_queue_exit(&ring->uring);
		close(ring->source.fd);
	}
	free(ring);
	r->be_ring = NULL;
}

int be_ring_file_add(struct be_ring *ring, int fd)
{
	unsigned slot = 0;

	if (!ring->has_files)
		return -1;
	while (slot < RING_FILE_SLOTS && ring->file_used[slot])
		slot++;
	if (slot == RING_FILE_SLOTS)
		return -1;
	if (io_uring_register_files_update(&ring->uring, slot, &fd, 1) != 1)
		return -1;
	ring->file_used[slot] = true;
	return (int)slot;
}

void be_ring_file_del(struct be_ring *ring, int slot)
{
	int none = -1;

	if (slot < 0)
		return;
	io_uring_register_files_update(&ring->uring, (unsigned)slot, &none, 1);
	ring->file_used[slot] = false;
}

/*
 * Where it fails, requests use the descriptor: it leads to the right file. The slot is not given
 * out again, as requests that are prepared already may name it.
 */
int be_ring_file_update(struct be_ring *ring, int slot, int fd)
{
	if (slot < 0 || io_uring_register_files_update(&ring->uring, (unsigned)slot, &fd, 1) == 1)
		return slot;
	log_warn_limited(&ring->limit, "reactor %u: what was opened before stays open",
			 ring->reactor->id);
	return -1;
}
