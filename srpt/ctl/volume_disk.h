/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state volume as a disk: found, prepared, read and written. Blocking; one thread at a time. */
#ifndef SRPT_CTL_VOLUME_DISK_H
#define SRPT_CTL_VOLUME_DISK_H

#include "ctl/volume_image.h"
#include "ctl/volume_io.h"

struct volume_disk {
	const struct volume_io *io;
	int fd;
	uint64_t size, slot_size; /* bytes */
	unsigned current;         /* the slot in force */
};

/*
 * Open @path, prepare it if it is new, and read the slot in force into *@slot, which the caller
 * frees; *@s says what it is. -errno with @err: nothing is open.
 */
int volume_disk_open(struct volume_disk *d, const struct volume_io *io, const char *path,
		     uint8_t **slot, struct volume_slot *s, char *err, size_t errlen);
void volume_disk_close(struct volume_disk *d);

/*
 * Write the sealed slot of @bytes, in a buffer of whole blocks, beside the one in force. 0: it is
 * on stable storage, and volume_disk_swap() makes it the one in force here, too; -errno: the old
 * one is, unless the disk has lied.
 */
int volume_disk_save(const struct volume_disk *d, const uint8_t *slot, size_t bytes);
void volume_disk_swap(struct volume_disk *d);

/* Zeroed memory of whole blocks for @bytes, to be freed; NULL: none. */
uint8_t *volume_buffer(size_t bytes);

#endif
