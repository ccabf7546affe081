/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vdisk_blockio and vdisk_fileio share: open, with errors that help; limits; submit. */
#include "backend/backend_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct {
	int err;
	const char *hint;
} open_hints[] = {
	{ ENOENT, "create it or correct the path" },
	{ ENOTDIR, "a part of the path is no directory" },
	{ EROFS, "set read_only 1 to export it all the same" },
	{ EMEDIUMTYPE, "a DRBD device must be Primary on this node first" },
	{ ENXIO, "there is no device behind this node" },
	{ ENODEV, "there is no device behind this node" },
	{ EBUSY, "another program uses it exclusively" },
	{ ETXTBSY, "another program uses it exclusively" },
	{ EPERM, "it is immutable or append-only, or the service may not use this device" },
	{ EINVAL, "its file system cannot bypass the page cache: set o_direct 0" },
	{ EMFILE, "raise the limit of open files (LimitNOFILE=)" },
};

static int open_error(const char *path, int errnum, char *err, size_t errlen)
{
	for (size_t i = 0; i < ARRAY_SIZE(open_hints); i++)
		if (open_hints[i].err == errnum)
			return be_error(err, errlen, -errnum, "%s: %s: %s", path,
					strerror(errnum), open_hints[i].hint);
	return be_error(err, errlen, -errnum, "%s: %s", path, strerror(errnum));
}

/* Who we are and what the file allows; @st NULL: a directory on the way is closed. */
static int access_error(const char *path, const struct stat *st, char *err, size_t errlen)
{
	struct passwd space, *pw = NULL;
	char names[1024];
	const char *me;

	getpwuid_r(geteuid(), &space, names, sizeof(names), &pw);
	me = pw ? pw->pw_name : "unknown";
	if (!st)
		return be_error(err, errlen, -EACCES,
				"%s: permission denied: user %s (uid %u) may not search a "
				"directory of the path", path, me, (unsigned)geteuid());
	return be_error(err, errlen, -EACCES,
			"%s: permission denied: running as user %s (uid %u), the file has mode "
			"%04o, owner %u, group %u", path, me, (unsigned)geteuid(),
			(unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid);
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return "a character device";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	default:
		return "of an unknown type";
	}
}

static int type_check(const char *path, mode_t mode, bool files, char *err, size_t errlen)
{
	if (S_ISBLK(mode) || (files && S_ISREG(mode)))
		return 0;
	if (S_ISREG(mode))
		return be_error(err, errlen, -ENOTBLK,
				"%s: is a regular file, not a block device: use vdisk_fileio",
				path);
	return be_error(err, errlen, S_ISDIR(mode) ? -EISDIR : -EINVAL, "%s: is %s, not a %s",
			path, type_name(mode),
			files ? "regular file or block device" : "block device");
}

static int readonly_check(struct backend *be, char *err, size_t errlen)
{
	int ro = 0;

	if (be->info.read_only || ioctl(be->fd, BLKROGET, &ro) || !ro)
		return 0;
	return be_error(err, errlen, -EROFS,
			"%s: the device is read-only: set read_only 1 to export it all the same",
			be->filename);
}

/* Type first: opening a pipe or a tape has effects of its own. */
int vdisk_path_check(const struct backend_params *p, bool files, struct stat *st, char *err,
		     size_t errlen)
{
	if (!p->filename || !p->filename[0])
		return be_error(err, errlen, -EINVAL, "filename is missing");
	if (stat(p->filename, st))
		return errno == EACCES ? access_error(p->filename, NULL, err, errlen) :
					 open_error(p->filename, errno, err, errlen);
	return type_check(p->filename, st->st_mode, files, err, errlen);
}

/* What is known to have been a block device needs no look before. */
static int path_open(struct backend *be, const struct backend_params *p, bool files, int flags,
		     char *err, size_t errlen)
{
	struct stat st;
	int rc = 0, failed;

	if (!p->known.disk || !p->known.block || !p->filename)
		rc = vdisk_path_check(p, files, &st, err, errlen);
	if (rc)
		return rc;
	be->fd = open(p->filename, flags | O_CLOEXEC | (p->read_only ? O_RDONLY : O_RDWR));
	if (be->fd >= 0)
		return 0;
	failed = errno;
	rc = vdisk_path_check(p, files, &st, err, errlen);
	if (rc)
		return rc;
	return failed == EACCES ? access_error(p->filename, &st, err, errlen) :
				  open_error(p->filename, failed, err, errlen);
}

/* Which disk is open, and how: in one call, as many are opened while nothing is served. */
static int open_look(struct backend *be, mode_t *mode)
{
	unsigned mask = STATX_TYPE;
	struct statx st;

#ifdef STATX_DIOALIGN
	mask |= STATX_DIOALIGN;
#endif
	if (statx(be->fd, "", AT_EMPTY_PATH, mask, &st))
		return -errno;
	*mode = st.stx_mode;
	be->block = S_ISBLK(st.stx_mode);
	be->disk = be->block ? makedev(st.stx_rdev_major, st.stx_rdev_minor) :
			       makedev(st.stx_dev_major, st.stx_dev_minor);
#ifdef STATX_DIOALIGN
	if (st.stx_mask & STATX_DIOALIGN && st.stx_dio_mem_align)
		be->align = (struct vdisk_align){ st.stx_dio_mem_align, st.stx_dio_offset_align };
#endif
	return 0;
}

int vdisk_open(struct backend *be, const struct backend_params *p, bool files, int flags,
	       char *err, size_t errlen)
{
	mode_t mode = 0;
	int rc = path_open(be, p, files, flags, err, errlen);

	if (rc)
		return rc;
	rc = open_look(be, &mode);
	if (rc)
		rc = open_error(p->filename, -rc, err, errlen);
	else
		rc = type_check(p->filename, mode, files, err, errlen);
	be->unsure = vdisk_is_known(be, &p->known);
	if (!rc && be->block && !be->unsure)
		vdisk_identity(be->disk, be->identity);
	if (!rc && be->block)
		rc = readonly_check(be, err, errlen);
	if (rc)
		vdisk_close(be);
	return rc;
}

void vdisk_close(struct backend *be)
{
	if (be->fd >= 0)
		close(be->fd);
	be->fd = -1;
}

int vdisk_size(int fd, bool block, uint64_t *size)
{
	struct stat st;

	if (block)
		return ioctl(fd, BLKGETSIZE64, size) ? -errno : 0;
	if (fstat(fd, &st))
		return -errno;
	*size = (uint64_t)st.st_size;
	return 0;
}

/* "512, 1024", or "" when no block size would do. */
static void sizes_that_work(uint64_t size, uint32_t min_block, char *list, size_t len)
{
	size_t n = 0;

	list[0] = '\0';
	for (uint32_t bs = 512; bs <= 4096; bs *= 2)
		if (bs >= min_block && size % bs == 0 && n < len)
			n += (size_t)snprintf(list + n, len - n, "%s%u", n ? ", " : "", bs);
}

int vdisk_geometry(const struct backend_params *p, uint64_t size, uint32_t min_block,
		   char *err, size_t errlen)
{
	uint32_t bs = p->block_size;
	char list[40], hint[80];

	if (size && size % bs == 0 && bs >= min_block)
		return 0;
	if (!size)
		return be_error(err, errlen, -EINVAL,
				"%s: has no bytes: give it a size first, a file by truncate -s 10G",
				p->filename);
	sizes_that_work(size, min_block, list, sizeof(list));
	if (list[0])
		snprintf(hint, sizeof(hint), "block sizes that work: %s", list);
	else
		snprintf(hint, sizeof(hint), "no block size works: make it a multiple of %u",
			 min_block > 512 ? min_block : 512);
	if (bs < min_block)
		return be_error(err, errlen, -EINVAL,
				"%s: block_size %u is smaller than the device's %u; %s",
				p->filename, bs, min_block, hint);
	return be_error(err, errlen, -EINVAL,
			"%s: size %" PRIu64 " is not a multiple of block_size %u; %s",
			p->filename, size, bs, hint);
}

/* Kernels before 6.1 do not tell; they want whole logical blocks. */
struct vdisk_align vdisk_direct_align(const struct backend *be, uint32_t missing)
{
	return be->align.mem ? be->align : (struct vdisk_align){ missing, missing };
}

const char *vdisk_sys = "/sys";

static int sysfs_open(uint64_t dev, const char *prefix, const char *attr)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s%s", vdisk_sys, major(dev), minor(dev),
		 prefix, attr);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The text of an attribute; false: there is none. */
static bool sysfs_read(uint64_t dev, const char *attr, char *text, size_t len)
{
	int fd = sysfs_open(dev, "", attr);
	ssize_t n;

	if (fd < 0) /* a partition: its queue is the disk's */
		fd = sysfs_open(dev, "../", attr);
	if (fd < 0)
		return false;
	n = read(fd, text, len - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

uint64_t vdisk_sysfs_u64(uint64_t dev, const char *attr, uint64_t missing)
{
	char text[32];

	return sysfs_read(dev, attr, text, sizeof(text)) ? strtoull(text, NULL, 10) : missing;
}

void vdisk_identity(uint64_t dev, char text[BACKEND_IDENTITY])
{
	/* Of NVMe, SCSI, device mapper, virtio. */
	static const char *const attrs[] = { "wwid", "device/wwid", "dm/uuid", "serial" };
	uint64_t partition = vdisk_sysfs_u64(dev, "partition", 0);
	char own[BACKEND_IDENTITY - 24];

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		if (!sysfs_read(dev, attrs[i], own, sizeof(own)))
			continue;
		own[strcspn(own, "\n")] = '\0';
		if (!own[0])
			continue;
		snprintf(text, BACKEND_IDENTITY, partition ? "%s-%" PRIu64 : "%s", own, partition);
		return;
	}
}

static uint32_t power_of_two_in(uint64_t v, uint32_t low, uint32_t high)
{
	return v >= low && v <= high && !(v & (v - 1)) ? (uint32_t)v : low;
}

/*
 * A hole reads as zeros only where the device can write zeroes by itself;
 * discard alone promises nothing about the contents.
 */
static void discard_limits(struct backend_info *info, uint64_t dev)
{
	uint64_t granularity = vdisk_sysfs_u64(dev, "queue/discard_granularity", 0);

	if (!vdisk_sysfs_u64(dev, "queue/discard_max_bytes", 0) ||
	    !vdisk_sysfs_u64(dev, "queue/write_zeroes_max_bytes", 0))
		return;
	if (granularity < info->block_size || granularity > UINT32_MAX)
		granularity = info->block_size;
	info->unmap_granularity = (uint32_t)granularity;
	info->unmap_alignment = (uint32_t)vdisk_sysfs_u64(dev, "discard_alignment", 0);
}

void vdisk_sysfs_limits(struct backend_info *info, uint64_t dev)
{
	info->rotational = vdisk_sysfs_u64(dev, "queue/rotational", 1) != 0;
	discard_limits(info, dev);
}

bool vdisk_write_cache(uint64_t dev)
{
	char cache[32];

	return !sysfs_read(dev, "queue/write_cache", cache, sizeof(cache)) ||
	       strncmp(cache, "write through", 13);
}

bool vdisk_is_known(const struct backend *be, const struct backend_known *known)
{
	return known->disk && known->disk == be->disk && known->block == be->block &&
	       known->info.block_size == be->info.block_size;
}

/* What of a file can be freed is found out by doing it. */
void vdisk_hints(struct backend_info *info, const struct backend_known *known)
{
	info->rotational = known->info.rotational;
	if (!known->block)
		return;
	info->physical_block = known->info.physical_block;
	info->optimal_io = known->info.optimal_io;
	info->unmap_granularity = known->info.unmap_granularity;
	info->unmap_alignment = known->info.unmap_alignment;
}

int vdisk_block_limits(struct backend *be, const struct backend_params *p)
{
	struct backend_info *info = &be->info;
	unsigned physical = 0, optimal = 0;

	if (be->unsure) {
		vdisk_hints(info, &p->known);
		return 0;
	}
	if (ioctl(be->fd, BLKPBSZGET, &physical) || ioctl(be->fd, BLKIOOPT, &optimal))
		return -errno;
	info->physical_block = power_of_two_in(physical, info->block_size, 1u << 20);
	info->optimal_io = optimal;
	vdisk_sysfs_limits(info, be->disk);
	return 0;
}

int vdisk_attach(struct backend *be, struct reactor *r)
{
	int rc = be_ring_enable(r->be_ring);

	if (!rc)
		be->port[r->id].file_slot = be_ring_file_add(r->be_ring, be->fd);
	return rc;
}

void vdisk_detach(struct backend *be, struct reactor *r)
{
	be_ring_file_del(r->be_ring, be->port[r->id].file_slot);
}

void vdisk_submit(struct backend *be, struct be_io *io)
{
	(void)be;
	be_ring_submit(io->reactor->be_ring, io);
}

int vdisk_resync(struct backend *be)
{
	uint64_t size, old = be->info.size;
	int rc = vdisk_size(be->fd, be->block, &size);

	if (rc)
		return rc;
	size -= size % be->info.block_size;
	if (size < old) {
		log_warn("%s %s: shrank from %" PRIu64 " to %" PRIu64 " bytes; the old size stays, "
			 "I/O beyond the end fails", be->ops->handler, be->filename, old, size);
		return -EINVAL;
	}
	__atomic_store_n(&be->info.size, size, __ATOMIC_RELAXED);
	return 0;
}

/* The descriptor leads nowhere any more: the device was removed, the server forgot the file. */
static bool fd_dead(const struct backend *be)
{
	uint64_t size;

	return vdisk_size(be->fd, be->block, &size) || !size;
}

/* A file that was replaced by another of its name is still there for who has it open. */
static bool same_file(int a, int b)
{
	struct stat x, y;

	if (fstat(a, &x) || fstat(b, &y) || (x.st_mode & S_IFMT) != (y.st_mode & S_IFMT))
		return false;
	return S_ISBLK(x.st_mode) ? x.st_rdev == y.st_rdev :
				    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * A node and its numbers are given to whatever disk comes next, and who finds no node may write a
 * file instead.
 */
static int identity_check(const struct backend *be, const struct backend *fresh, char *err,
			  size_t errlen)
{
	if (be->block != fresh->block)
		return be_error(err, errlen, -EEXIST,
				"%s: is a %s now, before a %s: it is not used",
				be->filename, fresh->block ? "block device" : "file",
				be->block ? "block device" : "file");
	if (be->identity[0] && strcmp(be->identity, fresh->identity))
		return be_error(err, errlen, -EEXIST,
				"%s: is the disk \"%s\" now, before \"%s\": it is not used; to "
				"change, take the device out of the configuration and reload",
				be->filename, fresh->identity, be->identity);
	return 0;
}

/* What it offers is known to initiators: another disk in its place would surprise them. */
static int exchange_check(const struct backend *be, const struct backend *fresh, char *err,
			  size_t errlen)
{
	int rc = identity_check(be, fresh, err, errlen);

	if (rc)
		return rc;
	if (!same_file(be->fd, fresh->fd) && !fd_dead(be))
		return be_error(err, errlen, -EEXIST,
				"%s: is another file now than the one in use, which is served "
				"further; to change, take the device out of the configuration and "
				"reload", be->filename);
	if (fresh->info.size < backend_size(be))
		return be_error(err, errlen, -EINVAL,
				"%s: has %" PRIu64 " bytes now, before %" PRIu64 ": it is taken "
				"for another disk and not used", be->filename, fresh->info.size,
				backend_size(be));
	if (fresh->info.buf_align > be->info.buf_align)
		return be_error(err, errlen, -EINVAL,
				"%s: wants buffers aligned to %u bytes now, before to %u: it is "
				"taken for another disk and not used", be->filename,
				fresh->info.buf_align, be->info.buf_align);
	return 0;
}

/*
 * The number of the descriptor stays: it is in the hands of reactors and workers, for which the
 * exchange is atomic.
 */
int vdisk_swap(struct backend *be, struct backend *fresh)
{
	int rc, old = fcntl(be->fd, F_DUPFD_CLOEXEC, 0);

	if (old < 0)
		return -errno;
	if (dup3(fresh->fd, be->fd, O_CLOEXEC) < 0) {
		rc = -errno;
		close(old);
		return rc;
	}
	close(fresh->fd);
	fresh->fd = old;
	return 0;
}

void vdisk_take_disk(struct backend *be, const struct backend *fresh)
{
	be->block = fresh->block;
	be->disk = fresh->disk;
	be->unsure = fresh->unsure;
	memcpy(be->identity, fresh->identity, sizeof(be->identity));
}

int vdisk_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen)
{
	int rc = exchange_check(be, fresh, err, errlen);
	bool dead;

	if (rc)
		return rc;
	dead = fd_dead(be);
	rc = vdisk_swap(be, fresh);
	if (rc)
		return be_error(err, errlen, rc, "%s: %s", be->filename, strerror(-rc));
	vdisk_take_disk(be, fresh);
	return dead;
}

void vdisk_refresh(struct backend *be, struct reactor *r)
{
	struct backend_port *port = &be->port[r->id];

	port->file_slot = be_ring_file_update(r->be_ring, port->file_slot, be->fd);
}

int backend_path_size(const char *path, uint64_t *size)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	/* Opening a DRBD device just to look would make it Primary. */
	*size = S_ISBLK(st.st_mode) ? vdisk_sysfs_u64(st.st_rdev, "size", 0) * 512 :
				      (uint64_t)st.st_size;
	return *size ? 0 : -ENODATA;
}
