/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state volume as a store. What is kept is in memory, of the control thread. Changes that come
 * while a slot is being written go together into the next: a batch. The writer has the batch's
 * image, and nothing else.
 */
#include "ctl/state_volume_io.h"

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "ctl/offload.h"
#include "ctl/volume_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that waits to be written, or is in the batch. */
struct change {
	struct list_node link;
	bool busy;
	const void *data; /* the caller's; len 0: forget it */
	size_t len;
	uint64_t epoch;   /* of the volume's own */
	uint8_t *copy;    /* of data, to be kept */
	int status;
	void (*done)(void *arg, int status);
	void *arg;
};

/* What is kept for a key. */
struct entry {
	struct list_node link;
	char key[STATE_KEY_MAX + 1];
	uint8_t *data; /* NULL: nothing */
	size_t len;
	struct change change;
};

struct volume {
	struct state_store store;
	struct volume_disk disk; /* the writer's while a job runs */
	char *path;
	uint64_t sequence, epoch;
	struct list_node entries;
	unsigned count;          /* of entries */
	struct change set_epoch;
	struct list_node waiting, batch; /* change.link */
	struct offload *writer;
	struct offload_job job;
	bool busy;
	uint8_t *image;          /* of the batch; NULL: none, status says why */
	size_t bytes;
	int status;
	struct log_limit full_limit, write_limit; /* of the lines: control thread, writer */
	void (*closed)(void *arg); /* state_volume_close_async() */
	void *closed_arg;
};

static struct volume *volume_of(struct state_store *s)
{
	return container_of(s, struct volume, store);
}

static struct entry *entry_of(struct change *c)
{
	return container_of(c, struct entry, change);
}

/* ---- entries ---- */

static struct entry *entry_find(struct volume *v, const char *key)
{
	struct entry *e;

	list_for_each(e, &v->entries, link)
		if (!strcmp(e->key, key))
			return e;
	return NULL;
}

static struct entry *entry_get(struct volume *v, const char *key)
{
	struct entry *e = entry_find(v, key);

	if (e || v->count == STATE_VOLUME_KEYS_MAX)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	snprintf(e->key, sizeof(e->key), "%s", key);
	list_add_tail(&v->entries, &e->link);
	v->count++;
	return e;
}

static uint8_t *copy_of(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (copy && len)
		memcpy(copy, data, len);
	return copy;
}

/* As it is with the batch. */
static struct volume_entry entry_then(const struct entry *e)
{
	bool changes = e->change.busy && e->change.copy && !e->change.status;

	return (struct volume_entry){
		.key = e->key, .key_len = strlen(e->key),
		.data = changes ? e->change.copy : e->data,
		.len = changes ? e->change.len : e->len,
	};
}

/* ---- a batch ---- */

static uint64_t entries_bytes(struct volume *v)
{
	uint64_t sum = 0;
	struct entry *e;

	list_for_each(e, &v->entries, link) {
		struct volume_entry then = entry_then(e);

		sum += then.len ? volume_entry_bytes(&then) : 0;
	}
	return sum;
}

/* Each for itself: the one there is no room for is refused, the others are written. */
static void batch_add(struct volume *v, struct change *c)
{
	list_add_tail(&v->batch, &c->link);
	c->status = 0;
	if (c == &v->set_epoch)
		return;
	c->copy = c->len <= v->disk.slot_size ? copy_of(c->data, c->len) : NULL;
	if (!c->copy)
		c->status = c->len <= v->disk.slot_size ? -ENOMEM : -ENOSPC;
	else if (VOLUME_SLOT_HEADER + entries_bytes(v) > v->disk.slot_size)
		c->status = -ENOSPC;
	if (c->status == -ENOSPC)
		log_warn_limited(&v->full_limit, "state volume %s is full: reservations and mode "
				 "pages that are to be kept stay as they were; make it larger",
				 v->path);
}

static void image_build(struct volume *v)
{
	struct volume_slot s = { .sequence = v->sequence + 1, .len = entries_bytes(v) };
	struct entry *e;
	uint8_t *p;

	s.epoch = v->set_epoch.busy ? v->set_epoch.epoch : v->epoch;
	v->bytes = VOLUME_SLOT_HEADER + s.len;
	v->image = volume_buffer(v->bytes);
	v->status = v->image ? 0 : -ENOMEM;
	if (!v->image)
		return;
	p = v->image + VOLUME_SLOT_HEADER;
	list_for_each(e, &v->entries, link) {
		struct volume_entry then = entry_then(e);

		if (!then.len)
			continue;
		p = volume_entry_put(p, &then);
		s.count++;
	}
	volume_slot_seal(v->image, &s);
}

/* The writer's thread. */
static void batch_write(struct offload_job *j)
{
	struct volume *v = container_of(j, struct volume, job);

	if (!v->image)
		return;
	v->status = volume_disk_save(&v->disk, v->image, v->bytes);
	if (v->status)
		log_warn_limited(&v->write_limit, "state volume %s cannot be written: %s: "
				 "reservations and mode pages that are to be kept stay as they "
				 "were", v->path, strerror(-v->status));
}

static void change_commit(struct volume *v, struct change *c)
{
	struct entry *e;

	if (c == &v->set_epoch) {
		v->epoch = c->epoch;
		return;
	}
	e = entry_of(c);
	free(e->data);
	e->data = c->len ? c->copy : NULL;
	e->len = c->len;
	if (c->len)
		c->copy = NULL;
}

/* What is kept is what the batch says, or what was. */
static void batch_commit(struct volume *v)
{
	struct change *c;

	free(v->image);
	v->image = NULL;
	if (!v->status) {
		volume_disk_swap(&v->disk);
		v->sequence++;
	}
	list_for_each(c, &v->batch, link) {
		if (!c->status)
			c->status = v->status;
		if (!c->status)
			change_commit(v, c);
		free(c->copy);
		c->copy = NULL;
	}
}

static void batch_start(struct volume *v);
static void close_start(struct volume *v);

static void batch_done(struct offload_job *j)
{
	struct volume *v = container_of(j, struct volume, job);
	struct list_node over = LIST_INIT(over);

	batch_commit(v);
	list_splice_tail(&over, &v->batch);
	while (!list_empty(&over)) {
		struct change *c = list_first(&over, struct change, link);

		list_del(&c->link);
		c->busy = false;
		c->done(c->arg, c->status);
	}
	v->busy = false;
	batch_start(v);
}

static void batch_fill(struct volume *v)
{
	while (!list_empty(&v->waiting)) {
		struct change *c = list_first(&v->waiting, struct change, link);

		list_del(&c->link);
		batch_add(v, c);
	}
	image_build(v);
}

static void batch_start(struct volume *v)
{
	if (v->busy)
		return;
	if (list_empty(&v->waiting)) {
		if (v->closed)
			close_start(v);
		return;
	}
	v->busy = true;
	batch_fill(v);
	v->job = (struct offload_job){ .run = batch_write, .done = batch_done };
	offload_run(v->writer, &v->job);
}

static void change_begin(struct volume *v, struct change *c)
{
	assert(!c->busy && !v->closed);
	c->busy = true;
	list_add_tail(&v->waiting, &c->link);
	batch_start(v);
}

/* ---- the store ---- */

static void volume_save(struct lu_store *lu, const char *key, const void *data, size_t len,
			void (*done)(void *arg, int status), void *arg)
{
	struct volume *v = volume_of(container_of(lu, struct state_store, lu));
	struct entry *e = entry_find(v, key);

	assert(e);
	e->change.data = data;
	e->change.len = len;
	e->change.done = done;
	e->change.arg = arg;
	change_begin(v, &e->change);
}

void state_volume_set_epoch(struct state_store *s, uint64_t epoch,
			    void (*done)(void *arg, int status), void *arg)
{
	struct volume *v = volume_of(s);

	v->set_epoch.epoch = epoch;
	v->set_epoch.done = done;
	v->set_epoch.arg = arg;
	change_begin(v, &v->set_epoch);
}

static int load_error(const struct volume *v, int rc, char *err, size_t errlen)
{
	snprintf(err, errlen, rc == -ENOSPC ? "state volume %s has more keys than it may" :
					      "state volume %s: out of memory", v->path);
	return rc;
}

static int volume_load(struct state_store *s, const char *key, void **data, size_t *len,
		       char *err, size_t errlen)
{
	struct volume *v = volume_of(s);
	struct entry *e = entry_get(v, key);

	*data = NULL;
	*len = 0;
	if (!e)
		return load_error(v, v->count == STATE_VOLUME_KEYS_MAX ? -ENOSPC : -ENOMEM, err,
				  errlen);
	assert(!e->change.busy);
	if (!e->len)
		return 0;
	*data = copy_of(e->data, e->len);
	if (!*data)
		return load_error(v, -ENOMEM, err, errlen);
	*len = e->len;
	return 0;
}

/* ---- closing ---- */

static void volume_free(struct volume *v)
{
	struct entry *e, *tmp;

	if (v->writer)
		offload_destroy(v->writer);
	list_for_each_safe(e, tmp, &v->entries, link) {
		free(e->data);
		free(e->change.copy);
		free(e);
	}
	free(v->image);
	free(v->path);
	free(v);
}

/* The writer ends what it has; what waits for it is written here. */
static void volume_close(struct state_store *s)
{
	struct volume *v = volume_of(s);

	offload_destroy(v->writer);
	v->writer = NULL;
	if (v->busy)
		batch_commit(v);
	list_init(&v->batch);
	if (!list_empty(&v->waiting)) {
		batch_fill(v);
		batch_write(&v->job);
	}
	volume_disk_close(&v->disk);
	volume_free(v);
}

static void close_run(struct offload_job *j)
{
	volume_disk_close(&container_of(j, struct volume, job)->disk);
}

static void close_done(struct offload_job *j)
{
	struct volume *v = container_of(j, struct volume, job);
	void (*closed)(void *arg) = v->closed;
	void *arg = v->closed_arg;

	volume_free(v);
	closed(arg);
}

static void close_start(struct volume *v)
{
	v->job = (struct offload_job){ .run = close_run, .done = close_done };
	offload_run(v->writer, &v->job);
}

void state_volume_close_async(struct state_store *s, void (*done)(void *arg), void *arg)
{
	struct volume *v = volume_of(s);

	v->closed = done;
	v->closed_arg = arg;
	batch_start(v);
}

/* ---- opening ---- */

static const struct state_ops volume_ops = { volume_load, volume_close };

static int entries_take(struct volume *v, const uint8_t *p, const struct volume_slot *s)
{
	const uint8_t *end = p + s->len;
	struct volume_entry from;

	while (p < end && volume_entry_get(&p, end, &from)) {
		char key[STATE_KEY_MAX + 1] = "";
		struct entry *e;

		memcpy(key, from.key, from.key_len);
		e = entry_get(v, key);
		if (!e || e->data)
			return e ? -EBADMSG : -ENOMEM;
		e->data = copy_of(from.data, from.len);
		e->len = from.len;
		if (!e->data)
			return -ENOMEM;
	}
	v->sequence = s->sequence;
	v->epoch = s->epoch;
	return 0;
}

static struct volume *volume_alloc(const char *path)
{
	struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->store.lu.save = volume_save;
	v->store.ops = &volume_ops;
	list_init(&v->entries);
	list_init(&v->waiting);
	list_init(&v->batch);
	list_init(&v->set_epoch.link);
	v->path = strdup(path);
	if (!v->path) {
		free(v);
		return NULL;
	}
	return v;
}

int state_volume_open_io(const char *path, const struct volume_io *io, struct mailbox *control,
			 struct state_store **out, uint64_t *epoch, char *err, size_t errlen)
{
	struct volume *v = volume_alloc(path);
	struct volume_slot s;
	uint8_t *slot;
	int rc;

	if (!v) {
		snprintf(err, errlen, "state volume %s: out of memory", path);
		return -ENOMEM;
	}
	rc = volume_disk_open(&v->disk, io, path, &slot, &s, err, errlen);
	if (rc) {
		volume_free(v);
		return rc;
	}
	rc = entries_take(v, slot + VOLUME_SLOT_HEADER, &s);
	free(slot);
	if (!rc)
		rc = offload_create("state volume", control, &v->writer);
	if (rc) {
		snprintf(err, errlen, "state volume %s: %s", path, strerror(-rc));
		volume_disk_close(&v->disk);
		volume_free(v);
		return rc;
	}
	*epoch = v->epoch;
	*out = &v->store;
	return 0;
}

int state_volume_open(const char *path, struct mailbox *control, struct state_store **out,
		      uint64_t *epoch, char *err, size_t errlen)
{
	return state_volume_open_io(path, &volume_io_kernel, control, out, epoch, err, errlen);
}
