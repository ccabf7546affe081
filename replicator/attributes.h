/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Node attributes of Pacemaker, set by attrd_updater, one of them at a time: of a value that
 * changes meanwhile only the last one is sent. Where there is no Pacemaker it is tried again now
 * and then. Loop thread.
 */
#ifndef REPLICATOR_ATTRIBUTES_H
#define REPLICATOR_ATTRIBUTES_H

#include <qb/qbloop.h>
#include <stdbool.h>

#define ATTRIBUTES_MAX 256 /* more are left out, and logged */

struct attributes;

/* @program: as attrd_updater; must outlive it. NULL: no memory. */
struct attributes *attributes_start(qb_loop_t *loop, const char *program);
void attributes_stop(struct attributes *a); /* NULL is fine */

/* @value NULL: take the attribute away. Sent only if it differs from what was set last. */
void attributes_set(struct attributes *a, const char *name, const char *value);
/* All are sent again: Pacemaker may have forgotten them. */
void attributes_again(struct attributes *a);

/* @each(arg, name, value, whether Pacemaker has it) in the order of their first setting. */
void attributes_list(const struct attributes *a,
		     void (*each)(void *arg, const char *name, const char *value, bool sent),
		     void *arg);

#endif
