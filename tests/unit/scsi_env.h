/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device server with two reactors, one LU on a fake backend at LUN 0 and two
 * nexuses, and a fake fabric. Everything runs in the test's thread.
 */
#ifndef TESTS_SCSI_ENV_H
#define TESTS_SCSI_ENV_H

#include "fake_backend.h"
#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define ENV_REACTORS 2
#define ENV_SLAB (16u << 20)

struct env {
	struct mailbox control;
	struct reactor_group group;
	struct scsi_device *device;
	struct backend be;
	struct lu *lu;
	/* Two initiators at port 7; both map LUN 0; unit attentions of the login are gone. */
	struct nexus *a, *b;
	struct lu_params params;
};

/* The fabric's command. */
struct task {
	struct scsi_cmd sc; /* first */
	uint8_t *out;       /* DATA-OUT, sc.data_out_len bytes; freed by task_free() */
	uint8_t *in;        /* what came back, sc.data_len bytes */
	bool manual_pull;   /* the test calls scsi_pulled() after task_fetch() */
	bool manual_release;
	unsigned pulls, responds, drops;
};

/* Environment variants: change @be and @params before env_open(). */
void env_init(struct env *e);
void env_open(struct env *e);
void env_close(struct env *e);

/* cmocka fixtures: *state is a struct env. */
int env_setup(void **state);
int env_teardown(void **state);

/* Run reactors, control thread and backend until nothing happens any more. */
void env_pump(struct env *e);

/* Make an LU on @be and wait for it. NULL: failed. */
struct lu *env_add_lu(struct env *e, struct backend *be, const struct lu_params *p);
void env_destroy_lu(struct env *e, struct lu *lu);
void env_map(struct env *e, struct nexus *n, const struct lun_entry *map, unsigned count);
/* Map LUN 0 → the LU; no 2A/01 of @read_only. */
void env_map_lun0(struct env *e, struct nexus *n, bool read_only);
void env_clear_ua(struct nexus *n);

/* A command of nexus a on reactor 0, LUN 0. */
void task_init(struct env *e, struct task *t, const uint8_t *cdb, unsigned cdb_len);
#define TASK_INIT(e, t, ...)                                                       \
	task_init(e, t, (const uint8_t[]){ __VA_ARGS__ },                          \
		  sizeof((const uint8_t[]){ __VA_ARGS__ }))
/* DATA-OUT of @len bytes: a copy of @data, or zeros. */
void task_out(struct task *t, const void *data, uint32_t len);
void task_free(struct task *t);
void task_fetch(struct task *t);
/* Submit, pump; the command must have got exactly one response. */
void task_run(struct env *e, struct task *t);

void assert_good(const struct task *t);
/* CHECK CONDITION with @s and its bytes; no field pointer is looked at. */
void assert_sense(const struct task *t, enum scsi_sense s);
/* Sense-key specific data: pointer to @byte in the CDB (or list); @bit -1: any bit or none. */
void assert_field(const struct task *t, bool in_cdb, unsigned byte, int bit);

/* Many commands, each with its outcome. Runs them in order. */
struct task_row {
	const char *what;
	uint8_t cdb[16];
	uint32_t out_len, in_len;
	enum scsi_sense sense; /* SENSE_OK: GOOD */
	int field;             /* CDB byte, -1: not looked at */
};
void task_rows_run(struct env *e, const struct task_row *rows, unsigned n);

#endif
