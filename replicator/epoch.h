/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The highest epoch known of each device group, kept in a file of its name below a directory:
 * decimal digits and a newline. Blocks as long as the disk does.
 */
#ifndef REPLICATOR_EPOCH_H
#define REPLICATOR_EPOCH_H

#include <stdint.h>

/* Durable when it returns 0: the new file takes the place of the old one. Else -errno. */
int epoch_store(const char *dir, const char *group, uint64_t epoch);

/*
 * @found(arg, group, epoch) for each file of @dir, which is made if it is not there. Those that
 * hold something else are told to the log and left out. 0 or -errno of the directory.
 */
int epoch_load(const char *dir, void (*found)(void *arg, const char *group, uint64_t epoch),
	       void *arg);

#endif
