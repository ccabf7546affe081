/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t initiator_ids[2][16] = { { 1, 2, 3 }, { 1, 2, 4 } };

/* ---- the fabric ---- */

void task_fetch(struct task *t)
{
	assert_true(t->sc.buf.len <= t->sc.data_out_len);
	memcpy(t->sc.buf.addr, t->out, t->sc.buf.len);
}

static void fabric_pull(struct scsi_cmd *cmd)
{
	struct task *t = container_of(cmd, struct task, sc);

	t->pulls++;
	if (t->manual_pull)
		return;
	task_fetch(t);
	scsi_pulled(cmd, 0);
}

static void fabric_respond(struct scsi_cmd *cmd)
{
	struct task *t = container_of(cmd, struct task, sc);

	t->responds++;
	assert_true(cmd->data_len <= cmd->data_in_len);
	if (cmd->data_len) {
		free(t->in);
		t->in = malloc(cmd->data_len);
		memcpy(t->in, cmd->buf.addr, cmd->data_len);
	}
	if (!t->manual_release)
		scsi_cmd_release(cmd);
}

static void fabric_dropped(struct scsi_cmd *cmd)
{
	container_of(cmd, struct task, sc)->drops++;
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

/* ---- environment ---- */

void env_pump(struct env *e)
{
	int work;

	for (int i = 0; i < 10000; i++) {
		work = mailbox_drain(&e->control);
		for (unsigned r = 0; r < e->group.n; r++)
			work += reactor_round(e->group.r[r]);
		work += fake_backend_run(&e->be);
		if (!work)
			return;
	}
	fail_msg("never idle");
}

struct created {
	bool called;
	struct lu *lu;
};

static void lu_created(void *arg, struct lu *lu, int status)
{
	struct created *c = arg;

	assert_int_equal(!lu, !!status);
	c->called = true;
	c->lu = lu;
}

struct lu *env_add_lu(struct env *e, struct backend *be, const struct lu_params *p)
{
	struct created c = { false, NULL };

	assert_int_equal(lu_create(e->device, p, be, lu_created, &c), 0);
	env_pump(e);
	assert_true(c.called);
	return c.lu;
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

void env_destroy_lu(struct env *e, struct lu *lu)
{
	bool done = false;

	lu_destroy(lu, set_true, &done);
	env_pump(e);
	assert_true(done);
}

void env_map(struct env *e, struct nexus *n, const struct lun_entry *map, unsigned count)
{
	bool done = false;

	assert_int_equal(nexus_set_map(n, map, count, set_true, &done), 0);
	env_pump(e);
	assert_true(done);
}

void env_map_lun0(struct env *e, struct nexus *n, bool read_only)
{
	struct lun_entry entry = { 0, read_only, e->lu };

	env_map(e, n, &entry, 1);
	ua_clear(&lun_map_find(nexus_map(n), 0)->ua, UA_MODE_CHANGED);
}

void env_clear_ua(struct nexus *n)
{
	const struct lun_map *m = nexus_map(n);

	for (unsigned i = 0; i < m->count; i++)
		while (ua_take(&m->itls[i]->ua, UA_ANY))
			;
}

void env_init(struct env *e)
{
	memset(e, 0, sizeof(*e));
	fake_backend_init(&e->be);
	e->params = (struct lu_params){
		.name = "disk1", .serial = "0123abcd", .revision = " 370",
		.naa = { 0x60, 0x02, 0x19, 0xb0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
	};
}

void env_open(struct env *e)
{
	const struct reactor_params rp = { .buffer_size = ENV_SLAB, .cpu = -1 };
	const struct scsi_port port = { .rel_tgt_id = 7 };

	mailbox_init(&e->control);
	e->group.n = ENV_REACTORS;
	e->group.control = &e->control;
	for (unsigned i = 0; i < ENV_REACTORS; i++)
		assert_int_equal(reactor_create(i, &rp, &e->group.r[i]), 0);
	e->device = scsi_device_create(&e->group);
	assert_non_null(e->device);
	e->lu = env_add_lu(e, &e->be, &e->params);
	assert_non_null(e->lu);
	e->a = nexus_create(e->device, &port, initiator_ids[0], "host-a");
	e->b = nexus_create(e->device, &port, initiator_ids[1], "host-b");
	env_map_lun0(e, e->a, false);
	env_map_lun0(e, e->b, false);
	env_clear_ua(e->a);
	env_clear_ua(e->b);
}

/* Nothing may be left behind: no buffer, no command, no request. */
void env_close(struct env *e)
{
	struct lu_stats s;

	env_pump(e);
	lu_stats(e->lu, &s);
	assert_int_equal(s.in_flight, 0);
	assert_int_equal(s.detached, 0);
	nexus_destroy(e->a);
	nexus_destroy(e->b);
	env_pump(e);
	env_destroy_lu(e, e->lu);
	assert_int_equal(e->be.closed, 1);
	scsi_device_destroy(e->device);
	for (unsigned i = 0; i < ENV_REACTORS; i++) {
		assert_int_equal(e->group.r[i]->bufs.used, 0);
		reactor_destroy(e->group.r[i]);
	}
	mailbox_destroy(&e->control);
	fake_backend_fini(&e->be);
}

int env_setup(void **state)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	env_open(e);
	*state = e;
	return 0;
}

int env_teardown(void **state)
{
	env_close(*state);
	free(*state);
	return 0;
}

/* ---- tasks ---- */

void task_init(struct env *e, struct task *t, const uint8_t *cdb, unsigned cdb_len)
{
	/* What the device server does not set itself is not zero by chance. */
	memset(t, 0xa5, sizeof(*t));
	t->sc.fabric = &fabric;
	t->sc.reactor = e->group.r[0];
	t->sc.nexus = e->a;
	t->sc.tag = 1;
	memset(t->sc.lun, 0, sizeof(t->sc.lun));
	memset(t->sc.cdb, 0, sizeof(t->sc.cdb));
	memcpy(t->sc.cdb, cdb, cdb_len);
	t->sc.cdb_len = 16;
	t->sc.task_attr = SCSI_SIMPLE;
	t->sc.data_out_len = 0;
	t->sc.data_in_len = 0;
	t->sc.imm.addr = NULL;
	t->out = t->in = NULL;
	t->manual_pull = t->manual_release = false;
	t->pulls = t->responds = t->drops = 0;
}

void task_out(struct task *t, const void *data, uint32_t len)
{
	t->sc.data_out_len = len;
	t->out = calloc(1, len ? len : 1);
	if (data)
		memcpy(t->out, data, len);
}

void task_free(struct task *t)
{
	free(t->out);
	free(t->in);
	t->out = t->in = NULL;
}

void task_run(struct env *e, struct task *t)
{
	scsi_submit(&t->sc);
	env_pump(e);
	assert_int_equal(t->responds, 1);
	assert_int_equal(t->drops, 0);
}

void assert_good(const struct task *t)
{
	/* Before its answer the status is GOOD, too. */
	assert_int_equal(t->responds, 1);
	if (t->sc.status == SCSI_CHECK_CONDITION)
		fail_msg("sense %x/%02x/%02x", t->sc.sense[2], t->sc.sense[12], t->sc.sense[13]);
	assert_int_equal(t->sc.status, SCSI_GOOD);
	assert_int_equal(t->sc.sense_len, 0);
}

void assert_sense(const struct task *t, enum scsi_sense s)
{
	uint8_t want[SENSE_FIXED_LEN];

	assert_int_equal(t->sc.status, sense_status(s));
	if (t->sc.status != SCSI_CHECK_CONDITION) {
		assert_int_equal(t->sc.sense_len, 0);
		return;
	}
	sense_build(want, s, false);
	assert_int_equal(t->sc.sense_len, SENSE_FIXED_LEN);
	assert_int_equal(t->sc.sense[0] & 0x7f, 0x70);
	assert_int_equal(t->sc.sense[2], want[2]);
	assert_int_equal(t->sc.sense[12], want[12]);
	assert_int_equal(t->sc.sense[13], want[13]);
	assert_int_equal(t->sc.data_len, 0);
}

void assert_field(const struct task *t, bool in_cdb, unsigned byte, int bit)
{
	uint8_t sks = t->sc.sense[15];

	assert_int_equal(sks & 0xc0, in_cdb ? 0xc0 : 0x80);
	assert_int_equal(get_be16(t->sc.sense + 16), byte);
	if (bit >= 0)
		assert_int_equal(sks & 0x0f, 0x08 | bit);
}

static void row_run(struct env *e, const struct task_row *row)
{
	struct task t;

	task_init(e, &t, row->cdb, sizeof(row->cdb));
	task_out(&t, NULL, row->out_len);
	t.sc.data_in_len = row->in_len;
	print_message("           %s\n", row->what);
	task_run(e, &t);
	if (row->sense == SENSE_OK)
		assert_good(&t);
	else
		assert_sense(&t, row->sense);
	if (row->sense == SENSE_INVALID_FIELD_IN_CDB && row->field >= 0)
		assert_field(&t, true, (unsigned)row->field, -1);
	task_free(&t);
}

void task_rows_run(struct env *e, const struct task_row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		row_run(e, &rows[i]);
}
