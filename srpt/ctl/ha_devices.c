/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and parking the devices of a group: by threads side by side, then all LUs exchange what
 * they have at once, so many of them take hardly longer than one. The exchange has its turn among
 * the jobs of the live state: nothing is taken away or opened meanwhile.
 */
#include "ctl/ha_priv.h"

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/log.h"
#include "ctl/device_params.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A device on its way from one backend to another. */
struct item {
	struct device *d; /* there while the batch has its turn */
	struct backend_params params; /* filename is the item's own */
	struct backend *fresh; /* opened by a thread; then what the LU had before */
	int rc;
	char error[LIVE_ERROR_MAX];
};

struct share {
	struct offload_job job;
	struct ha_batch *batch;
	unsigned first;
};

struct ha_batch {
	struct ha_group *g; /* NULL: nobody waits for it */
	struct live *live;
	struct ha_threads *threads;
	struct job job;
	bool queued, turn; /* waits for its turn, has it */
	bool exchanging;
	bool parked;       /* what the devices become */
	unsigned left;
	atomic_bool failed;
	struct share shares[HA_THREADS];
	unsigned n;
	struct item *items;
	struct lu **lus;   /* of items that were exchanged, n_lus of them */
	unsigned n_lus;
	int rc;
	char error[HA_REASON_MAX];
};

/* ---- threads ---- */

struct ha_threads *ha_threads_start(struct daemon *d)
{
	struct ha_threads *t = calloc(1, sizeof(*t));

	while (t && t->n < HA_THREADS &&
	       !offload_create("ha-devices", &d->mailbox, &t->t[t->n]))
		t->n++;
	if (t && t->n)
		return t;
	free(t);
	return NULL;
}

static void threads_end(struct ha_threads *t)
{
	for (unsigned i = 0; i < t->n; i++)
		offload_destroy(t->t[i]);
	free(t);
}

void ha_threads_retire(struct ha *ha, struct ha_threads *t)
{
	if (t->out)
		list_add_tail(&ha->retired, &t->link);
	else
		threads_end(t);
}

void ha_threads_join(struct ha *ha)
{
	struct ha_threads *t, *tmp;

	list_for_each_safe(t, tmp, &ha->retired, link) {
		list_del(&t->link);
		threads_end(t);
	}
}

/* ---- which devices ---- */

bool ha_is_member(const struct ha_group *g, const struct device *d)
{
	return d->conf->group == g->group->conf && d->state != DEVICE_LEAVING;
}

static int compare(const void *a, const void *b)
{
	const struct conf_device *x = (*(struct device *const *)a)->conf;
	const struct conf_device *y = (*(struct device *const *)b)->conf;
	int rc = strcmp(x->filename ? x->filename : "", y->filename ? y->filename : "");

	return rc ? rc : strcmp(x->name, y->name);
}

static bool same_file(const struct device *a, const struct device *b)
{
	return a->conf->filename && b->conf->filename &&
	       !strcmp(a->conf->filename, b->conf->filename);
}

struct device **ha_devices_distinct(const struct ha_group *g, unsigned *n)
{
	size_t all = g->group->conf->n_devices, found = 0;
	struct device **list = calloc(all + 1, sizeof(*list)), *d;

	*n = 0;
	if (!list)
		return NULL;
	list_for_each(d, &g->ha->live->devices, link)
		if (found < all && d->state == DEVICE_READY && ha_is_member(g, d) &&
		    !backend_info(lu_backend(d->lu))->is_scsi)
			list[found++] = d;
	qsort(list, found, sizeof(*list), compare);
	for (size_t i = 0; i < found; i++)
		if (!*n || !same_file(list[*n - 1], list[i]))
			list[(*n)++] = list[i];
	return list;
}

/* ---- a batch ---- */

static void turn_over(struct ha_batch *b)
{
	if (!b->turn)
		return;
	b->turn = false;
	job_finished(&b->live->jobs);
}

static void batch_free(struct ha_batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		free((void *)(uintptr_t)b->items[i].params.filename);
	free(b->items);
	free(b->lus);
	free(b);
}

static void batch_error(struct ha_batch *b, int rc, const char *name, const char *error)
{
	if (b->rc)
		return;
	b->rc = rc;
	snprintf(b->error, sizeof(b->error), "device %s: %s", name, error);
}

static void batch_end(struct ha_batch *b)
{
	struct ha_group *g = b->g;
	int rc = b->rc;
	char error[HA_REASON_MAX];

	snprintf(error, sizeof(error), "%s", b->error);
	turn_over(b);
	batch_free(b);
	if (!g)
		return;
	g->batch = NULL;
	if (rc)
		ha_run_fail(g, HA_FAILED, "%s", error);
	else
		ha_step_done(g);
}

/* Each thread has every so manieth device. */
static void shares_run(struct ha_batch *b, void (*run)(struct offload_job *j),
		       void (*done)(struct offload_job *j))
{
	unsigned n = b->n < b->threads->n ? b->n : b->threads->n;

	b->left = n;
	b->threads->out += n;
	for (unsigned i = 0; i < n; i++) {
		struct share *s = &b->shares[i];

		*s = (struct share){ .job = { .run = run, .done = done }, .batch = b, .first = i };
		offload_run(b->threads->t[i], &s->job);
	}
}

/* Whether it was the last share. */
static bool share_back(struct ha_batch *b)
{
	b->threads->out--;
	return !--b->left;
}

static void share_close(struct offload_job *j)
{
	struct share *s = container_of(j, struct share, job);

	for (unsigned i = s->first; i < s->batch->n; i += s->batch->threads->n)
		if (s->batch->items[i].fresh)
			backend_close(s->batch->items[i].fresh);
}

static void share_closed(struct offload_job *j)
{
	struct ha_batch *b = container_of(j, struct share, job)->batch;

	if (share_back(b))
		batch_end(b);
}

/* What is left over: it may have descriptors, and to close these may block. */
static void batch_close(struct ha_batch *b)
{
	turn_over(b);
	shares_run(b, share_close, share_closed);
}

static void device_exchanged(const struct ha_batch *b, struct device *d)
{
	d->lost = false;
	d->error[0] = 0;
	d->wait = d->waits = 0;
	d->seen_size = 0;
	lu_set_read_only(d->lu, d->conf->read_only);
	if (!b->parked)
		lu_take_size(d->lu);
}

static void exchange_over(void *arg)
{
	struct ha_batch *b = arg;

	for (unsigned n = 0; n < b->n; n++)
		if (!b->items[n].rc)
			device_exchanged(b, b->items[n].d);
	b->exchanging = false;
	batch_close(b);
}

static void batch_exchange(struct ha_batch *b)
{
	b->exchanging = true;
	for (unsigned n = 0; n < b->n; n++) {
		struct item *i = &b->items[n];

		i->rc = lu_exchange(i->d->lu, i->fresh, i->error, sizeof(i->error));
		if (i->rc)
			batch_error(b, i->rc, i->d->conf->name, i->error);
		else
			b->lus[b->n_lus++] = i->d->lu;
	}
	if (b->n_lus)
		lus_refresh(b->lus, b->n_lus, exchange_over, b);
	else
		exchange_over(b);
}

bool ha_open_again(int rc, unsigned *tries)
{
	static const struct timespec moment = { .tv_nsec = 20000000 };

	if ((rc != -EROFS && rc != -EMEDIUMTYPE) || !*tries)
		return false;
	--*tries;
	nanosleep(&moment, NULL);
	return true;
}

static void share_open(struct offload_job *j)
{
	struct share *s = container_of(j, struct share, job);
	struct ha_batch *b = s->batch;
	unsigned tries = HA_OPEN_TRIES;

	for (unsigned n = s->first; n < b->n && !atomic_load(&b->failed); n += b->threads->n) {
		struct item *i = &b->items[n];

		do
			i->rc = backend_open(&i->params, &i->fresh, i->error, sizeof(i->error));
		while (ha_open_again(i->rc, &tries));
		if (i->rc)
			atomic_store(&b->failed, true);
		if (i->rc && !i->error[0])
			snprintf(i->error, sizeof(i->error), "%s", strerror(-i->rc));
	}
}

static void share_opened(struct offload_job *j)
{
	struct ha_batch *b = container_of(j, struct share, job)->batch;

	if (!share_back(b))
		return;
	for (unsigned i = 0; b->g && i < b->n; i++)
		if (b->items[i].rc)
			batch_error(b, b->items[i].rc, b->items[i].d->conf->name,
				    b->items[i].error);
	if (b->rc || !b->g)
		batch_close(b);
	else
		batch_exchange(b);
}

static int item_add(struct ha_batch *b, struct device *d)
{
	struct item *i = &b->items[b->n++];

	i->d = d;
	i->params = backend_params_make(d->conf);
	i->params.parked = b->parked;
	i->params.known = backend_known(lu_backend(d->lu));
	if (!i->params.filename)
		return 0;
	i->params.filename = strdup(i->params.filename);
	return i->params.filename ? 0 : -ENOMEM;
}

static bool to_change(const struct ha_batch *b, const struct device *d)
{
	return d->state == DEVICE_READY && ha_is_member(b->g, d) &&
	       backend_is_parked(lu_backend(d->lu)) != b->parked;
}

static int items_collect(struct ha_batch *b)
{
	struct device *d;
	size_t n = 0;
	int rc = 0;

	list_for_each(d, &b->live->devices, link)
		n += to_change(b, d);
	b->items = calloc(n + 1, sizeof(*b->items));
	b->lus = calloc(n + 1, sizeof(struct lu *));
	if (!b->items || !b->lus)
		return -ENOMEM;
	list_for_each(d, &b->live->devices, link)
		if (!rc && to_change(b, d))
			rc = item_add(b, d);
	return rc;
}

/* Its turn among the jobs. */
static void batch_start(struct job *j)
{
	struct ha_batch *b = container_of(j, struct ha_batch, job);

	b->queued = false;
	b->turn = true;
	if (items_collect(b)) {
		b->rc = -ENOMEM;
		snprintf(b->error, sizeof(b->error), "no memory");
	}
	if (b->rc || !b->n)
		batch_end(b);
	else
		shares_run(b, share_open, share_opened);
}

void ha_devices_change(struct ha_group *g, bool parked)
{
	struct ha_batch *b = calloc(1, sizeof(*b));

	if (!b) {
		ha_run_fail(g, HA_FAILED, "no memory");
		return;
	}
	b->g = g;
	b->live = g->ha->live;
	b->threads = g->threads;
	b->parked = parked;
	b->job.start = batch_start;
	b->queued = true;
	g->batch = b;
	job_submit_first(&b->live->jobs, &b->job);
}

/* An exchange that has begun ends before others have their turn; a thread may not come back. */
void ha_batch_cancel(struct ha_group *g)
{
	struct ha_batch *b = g->batch;

	if (!b)
		return;
	g->batch = NULL;
	b->g = NULL;
	if (b->queued) {
		list_del(&b->job.link);
		batch_free(b);
	} else if (!b->exchanging) {
		turn_over(b);
	}
}

/* ---- devices that could not be made before ---- */

struct revival {
	struct watch_waiter waiter;
	struct ha_wait *wait;
	char name[CONF_DEVICE_NAME_MAX + 1];
};

static void device_revived(struct watch_waiter *w, const char *error)
{
	struct revival *r = container_of(w, struct revival, waiter);

	ha_wait_put(r->wait, error ? -EIO : 0, "device %s: %s", r->name, error ? error : "");
	free(r);
}

static void device_revive(struct ha_wait *w, struct watch *watch, struct device *d)
{
	struct revival *r = calloc(1, sizeof(*r));

	w->left++;
	if (!r) {
		ha_wait_put(w, -ENOMEM, "no memory");
		return;
	}
	r->waiter.done = device_revived;
	r->wait = w;
	snprintf(r->name, sizeof(r->name), "%s", d->conf->name);
	watch_device(watch, d, &r->waiter);
}

void ha_devices_revive(struct ha_group *g,
		       void (*done)(struct ha_group *g, int status, const char *error))
{
	struct ha_wait *w = ha_wait_begin(g, done);
	struct device *d;

	if (!w)
		return;
	list_for_each(d, &g->ha->live->devices, link)
		if (d->state == DEVICE_FAILED && ha_is_member(g, d))
			device_revive(w, g->ha->d->watch, d);
	ha_wait_put(w, 0, "%s", "");
}
