/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/lu.h"

#include "base/log.h"
#include "scsi/await.h"
#include "scsi/call.h"
#include "scsi/device.h"
#include "scsi/drain.h"
#include "scsi/lu_state.h"
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/range.h"
#include "scsi/pr.h"
#include "scsi/wipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void shard_resume_received(struct msg *m);

/* ---- making one; control thread ---- */

static const char *default_vendor(const struct backend *be)
{
	return strcmp(backend_handler(be), "vdisk_blockio") ? "SCST_FIO" : "SCST_BIO";
}

static void lu_set_identity(struct lu *lu, const struct lu_params *p)
{
	const char *serial = p->serial ? p->serial : "";

	snprintf(lu->name, sizeof(lu->name), "%s", p->name);
	snprintf(lu->vendor, sizeof(lu->vendor), "%s",
		 p->vendor ? p->vendor : default_vendor(lu->be));
	snprintf(lu->product, sizeof(lu->product), "%s", p->product ? p->product : p->name);
	snprintf(lu->revision, sizeof(lu->revision), "%s", p->revision ? p->revision : "");
	snprintf(lu->serial, sizeof(lu->serial), "%s", serial);
	if (p->t10_id)
		snprintf(lu->t10_id, sizeof(lu->t10_id), "%s", p->t10_id);
	else
		snprintf(lu->t10_id, sizeof(lu->t10_id), "%s-%s", serial, lu->name);
	memcpy(lu->naa, p->naa, sizeof(lu->naa));
}

static void shard_init(struct lu_shard *sh, struct lu *lu, struct reactor *r)
{
	sh->lu = lu;
	sh->reactor = r;
	sh->resume.fn = shard_resume_received;
	list_init(&sh->live);
	list_init(&sh->held);
	list_init(&sh->ordered);
	list_init(&sh->ranges);
	list_init(&sh->free_ranges);
	list_init(&sh->range_waiters);
	await_init(sh);
	atomic_init(&sh->resume_posted, false);
}

static void lu_free(struct lu *lu)
{
	scsi_call_free(lu->call);
	scsi_call_free(lu->purge_call);
	scsi_call_free(lu->drain.call);
	range_lu_fini(lu);
	pr_free(lu->pr);
	free(lu);
}

static struct lu *lu_alloc(struct scsi_device *d)
{
	unsigned n = d->group->n;
	size_t size = sizeof(struct lu) + n * sizeof(struct lu_shard);
	struct lu *lu = aligned_alloc(CACHE_LINE, size);

	if (!lu)
		return NULL;
	memset(lu, 0, size);
	lu->pr = &pr_none;
	lu->call = scsi_call_alloc(d->group);
	lu->purge_call = scsi_call_alloc(d->group);
	lu->drain.call = scsi_call_alloc(d->group);
	if (!lu->call || !lu->purge_call || !lu->drain.call) {
		lu_free(lu);
		return NULL;
	}
	lu->device = d;
	lu->nshards = n;
	list_init(&lu->itls);
	list_init(&lu->changes);
	list_init(&lu->purges);
	list_init(&lu->alua.link);
	lu->alua.lu = lu;
	for (unsigned i = 0; i < n; i++)
		shard_init(&lu->shards[i], lu, d->group->r[i]);
	if (range_lu_init(lu)) {
		lu_free(lu);
		return NULL;
	}
	return lu;
}

static void lu_attach(struct reactor *r, void *arg, struct countdown *c)
{
	struct lu *lu = arg;
	int rc = backend_attach(lu->be, r), none = 0;

	if (rc)
		atomic_compare_exchange_strong(&lu->attach_status, &none, rc);
	lu_shard(lu, r)->attached = !rc;
	countdown_put(c);
}

static void lu_detach(struct reactor *r, void *arg, struct countdown *c)
{
	struct lu *lu = arg;

	reactor_timer_stop(&lu_shard(lu, r)->patience);
	if (lu_shard(lu, r)->attached)
		backend_detach(lu->be, r);
	countdown_put(c);
}

/* The backend stays the caller's. */
static void lu_create_failed(void *arg)
{
	struct lu *lu = arg;
	void (*done)(void *arg, struct lu *lu, int status) = lu->create_done;
	void *done_arg = lu->done_arg;
	int status = atomic_load(&lu->attach_status);

	lu_free(lu);
	done(done_arg, NULL, status);
}

static void lu_attached(void *arg)
{
	struct lu *lu = arg;

	if (atomic_load(&lu->attach_status))
		scsi_call_run(lu->call, lu_detach, lu_create_failed, lu);
	else
		lu->create_done(lu->done_arg, lu, 0);
}

int lu_create(struct scsi_device *d, const struct lu_params *p, struct backend *be,
	      void (*done)(void *arg, struct lu *lu, int status), void *arg)
{
	struct lu *lu = lu_alloc(d);
	struct timespec now;
	int rc;

	if (!lu)
		return -ENOMEM;
	lu->be = be;
	lu->info = backend_info(be);
	lu->block_shift = (unsigned)ffs((int)lu->info->block_size) - 1;
	lu->thin = p->thin_provisioned && lu->info->unmap_granularity;
	mode_init(lu);
	lu_set_store(lu, p->store);
	atomic_init(&lu->nblocks, lu->info->size >> lu->block_shift);
	lu_set_identity(lu, p);
	clock_gettime(CLOCK_MONOTONIC, &now);
	lu->made = now.tv_sec;
	rc = lu_state_load(lu, p->state, p->state_len);
	if (rc) {
		lu_free(lu);
		return rc;
	}
	lu->create_done = done;
	lu->done_arg = arg;
	scsi_call_run(lu->call, lu_attach, lu_attached, lu);
	return 0;
}

/* ---- taking it away ---- */

void lu_shard_check_drained(struct lu_shard *sh)
{
	struct countdown *c = sh->drained;

	drain_check(sh);
	if (!c || !list_empty(&sh->live) || sh->flushing || sh->probes || sh->ranges_out)
		return;
	sh->drained = NULL;
	countdown_put(c);
}

static void lu_drain(struct reactor *r, void *arg, struct countdown *c)
{
	struct lu_shard *sh = lu_shard(arg, r);

	sh->drained = c;
	lu_shard_check_drained(sh);
}

static void lu_detached(void *arg)
{
	struct lu *lu = arg;
	void (*done)(void *arg) = lu->destroy_done;
	void *done_arg = lu->done_arg;

	backend_close(lu->be);
	lu_free(lu);
	done(done_arg);
}

/* Detaching also passes every message sent to a shard while others drained. */
static void lu_drained(void *arg)
{
	struct lu *lu = arg;

	scsi_call_run(lu->call, lu_detach, lu_detached, lu);
}

void lu_destroy(struct lu *lu, void (*done)(void *arg), void *arg)
{
	lu_set_alua_group(lu, NULL);
	lu->destroy_done = done;
	lu->done_arg = arg;
	if (lu->wipe)
		wipe_stop(lu->wipe);
	else
		scsi_call_run(lu->call, lu_drain, lu_drained, lu);
}

void lu_wipe_over(struct lu *lu)
{
	lu->wipe = NULL;
	drain_wipe_over(lu);
	if (lu->destroy_done)
		scsi_call_run(lu->call, lu_drain, lu_drained, lu);
}

/* ---- detached writes ---- */

static void shard_resume_received(struct msg *m)
{
	struct lu_shard *sh = container_of(m, struct lu_shard, resume);

	/* First, so that what happens from now on posts it again. */
	atomic_store(&sh->resume_posted, false);
	lu_shard_resume(sh);
}

void lu_shard_post_resume(struct lu_shard *sh)
{
	if (!atomic_exchange(&sh->resume_posted, true))
		reactor_send(sh->reactor, &sh->resume);
}

void lu_post_resume(struct lu *lu)
{
	for (unsigned i = 0; i < lu->nshards; i++)
		lu_shard_post_resume(&lu->shards[i]);
}

void lu_detached_put(struct lu *lu)
{
	if (atomic_fetch_sub(&lu->detached, 1) == 1)
		lu_post_resume(lu);
}

/* ---- flush behind the answer ---- */

void lu_io_failed(struct lu *lu, const struct be_io *io)
{
	if (io->op == BE_FLUSH)
		atomic_fetch_add(&lu->losses, 1);
}

static void flush_start(struct lu_shard *sh);

static void flush_done(struct be_io *io)
{
	struct lu_shard *sh = container_of(io, struct lu_shard, flush);

	if (io->result)
		lu_io_failed(sh->lu, io);
	sh->flushing = false;
	if (sh->flush_again)
		flush_start(sh);
	else
		lu_shard_check_drained(sh);
}

static void flush_start(struct lu_shard *sh)
{
	sh->flushing = true;
	sh->flush_again = false;
	sh->flush.op = BE_FLUSH;
	sh->flush.flags = 0;
	sh->flush.off = 0;
	sh->flush.len = 0;
	sh->flush.done = flush_done;
	backend_submit(sh->reactor, sh->lu->be, &sh->flush);
}

void lu_flush_background(struct lu_shard *sh)
{
	/* One that runs already may have passed over the latest writes. */
	if (sh->flushing)
		sh->flush_again = true;
	else
		flush_start(sh);
}

/* ---- what others ask ---- */

const char *lu_name(const struct lu *lu)
{
	return lu->name;
}

struct backend *lu_backend(struct lu *lu)
{
	return lu->be;
}

void lu_stats(const struct lu *lu, struct lu_stats *s)
{
	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < lu->nshards; i++) {
		const struct lu_shard *sh = &lu->shards[i];

		s->commands += counter_read(&sh->stats.commands);
		s->read_ops += counter_read(&sh->stats.read_ops);
		s->write_ops += counter_read(&sh->stats.write_ops);
		s->read_bytes += counter_read(&sh->stats.read_bytes);
		s->write_bytes += counter_read(&sh->stats.write_bytes);
		s->errors += counter_read(&sh->stats.errors);
		s->aborted += counter_read(&sh->stats.aborted);
		s->read_errors += counter_read(&sh->stats.read_errors);
		s->write_errors += counter_read(&sh->stats.write_errors);
		s->in_flight += (unsigned)counter_read(&sh->in_flight);
	}
	s->detached = atomic_load_explicit(&lu->detached, memory_order_relaxed);
}

void lu_post_ua(struct lu *lu, enum ua ua, const struct nexus *but)
{
	struct itl *itl;

	list_for_each(itl, &lu->itls, lu_link)
		if (itl->nexus != but)
			ua_post(&itl->ua, ua);
}

/* ---- changes of its state ---- */

/* One after the other, not one inside the other: initiators may have queued thousands. */
static void changes_run(struct lu *lu)
{
	if (lu->changes_running)
		return;
	lu->changes_running = true;
	while (!lu->change && !list_empty(&lu->changes)) {
		lu->change = list_first(&lu->changes, struct lu_change, link);
		lu->change->start(lu->change);
	}
	lu->changes_running = false;
}

void lu_change_begin(struct lu *lu, struct lu_change *c)
{
	list_add_tail(&lu->changes, &c->link);
	changes_run(lu);
}

void lu_change_end(struct lu *lu, struct lu_change *c)
{
	list_del(&c->link);
	lu->change = NULL;
	changes_run(lu);
}

int lu_resync(struct lu *lu)
{
	int rc = backend_resync(lu->be);

	return rc ? rc : lu_take_size(lu);
}

int lu_take_size(struct lu *lu)
{
	uint64_t nblocks = lu->info->size >> lu->block_shift;

	if (nblocks == lu_nblocks(lu))
		return 0;
	log_notice("device %s: %llu blocks, before %llu", lu->name, (unsigned long long)nblocks,
		   (unsigned long long)lu_nblocks(lu));
	atomic_store(&lu->nblocks, nblocks);
	lu_post_ua(lu, UA_CAPACITY_CHANGED, NULL);
	return 1;
}

/* ---- another file, or other rights ---- */

void lu_set_read_only(struct lu *lu, bool read_only)
{
	if (lu->info->read_only == read_only)
		return;
	backend_set_read_only(lu->be, read_only);
	log_notice("device %s is %s now", lu->name, read_only ? "read-only" : "writable");
	itl_publish_read_only(lu);
	lu_post_ua(lu, UA_MODE_CHANGED, NULL);
}

int lu_exchange(struct lu *lu, struct backend *fresh, char *err, size_t errlen)
{
	int rc = backend_exchange(lu->be, fresh, err, errlen);

	if (rc < 0)
		return rc;
	/* Writes that were answered and not flushed may be lost, as after a loss of power. */
	if (rc)
		lu_post_ua(lu, UA_MEDIUM_CHANGED, NULL);
	return 0;
}

static void refresh_run(struct reactor *r, void *arg, struct countdown *c)
{
	const struct lu *first = arg;

	for (unsigned i = 0; i < first->refresh.n; i++)
		backend_refresh(first->refresh.lus[i]->be, r);
	countdown_put(c);
}

static void refresh_over(void *arg)
{
	struct lu *first = arg;

	first->refresh.done(first->done_arg);
}

/* One message for all of them: each may wake a reactor. */
void lus_refresh(struct lu *const *lus, unsigned n, void (*done)(void *arg), void *arg)
{
	struct lu *first = lus[0];

	first->refresh.lus = lus;
	first->refresh.n = n;
	first->refresh.done = done;
	first->done_arg = arg;
	scsi_call_run(first->call, refresh_run, refresh_over, first);
}
