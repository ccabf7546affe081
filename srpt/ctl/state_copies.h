/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copies of the state of one LU in a directory: KEY is in force, KEY.last was before it and
 * is in force where KEY is missing or damaged, KEY.new is unfinished and never looked at.
 * At every instant a good copy of the old state or of the new one can be found, whenever the
 * process or the power ends. Blocking; one thread at a time.
 */
#ifndef SRPT_CTL_STATE_COPIES_H
#define SRPT_CTL_STATE_COPIES_H

#include "ctl/state_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The system calls of a save: tests have their own, that fail or stop. */
struct state_io {
	int (*open)(int dir, const char *name, int flags, mode_t mode);
	ssize_t (*write)(int fd, const struct iovec *iov, int count);
	int (*fsync)(int fd);
	int (*close)(int fd);
	int (*rename)(int dir, const char *from, const char *to);
	int (*unlink)(int dir, const char *name);
};
extern const struct state_io state_io_kernel;

struct state_copies {
	const struct state_io *io;
	int dir;
	char key[STATE_KEY_MAX + 1];
	uint64_t sequence; /* of the copy in force; 0: there is none */
	bool current;      /* KEY is in force; else KEY.last, if anything */
};

/* What there is of @key in the directory @dir is found by load. */
void state_copies_init(struct state_copies *c, const struct state_io *io, int dir,
		       const char *key);

/*
 * The state in force, *@len bytes the caller frees; NULL: none. -EBADMSG or -EIO: no good copy,
 * -EPROTONOSUPPORT: written by a later version; or another -errno of reading. *@damaged: a copy
 * was passed over as it is damaged.
 */
int state_copies_load(struct state_copies *c, void **data, size_t *len, bool *damaged);

/* Put @len bytes in its place. 0: they are on stable storage; -errno: the old state is in force. */
int state_copies_save(struct state_copies *c, const void *data, size_t len);

/* Forget it. As state_copies_save(). */
int state_copies_erase(struct state_copies *c);

/*
 * The open file @fd, which this process has made in the directory @dir, belongs to whom that does.
 * Root that starts srptd by hand would else leave what the service cannot read.
 */
void state_give_to_owner(int fd, int dir);

/* Whether @name is that of an unfinished copy. */
bool state_copies_unfinished(const char *name);

#endif
