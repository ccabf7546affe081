/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/volume_disk.h"

#include "base/bytes.h"
#include "base/log.h"
#include "ctl/state_volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (1u << 20) /* bytes looked at in one go */

static size_t whole_blocks(size_t bytes)
{
	return (bytes + VOLUME_BLOCK - 1) / VOLUME_BLOCK * VOLUME_BLOCK;
}

uint8_t *volume_buffer(size_t bytes)
{
	size_t size = whole_blocks(bytes ? bytes : 1);
	uint8_t *p = aligned_alloc(VOLUME_BLOCK, size);

	if (p)
		memset(p, 0, size);
	return p;
}

static int block_read(const struct volume_disk *d, uint8_t *block, uint64_t at)
{
	return d->io->read(d->fd, block, VOLUME_BLOCK, at);
}

/* ---- a new volume ---- */

/* What preparing writes: two empty slots, then the label. */
struct blank {
	uint8_t *blocks[3];
	uint64_t at[3];
};

static void blank_free(struct blank *b)
{
	for (int i = 0; i < 3; i++)
		free(b->blocks[i]);
}

static int blank_make(struct blank *b, uint64_t slot_size)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < 3; i++) {
		b->blocks[i] = volume_buffer(VOLUME_BLOCK);
		if (!b->blocks[i]) {
			blank_free(b);
			return -ENOMEM;
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		struct volume_slot empty = { .sequence = i + 1 };

		volume_slot_seal(b->blocks[i], &empty);
		b->at[i] = volume_slot_at(slot_size, i);
	}
	volume_label(b->blocks[2], slot_size);
	b->at[2] = 0;
	return 0;
}

static bool bytes_blank(const uint8_t *p, size_t len, const uint8_t *ours)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] && (!ours || p[i] != ours[i]))
			return false;
	return true;
}

/* Zeros, or what preparing would write there and was cut off. */
static bool piece_blank(const struct blank *b, const uint8_t *p, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len; done += VOLUME_BLOCK) {
		const uint8_t *ours = NULL;

		for (int i = 0; i < 3; i++)
			if (b->at[i] == at + done)
				ours = b->blocks[i];
		if (!bytes_blank(p + done, VOLUME_BLOCK, ours))
			return false;
	}
	return true;
}

/* All that will be used is looked at: nobody's data are written over. 1: it is. */
static int disk_blank(const struct volume_disk *d, const struct blank *b)
{
	uint64_t end = volume_slot_at(d->slot_size, 2);
	uint8_t *p = volume_buffer(PIECE);
	int rc = p ? 1 : -ENOMEM;

	for (uint64_t at = 0; rc == 1 && at < end; at += PIECE) {
		size_t len = (size_t)min_u64(PIECE, end - at);
		int failed = d->io->read(d->fd, p, len, at);

		rc = failed ? failed : piece_blank(b, p, len, at);
	}
	free(p);
	return rc;
}

/* The label last: where it is, both slots were whole once. */
static int blank_write(const struct volume_disk *d, const struct blank *b)
{
	int rc = 0;

	for (int i = 0; i < 3 && !rc; i++) {
		rc = d->io->write(d->fd, b->blocks[i], VOLUME_BLOCK, b->at[i]);
		if (!rc)
			rc = d->io->sync(d->fd);
	}
	return rc;
}

static int prepare(struct volume_disk *d)
{
	struct blank b;
	int rc;

	d->slot_size = volume_slot_size(d->size);
	rc = blank_make(&b, d->slot_size);
	if (rc)
		return rc;
	rc = disk_blank(d, &b);
	if (rc == 1)
		rc = blank_write(d, &b);
	else if (!rc)
		rc = -EEXIST;
	blank_free(&b);
	return rc;
}

/* ---- one that was there ---- */

/* Its bytes are the caller's. -EBADMSG: it is not whole. */
static int slot_read(const struct volume_disk *d, unsigned i, uint8_t **slot, struct volume_slot *s)
{
	uint64_t at = volume_slot_at(d->slot_size, i);
	uint8_t *block = volume_buffer(VOLUME_BLOCK), *all = NULL;
	size_t bytes = 0;
	int rc = block ? block_read(d, block, at) : -ENOMEM;

	if (!rc) {
		bytes = volume_slot_bytes(block, d->slot_size);
		rc = bytes ? 0 : -EBADMSG;
	}
	free(block);
	if (rc)
		return rc;
	all = volume_buffer(bytes);
	rc = all ? d->io->read(d->fd, all, whole_blocks(bytes), at) : -ENOMEM;
	if (!rc && volume_slot_bytes(all, d->slot_size) != bytes)
		rc = -EBADMSG;
	if (!rc)
		rc = volume_slot_check(all, bytes, s);
	if (rc)
		free(all);
	else
		*slot = all;
	return rc;
}

/* What cannot be read may be the newer one: then nobody knows what was kept. */
static int slots_read(struct volume_disk *d, const char *path, uint8_t **slot,
		      struct volume_slot *s)
{
	uint8_t *slots[2] = { NULL, NULL };
	struct volume_slot heads[2];
	int rc[2], fatal = 0;

	for (unsigned i = 0; i < 2; i++) {
		rc[i] = slot_read(d, i, &slots[i], &heads[i]);
		if (rc[i] && rc[i] != -EBADMSG)
			fatal = rc[i];
	}
	if (rc[0] && rc[1] && !fatal)
		fatal = -EBADMSG;
	if (fatal) {
		free(slots[0]);
		free(slots[1]);
		return fatal;
	}
	d->current = rc[0] || (!rc[1] && heads[1].sequence > heads[0].sequence);
	if (rc[!d->current])
		log_warn("%s: a copy of the state is unfinished or damaged: the other, number "
			 "%llu, is used", path, (unsigned long long)heads[d->current].sequence);
	free(slots[!d->current]);
	*slot = slots[d->current];
	*s = heads[d->current];
	return 0;
}

static int label_read(struct volume_disk *d)
{
	uint8_t *block = volume_buffer(VOLUME_BLOCK);
	int rc = block ? block_read(d, block, 0) : -ENOMEM;

	if (!rc)
		rc = volume_label_check(block, &d->slot_size);
	free(block);
	if (rc == -EBADMSG)
		return prepare(d);
	if (!rc && volume_slot_at(d->slot_size, 2) > d->size)
		rc = -EBADMSG;
	return rc;
}

/* ---- opening and closing ---- */

static const struct {
	int rc;
	const char *text;
} errors[] = {
	{ -EEXIST, "holds something else: give it a volume of its own, or fill this one with zeros "
		   "(blkdiscard -z) to lose what is on it" },
	{ -EBADMSG, "is damaged, both copies of the state: fill it with zeros (blkdiscard -z) to "
		    "go on without the reservations and mode pages kept on it" },
	{ -EPROTONOSUPPORT, "was written by a later version of srptd: run that on this node, too" },
	{ -EBUSY, "is in use by another srptd" },
	{ -ENOSPC, "is too small: it must have 1 MiB at least" },
	{ -EMEDIUMTYPE, "is a DRBD device that is not Primary on this node" },
	{ -ENOTBLK, "is neither a block device nor a file" },
};

static int open_error(const char *path, int rc, char *err, size_t errlen)
{
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].rc == rc)
			text = errors[i].text;
	if (text)
		snprintf(err, errlen, "state volume %s %s", path, text);
	else
		snprintf(err, errlen, "state volume %s: %s", path, strerror(-rc));
	return rc;
}

int volume_disk_open(struct volume_disk *d, const struct volume_io *io, const char *path,
		     uint8_t **slot, struct volume_slot *s, char *err, size_t errlen)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->io = io;
	rc = io->open(path, &d->fd, &d->size);
	if (rc)
		return open_error(path, rc, err, errlen);
	rc = d->size < STATE_VOLUME_MIN ? -ENOSPC : label_read(d);
	if (!rc)
		rc = slots_read(d, path, slot, s);
	if (!rc)
		return 0;
	io->close(d->fd);
	return open_error(path, rc, err, errlen);
}

void volume_disk_close(struct volume_disk *d)
{
	d->io->close(d->fd);
}

/* ---- saving ---- */

/* It was told that it is not kept: it must not be found all the same. */
static void slot_void(const struct volume_disk *d, uint64_t at)
{
	uint8_t *zeros = volume_buffer(VOLUME_BLOCK);

	if (zeros && !d->io->write(d->fd, zeros, VOLUME_BLOCK, at))
		d->io->sync(d->fd);
	free(zeros);
}

int volume_disk_save(const struct volume_disk *d, const uint8_t *slot, size_t bytes)
{
	uint64_t at = volume_slot_at(d->slot_size, !d->current);
	int rc = d->io->write(d->fd, slot, whole_blocks(bytes), at);

	if (!rc)
		rc = d->io->sync(d->fd);
	if (rc)
		slot_void(d, at);
	return rc;
}

void volume_disk_swap(struct volume_disk *d)
{
	d->current = !d->current;
}
