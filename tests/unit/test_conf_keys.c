/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of attributes agrees with itself, with the structures and with conf_value.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

static const size_t block_size[CONF_BLOCKS] = {
	[CONF_TOP] = sizeof(struct conf), [CONF_DAEMON] = sizeof(struct conf_daemon),
	[CONF_DEVICE] = sizeof(struct conf_device),
	[CONF_TARGET_DRIVER] = sizeof(struct conf_driver),
	[CONF_TARGET] = sizeof(struct conf_target), [CONF_LUN] = sizeof(struct conf_lun),
	[CONF_GROUP] = sizeof(struct conf_group),
	[CONF_DEVICE_GROUP] = sizeof(struct conf_device_group),
	[CONF_TARGET_GROUP] = sizeof(struct conf_target_group),
	[CONF_GROUP_TARGET] = sizeof(struct conf_group_target),
};

/* The width of the field each type writes; 0 = any. */
static const size_t type_width[] = {
	[CONF_T_BOOL] = sizeof(bool), [CONF_T_INT] = 4, [CONF_T_SIZE] = 8, [CONF_T_MIB] = 8,
	[CONF_T_HEX64] = 8, [CONF_T_ENUM] = sizeof(int), [CONF_T_UUID] = 16, [CONF_T_NAA] = 16,
	[CONF_T_TEXT] = sizeof(char *), [CONF_T_PATH] = sizeof(char *), [CONF_T_PORTAL] = 0,
	[CONF_T_IWARP_PORT] = 0,
};

static void check_row(const struct conf_key *k)
{
	assert_non_null(k->help);
	assert_ptr_equal(conf_key_find(k->block, k->name), k);	/* unique in its block */
	if (k->type == CONF_T_NONE || conf_key_is_list(k))
		return;
	assert_true(k->offset >= sizeof(uint64_t));		/* not over `given` */
	assert_true((size_t)k->offset + k->width <= block_size[k->block]);
	if (type_width[k->type])
		assert_int_equal(k->width, type_width[k->type]);
	if (k->type == CONF_T_UINT && k->width < 8)
		assert_true((uint64_t)k->max < 1ull << 8 * k->width);
	assert_true(k->min <= k->max);
	assert_int_equal(k->type == CONF_T_ENUM, k->names != NULL);
	assert_int_equal(k->block == CONF_DEVICE, k->handlers != 0);
	assert_true(conf_key_bit(k));
}

static void test_rows(void **state)
{
	size_t count, in_blocks = 0, n;
	const struct conf_key *keys = conf_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		check_row(&keys[i]);
	/* contiguous by block, and few enough for a bit each */
	for (int b = 0; b < CONF_BLOCKS; b++) {
		conf_block_keys((enum conf_block)b, &n);
		assert_true(n <= 64);
		in_blocks += n;
	}
	assert_int_equal(in_blocks, count);
}

static void test_defaults_are_valid(void **state)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);
	_Alignas(16) char base[sizeof(struct conf_device) + sizeof(struct conf)];
	char why[512];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		memset(base, 0, sizeof(base));
		if (!keys[i].fallback)
			continue;
		assert_int_equal(conf_value_set(&keys[i], base, keys[i].fallback, why,
						sizeof(why)), 0);
		if (keys[i].type == CONF_T_PATH)
			free(*(char **)(base + keys[i].offset));
	}
}

/* Two different good values for every attribute. */
static const char *sample(const struct conf_key *k, int which)
{
	static const char *const by_type[][2] = {
		[CONF_T_BOOL] = { "0", "1" }, [CONF_T_POW2] = { "512", "4096" },
		[CONF_T_SIZE] = { "16M", "8M" }, [CONF_T_MIB] = { "1", "2" },
		[CONF_T_HEX64] = { "0000000000000001", "8000000000000000" },
		[CONF_T_UUID] = { "00000000000000000000000000000001",
				  "80000000-0000-0000-0000-000000000001" },
		[CONF_T_NAA] = { "60000000000000000000000000000001",
				 "60000000000000000000000000000002" },
		[CONF_T_ID] = { "x y", "x z" }, [CONF_T_NAME] = { "a", "b" },
		[CONF_T_RESOURCE] = { "r0", "R.1_-" },
		[CONF_T_TEXT] = { "", "x" }, [CONF_T_PATH] = { "/", "/x" },
		[CONF_T_PORTAL] = { NULL, NULL }, [CONF_T_IWARP_PORT] = { NULL, NULL },
	};
	static char number[2][24];

	if (k->type == CONF_T_ENUM)
		return k->names[which];
	if (k->type != CONF_T_UINT && k->type != CONF_T_UINT0 && k->type != CONF_T_INT)
		return by_type[k->type][which];
	snprintf(number[which], sizeof(number[which]), "%lld",
		 (long long)(which ? k->max : k->min));
	return number[which];
}

static char *printed(const struct conf_key *k, const void *base)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n);

	assert_non_null(mem);
	conf_value_print(k, base, mem);
	fclose(mem);
	return text;
}

/* Set, compare, write and read back one attribute. */
static void check_life(const struct conf_key *k)
{
	void *a = calloc(1, block_size[k->block]), *b = calloc(1, block_size[k->block]);
	char why[512], *text;

	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(conf_value_set(k, a, sample(k, 0), why, sizeof(why)), 0);
	assert_int_equal(conf_value_set(k, b, sample(k, 0), why, sizeof(why)), 0);
	assert_true(conf_values_equal(k->block, a, b));
	assert_int_equal(conf_value_set(k, b, sample(k, 1), why, sizeof(why)), 0);
	if (conf_values_equal(k->block, a, b))
		fail_msg("%s: a difference is not seen", k->name);
	/* words with blanks are quoted when printed: those are read back by the parser's tests */
	text = printed(k, b);
	if (text[0] != '"' && k->type != CONF_T_MIB) {
		assert_int_equal(conf_value_set(k, a, text, why, sizeof(why)), 0);
		assert_true(conf_values_equal(k->block, a, b));
	}
	free(text);
	conf_values_free(k->block, a);
	conf_values_free(k->block, b);
	free(a);
	free(b);
}

static void test_every_attribute_is_compared(void **state)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		if (keys[i].type != CONF_T_NONE && !conf_key_is_list(&keys[i]))
			check_life(&keys[i]);
}

/* A refused value must leave the field as it was. */
static void test_bad_value_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", "-", "0x", "x", " 1", "1 ", "1x", "99999999999999999999", "\xc3\xa4",
	};
	size_t count;
	const struct conf_key *keys = conf_keys(&count);
	_Alignas(16) uint8_t base[sizeof(struct conf_device) + sizeof(struct conf)];
	_Alignas(16) uint8_t before[sizeof(base)];
	char why[512];

	(void)state;
	memset(before, 0x5a, sizeof(before));
	for (size_t i = 0; i < count; i++) {
		/* texts take anything, identifiers nearly so */
		if (keys[i].type == CONF_T_NONE || conf_key_is_list(&keys[i]) ||
		    keys[i].type == CONF_T_TEXT || keys[i].type == CONF_T_ID ||
		    keys[i].type == CONF_T_NAME || keys[i].type == CONF_T_RESOURCE)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			memcpy(base, before, sizeof(base));
			assert_int_equal(conf_value_set(&keys[i], base, bad[j], why,
							sizeof(why)), -EINVAL);
			assert_memory_equal(base, before, sizeof(base));
			assert_non_null(strstr(why, keys[i].name));
			assert_non_null(strstr(why, "allowed"));
		}
	}
}

static void test_two_names_of_one_field(void **state)
{
	const struct conf_key *size = conf_key_find(CONF_DEVICE, "size");
	const struct conf_key *size_mb = conf_key_find(CONF_DEVICE, "size_mb");
	const struct conf_key *filename = conf_key_find(CONF_DEVICE, "filename");

	(void)state;
	assert_true(conf_key_bit(size) == conf_key_bit(size_mb));
	assert_true(conf_key_bit(size) != conf_key_bit(filename));
	assert_null(conf_key_find(CONF_DEVICE, "rdma_cm_port"));
	assert_false(conf_key_given(UINT64_MAX, conf_key_find(CONF_DEVICE, "removable")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_defaults_are_valid),
		cmocka_unit_test(test_every_attribute_is_compared),
		cmocka_unit_test(test_bad_value_changes_nothing),
		cmocka_unit_test(test_two_names_of_one_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
