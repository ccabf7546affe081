/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies of up to three nodes, driven by lines of text, and what they do as text; all of it
 * watched: what must never happen ends the test.
 *
 *	now MS                       POLICY_NOW
 *	stored GROUP EPOCH
 *	members NODE...              of the process group; none: out of it
 *	from NODE VERB KEY=VALUE...  a message of a node that is not simulated
 *	quorum yes|no
 *	srptd-up, srptd-down
 *	srptd VERB KEY=VALUE...
 *	drbd LINE                    as events2 prints it
 *	drbd-down
 *	status
 *	include NAME                 the lines of NAME.inc
 *	hold, deliver                keep what the nodes multicast; hand it out in order
 *	quiet, loud                  whether actions are written
 *	# ...                        comment
 *
 * Before a line "N> ": for node N, else 1. What a node multicasts is delivered to all simulated
 * nodes that have it among their members, at once (unless held).
 */
#ifndef SRPT_TESTS_POLICY_RUN_H
#define SRPT_TESTS_POLICY_RUN_H

#include <stdbool.h>
#include <stdio.h>

struct policy_run;

/* @dir: of included files. The output is written to @out, NULL: nowhere. */
struct policy_run *policy_run_new(const char *dir, FILE *out);
/* false: not a line of these. Lines are not longer than 8191 bytes. */
bool policy_run_line(struct policy_run *r, const char *line);
bool policy_run_file(struct policy_run *r, const char *path);
void policy_run_free(struct policy_run *r);

#endif
