/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of task management share: functions and commands of nexus a. */
#ifndef TESTS_UNIT_TMF_UTIL_H
#define TESTS_UNIT_TMF_UTIL_H

#include "scsi_env.h"

#include <string.h>

#define READ10 0x28, 0, 0, 0, 0, 0, 0, 0, 1
#define WRITE10 0x2a, 0, 0, 0, 0, 0, 0, 0, 1

struct request {
	struct scsi_tmf tmf; /* first */
	unsigned done;
	enum scsi_tmf_response response;
	struct reactor_timer *timers[ENV_REACTORS]; /* of a reset that waits */
};

static inline void request_done(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	struct request *q = container_of(tmf, struct request, tmf);

	assert_ptr_equal(reactor_self(), tmf->reactor);
	q->done++;
	q->response = r;
}

static inline void request_start(struct env *e, struct request *q, enum scsi_tmf_function f,
				 uint64_t tag)
{
	memset(q, 0xa5, sizeof(*q));
	q->tmf.function = f;
	q->tmf.reactor = e->group.r[0];
	q->tmf.nexus = e->a;
	memset(q->tmf.lun, 0, 8);
	q->tmf.task_tag = tag;
	q->tmf.done = request_done;
	q->done = 0;
	scsi_tmf_submit(&q->tmf);
	assert_int_equal(q->done, 0);
}

/* It is answered although the backend does nothing. */
static inline void request_run(struct env *e, struct request *q, enum scsi_tmf_function f,
			       uint64_t tag)
{
	request_start(e, q, f, tag);
	env_pump(e);
	assert_int_equal(q->done, 1);
	assert_int_equal(q->response, SCSI_TMF_COMPLETE);
}

static inline void assert_answered(struct env *e, struct request *q)
{
	env_pump(e);
	assert_int_equal(q->done, 1);
	assert_int_equal(q->response, SCSI_TMF_COMPLETE);
}

static inline void start_read(struct env *e, struct task *t, uint64_t tag)
{
	TASK_INIT(e, t, READ10);
	t->sc.tag = tag;
	t->sc.data_in_len = 512;
}

static inline void start_write(struct env *e, struct task *t, uint64_t tag, uint8_t fill)
{
	uint8_t data[512];

	memset(data, fill, sizeof(data));
	TASK_INIT(e, t, WRITE10);
	t->sc.tag = tag;
	task_out(t, data, sizeof(data));
}

static inline void assert_ended(const struct task *t, unsigned responds, unsigned drops)
{
	assert_int_equal(t->responds, responds);
	assert_int_equal(t->drops, drops);
}

static inline unsigned detached(struct env *e)
{
	struct lu_stats s;

	lu_stats(e->lu, &s);
	return s.detached;
}

/* A read of each nexus on each reactor. */
static inline void start_four(struct env *e, struct task t[4])
{
	e->be.hold = true;
	for (unsigned i = 0; i < 4; i++) {
		start_read(e, &t[i], 10 + i);
		t[i].sc.nexus = i & 1 ? e->b : e->a;
		t[i].sc.reactor = e->group.r[i >> 1];
		scsi_submit(&t[i].sc);
	}
}

static inline void end_four(struct env *e, struct task t[4], bool own_ended, int other_status)
{
	e->be.hold = false;
	env_pump(e);
	for (unsigned i = 0; i < 4; i++) {
		if (i & 1) {
			assert_ended(&t[i], other_status >= 0, other_status < 0);
			if (other_status >= 0)
				assert_int_equal(t[i].sc.status, other_status);
		} else {
			assert_ended(&t[i], !own_ended, own_ended);
		}
		task_free(&t[i]);
	}
}

static inline enum scsi_sense pending(struct nexus *n)
{
	return ua_take(&lun_map_find(nexus_map(n), 0)->ua, UA_ANY);
}

#endif
