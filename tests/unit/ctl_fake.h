/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layers below ctl/, for its tests: every call leaves a word in fake_events, and what takes
 * time in the real ones waits until the test lets it end.
 */
#ifndef TESTS_UNIT_CTL_FAKE_H
#define TESTS_UNIT_CTL_FAKE_H

#include "backend/backend.h"
#include "ctl/conf.h"
#include "scsi/scsi.h"
#include "srp/target.h"

#include <stdbool.h>

#define FAKE_SESSIONS 4

struct srp_target {
	char name[SRP_TARGET_NAME_MAX];
	bool enabled;
	srp_map_fn map;
	void *map_arg;
	struct srp_target *next;
};

/* "open:disk1 lu:disk1 target:t1 enable:t1", in the order of the calls. */
extern char fake_events[4096];
/* Files that cannot be opened: a name contained in this text; "" for none. */
extern const char *fake_missing;
/* The status LUs are attached with. */
extern int fake_attach_status;
/* What lu_create() itself ends with. */
extern int fake_create_status;
/* What making or changing a device group ends with. */
extern int fake_group_status;
/* Sizes of what is there, to see that nothing is lost. */
extern int fake_backends, fake_lus, fake_targets, fake_groups;
/* A name contained in it: its requests fail as if it were lost; what exchanging it ends with. */
extern const char *fake_suspect;
extern int fake_exchange_status;
/* A name contained in it: opened by what was known, until backend_learn(). */
extern const char *fake_unsure;
/* Bytes that paths lead to; 0: no file. */
extern uint64_t fake_path_size;
/* Backends that were told to let go of their requests. */
extern int fake_released;
/* Sessions that srp_for_each_session() tells of. */
extern struct srp_session_info fake_sessions[FAKE_SESSIONS];
extern unsigned fake_n_sessions;

/* "+127.0.0.1/5000 -::1/5000", listening and no longer; '!' failed. */
extern char fake_listens[1024];
extern int fake_listen_status; /* what listening ends with */
extern int fake_crc;           /* enum iwarp_crc in force; -1: no transport was made */
/* Transports there are, and attempts to open that of RDMA, which fail unless it is there. */
extern int fake_transports, fake_verbs_opens;
extern bool fake_rdma;
extern unsigned fake_vectors; /* of the only RDMA device; 0: there is none */

void fake_reset(void);
/* For other fakes: a word in fake_events; what ends when the test lets it. */
void fake_event(const char *what, const char *name);
void fake_later(void (*done)(void *arg), void *arg);
void fake_later_status(void (*ended)(void *arg, int status), void *arg, int status);
/* Let the oldest operation end; false if there is none. */
bool fake_step(void);
/* Let all end, also those that follow. */
void fake_run(void);
struct srp_target *fake_target(const char *name);
/* What a session sees: "0:disk1 7:disk2ro", or "refused". */
const char *fake_map(const char *target, const char *session);
/* Parse; fails the test when the text is wrong. */
struct conf *fake_conf(const char *text);

#endif
