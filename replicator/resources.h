/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Pacemaker resources whose promotion score we set, as `srp-replicator resource` named them:
 * kept in a file, a line for each, name, tabulator, device group ("" all). One thread.
 */
#ifndef REPLICATOR_RESOURCES_H
#define REPLICATOR_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>

#define RESOURCES_MAX 64
#define RESOURCE_NAME_MAX 127 /* characters; letters, digits, "-", "_", "." */

struct resource {
	char name[RESOURCE_NAME_MAX + 1];
	char *group; /* "": all of them */
};

struct resources {
	const char *path; /* of the caller; NULL: kept in memory only */
	unsigned n;
	struct resource all[RESOURCES_MAX];
};

/* Lines that are none are left out. A missing file is an empty one; 0 or -errno, logged. */
int resources_load(struct resources *r, const char *path);
void resources_free(struct resources *r);

/* 0; -EINVAL: no name of a resource; -ENOSPC: too many; another -errno of the file. */
int resources_add(struct resources *r, const char *name, const char *group);
/* -ENOENT: there is none of this name. */
int resources_remove(struct resources *r, const char *name);

#endif
