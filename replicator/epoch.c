/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/epoch.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS_MAX 20 /* of 64 bits */
#define TEMPORARY ".new"

/* ---- names of groups as names of files ---- */

static bool is_plain(unsigned char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || (c == '.' && !first);
}

/* All but letters, digits, "-", "_" and "." within as %XX. */
static int file_name(const char *group, char name[NAME_MAX + 1])
{
	size_t len = 0;

	if (!*group)
		return -EINVAL;
	for (const char *p = group; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (len + 3 > NAME_MAX)
			return -ENAMETOOLONG;
		len += (size_t)sprintf(name + len, is_plain(c, p == group) ? "%c" : "%%%02X", c);
	}
	return 0;
}

static bool group_name(const char *file, char group[NAME_MAX + 1])
{
	char again[NAME_MAX + 1];
	size_t len = 0;
	unsigned byte;

	for (const char *p = file; *p; p++) {
		if (*p != '%') {
			group[len++] = *p;
			continue;
		}
		if (!p[1] || !p[2] || sscanf(p + 1, "%2x", &byte) != 1 || !byte)
			return false;
		group[len++] = (char)byte;
		p += 2;
	}
	group[len] = 0;
	return !file_name(group, again) && !strcmp(again, file);
}

/* ---- writing ---- */

static int file_write(int dir, const char *name, const char *text)
{
	size_t len = strlen(text);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int rc = 0;

	if (fd < 0)
		return -errno;
	errno = ENOSPC;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

static int dir_open(const char *dir)
{
	int fd;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int epoch_store(const char *dir, const char *group, uint64_t epoch)
{
	char name[NAME_MAX + 1], text[DIGITS_MAX + 2];
	int fd, rc = file_name(group, name);

	if (rc)
		return rc;
	fd = dir_open(dir);
	if (fd < 0)
		return fd;
	snprintf(text, sizeof(text), "%" PRIu64 "\n", epoch);
	rc = file_write(fd, TEMPORARY, text);
	if (!rc && (renameat(fd, TEMPORARY, fd, name) || fsync(fd)))
		rc = -errno;
	close(fd);
	return rc;
}

/* ---- reading ---- */

static bool number_parse(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !strcmp(end, "\n");
}

static int file_read(int dir, const char *name, uint64_t *epoch)
{
	char text[DIGITS_MAX + 3];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc)
		return rc;
	text[n] = 0;
	return number_parse(text, epoch) ? 0 : -EINVAL;
}

static void entry_load(int fd, const char *dir, const char *name,
		       void (*found)(void *arg, const char *group, uint64_t epoch), void *arg)
{
	char group[NAME_MAX + 1];
	uint64_t epoch = 0;
	int rc = group_name(name, group) ? file_read(fd, name, &epoch) : -EINVAL;

	if (rc)
		log_warn("%s/%s is not used: %s", dir, name,
			 rc == -EINVAL ? "it holds no epoch of a device group" : strerror(-rc));
	else
		found(arg, group, epoch);
}

int epoch_load(const char *dir, void (*found)(void *arg, const char *group, uint64_t epoch),
	       void *arg)
{
	int fd = dir_open(dir);
	const struct dirent *e;
	DIR *list;

	if (fd < 0)
		return fd;
	list = fdopendir(fd);
	if (!list) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(list)))
		if (e->d_name[0] != '.')
			entry_load(dirfd(list), dir, e->d_name, found, arg);
	closedir(list);
	return 0;
}
