/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power goes at every write of a state volume, with any part of that write on the disk: what
 * was told to be kept is there afterwards, what was not is there whole or not at all.
 */
#include "volume_env.h"

#define SEEDS 60

/* Before and behind each field of label and slot, and where sectors and the block end. */
static const size_t prefixes[] = {
	0, 1, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 39, 40, 43, 44, 63, 64, 65,
	66, 71, 72, 73, 75, 76, 80, 100, 511, 512, 513, 1024, 2048, 4095, 4096, 5000, 8191, 8192,
	12000,
};
#define OUTCOMES (sizeof(prefixes) / sizeof(prefixes[0]) + SEEDS)

static void cut_at(unsigned write, unsigned outcome)
{
	unsigned n = sizeof(prefixes) / sizeof(prefixes[0]);

	power_disk.writes = 0;
	power_disk.cut = write;
	power_disk.prefix = outcome < n ? prefixes[outcome] : 0;
	power_disk.sectors = outcome < n ? 0 : 0x9e3779b97f4a7c15ull * (outcome + 1);
}

static void power_back(void)
{
	power_disk.dead = false;
	power_disk.cut = 0;
}

static void test_preparing_a_new_volume(void **state)
{
	(void)state;
	for (unsigned write = 1; write <= 3; write++) {
		for (unsigned o = 0; o < OUTCOMES; o++) {
			memset(power_disk.bytes, 0, sizeof(power_disk.bytes));
			cut_at(write, o);
			assert_int_equal(volume_open(), -EIO);
			power_back();
			assert_int_equal(volume_open(), 0);
			assert_int_equal(epoch, 0);
			assert_string_equal(kept("a"), "");
			assert_int_equal(save("a", "works"), 0);
			volume_shut();
		}
	}
}

/* Long enough for several blocks. */
static void value(char *text, unsigned n)
{
	memset(text, 'a' + (int)(n % 26), 240);
	text[240] = '\0';
}

#define KEYS 30u

static void keep_all(void)
{
	char text[256], key[8];

	for (unsigned k = 0; k < KEYS; k++) {
		snprintf(key, sizeof(key), "k%u", k);
		value(text, k);
		assert_int_equal(save(key, text), 0);
	}
}

/* All but the first key are as they were; that is as it was, or as it was to be. */
static void assert_whole(unsigned was, unsigned to_be, bool *new)
{
	char text[256], key[8];

	value(text, to_be);
	*new = !strcmp(kept("k0"), text);
	value(text, was);
	assert_true(*new || !strcmp(kept("k0"), text));
	for (unsigned k = 1; k < KEYS; k++) {
		snprintf(key, sizeof(key), "k%u", k);
		value(text, k);
		assert_string_equal(kept(key), text);
	}
}

/* @o before was saved last. */
static void cut_a_save(unsigned o, unsigned *news)
{
	char text[256];
	bool new;

	cut_at(1, o);
	value(text, o + 9);
	assert_int_equal(save("k0", text), -EIO);
	volume_shut();
	power_back();
	assert_int_equal(volume_open(), 0);
	assert_int_equal(epoch, 5);
	assert_whole(o, o + 9, &new);
	*news += new;
	/* It works on, also over what is left of the torn one. */
	value(text, o + 1);
	assert_int_equal(save("k0", text), 0);
	volume_shut();
	assert_int_equal(volume_open(), 0);
	assert_string_equal(kept("k0"), text);
}

static void test_saving(void **state)
{
	unsigned news = 0;

	(void)state;
	assert_int_equal(volume_open(), 0);
	assert_int_equal(set_epoch(5), 0);
	keep_all();
	for (unsigned o = 0; o < OUTCOMES; o++)
		cut_a_save(o, &news);
	/* The longest prefix was all of it. */
	assert_true(news >= 1 && news < OUTCOMES / 2);
}

static void test_storing_the_epoch(void **state)
{
	uint64_t last = 0;

	(void)state;
	assert_int_equal(volume_open(), 0);
	for (unsigned o = 0; o < OUTCOMES; o++) {
		cut_at(1, o);
		assert_int_equal(set_epoch(last + 10), -EIO);
		volume_shut();
		power_back();
		assert_int_equal(volume_open(), 0);
		assert_true(epoch == last || epoch == last + 10);
		last = epoch + 100;
		assert_int_equal(set_epoch(last), 0);
	}
}

/* What was told to be kept survives any later cut, at whichever write. */
static void test_what_was_acknowledged_stays(void **state)
{
	(void)state;
	for (unsigned write = 1; write <= 6; write++) {
		for (unsigned o = 0; o < OUTCOMES; o += 3) {
			unsigned kept_last = 0;

			memset(power_disk.bytes, 0, sizeof(power_disk.bytes));
			assert_int_equal(volume_open(), 0);
			cut_at(write, o);
			for (unsigned n = 1; n <= 6; n++) {
				char text[8];

				snprintf(text, sizeof(text), "%u", n);
				if (!save("a", text))
					kept_last = n;
			}
			volume_shut();
			power_back();
			assert_int_equal(volume_open(), 0);
			assert_in_range((unsigned)atoi(kept("a")), kept_last, kept_last + 1);
			volume_shut();
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, volume_setup, volume_teardown)
	const struct CMUnitTest tests[] = {
		T(test_preparing_a_new_volume),
		T(test_saving),
		T(test_storing_the_epoch),
		T(test_what_was_acknowledged_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
