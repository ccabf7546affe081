/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the name of a SCSI device in the configuration to its sg node. */
#include "backend/sg_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * Read and write: on a descriptor that can only read the driver lets commands pass by a list of
 * its own. It never waits: not for a device that is being recovered either.
 */
static int node_open(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int node_type(int fd)
{
	struct sg_scsi_id id;

	if (ioctl(fd, SG_GET_SCSI_ID, &id))
		return -errno;
	return id.scsi_type & 0x1f;
}

struct sg_system sg_system = { "/sys", "/dev", node_open, node_type };

bool sg_is_address(const char *name)
{
	for (int part = 0; part < 4; part++) {
		size_t digits = strspn(name, "0123456789");

		/* A LUN has up to 64 bits. */
		if (!digits || digits > 20)
			return false;
		name += digits;
		if (*name++ != (part < 3 ? ':' : '\0'))
			return false;
	}
	return true;
}

/* The first entry of directory @path that begins with @prefix; false: none. */
static bool entry_find(const char *path, const char *prefix, char *name, size_t len)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool found = false;

	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		found = e->d_name[0] != '.' && !strncmp(e->d_name, prefix, strlen(prefix)) &&
			strlen(e->d_name) < len;
		if (found)
			strcpy(name, e->d_name);
	}
	closedir(d);
	return found;
}

/* Where sysfs has the device; -ENODEV: nowhere. */
static int sysfs_dir(const char *name, char *path, size_t len)
{
	struct stat st;

	if (sg_is_address(name)) {
		snprintf(path, len, "%s/class/scsi_device/%s/device", sg_system.sys, name);
	} else {
		if (stat(name, &st))
			return -errno;
		snprintf(path, len, "%s/dev/char/%u:%u/device", sg_system.sys,
			 major(st.st_rdev), minor(st.st_rdev));
	}
	return access(path, F_OK) ? -ENODEV : 0;
}

int sg_node_find(const char *name, char *path, char *err, size_t errlen)
{
	char dir[SG_PATH_MAX], list[SG_PATH_MAX + 16], node[32];

	if (name[0] == '/') {
		if (strlen(name) >= SG_PATH_MAX)
			return be_error(err, errlen, -ENAMETOOLONG, "filename is too long");
		strcpy(path, name);
		return 0;
	}
	if (!sg_is_address(name))
		return be_error(err, errlen, -EINVAL,
				"%s: no SCSI address: name the device H:C:I:L, as lsscsi shows "
				"it, or give a filename", name);
	if (sysfs_dir(name, dir, sizeof(dir)))
		return be_error(err, errlen, -ENODEV,
				"%s: there is no such SCSI device now: see lsscsi", name);
	snprintf(list, sizeof(list), "%s/scsi_generic", dir);
	if (!entry_find(list, "sg", node, sizeof(node)))
		return be_error(err, errlen, -ENXIO,
				"%s: the SCSI device has no sg node: load the kernel module sg",
				name);
	snprintf(path, SG_PATH_MAX, "%s/%s", sg_system.dev, node);
	return 0;
}

static uint64_t number_read(const char *dir, const char *file)
{
	char path[2 * SG_PATH_MAX];
	uint64_t v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

/* The first line of @file, without what fills it up; "": there is none. */
static void line_read(const char *dir, const char *file, char *text, size_t len)
{
	char path[2 * SG_PATH_MAX];
	size_t end;
	FILE *f;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(text, (int)len, f))
		text[0] = '\0';
	fclose(f);
	end = strlen(text);
	while (end && isspace((unsigned char)text[end - 1]))
		text[--end] = '\0';
}

void sg_identity(const char *name, char text[SG_IDENTITY])
{
	char dir[SG_PATH_MAX], vendor[32], model[32];

	text[0] = '\0';
	if (sysfs_dir(name, dir, sizeof(dir)))
		return;
	line_read(dir, "wwid", text, SG_IDENTITY);
	if (text[0])
		return;
	line_read(dir, "vendor", vendor, sizeof(vendor));
	line_read(dir, "model", model, sizeof(model));
	if (vendor[0] || model[0])
		snprintf(text, SG_IDENTITY, "%s %s", vendor, model);
}

int sg_disk_size(const char *name, uint64_t *size, uint32_t *block)
{
	char dir[SG_PATH_MAX], list[SG_PATH_MAX + 8], disk[32], path[SG_PATH_MAX + 48];
	uint64_t sectors, bytes;
	int rc = sysfs_dir(name, dir, sizeof(dir));

	*size = 0;
	*block = 0;
	if (rc)
		return rc;
	snprintf(list, sizeof(list), "%s/block", dir);
	if (!entry_find(list, "", disk, sizeof(disk)))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", list, disk);
	sectors = number_read(path, "size");
	bytes = number_read(path, "queue/logical_block_size");
	if (!bytes || bytes > UINT32_MAX || sectors > UINT64_MAX / 512)
		return 0;
	*size = sectors * 512;
	*block = (uint32_t)bytes;
	return 0;
}
