/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of a state volume: tests have their own, whose power can fail. */
#ifndef SRPT_CTL_VOLUME_IO_H
#define SRPT_CTL_VOLUME_IO_H

#include <stddef.h>
#include <stdint.h>

/* Each may block. 0 or -errno. Offsets, lengths and buffers are multiples of VOLUME_BLOCK. */
struct volume_io {
	/* *@size: bytes. -EBUSY: another process has it open. */
	int (*open)(const char *path, int *fd, uint64_t *size);
	int (*read)(int fd, void *p, size_t len, uint64_t at);
	int (*write)(int fd, const void *p, size_t len, uint64_t at);
	int (*sync)(int fd);
	void (*close)(int fd);
};

extern const struct volume_io volume_io_kernel;

#endif
