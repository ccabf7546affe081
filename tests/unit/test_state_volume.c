/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state volume: what is saved is found, and what cannot be saved changes nothing. */
#include "volume_env.h"

static void reopen(void)
{
	volume_shut();
	assert_int_equal(volume_open(), 0);
}

static void test_a_new_volume_is_empty(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(epoch, 0);
	assert_string_equal(kept("a"), "");
	reopen();
	assert_int_equal(epoch, 0);
	assert_string_equal(kept("a"), "");
}

static void test_what_is_saved_is_found(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(save("a", "one"), 0);
	assert_int_equal(save("b", "two"), 0);
	assert_int_equal(set_epoch(7), 0);
	assert_int_equal(save("a", "three"), 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(kept("a"), "three");
		assert_string_equal(kept("b"), "two");
		assert_string_equal(kept("c"), "");
		reopen();
		assert_int_equal(epoch, 7);
	}
}

static void test_what_is_forgotten_is_gone(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(save("a", "one"), 0);
	assert_int_equal(save("b", "two"), 0);
	assert_int_equal(save("a", ""), 0);
	reopen();
	assert_string_equal(kept("a"), "");
	assert_string_equal(kept("b"), "two");
}

static void test_each_save_is_one_write_and_one_sync(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	power_disk.writes = power_disk.syncs = 0;
	assert_int_equal(save("a", "one"), 0);
	assert_int_equal(power_disk.writes, 1);
	assert_int_equal(power_disk.syncs, 1);
}

static void test_saves_at_once_share_writes(void **state)
{
	struct saved s[50] = { { false, 0 } };
	char key[50][16];

	(void)state;
	assert_int_equal(volume_open(), 0);
	power_disk.writes = 0;
	for (int i = 0; i < 50; i++) {
		snprintf(key[i], sizeof(key[i]), "k%d", i);
		kept(key[i]);
		store->lu.save(&store->lu, key[i], key[i], strlen(key[i]), saved_done, &s[i]);
	}
	for (int i = 0; i < 50; i++) {
		pump_until(&s[i].over);
		assert_int_equal(s[i].status, 0);
	}
	assert_int_equal(power_disk.writes, 2);
	reopen();
	for (int i = 0; i < 50; i++)
		assert_string_equal(kept(key[i]), key[i]);
}

static void test_a_failed_write_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(save("a", "one"), 0);
	power_disk.fail_write = -EIO;
	assert_int_equal(save("a", "two"), -EIO);
	assert_int_equal(set_epoch(3), -EIO);
	assert_string_equal(kept("a"), "one");
	power_disk.fail_write = 0;
	reopen();
	assert_string_equal(kept("a"), "one");
	assert_int_equal(epoch, 0);
	assert_int_equal(save("a", "three"), 0);
	reopen();
	assert_string_equal(kept("a"), "three");
}

/* The write was whole: what was told to be lost must not come back. */
static void test_a_failed_sync_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(save("a", "one"), 0);
	power_disk.fail_sync = -EIO;
	assert_int_equal(save("a", "two"), -EIO);
	power_disk.fail_sync = 0;
	reopen();
	assert_string_equal(kept("a"), "one");
}

/* The most an LU may want kept, of more LUs than fit: those that do not are refused. */
static void test_a_full_volume_refuses_and_keeps_what_was(void **state)
{
	enum { MOST = 3 * (64 << 10), LUS = 256 };
	uint8_t *most = malloc(MOST);
	unsigned good = 0;
	char key[8];
	void *data;
	size_t len;

	(void)state;
	memset(most, 'm', MOST);
	assert_int_equal(volume_open(), 0);
	for (unsigned i = 0; i < LUS; i++) {
		int rc;

		snprintf(key, sizeof(key), "k%u", i);
		kept(key);
		rc = save_bytes(key, most, MOST);
		assert_true(!rc || rc == -ENOSPC);
		assert_true(rc || good == i);
		good += !rc;
	}
	assert_int_equal(good, (volume_slot_size(POWER_DISK) - VOLUME_SLOT_HEADER) / (MOST + 16));
	reopen();
	for (unsigned i = 0; i < LUS; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(state_load(store, key, &data, &len, err, sizeof(err)), 0);
		assert_int_equal(len, i < good ? MOST : 0);
		free(data);
	}
	assert_int_equal(save_bytes("k200", most, MOST), -ENOSPC);
	assert_int_equal(save_bytes("k0", "little", 6), 0);
	assert_int_equal(save_bytes("k200", most, MOST), 0);
	assert_string_equal(kept("k0"), "little");
	free(most);
}

/* Of those that come at once the one that is too long is refused alone. */
static void test_what_does_not_fit_does_not_take_others_with_it(void **state)
{
	struct saved s[3] = { { false, 0 } };
	uint8_t *much = calloc(1, POWER_DISK);

	(void)state;
	assert_int_equal(volume_open(), 0);
	for (int i = 0; i < 3; i++) {
		const char *keys[] = { "a", "b", "c" };

		kept(keys[i]);
		store->lu.save(&store->lu, keys[i], much, i == 1 ? POWER_DISK : 5, saved_done,
			       &s[i]);
	}
	for (int i = 0; i < 3; i++) {
		pump_until(&s[i].over);
		assert_int_equal(s[i].status, i == 1 ? -ENOSPC : 0);
	}
	free(much);
}

static void test_too_many_keys_are_refused(void **state)
{
	void *data;
	size_t len;
	char key[8];

	(void)state;
	assert_int_equal(volume_open(), 0);
	for (unsigned i = 0; i < STATE_VOLUME_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		kept(key);
	}
	assert_int_equal(state_load(store, "more", &data, &len, err, sizeof(err)), -ENOSPC);
}

static void test_a_small_volume_is_refused(void **state)
{
	(void)state;
	power_disk.size = STATE_VOLUME_MIN - VOLUME_BLOCK;
	assert_int_equal(volume_open(), -ENOSPC);
	assert_non_null(strstr(err, "too small"));
	power_disk.size = STATE_VOLUME_MIN;
	assert_int_equal(volume_open(), 0);
}

/* One byte anywhere of what will be used, and nothing is written. */
static void test_what_holds_something_else_is_refused(void **state)
{
	static const uint32_t places[] = { 0, 1080, 65536 + 64, VOLUME_BLOCK + 70,
					   POWER_DISK / 2, POWER_DISK - VOLUME_BLOCK - 1 };

	(void)state;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(power_disk.bytes, 0, sizeof(power_disk.bytes));
		power_disk.bytes[places[i]] = 0x53 + 1;
		power_disk.writes = 0;
		assert_int_equal(volume_open(), -EEXIST);
		assert_int_equal(power_disk.writes, 0);
		assert_non_null(strstr(err, "something else"));
	}
}

static void test_a_damaged_slot_leaves_the_other(void **state)
{
	uint64_t slot = volume_slot_size(POWER_DISK);

	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(save("a", "one"), 0); /* number 3, in the first slot */
	assert_int_equal(save("a", "two"), 0);
	volume_shut();
	power_disk.bytes[volume_slot_at(slot, 1) + VOLUME_SLOT_HEADER + 9] ^= 1;
	assert_int_equal(volume_open(), 0);
	assert_string_equal(kept("a"), "one");
	volume_shut();
	power_disk.bytes[volume_slot_at(slot, 0) + 20] ^= 1;
	assert_int_equal(volume_open(), -EBADMSG);
	assert_non_null(strstr(err, "damaged"));
}

static void test_what_cannot_be_read_is_not_passed_over(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	volume_shut();
	power_disk.fail_read = -EIO;
	assert_int_equal(volume_open(), -EIO);
	power_disk.open_error = -EMEDIUMTYPE;
	assert_int_equal(volume_open(), -EMEDIUMTYPE);
	assert_non_null(strstr(err, "not Primary"));
}

static void test_a_volume_that_has_shrunk_is_refused(void **state)
{
	(void)state;
	assert_int_equal(volume_open(), 0);
	volume_shut();
	power_disk.size = POWER_DISK / 2;
	assert_int_equal(volume_open(), -EBADMSG);
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

static void test_closing_behind_saves(void **state)
{
	struct saved s[2] = { { false, 0 } };
	bool closed = false;

	(void)state;
	assert_int_equal(volume_open(), 0);
	kept("a");
	kept("b");
	store->lu.save(&store->lu, "a", "one", 3, saved_done, &s[0]);
	store->lu.save(&store->lu, "b", "two", 3, saved_done, &s[1]);
	state_volume_close_async(store, set_true, &closed);
	assert_false(closed);
	pump_until(&closed);
	assert_true(s[0].over && s[1].over && !s[0].status && !s[1].status);
	assert_int_equal(power_disk.opened, 0);
	assert_int_equal(volume_open(), 0);
	assert_string_equal(kept("a"), "one");
	assert_string_equal(kept("b"), "two");
	closed = false;
	state_volume_close_async(store, set_true, &closed);
	pump_until(&closed);
	store = NULL;
}

static void test_closing_at_once_finishes_saves(void **state)
{
	struct saved s[2] = { { false, 0 } };

	(void)state;
	assert_int_equal(volume_open(), 0);
	kept("a");
	kept("b");
	store->lu.save(&store->lu, "a", "one", 3, saved_done, &s[0]);
	store->lu.save(&store->lu, "b", "two", 3, saved_done, &s[1]);
	state_close(store);
	mailbox_destroy(&control);
	assert_int_equal(mailbox_init(&control), 0);
	assert_int_equal(volume_open(), 0);
	assert_string_equal(kept("a"), "one");
	assert_string_equal(kept("b"), "two");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, volume_setup, volume_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_new_volume_is_empty),
		T(test_what_is_saved_is_found),
		T(test_what_is_forgotten_is_gone),
		T(test_each_save_is_one_write_and_one_sync),
		T(test_saves_at_once_share_writes),
		T(test_a_failed_write_changes_nothing),
		T(test_a_failed_sync_changes_nothing),
		T(test_a_full_volume_refuses_and_keeps_what_was),
		T(test_what_does_not_fit_does_not_take_others_with_it),
		T(test_too_many_keys_are_refused),
		T(test_a_small_volume_is_refused),
		T(test_what_holds_something_else_is_refused),
		T(test_a_damaged_slot_leaves_the_other),
		T(test_what_cannot_be_read_is_not_passed_over),
		T(test_a_volume_that_has_shrunk_is_refused),
		T(test_closing_behind_saves),
		T(test_closing_at_once_finishes_saves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
