/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory on a disk whose every system call can fail, and that can lose power: what was not
 * synchronised is then lost or half there.
 */
#ifndef TESTS_UNIT_STATE_DISK_H
#define TESTS_UNIT_STATE_DISK_H

#include "ctl/state_copies.h"

enum disk_fault {
	DISK_GOOD,
	DISK_FAILS_ONCE,  /* one call */
	DISK_FAILS,       /* that call and all later ones: the file system went away */
	DISK_STOPS,       /* the same without effect on the disk: the process was killed */
};

extern const struct state_io disk_io;
extern int disk_dir;       /* descriptor of the directory */
extern unsigned disk_call; /* calls so far */

void disk_setup(void);
void disk_teardown(void);
/* From now on the @nth call, from 1, meets @fault with @err; the count of calls begins anew. */
void disk_fault_at(enum disk_fault fault, unsigned nth, int err);

/* States the directory may be in after a power failure now; the first is what it is without. */
unsigned disk_outcomes(void);
void disk_become(unsigned outcome);

/* Damage in the middle of a file; its contents. */
void disk_damage(const char *name);
void disk_put(const char *name, const void *data, size_t len);
bool disk_has(const char *name);

#endif
