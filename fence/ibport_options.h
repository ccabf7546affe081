/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fence_ibport can be told, on the command line or by Pacemaker as lines NAME=VALUE, and its
 * metadata: all from one table.
 *
 * Source: fence-agents, doc/FenceAgentAPI.md and lib/metadata.rng.
 */
#ifndef FENCE_IBPORT_OPTIONS_H
#define FENCE_IBPORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define IBPORT_PROGRAM "fence_ibport"

/* Texts are those of the command line, or live as long as the process. */
struct ibport_options {
	const char *action;
	const char *plug; /* NULL when not said */
	const char *guid_map; /* the same */
	const char *local_ports; /* the same */
	const char *nodename; /* the same; what Pacemaker adds by itself */
	const char *state_file;
	const char *separator;
	unsigned discovery_timeout; /* seconds */
	unsigned power_timeout; /* seconds */
	unsigned delay; /* seconds */
	unsigned mad_timeout; /* ms */
	unsigned mad_tries;
	uint64_t m_key;
	bool quiet, verbose, help, version;
};

struct ibport_action {
	const char *name;
	int (*act)(void); /* exit status */
	const char *attributes; /* of its element in the metadata; NULL: it is not in there */
	bool needs_plug;
};

/* All of them at their defaults. */
void ibport_options_init(struct ibport_options *o);

/* false: standard error tells what is wrong. */
bool ibport_options_arguments(struct ibport_options *o, int argc, char **argv);

/* Lines; names that are not known are told and ignored, as all agents do. */
bool ibport_options_lines(struct ibport_options *o, FILE *in);

/* @actions: up to a name that is NULL. */
void ibport_metadata_print(const struct ibport_action *actions);

void ibport_help_print(void);

#endif
