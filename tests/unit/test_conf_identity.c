/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Derived identities: initiators remember them, so the values below are for ever. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ctl/conf_priv.h"

static void hex(const uint8_t *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void assert_uuid(uint32_t setup_id, const char *name, const char *want)
{
	uint8_t uuid[16];
	char text[33];

	conf_uuid_derive(setup_id, name, uuid);
	hex(uuid, 16, text);
	assert_string_equal(text, want);
}

static void test_uuid(void **state)
{
	(void)state;
	assert_uuid(0, "disk01", "c53f903c578b8b088c320b396fa27a3b");
	assert_uuid(0, "disk02", "6338d03c78a98a65af66bea5ee675a36");
	assert_uuid(1, "disk01", "415789a3c9c68f6bb10d97da29e72ba0");
}

static void assert_naa(const struct conf_device *dev, const char *want)
{
	uint8_t naa[16];
	char text[33];

	conf_device_naa(dev, naa);
	hex(naa, 16, text);
	assert_string_equal(text, want);
}

static void test_naa_and_serial(void **state)
{
	struct conf_device dev = { 0 };
	char serial[37];

	(void)state;
	conf_uuid_derive(0, "disk01", dev.uuid);
	assert_naa(&dev, "6020000b7e117e2e3083fa1f929f4ea2");
	conf_device_serial(&dev, serial);
	assert_string_equal(serial, "c53f903c578b8b088c320b396fa27a3b");

	/* a change of the first bytes, where time-based UUIDs differ, shows */
	dev.uuid[0] ^= 1;
	assert_naa(&dev, "602000071aa8d250d20d417790b82b8e");

	memcpy(dev.naa_id, "\x60\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
	strcpy(dev.usn, "SN 1");
	assert_naa(&dev, "600102030405060708090a0b0c0d0e0f");
	conf_device_serial(&dev, serial);
	assert_string_equal(serial, "SN 1");
}

static uint64_t id_ext(const char *name, uint64_t given, uint64_t ioc_guid)
{
	struct conf_target t = { .id_ext = given };

	snprintf(t.name, sizeof(t.name), "%s", name);
	return conf_target_id_ext(&t, ioc_guid);
}

static void test_id_ext(void **state)
{
	(void)state;
	assert_true(id_ext("tgt", 0x1234, 5) == 0x1234);
	assert_true(id_ext("fe80:0000:0000:0000:0002:c903:0005:f34b", 0, 5) ==
		    0x0002c9030005f34bull);
	assert_true(id_ext("tgt", 0, 0x0002c9030005f34aull) == 0x29499c781ebfbcaeull);
	/* two appliances, and two targets of one, differ */
	assert_true(id_ext("tgt", 0, 0x0002c9030005f34bull) == 0x101af6535a0a6430ull);
	assert_true(id_ext("tgu", 0, 0x0002c9030005f34aull) == 0x996c2efec74d60c9ull);
	/* no GID: short groups, or an interface id of zero */
	assert_true(id_ext("fe80::2:c903:5:f34b", 0, 5) != 0x0002c9030005f34bull);
	assert_true(id_ext("fe80:0000:0000:0000:0000:0000:0000:0000", 0, 5) != 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_naa_and_serial),
		cmocka_unit_test(test_id_ext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
