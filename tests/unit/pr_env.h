/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of reservations through the device server share: commands of any nexus,
 * a store, a third initiator. One translation unit is one program.
 */
#ifndef TESTS_UNIT_PR_ENV_H
#define TESTS_UNIT_PR_ENV_H

#include "scsi/pr_change.h"
#include "scsi_env.h"

#include <stdlib.h>
#include <string.h>

#define KEY_A 0xa0a0a0a0a0a0a0a0ull
#define KEY_B 0xb0b0b0b0b0b0b0b0ull
#define KEY_C 0xc0c0c0c0c0c0c0c0ull
#define LIST 24u

/* Keeps what it is given, when told to. */
struct fake_store {
	struct lu_store store; /* first */
	bool hold;             /* nothing is done until store_finish() */
	int status;            /* of the saves to come */
	unsigned saves;
	uint8_t *kept;         /* what a restart would find */
	size_t kept_len;
	const void *data;      /* of the one that is under way */
	size_t len;
	void (*done)(void *arg, int status);
	void *arg;
	struct mailbox *control;
	struct msg msg;
};

struct pr_env {
	struct env e; /* first */
	struct fake_store store;
	struct nexus *c; /* a third initiator, at port 8 */
	struct scsi_port ports[2];
};

static inline void store_finish(struct fake_store *s)
{
	void (*done)(void *arg, int status) = s->done;

	assert_non_null(done);
	s->done = NULL;
	if (!s->status) {
		free(s->kept);
		s->kept = malloc(s->len ? s->len : 1);
		memcpy(s->kept, s->data, s->len);
		s->kept_len = s->len;
	}
	done(s->arg, s->status);
}

static inline void store_received(struct msg *m)
{
	store_finish(container_of(m, struct fake_store, msg));
}

static inline void store_save(struct lu_store *st, const char *key, const void *data, size_t len,
			      void (*done)(void *arg, int status), void *arg)
{
	struct fake_store *s = container_of(st, struct fake_store, store);

	assert_null(s->done);
	assert_int_equal(strlen(key), 32);
	s->saves++;
	s->data = data;
	s->len = len;
	s->done = done;
	s->arg = arg;
	s->msg.fn = store_received;
	if (!s->hold)
		mailbox_post(s->control, &s->msg);
}

static inline int pr_env_setup(void **state)
{
	static const uint8_t id[16] = { 1, 2, 5 };
	struct pr_env *pe = calloc(1, sizeof(*pe));
	struct env *e = &pe->e;

	env_init(e);
	pe->store.store.save = store_save;
	e->params.store = &pe->store.store;
	e->params.thin_provisioned = true;
	e->be.info.unmap_granularity = 4096;
	env_open(e);
	pe->store.control = &e->control;
	pe->ports[0].rel_tgt_id = 7;
	pe->ports[1].rel_tgt_id = 8;
	scsi_port_add(e->device, &pe->ports[0]);
	scsi_port_add(e->device, &pe->ports[1]);
	pe->c = nexus_create(e->device, &pe->ports[1], id, "host-c");
	env_map_lun0(e, pe->c, false);
	env_clear_ua(pe->c);
	*state = pe;
	return 0;
}

static inline int pr_env_teardown(void **state)
{
	struct pr_env *pe = *state;

	nexus_destroy(pe->c);
	scsi_port_remove(&pe->ports[0]);
	scsi_port_remove(&pe->ports[1]);
	env_close(&pe->e);
	free(pe->store.kept);
	free(pe);
	return 0;
}

#define PR_TEST(fn) cmocka_unit_test_setup_teardown(fn, pr_env_setup, pr_env_teardown)

/* A parameter list of @len bytes; @flags at byte 20. */
static inline void list_fill(uint8_t *p, uint32_t len, uint64_t key, uint64_t sa_key,
			     uint8_t flags)
{
	memset(p, 0, len);
	put_be64(p, key);
	put_be64(p + 8, sa_key);
	p[20] = flags;
}

static inline void pr_out_init(struct env *e, struct task *t, struct nexus *n, uint8_t action,
			       uint8_t type, const uint8_t *list, uint32_t len)
{
	TASK_INIT(e, t, 0x5f, action, type, 0, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len);
	t->sc.nexus = n;
	task_out(t, list, len);
}

/* A PERSISTENT RESERVE OUT of 24 bytes, run; its status is in the task, which needs no freeing. */
static inline struct task pr_out(struct env *e, struct nexus *n, uint8_t action, uint8_t type,
				 uint64_t key, uint64_t sa_key, uint8_t flags)
{
	uint8_t list[LIST];
	struct task t;

	list_fill(list, LIST, key, sa_key, flags);
	pr_out_init(e, &t, n, action, type, list, LIST);
	task_run(e, &t);
	task_free(&t);
	return t;
}

static inline void pr_good(struct env *e, struct nexus *n, uint8_t action, uint8_t type,
			   uint64_t key, uint64_t sa_key)
{
	struct task t = pr_out(e, n, action, type, key, sa_key, 0);

	assert_good(&t);
}

static inline void pr_conflicts(struct env *e, struct nexus *n, uint8_t action, uint8_t type,
				uint64_t key, uint64_t sa_key)
{
	struct task t = pr_out(e, n, action, type, key, sa_key, 0);

	assert_int_equal(t.sc.status, SCSI_RESERVATION_CONFLICT);
}

static inline void pr_register(struct env *e, struct nexus *n, uint64_t key)
{
	pr_good(e, n, PR_REGISTER, 0, 0, key);
}

/* A command without data of @n, and its status. */
static inline uint8_t status_of(struct env *e, struct nexus *n, const uint8_t cdb[16])
{
	struct task t;

	task_init(e, &t, cdb, 16);
	t.sc.nexus = n;
	t.sc.data_in_len = 4096;
	task_out(&t, NULL, 4096);
	task_run(e, &t);
	task_free(&t);
	return t.sc.status;
}

static inline uint8_t read_status(struct env *e, struct nexus *n)
{
	return status_of(e, n, (const uint8_t[16]){ 0x28, [8] = 1 });
}

static inline uint8_t write_status(struct env *e, struct nexus *n)
{
	return status_of(e, n, (const uint8_t[16]){ 0x2a, [8] = 1 });
}

static inline enum scsi_sense pending(struct nexus *n)
{
	return ua_take(&lun_map_find(nexus_map(n), 0)->ua, UA_ANY);
}

/* PERSISTENT RESERVE IN; to be freed. */
static inline struct task pr_in(struct env *e, struct nexus *n, uint8_t action, uint16_t alloc)
{
	struct task t;

	TASK_INIT(e, &t, 0x5e, action, 0, 0, 0, 0, 0, (uint8_t)(alloc >> 8), (uint8_t)alloc);
	t.sc.nexus = n;
	t.sc.data_in_len = alloc;
	task_run(e, &t);
	return t;
}

static inline uint32_t generation(struct env *e)
{
	struct task t = pr_in(e, e->a, 0, 8);
	uint32_t g;

	assert_good(&t);
	g = get_be32(t.in);
	task_free(&t);
	return g;
}

struct tmf_run_once {
	struct scsi_tmf tmf; /* first */
	bool done;
};

static inline void tmf_run_done(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	assert_int_equal(r, SCSI_TMF_COMPLETE);
	container_of(tmf, struct tmf_run_once, tmf)->done = true;
}

/* A task management function of @n on LUN 0, to its end. */
static inline void tmf_run(struct env *e, struct nexus *n, enum scsi_tmf_function f)
{
	struct tmf_run_once q = { .done = false };

	q.tmf.function = f;
	q.tmf.reactor = e->group.r[0];
	q.tmf.nexus = n;
	q.tmf.done = tmf_run_done;
	scsi_tmf_submit(&q.tmf);
	env_pump(e);
	assert_true(q.done);
}

#endif
