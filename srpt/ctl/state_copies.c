/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/state_copies.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the system calls ---- */

static int io_open(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags, mode);
}

static int io_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to);
}

static int io_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

const struct state_io state_io_kernel = {
	io_open, writev, fsync, close, io_rename, io_unlink,
};

/* ---- names ---- */

enum copy { CURRENT, LAST, NEW, COPIES };

static const char *const endings[COPIES] = { "", ".last", ".new" };

struct copy_name {
	char text[STATE_KEY_MAX + 8];
};

static struct copy_name copy_name(const struct state_copies *c, enum copy copy)
{
	struct copy_name n;

	snprintf(n.text, sizeof(n.text), "%s%s", c->key, endings[copy]);
	return n;
}

bool state_copies_unfinished(const char *name)
{
	size_t len = strlen(name), end = strlen(endings[NEW]);

	return len > end && !strcmp(name + len - end, endings[NEW]);
}

static int copy_rename(const struct state_copies *c, enum copy from, enum copy to)
{
	return c->io->rename(c->dir, copy_name(c, from).text, copy_name(c, to).text) ? -errno : 0;
}

/* One that is not there is as good as removed. */
static int copy_unlink(const struct state_copies *c, enum copy copy)
{
	return c->io->unlink(c->dir, copy_name(c, copy).text) && errno != ENOENT ? -errno : 0;
}

static int dir_sync(const struct state_copies *c)
{
	return c->io->fsync(c->dir) ? -errno : 0;
}

void state_copies_init(struct state_copies *c, const struct state_io *io, int dir, const char *key)
{
	*c = (struct state_copies){ .io = io, .dir = dir };
	snprintf(c->key, sizeof(c->key), "%s", key);
}

/* ---- loading ---- */

struct contents {
	uint8_t *file; /* NULL: there is no such copy */
	size_t len;    /* behind the header */
	uint64_t sequence;
};

static int read_all(int fd, uint8_t *p, size_t size)
{
	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EBADMSG;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

static int contents_read(const struct state_copies *c, int fd, struct contents *to)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)STATE_FILE_HEADER ||
	    st.st_size > (off_t)(STATE_FILE_HEADER + STATE_FILE_MAX))
		return -EBADMSG;
	to->file = malloc((size_t)st.st_size);
	if (!to->file)
		return -ENOMEM;
	rc = read_all(fd, to->file, (size_t)st.st_size);
	if (!rc)
		rc = state_file_check(to->file, (size_t)st.st_size, c->key, &to->sequence,
				      &to->len);
	return rc;
}

/* 0 without a file: it is not there. */
static int copy_read(const struct state_copies *c, enum copy copy, struct contents *to)
{
	int rc, fd = openat(c->dir, copy_name(c, copy).text,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	*to = (struct contents){ .file = NULL };
	if (fd < 0)
		return errno == ENOENT ? 0 : errno == ELOOP ? -EBADMSG : -errno;
	rc = contents_read(c, fd, to);
	close(fd);
	if (rc) {
		free(to->file);
		to->file = NULL;
	}
	return rc;
}

static bool is_damage(int rc)
{
	return rc == -EBADMSG || rc == -EIO;
}

int state_copies_load(struct state_copies *c, void **data, size_t *len, bool *damaged)
{
	struct contents in_force;
	int rc = copy_read(c, CURRENT, &in_force), first = rc;

	*data = NULL;
	*len = 0;
	c->current = in_force.file != NULL;
	if (!c->current && (!rc || is_damage(rc)))
		rc = copy_read(c, LAST, &in_force);
	*damaged = is_damage(first);
	if (rc)
		return rc;
	if (!in_force.file)
		return first; /* there is nothing, or nothing but what is damaged */
	c->sequence = in_force.sequence;
	*len = in_force.len;
	memmove(in_force.file, in_force.file + STATE_FILE_HEADER, in_force.len);
	*data = in_force.file;
	return 0;
}

/* ---- saving ---- */

static int write_all(const struct state_copies *c, int fd, struct iovec *iov, int count)
{
	while (count) {
		ssize_t n = c->io->write(fd, iov, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (uint8_t *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

void state_give_to_owner(int fd, int dir)
{
	struct stat st;

	if (!geteuid() && !fstat(dir, &st) && st.st_uid && fchown(fd, st.st_uid, st.st_gid))
		log_warn("what root keeps is not given to user %u, whose the directory is: %s",
			 st.st_uid, strerror(errno));
}

static int new_write(const struct state_copies *c, const void *data, size_t len)
{
	uint8_t header[STATE_FILE_HEADER];
	struct iovec iov[] = { { header, sizeof(header) }, { (void *)(uintptr_t)data, len } };
	int rc, fd = c->io->open(c->dir, copy_name(c, NEW).text,
				 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	state_give_to_owner(fd, c->dir);
	state_file_header(header, c->key, c->sequence + 1, data, len);
	rc = write_all(c, fd, iov, ARRAY_SIZE(iov));
	if (!rc && c->io->fsync(fd))
		rc = -errno;
	if (c->io->close(fd) && !rc)
		rc = -errno;
	return rc;
}

/* What was in force comes back; where even that fails, it is found as KEY.last. */
static void save_undo(struct state_copies *c, bool replaced)
{
	if (c->current && copy_rename(c, LAST, CURRENT))
		c->current = false;
	else if (!c->current && replaced)
		copy_unlink(c, CURRENT);
	dir_sync(c);
}

/* Somebody may have taken it away. */
static int current_put_by(struct state_copies *c)
{
	int rc = copy_rename(c, CURRENT, LAST);

	if (rc != -ENOENT)
		return rc;
	c->current = false;
	return 0;
}

int state_copies_save(struct state_copies *c, const void *data, size_t len)
{
	bool replaced = false;
	int rc = len > STATE_FILE_MAX ? -EFBIG : new_write(c, data, len);

	if (!rc && c->current)
		rc = current_put_by(c);
	if (rc) {
		copy_unlink(c, NEW);
		return rc;
	}
	rc = copy_rename(c, NEW, CURRENT);
	if (!rc) {
		replaced = true;
		rc = dir_sync(c);
	}
	if (rc) {
		save_undo(c, replaced);
		copy_unlink(c, NEW);
		return rc;
	}
	c->current = true;
	c->sequence++;
	return 0;
}

/* The other copy goes first, or it would be in force when this one is gone. */
int state_copies_erase(struct state_copies *c)
{
	enum copy in_force = c->current ? CURRENT : LAST;
	int rc;

	if (!c->sequence)
		return 0;
	rc = copy_unlink(c, c->current ? LAST : CURRENT);
	if (!rc)
		rc = dir_sync(c);
	if (!rc)
		rc = copy_rename(c, in_force, NEW);
	if (rc && rc != -ENOENT)
		return rc;
	rc = dir_sync(c);
	if (rc && !copy_rename(c, NEW, in_force))
		return rc;
	copy_unlink(c, NEW);
	c->sequence = 0;
	c->current = false;
	return rc;
}
