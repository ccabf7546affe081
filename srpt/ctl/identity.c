/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/identity.h"
#include "base/bytes.h"

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

#define FNV64_BASIS 0xcbf29ce484222325ull
#define FNV64_PRIME 0x100000001b3ull

/* FNV-1a, then splitmix64's finaliser: FNV alone changes few high bits for the last bytes. */
static uint64_t hash64(const char *text)
{
	uint64_t h = FNV64_BASIS;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * FNV64_PRIME;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

const char *guid_source_name(enum guid_source source)
{
	static const char *const names[] = {
		[GUID_CONFIGURED] = "configuration",
		[GUID_SAVED] = "state directory",
		[GUID_HARDWARE] = "RDMA device",
		[GUID_MACHINE] = "machine id",
	};

	return names[source];
}

/* The first line of a small file, without newline. 0 or -errno. */
static int line_read(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (!f)
		return -errno;
	if (!fgets(line, (int)size, f))
		rc = -EIO;
	else
		line[strcspn(line, "\n")] = 0;
	fclose(f);
	return rc;
}

/* Sixteen hex digits, with colons between groups as sysfs prints a GUID. 0: none. */
static uint64_t guid_parse(const char *text)
{
	uint64_t guid = 0;
	int digits = 0;

	for (; *text; text++) {
		unsigned nibble;

		if (*text == ':')
			continue;
		if (sscanf(text, "%1x", &nibble) != 1 || ++digits > 16)
			return 0;
		guid = guid << 4 | nibble;
	}
	return digits == 16 ? guid : 0;
}

static uint64_t guid_from_file(const char *dir, const char *name, const char *file)
{
	char path[512], line[80];

	if (snprintf(path, sizeof(path), "%s/%s%s%s", dir, name, *file ? "/" : "", file) >=
	    (int)sizeof(path))
		return 0;
	return line_read(path, line, sizeof(line)) ? 0 : guid_parse(line);
}

static int name_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static uint64_t guid_from_hardware(const char *dir)
{
	struct dirent **names;
	uint64_t guid = 0;
	int n = scandir(dir, &names, name_is_visible, alphasort);

	for (int i = 0; i < n; i++) {
		if (!guid)
			guid = guid_from_file(dir, names[i]->d_name, "node_guid");
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return guid;
}

/* An EUI-64 that is nobody's: U/L bit set, group bit clear. Hashed: the machine id is private. */
static uint64_t guid_from_machine(const char *path)
{
	char line[80];

	if (line_read(path, line, sizeof(line)) || strlen(line) < 32)
		return 0;
	return (hash64(line) & ~(3ull << 56)) | 2ull << 56;
}

int identity_ioc_guid(uint64_t configured, const struct identity_paths *paths, uint64_t *guid,
		      enum guid_source *source)
{
	const uint64_t found[] = {
		[GUID_CONFIGURED] = configured,
		[GUID_SAVED] = configured ? 0 : guid_from_file(paths->state_dir, "ioc_guid", ""),
		[GUID_HARDWARE] = configured ? 0 : guid_from_hardware(paths->infiniband),
		[GUID_MACHINE] = configured ? 0 : guid_from_machine(paths->machine_id),
	};

	for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
		if (found[i]) {
			*guid = found[i];
			*source = (enum guid_source)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* Replaced as a whole: a crash leaves the old file or the new one. */
int identity_save_ioc_guid(const struct identity_paths *paths, uint64_t guid)
{
	char path[512], tmp[520], line[32];
	int fd, rc = 0, len = snprintf(line, sizeof(line), "%016" PRIx64 "\n", guid);

	if (snprintf(path, sizeof(path), "%s/ioc_guid", paths->state_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (mkdir(paths->state_dir, 0750) && errno != EEXIST)
		return -errno;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)len) != len)
		rc = -EIO;
	else if (fsync(fd))
		rc = -errno;
	close(fd);
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}
