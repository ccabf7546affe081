/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where srp-doctor reads: the files of this host and the output of a few programs, or a tree in
 * which another run has saved both. All names are absolute as on the host; the tree puts its root
 * in front. One thread.
 */
#ifndef SRPT_INITIATOR_TREE_H
#define SRPT_INITIATOR_TREE_H

#include <stddef.h>
#include <sys/types.h>

#define TREE_NAME_MAX 128      /* bytes of a directory entry, with its NUL */
#define TREE_COMMAND_SECONDS 10 /* a program that takes longer is killed */

struct tree {
	const char *root; /* "" for this host; else programs are not run either */
	const char *save; /* whatever is read is copied below it; NULL: nothing */
};

struct tree_name {
	char name[TREE_NAME_MAX];
};

/*
 * Reads up to @size - 1 bytes of a file and ends them with a NUL. The number of bytes, or
 * -errno; what is longer is cut.
 */
ssize_t tree_read(const struct tree *t, const char *path, char *buf, size_t size);

/* The first line of DIR/NAME without white space at its ends; "" when it cannot be read. */
int tree_attr(const struct tree *t, const char *dir, const char *name, char *buf, size_t size);

/*
 * Names in a directory that begin with @prefix, in the order of strverscmp, up to @max. Their
 * number, or -errno.
 */
int tree_list(const struct tree *t, const char *dir, const char *prefix, struct tree_name *names,
	      int max);

/* The last part of what the symbolic link DIR/NAME points to. 0 or -errno. */
int tree_link(const struct tree *t, const char *dir, const char *name, char *buf, size_t size);

/*
 * The standard output of a program, as tree_read; @name is that of its file in a saved tree, in
 * the directory "commands". -errno when it cannot be run or fails.
 */
ssize_t tree_command(const struct tree *t, const char *name, const char *const argv[], char *buf,
		     size_t size);

#endif
