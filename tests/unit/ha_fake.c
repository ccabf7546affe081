/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_fake.h"

#include "base/reactor.h"
#include "ctl/ha_link.h"
#include "ctl/state_volume.h"

#include <errno.h>
#include <inttypes.h>
#include <qb/qbloop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMERS 64

/* ---- time ---- */

uint64_t fake_now_ns = 1000000000;

static struct fake_timer {
	uint64_t at_ns; /* 0: it does not run */
	void (*fn)(void *arg);
	void *arg;
} timers[TIMERS];

uint64_t clock_now_ns(void)
{
	return fake_now_ns;
}

int32_t qb_loop_timer_add(qb_loop_t *l, enum qb_loop_priority p, uint64_t ns, void *data,
			  qb_loop_timer_dispatch_fn fn, qb_loop_timer_handle *handle)
{
	(void)l;
	(void)p;
	for (unsigned i = 0; i < TIMERS; i++) {
		if (timers[i].at_ns)
			continue;
		timers[i] = (struct fake_timer){ fake_now_ns + ns, fn, data };
		*handle = i + 1;
		return 0;
	}
	fail_msg("more than %u timers", TIMERS);
	return -ENOMEM;
}

int32_t qb_loop_timer_del(qb_loop_t *l, qb_loop_timer_handle handle)
{
	(void)l;
	assert_in_range(handle, 1, TIMERS);
	assert_int_not_equal(timers[handle - 1].at_ns, 0);
	timers[handle - 1].at_ns = 0;
	return 0;
}

static struct fake_timer *timer_next(uint64_t until_ns)
{
	struct fake_timer *next = NULL;

	for (unsigned i = 0; i < TIMERS; i++)
		if (timers[i].at_ns && timers[i].at_ns <= until_ns &&
		    (!next || timers[i].at_ns < next->at_ns))
			next = &timers[i];
	return next;
}

void fake_sleep(unsigned ms)
{
	uint64_t end = fake_now_ns + ms * 1000000ull;
	struct fake_timer *t;

	while ((t = timer_next(end))) {
		fake_now_ns = t->at_ns;
		t->at_ns = 0;
		t->fn(t->arg);
		fake_run();
	}
	fake_now_ns = end;
}

/* ---- what may hang ---- */

int fake_canary_status;
bool fake_canaries_hang, fake_drain_hangs, fake_pulse_hangs;

static struct hung {
	void (*ended)(void *arg, int status);
	void (*done)(void *arg);
	void *arg;
} hung[16];
static unsigned n_hung;

static struct hung *drain;
static struct hung the_drain;

static void hang(struct hung h)
{
	assert_in_range(n_hung, 0, 15);
	hung[n_hung++] = h;
}

static void drain_over(void *arg)
{
	struct hung *d = arg;

	if (drain == d) {
		drain = NULL;
		d->done(d->arg);
	}
}

void fake_let_go(void)
{
	unsigned n = n_hung;

	n_hung = 0;
	for (unsigned i = 0; i < n; i++) {
		if (hung[i].ended)
			fake_later_status(hung[i].ended, hung[i].arg, 0);
		else
			fake_later(hung[i].done, hung[i].arg);
	}
	fake_canaries_hang = fake_drain_hangs = fake_pulse_hangs = false;
	fake_run();
}

int lu_canary(struct lu *lu, void (*done)(void *arg, int status), void *arg)
{
	fake_event("canary", lu_name(lu));
	if (fake_canaries_hang)
		hang((struct hung){ .ended = done, .arg = arg });
	else
		fake_later_status(done, arg, fake_canary_status);
	return 0;
}

int lu_flush(struct lu *lu, void (*done)(void *arg, int status), void *arg)
{
	fake_event("flush", lu_name(lu));
	fake_later_status(done, arg, 0);
	return 0;
}

void alua_group_drain(struct alua_group *g, void (*done)(void *arg), void *arg)
{
	(void)g;
	fake_event("drain", "");
	assert_null(drain);
	the_drain = (struct hung){ .done = done, .arg = arg };
	drain = &the_drain;
	if (fake_drain_hangs)
		hang((struct hung){ .done = drain_over, .arg = &the_drain });
	else
		fake_later(drain_over, &the_drain);
}

void alua_group_drain_cancel(struct alua_group *g)
{
	(void)g;
	drain = NULL;
}

int reactor_group_call(struct reactor_group *g,
		       void (*fn)(struct reactor *r, void *arg, struct countdown *c),
		       void (*done)(void *arg), void *arg)
{
	(void)g;
	(void)fn;
	if (fake_pulse_hangs)
		hang((struct hung){ .done = done, .arg = arg });
	else
		fake_later(done, arg);
	return 0;
}

/* ---- gate and states ---- */

void alua_group_gate_open(struct alua_group *g, uint64_t epoch, uint64_t until_ns)
{
	char text[64];

	(void)g;
	snprintf(text, sizeof(text), "%" PRIu64 "%s", epoch,
		 until_ns == UINT64_MAX ? "forever" : "");
	fake_event("gate", text);
}

void alua_group_gate_close(struct alua_group *g)
{
	(void)g;
	fake_event("gate", "shut");
}

int alua_group_set_states(struct alua_group *g, const struct alua_state_of *s, unsigned n,
			  bool failed)
{
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		if (alua_group_state(g, s[i].id) != s[i].state)
			rc = alua_group_set_state(g, s[i].id, s[i].state, failed);
	return rc;
}

/* ---- state ---- */

int fake_volume_status;
unsigned fake_volume_readonly;
uint64_t fake_volume_epoch;

int lu_state_replace(struct lu *lu, const void *data, size_t len)
{
	(void)data;
	fake_event(len ? "state" : "new", lu_name(lu));
	return 0;
}

void lu_set_store(struct lu *lu, struct lu_store *store)
{
	(void)lu;
	(void)store;
}

static int volume_load(struct state_store *s, const char *key, void **data, size_t *len, char *err,
		       size_t errlen)
{
	(void)s;
	(void)key;
	(void)err;
	(void)errlen;
	*data = strdup("kept");
	*len = 4;
	return 0;
}

static void volume_close(struct state_store *s)
{
	fake_event("volume", "closed");
	free(s);
}

int state_volume_open(const char *path, struct mailbox *control, struct state_store **out,
		      uint64_t *epoch, char *err, size_t errlen)
{
	static const struct state_ops ops = { .load = volume_load, .close = volume_close };

	(void)control;
	fake_event("volume", path);
	if (fake_volume_readonly) {
		fake_volume_readonly--;
		return -EROFS;
	}
	if (fake_volume_status) {
		snprintf(err, errlen, "%s: %s", path, strerror(-fake_volume_status));
		return fake_volume_status;
	}
	*out = calloc(1, sizeof(**out));
	assert_non_null(*out);
	(*out)->ops = &ops;
	*epoch = fake_volume_epoch;
	return 0;
}

void state_volume_set_epoch(struct state_store *s, uint64_t epoch,
			    void (*done)(void *arg, int status), void *arg)
{
	(void)s;
	fake_volume_epoch = epoch;
	fake_later_status(done, arg, 0);
}

void state_volume_close_async(struct state_store *s, void (*done)(void *arg), void *arg)
{
	volume_close(s);
	fake_later(done, arg);
}

/* ---- the link ---- */

bool fake_link;

int ha_link_start(struct daemon *d, const char *name, struct ha_link **out)
{
	(void)d;
	(void)name;
	*out = NULL;
	return 0;
}

void ha_link_stop(struct ha_link *l)
{
	(void)l;
}

bool ha_link_connected(const struct ha_link *l)
{
	(void)l;
	return fake_link;
}

void ha_link_update(struct daemon *d)
{
	(void)d;
}

void ha_link_role(struct ha_link *l, const char *group, enum ha_role role, uint64_t epoch)
{
	(void)l;
	(void)group;
	(void)epoch;
	fake_event("role", ha_role_name(role));
}

void ha_link_want(struct ha_link *l, const char *group, uint64_t above, bool primary)
{
	char text[32];

	(void)l;
	(void)group;
	snprintf(text, sizeof(text), "%" PRIu64 "%s", above, primary ? "+" : "");
	fake_event("want", text);
}

void ha_link_unwant(struct ha_link *l, const char *group)
{
	(void)l;
	fake_event("unwant", group);
}

void ha_link_announce(struct ha_link *l, const char *group, enum alua_state state,
		      uint64_t epoch)
{
	char text[64];

	(void)l;
	(void)group;
	snprintf(text, sizeof(text), "%x@%" PRIu64, state, epoch);
	fake_event("announce", text);
}

void fake_ha_reset(void)
{
	fake_reset();
	fake_now_ns = 1000000000;
	memset(timers, 0, sizeof(timers));
	n_hung = 0;
	drain = NULL;
	fake_canary_status = 0;
	fake_canaries_hang = fake_drain_hangs = fake_pulse_hangs = false;
	fake_volume_status = 0;
	fake_volume_readonly = 0;
	fake_volume_epoch = 0;
	fake_link = false;
}
