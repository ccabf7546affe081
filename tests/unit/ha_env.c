/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ha_env.h"

#include "ctl/apply.h"
#include "ctl/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct daemon env_daemon;
char env_out[16384], env_err[4096];
int env_status;

static void applied(void *arg, const struct apply_result *result)
{
	(void)arg;
	snprintf(env_err, sizeof(env_err), "%s", text_string(&result->errors));
}

void env_apply(const char *text)
{
	fake_events[0] = env_err[0] = 0;
	assert_int_equal(apply_submit(&env_daemon.live, fake_conf(text), applied, NULL), 0);
	fake_run();
}

int env_setup(void **state)
{
	struct daemon *d = &env_daemon;

	(void)state;
	fake_ha_reset();
	fake_link = true;
	memset(d, 0, sizeof(*d));
	live_init(&d->live);
	d->live.ioc_guid = 1;
	d->group.n = 2;
	list_init(&d->listeners.list);
	list_init(&d->listeners.watches);
	assert_int_equal(mailbox_init(&d->mailbox), 0);
	assert_int_equal(watch_create(&d->live, NULL, &d->mailbox, &d->watch), 0);
	assert_int_equal(ha_create(d), 0);
	env_apply(ENV_CONFIG);
	return 0;
}

static void stopped(void *arg)
{
	*(bool *)arg = true;
}

int env_teardown(void **state)
{
	struct daemon *d = &env_daemon;
	bool over = false;

	(void)state;
	fake_let_go();
	ha_stop(d->ha, stopped, &over);
	fake_run();
	assert_true(over);
	env_apply("");
	watch_destroy(d->watch);
	ha_destroy(d->ha);
	mailbox_destroy(&d->mailbox);
	conf_free(d->live.conf);
	free(d->live.device_of);
	assert_int_equal(fake_backends, 0);
	assert_int_equal(fake_lus, 0);
	assert_int_equal(fake_groups, 0);
	fake_ha_reset();
	return 0;
}

static void answered(void *arg, struct ops_reply *reply)
{
	(void)arg;
	snprintf(env_out, sizeof(env_out), "%s", text_string(&reply->out));
	snprintf(env_err, sizeof(env_err), "%s", text_string(&reply->err));
	env_status = (int)reply->status;
}

static int run(bool json, const char *word, va_list ap)
{
	const char *argv[IPC_ARGS_MAX] = { word };
	struct ipc_request req;
	struct ipc_call call;
	int argc = 1, size;

	while ((argv[argc] = va_arg(ap, const char *)))
		argc++;
	size = ipc_call_encode(&req, json, argc, argv);
	assert_int_equal(ipc_call_decode(&req, (size_t)size, &call), 0);
	env_status = -1;
	env_out[0] = env_err[0] = fake_events[0] = 0;
	ops_run(&env_daemon, &call, answered, NULL);
	fake_run();
	return env_status;
}

int env_ctl(const char *word, ...)
{
	va_list ap;
	int rc;

	va_start(ap, word);
	rc = run(false, word, ap);
	va_end(ap);
	return rc;
}

int env_json(const char *word, ...)
{
	va_list ap;
	int rc;

	va_start(ap, word);
	rc = run(true, word, ap);
	va_end(ap);
	return rc;
}

struct device_group *env_group(void)
{
	return live_device_group_find(&env_daemon.live, "dg");
}

void env_lease(uint64_t epoch)
{
	ha_leased(&env_daemon, "dg", epoch, fake_now_ns + 1000000000ull);
	fake_run();
}

void env_table(uint64_t epoch, enum alua_state near, enum alua_state far)
{
	const struct ha_state states[] = { { 1, near }, { 2, far } };

	ha_table(&env_daemon, "dg", epoch, states, 2);
	fake_run();
}

void env_promote(uint64_t epoch)
{
	assert_int_equal(env_ctl("promote", "dg", NULL), -1);
	env_lease(epoch);
	env_table(epoch, ALUA_OPTIMIZED, ALUA_STANDBY);
	assert_int_equal(env_status, 0);
	fake_events[0] = 0;
}

static void role_found(void *arg, const struct ha_group_info *i)
{
	snprintf(arg, 64, "%s near=%x far=%x", ha_role_name(i->role), i->states[0].state,
		 i->states[1].state);
}

const char *env_state(void)
{
	static char text[64];

	ha_for_each_group(&env_daemon, role_found, text);
	return text;
}
