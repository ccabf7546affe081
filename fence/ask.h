/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DRBD asks when it calls its fence-peer handler, and whether it asks for just what is done
 * here. All of it comes from outside. No memory is allocated.
 *
 * Source: drbd-utils 9.22, user/v84/drbdadm_main.c (environment), scripts/crm-fence-peer.sh.
 */
#ifndef FENCE_ASK_H
#define FENCE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FENCE_NAME_MAX 127     /* characters of a resource, node or clone */
#define FENCE_MINORS_MAX 256   /* volumes of a resource */
#define FENCE_MINOR_LIMIT 0xfffff

struct ask {
	char resource[FENCE_NAME_MAX + 1];
	char peer[FENCE_NAME_MAX + 1]; /* name of the node, not of this one */
	char node[FENCE_NAME_MAX + 1]; /* this one's */
	uint32_t minors[FENCE_MINORS_MAX];
	size_t n_minors; /* at least one */
};

/* 1 … FENCE_NAME_MAX of A-Z a-z 0-9 . _ -, the first one none of . and -: legal in an id of XML
 * behind another word, in the name of a file, and nothing in it is special to anybody. */
bool name_is_legal(const char *name);

/*
 * @resource, @peer and @minors ("0 1") as in DRBD_RESOURCE, DRBD_PEER and DRBD_MINOR, NULL when not
 * set; @node: uname -n. NULL: *@a is complete; else why not, static.
 */
const char *ask_parse(struct ask *a, const char *resource, const char *peer, const char *minors,
		      const char *node);

/*
 * Arguments of the stock handler, up to a NULL. NULL: none of them makes it place another
 * constraint, or none; else what is in the way, static.
 */
const char *ask_check_arguments(char *const arguments[]);

/* The same of its environment, which @get returns the variables of (as getenv()). */
const char *ask_check_environment(char *(*get)(const char *name));

#endif
