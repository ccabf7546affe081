/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 8
#define FILE_SIZE 4096
#define IMAGES 8

struct image {
	unsigned n;
	struct image_file {
		char name[STATE_KEY_MAX + 8];
		uint8_t data[FILE_SIZE];
		size_t len;
		ino_t ino;
	} files[FILES];
};

int disk_dir = -1;
unsigned disk_call;

static char path[] = "/tmp/test_state.XXXXXX";
static enum disk_fault fault;
static unsigned fault_at;
static int fault_errno;
static int file_fd = -1;     /* open for writing */
static ino_t unsynced;       /* 0: none */
static struct image images[IMAGES]; /* before each change of the directory not synchronised */
static unsigned n_images;

/* ---- what is there ---- */

static void file_load(struct image_file *f, const char *name)
{
	int fd = openat(disk_dir, name, O_RDONLY);
	struct stat st;

	assert(fd >= 0 && !fstat(fd, &st) && st.st_size <= FILE_SIZE);
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->len = (size_t)read(fd, f->data, FILE_SIZE);
	f->ino = st.st_ino;
	close(fd);
}

static void for_each_name(void (*fn)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(path);
	struct dirent *e;

	assert(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(arg, e->d_name);
	closedir(d);
}

static void image_add(void *arg, const char *name)
{
	struct image *i = arg;

	assert(i->n < FILES);
	file_load(&i->files[i->n++], name);
}

static void image_take(void)
{
	assert(n_images < IMAGES);
	images[n_images].n = 0;
	for_each_name(image_add, &images[n_images++]);
}

static void remove_name(void *arg, const char *name)
{
	(void)arg;
	assert(!unlinkat(disk_dir, name, 0));
}

void disk_put(const char *name, const void *data, size_t len)
{
	int fd = openat(disk_dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

unsigned disk_outcomes(void)
{
	/* Power is gone: the last image is what there was just before. */
	image_take();
	return n_images;
}

void disk_become(unsigned outcome)
{
	const struct image *i = &images[n_images - 1 - outcome];

	for_each_name(remove_name, NULL);
	for (unsigned f = 0; f < i->n; f++)
		disk_put(i->files[f].name, i->files[f].data,
			 i->files[f].ino == unsynced ? i->files[f].len / 2 : i->files[f].len);
}

void disk_damage(const char *name)
{
	struct image_file f;

	file_load(&f, name);
	f.data[f.len / 2] ^= 0x10;
	disk_put(name, f.data, f.len);
}

bool disk_has(const char *name)
{
	return !faccessat(disk_dir, name, F_OK, 0);
}

/* ---- the calls ---- */

/* True: this one fails. */
static bool fails(void)
{
	disk_call++;
	if (fault == DISK_GOOD || disk_call < fault_at ||
	    (fault == DISK_FAILS_ONCE && disk_call > fault_at))
		return false;
	errno = fault_errno;
	return true;
}

static int disk_open(int dir, const char *name, int flags, mode_t mode)
{
	struct stat st;

	if (fails())
		return -1;
	file_fd = openat(dir, name, flags, mode);
	assert(file_fd >= 0 && !fstat(file_fd, &st));
	unsynced = st.st_ino;
	return file_fd;
}

/* Not more than 50 bytes at once, the last of which are lost when it fails. */
static ssize_t disk_write(int fd, const struct iovec *iov, int count)
{
	size_t len = iov->iov_len < 50 ? iov->iov_len : 50;

	(void)count;
	if (!fails())
		return write(fd, iov->iov_base, len);
	if (fault != DISK_STOPS)
		len = (size_t)write(fd, iov->iov_base, len / 2);
	errno = fault_errno;
	return -1;
}

static int disk_fsync(int fd)
{
	if (fails())
		return -1;
	if (fd == disk_dir)
		n_images = 0;
	else
		unsynced = 0;
	return 0;
}

/* Closed in any case: the process must not lose descriptors. */
static int disk_close(int fd)
{
	bool failed = fails();
	int err = errno;

	close(fd);
	file_fd = -1;
	errno = err;
	return failed ? -1 : 0;
}

static int disk_rename(int dir, const char *from, const char *to)
{
	if (fails())
		return -1;
	image_take();
	return renameat(dir, from, dir, to);
}

static int disk_unlink(int dir, const char *name)
{
	if (fails())
		return -1;
	image_take();
	return unlinkat(dir, name, 0);
}

const struct state_io disk_io = {
	disk_open, disk_write, disk_fsync, disk_close, disk_rename, disk_unlink,
};

void disk_fault_at(enum disk_fault f, unsigned nth, int err)
{
	fault = f;
	fault_at = nth;
	fault_errno = err;
	disk_call = 0;
	n_images = 0;
	unsynced = 0;
}

void disk_setup(void)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	assert(mkdtemp(path));
	disk_dir = open(path, O_RDONLY | O_DIRECTORY);
	assert(disk_dir >= 0);
	disk_fault_at(DISK_GOOD, 0, 0);
}

void disk_teardown(void)
{
	for_each_name(remove_name, NULL);
	close(disk_dir);
	assert(!rmdir(path));
}
