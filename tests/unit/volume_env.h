/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state volume on the disk of volume_power.h, and saves that are waited for. */
#ifndef TESTS_UNIT_VOLUME_ENV_H
#define TESTS_UNIT_VOLUME_ENV_H

#include "base/reactor.h"
#include "ctl/volume_image.h"
#include "volume_power.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANG_NS 20000000000ull /* only a failure waits as long */

struct saved {
	bool over;
	int status;
};

static struct mailbox control;
static struct state_store *store;
static uint64_t epoch;
static char err[400];

static inline int volume_setup(void **state)
{
	(void)state;
	memset(&power_disk, 0, sizeof(power_disk));
	power_disk.size = POWER_DISK;
	store = NULL;
	return mailbox_init(&control);
}

static inline int volume_open(void)
{
	epoch = 99;
	return state_volume_open_io("/dev/volume", &power_io, &control, &store, &epoch, err,
				    sizeof(err));
}

static inline void volume_shut(void)
{
	mailbox_drain(&control);
	state_close(store);
	store = NULL;
}

static inline int volume_teardown(void **state)
{
	(void)state;
	if (store)
		volume_shut();
	assert_int_equal(power_disk.opened, 0);
	mailbox_destroy(&control);
	return 0;
}

static inline void saved_done(void *arg, int status)
{
	struct saved *s = arg;

	assert_false(s->over);
	s->over = true;
	s->status = status;
}

static inline void pump_until(const bool *over)
{
	struct pollfd p = { .fd = control.fd, .events = POLLIN };
	uint64_t end = clock_now_ns() + HANG_NS;

	while (!*over) {
		mailbox_drain(&control);
		assert_true(clock_now_ns() < end);
		if (!*over && mailbox_prepare_sleep(&control)) {
			poll(&p, 1, 100);
			mailbox_awake(&control);
		}
	}
}

/* What is kept for @key; "": nothing. Also makes it known to the store. */
static inline const char *kept(const char *key)
{
	static char text[256];
	void *data;
	size_t len;

	assert_int_equal(state_load(store, key, &data, &len, err, sizeof(err)), 0);
	assert_true(len < sizeof(text));
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	free(data);
	return text;
}

static inline int save_bytes(const char *key, const void *data, size_t len)
{
	struct saved s = { false, 0 };

	store->lu.save(&store->lu, key, data, len, saved_done, &s);
	assert_false(s.over);
	pump_until(&s.over);
	return s.status;
}

static inline int save(const char *key, const char *text)
{
	kept(key);
	return save_bytes(key, text, strlen(text));
}

static inline int set_epoch(uint64_t e)
{
	struct saved s = { false, 0 };

	state_volume_set_epoch(store, e, saved_done, &s);
	pump_until(&s.over);
	return s.status;
}

#endif
