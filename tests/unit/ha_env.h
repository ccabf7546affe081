/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon with one cluster's device group "dg", on fakes of all around it. */
#ifndef TESTS_UNIT_HA_ENV_H
#define TESTS_UNIT_HA_ENV_H

#include "ha_fake.h"

#include "ctl/daemon.h"
#include "ctl/ha.h"
#include "ctl/ha_live.h"

/* Target group 1 is of this node, 2 of another. a and c have the same file. */
#define ENV_GROUP(more) \
	"DEVICE_GROUP dg {\n drbd_resource r0\n" more "\n DEVICE a\n DEVICE b\n DEVICE c\n" \
	" TARGET_GROUP near { group_id 1\n TARGET t }\n" \
	" TARGET_GROUP far { group_id 2\n TARGET far { rel_tgt_id 9 } }\n}\n"
#define ENV_DEVICES \
	"HANDLER vdisk_fileio { DEVICE a { filename /a\n }\n DEVICE b { filename /b\n }\n" \
	" DEVICE c { filename /a\n }\n DEVICE free { filename /free\n } }\n" \
	"TARGET_DRIVER ib_srpt { rdma_cm_port 5555\n TARGET t { rel_tgt_id 3\n enabled 1\n" \
	" LUN 0 a\n LUN 1 b\n LUN 2 c\n LUN 3 free\n } }\n"
#define ENV_CONFIG ENV_DEVICES ENV_GROUP("")

extern struct daemon env_daemon;
extern char env_out[16384], env_err[4096];
/* Exit status of the last command; -1: it has not ended. */
extern int env_status;

int env_setup(void **state);    /* with ENV_CONFIG, and the replicator there */
int env_teardown(void **state); /* all is taken away, and nothing is left */
/* Replaces the configuration; what the change says is in env_err. */
void env_apply(const char *text);

/* srptctl WORD...; words end in NULL. What it waits for has not ended. Clears fake_events. */
int env_ctl(const char *word, ...) __attribute__((sentinel));
int env_json(const char *word, ...) __attribute__((sentinel));
struct device_group *env_group(void);
/* A lease of a second, renewed by nobody. */
void env_lease(uint64_t epoch);
/* The table: states of both target groups. */
void env_table(uint64_t epoch, enum alua_state near, enum alua_state far);
/* A whole promote with this epoch. */
void env_promote(uint64_t epoch);
/* "standby near=2 far=2", as it is shown. */
const char *env_state(void);

#define env_saw(text) assert_non_null(strstr(fake_events, (text)))
#define env_saw_no(text) assert_null(strstr(fake_events, (text)))

#endif
