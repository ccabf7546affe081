/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that runs beside the daemon and is never waited for. Loop thread. */
#ifndef REPLICATOR_CHILD_H
#define REPLICATOR_CHILD_H

#include <qb/qbloop.h>
#include <stdbool.h>
#include <sys/types.h>

/* Embedded in its owner, who sets the calls after child_init(). */
struct child {
	/* @status as waitpid() has it; the child may be started again in here. */
	void (*ended)(struct child *c, int status);
	/*
	 * There is something to read from @out, or its end; its standard input is a pipe, in which
	 * nothing comes unless it listens. NULL: @out is /dev/null, and so is its input then.
	 */
	void (*readable)(struct child *c);
	/* Its standard input is a pipe that child_write() fills. */
	bool listens;
	/* private */
	qb_loop_t *loop;
	pid_t pid;
	int pidfd, in;
	int out; /* non-blocking, -1: none, or closed by child_output_close() */
};

void child_init(struct child *c, qb_loop_t *loop);
/* @argv[0] is looked for in PATH; NULL at the end. Dies with us. 0 or -errno, nothing logged. */
int child_start(struct child *c, const char *const argv[]);
bool child_runs(const struct child *c);
/* @text to a child that listens and has been told less than 4 KiB. 0 or -errno. */
int child_write(struct child *c, const char *text);
/* After the end of the output. */
void child_output_close(struct child *c);
/* SIGKILL; ended() is called when it is gone. */
void child_kill(struct child *c);
/* SIGKILL, and nothing is called any more. */
void child_abandon(struct child *c);

#endif
