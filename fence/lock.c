/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRY_US 50000

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Everybody may write to where the directory is: a link there is not followed. */
static int file_open(const char *dir, const char *resource)
{
	char path[PATH_MAX];
	int fd, n = snprintf(path, sizeof(path), "%s/fence.%s", dir, resource);

	if (n < 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int lock_take(const char *dir, const char *resource, uint64_t until)
{
	int fd = file_open(dir, resource), rc;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		if ((rc != -EWOULDBLOCK && rc != -EINTR) || now_ms() >= until) {
			close(fd);
			return rc;
		}
		usleep(RETRY_US);
	}
	return 0;
}
