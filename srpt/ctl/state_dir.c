/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/state_dir.h"

#include "base/list.h"
#include "base/log.h"
#include "ctl/offload.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE ".lock"

/* What is kept for a key. The control thread's but for copies, while a save is under way. */
struct slot {
	struct list_node link;
	struct state_dir *dir;
	struct state_copies copies;
	bool busy;       /* a save is under way; it is: */
	struct offload_job job;
	const void *data;
	size_t len;
	int status;
	void (*done)(void *arg, int status);
	void *arg;
};

struct state_dir {
	struct state_store store;
	const struct state_io *io;
	char *path;
	int fd;
	int lock;               /* descriptor of LOCK_FILE; -1: nothing can be written here */
	struct list_node slots; /* control thread */
	struct offload *writer;
	struct log_limit limit; /* writer */
};

static struct state_dir *dir_of(struct state_store *s)
{
	return container_of(s, struct state_dir, store);
}

/* ---- the writer ---- */

static const struct {
	int err;
	const char *hint;
} hints[] = {
	{ ENOSPC, "make room there" },
	{ EDQUOT, "make room there" },
	{ EROFS, "mount it writable again" },
	{ EIO, "check the disk it is on" },
	{ EACCES, "the directory must belong to the user srptd runs as" },
	{ EPERM, "the directory must belong to the user srptd runs as" },
};

static const char *hint_find(int err)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].err == err)
			return hints[i].hint;
	return "look after the directory";
}

static void saved(struct offload_job *j)
{
	struct slot *s = container_of(j, struct slot, job);

	s->busy = false;
	s->done(s->arg, s->status);
}

static void save_run(struct offload_job *j)
{
	struct slot *s = container_of(j, struct slot, job);
	struct state_dir *d = s->dir;

	s->status = s->len ? state_copies_save(&s->copies, s->data, s->len) :
			     state_copies_erase(&s->copies);
	if (s->status)
		log_warn_limited(&d->limit, "%s/%s: cannot be written: %s: reservations and mode "
				 "pages that are to be kept stay as they were; %s", d->path,
				 s->copies.key, strerror(-s->status), hint_find(-s->status));
}

/* ---- keys ---- */

static struct slot *slot_find(struct state_dir *d, const char *key)
{
	struct slot *s;

	list_for_each(s, &d->slots, link)
		if (!strcmp(s->copies.key, key))
			return s;
	return NULL;
}

static struct slot *slot_get(struct state_dir *d, const char *key)
{
	struct slot *s = slot_find(d, key);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->dir = d;
	state_copies_init(&s->copies, d->io, d->fd, key);
	list_add_tail(&d->slots, &s->link);
	return s;
}

static void dir_save(struct lu_store *lu, const char *key, const void *data, size_t len,
		     void (*done)(void *arg, int status), void *arg)
{
	struct state_dir *d = dir_of(container_of(lu, struct state_store, lu));
	struct slot *s = slot_find(d, key);

	assert(s && !s->busy);
	s->busy = true;
	s->data = data;
	s->len = len;
	s->done = done;
	s->arg = arg;
	s->job = (struct offload_job){ .run = save_run, .done = saved };
	offload_run(d->writer, &s->job);
}

/* Where the lock of a key is in LOCK_FILE: FNV-1a. */
static off_t lock_place(const char *key)
{
	uint64_t h = 0xcbf29ce484222325;

	while (*key)
		h = (h ^ (uint8_t)*key++) * 0x100000001b3;
	return (off_t)(h >> 2);
}

/* Two daemons that save the same state would each undo what the other has promised. */
static int key_lock(const struct state_dir *d, const char *key)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = lock_place(key), .l_len = 1,
	};

	if (d->lock < 0 || !fcntl(d->lock, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : 0;
}

static int load_error(const struct state_dir *d, const char *key, int rc, char *err, size_t errlen)
{
	if (rc == -EBADMSG || rc == -EIO)
		snprintf(err, errlen, "%s/%s is damaged and there is no good copy beside it: move "
			 "it away to go on without the reservations and mode pages kept in it",
			 d->path, key);
	else if (rc == -EPROTONOSUPPORT)
		snprintf(err, errlen, "%s/%s is of a later version of srptd: run that, or move it "
			 "away to go on without the reservations and mode pages kept in it",
			 d->path, key);
	else if (rc == -EBUSY)
		snprintf(err, errlen, "%s/%s is in use by another srptd: end that one, or give "
			 "each of them a state_dir of its own", d->path, key);
	else
		snprintf(err, errlen, "%s/%s cannot be read: %s", d->path, key, strerror(-rc));
	return rc;
}

static int dir_load(struct state_store *store, const char *key, void **data, size_t *len,
		    char *err, size_t errlen)
{
	struct state_dir *d = dir_of(store);
	struct slot *s = slot_get(d, key);
	bool damaged;
	int rc;

	if (!s)
		return load_error(d, key, -ENOMEM, err, errlen);
	assert(!s->busy);
	rc = key_lock(d, key);
	if (!rc)
		rc = state_copies_load(&s->copies, data, len, &damaged);
	if (rc)
		return load_error(d, key, rc, err, errlen);
	if (damaged)
		log_err("%s/%s is damaged: reservations and mode pages are taken from the copy "
			"before it, %s.last; check the disk it is on", d->path, key, key);
	return 0;
}

/* ---- opening and closing ---- */

/* Only of our own: a second daemon may use the directory for other devices. */
static void unfinished_remove(struct state_dir *d)
{
	DIR *dir;
	struct dirent *e;
	int fd;

	if (flock(d->fd, LOCK_EX | LOCK_NB))
		return;
	fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (state_copies_unfinished(e->d_name))
			unlinkat(d->fd, e->d_name, 0);
	closedir(dir);
}

static void dir_free(struct state_dir *d)
{
	struct slot *s, *tmp;

	if (d->writer)
		offload_destroy(d->writer);
	list_for_each_safe(s, tmp, &d->slots, link)
		free(s);
	if (d->lock >= 0)
		close(d->lock);
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d);
}

static void dir_close(struct state_store *store)
{
	dir_free(dir_of(store));
}

static const struct state_ops dir_ops = { dir_load, dir_close };

static struct state_dir *dir_alloc(const char *state_dir, const struct state_io *io)
{
	struct state_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->store.lu.save = dir_save;
	d->store.ops = &dir_ops;
	d->io = io;
	d->fd = -1;
	d->lock = -1;
	list_init(&d->slots);
	if (asprintf(&d->path, "%s/lu", state_dir) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

/* What is put into a directory is no more durable than the directory itself. */
static void dir_make(const char *path, mode_t mode, const char *parent)
{
	int fd;

	if (mkdir(path, mode))
		return;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fsync(fd))
		log_warn("%s: %s", parent, strerror(errno));
	close(fd);
}

static int dir_start(struct state_dir *d, const char *state_dir, struct mailbox *control)
{
	char parent[PATH_MAX];
	int above;

	snprintf(parent, sizeof(parent), "%s/..", state_dir);
	dir_make(state_dir, 0750, parent);
	dir_make(d->path, 0700, state_dir);
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return -errno;
	above = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above >= 0) {
		state_give_to_owner(d->fd, above);
		close(above);
	}
	d->lock = openat(d->fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock >= 0)
		state_give_to_owner(d->lock, d->fd);
	unfinished_remove(d);
	return offload_create("state", control, &d->writer);
}

int state_dir_open(const char *state_dir, const struct state_io *io, struct mailbox *control,
		   struct state_store **out)
{
	struct state_dir *d = dir_alloc(state_dir, io);
	int rc = d ? dir_start(d, state_dir, control) : -ENOMEM;

	*out = NULL;
	if (!rc) {
		*out = &d->store;
		return 0;
	}
	if (rc == -ENOENT)
		log_warn("%s/lu cannot be made: reservations (APTPL) and mode pages cannot be "
			 "kept; set state_dir to a directory that srptd may write to", state_dir);
	else
		log_err("%s/lu cannot be opened: %s: reservations may be kept there, so nothing is "
			"served without it", state_dir, strerror(-rc));
	if (d)
		dir_free(d);
	return rc == -ENOENT ? 0 : rc;
}
