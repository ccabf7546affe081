/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/volume_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int size_of(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, size) ? -errno : 0;
	*size = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -ENOTBLK;
}

/* Not that of flock(), with which udev looks at disks. */
static int lock(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &all))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : 0;
}

/* The page cache is passed by: another node writes between one opening and the next. */
static int io_open(const char *path, int *fd, uint64_t *size)
{
	int rc, flags = O_RDWR | O_CLOEXEC | O_NONBLOCK;

	*fd = open(path, flags | O_DIRECT);
	if (*fd < 0 && errno == EINVAL) /* a file on a file system without */
		*fd = open(path, flags);
	if (*fd < 0)
		return -errno;
	rc = size_of(*fd, size);
	if (!rc)
		rc = lock(*fd);
	if (rc)
		close(*fd);
	return rc;
}

static int io_read(int fd, void *p, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p = (uint8_t *)p + n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int io_write(int fd, const void *p, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p = (const uint8_t *)p + n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int io_sync(int fd)
{
	return fdatasync(fd) ? -errno : 0;
}

static void io_close(int fd)
{
	close(fd);
}

const struct volume_io volume_io_kernel = { io_open, io_read, io_write, io_sync, io_close };
