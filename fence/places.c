/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/places.h"

#include "fence/lock.h"
#include "fence/smp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 48 /* of one that is written here */
#define RETRY_US 20000

/* ---- what is known ---- */

static struct guid_place *place_find(struct places *p, uint64_t guid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->place[i].guid == guid)
			return &p->place[i];
	return NULL;
}

const struct guid_place *places_find(const struct places *p, uint64_t guid)
{
	return place_find((struct places *)p, guid);
}

const struct guid_place *places_find_at(const struct places *p, uint64_t switch_guid, uint8_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->place[i].switch_guid == switch_guid && p->place[i].port == port)
			return &p->place[i];
	return NULL;
}

static void place_drop(struct places *p, size_t i)
{
	memmove(&p->place[i], &p->place[i + 1], (--p->n - i) * sizeof(p->place[0]));
}

/* Of others than @place. */
static void place_clear(struct places *p, const struct guid_place *place)
{
	const struct guid_place *other = places_find_at(p, place->switch_guid, place->port);

	if (other && other->guid != place->guid)
		place_drop(p, (size_t)(other - p->place));
}

void places_put(struct places *p, const struct guid_place *place)
{
	struct guid_place *old;

	place_clear(p, place);
	old = place_find(p, place->guid);
	if (!old && p->n == PLACES_MAX)
		place_drop(p, 0);
	*(old ? old : &p->place[p->n++]) = *place;
}

/* ---- the file ---- */

static void line_take(struct places *p, const char *line)
{
	struct guid_place place = { 0 };
	unsigned port;
	int end = 0;

	if (sscanf(line, "%16" SCNx64 " %16" SCNx64 " %3u%n", &place.guid, &place.switch_guid,
		   &port, &end) != 3 ||
	    (line[end] && line[end] != '\n'))
		return;
	place.port = (uint8_t)port;
	if (place.guid && place.switch_guid && port && port <= SMP_PORTS_MAX)
		places_put(p, &place);
}

void places_parse(struct places *p, const char *text)
{
	char line[LINE_MAX_LEN + 1];
	size_t len;

	p->n = 0;
	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len > LINE_MAX_LEN)
			continue;
		memcpy(line, text, len);
		line[len] = '\0';
		line_take(p, line);
	}
}

/* No more than may be in it. */
static ssize_t file_read(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	text[len] = '\0';
	return n < 0 ? -errno : (ssize_t)len;
}

int places_load(struct places *p, const char *file)
{
	static char text[PLACES_MAX * LINE_MAX_LEN];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	p->n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = file_read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return (int)n;
	places_parse(p, text);
	return 0;
}

static int directory_make(const char *file)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(file, '/');

	if (!slash || slash == file)
		return 0;
	if (slash - file >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, file, (size_t)(slash - file));
	dir[slash - file] = '\0';
	return mkdir(dir, 0700) && errno != EEXIST ? -errno : 0;
}

static int name_make(char name[PATH_MAX], const char *file, const char *end)
{
	int n = snprintf(name, PATH_MAX, "%s%s", file, end);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Descriptor or -errno; the lock ends with it. */
static int file_lock(const char *file, uint64_t until)
{
	char name[PATH_MAX];
	int fd, rc = name_make(name, file, ".lock");

	if (!rc)
		rc = directory_make(file);
	if (rc)
		return rc;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		if ((rc != -EWOULDBLOCK && rc != -EINTR) || now_ms() >= until) {
			close(fd);
			return rc;
		}
		usleep(RETRY_US);
	}
	return fd;
}

static int lines_write(FILE *f, const struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		fprintf(f, "%016" PRIx64 " %016" PRIx64 " %u\n", p->place[i].guid,
			p->place[i].switch_guid, p->place[i].port);
	if (fflush(f) || ferror(f) || fsync(fileno(f)))
		return errno ? -errno : -EIO;
	return 0;
}

/* The old one or the new one, whatever happens. */
static int file_write(const struct places *p, const char *file)
{
	char name[PATH_MAX];
	int fd, rc = name_make(name, file, ".new");
	FILE *f;

	if (rc)
		return rc;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -errno;
	rc = lines_write(f, p);
	if (fclose(f) && !rc)
		rc = -errno;
	if (!rc && rename(name, file))
		rc = -errno;
	return rc;
}

static bool is_new(const struct places *p, const struct guid_place *place)
{
	const struct guid_place *old = places_find(p, place->guid);

	return !old || old->switch_guid != place->switch_guid || old->port != place->port;
}

/* true: there was anything new. */
static bool places_merge(struct places *p, const struct places *new)
{
	bool changed = false;

	for (size_t i = 0; i < new->n; i++) {
		if (!is_new(p, &new->place[i]))
			continue;
		places_put(p, &new->place[i]);
		changed = true;
	}
	return changed;
}

int places_update(struct places *p, const char *file, const struct places *new, uint64_t until)
{
	int rc = places_load(p, file), lock;

	if (!rc && !places_merge(p, new))
		return 0;
	lock = file_lock(file, until);
	if (lock < 0)
		return lock;
	rc = places_load(p, file);
	places_merge(p, new);
	/* One that cannot be read is not written over. */
	if (!rc)
		rc = file_write(p, file);
	close(lock);
	return rc;
}
