/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/identity.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_identity.XXXXXX";
static char state_dir[64], infiniband[64], machine_id[64];
static const struct identity_paths paths = { state_dir, infiniband, machine_id };
static uint64_t guid;
static enum guid_source source;

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void rdma_device(const char *name, const char *node_guid)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", infiniband, name);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/node_guid");
	file_write(path, node_guid);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(infiniband, sizeof(infiniband), "%s/infiniband", dir);
	snprintf(machine_id, sizeof(machine_id), "%s/machine-id", dir);
	assert_int_equal(mkdir(state_dir, 0755), 0);
	assert_int_equal(mkdir(infiniband, 0755), 0);
	guid = 0;
	return 0;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void nothing_to_take_one_from(void **state)
{
	(void)state;
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), -ENOENT);
}

static void machine_id_gives_a_local_one(void **state)
{
	(void)state;
	file_write(machine_id, "0123456789abcdef0123456789abcdef\n");
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), 0);
	assert_int_equal(source, GUID_MACHINE);
	/* Locally administered, individual. Initiators remember it: the value must never change. */
	assert_int_equal(guid >> 56 & 3, 2);
	assert_true(guid == 0xd22b7c84089d8009ull);
}

static void cut_machine_id_is_not_taken(void **state)
{
	(void)state;
	file_write(machine_id, "uninitialized\n");
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), -ENOENT);
}

static void first_device_goes_before_machine(void **state)
{
	(void)state;
	file_write(machine_id, "0123456789abcdef0123456789abcdef\n");
	rdma_device("mlx5_1", "0002:c903:0000:0002\n");
	rdma_device("mlx5_0", "0002:c903:0000:0001\n");
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), 0);
	assert_int_equal(source, GUID_HARDWARE);
	assert_true(guid == 0x0002c90300000001ull);
}

static void device_without_guid_is_passed_over(void **state)
{
	(void)state;
	rdma_device("a", "0000:0000:0000:0000\n");
	rdma_device("b", "0002:c903:0000:0002\n");
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), 0);
	assert_true(guid == 0x0002c90300000002ull);
}

static void saved_one_stays_when_hardware_changes(void **state)
{
	(void)state;
	assert_int_equal(identity_save_ioc_guid(&paths, 0x1122334455667788ull), 0);
	rdma_device("mlx5_0", "0002:c903:0000:0001\n");
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), 0);
	assert_int_equal(source, GUID_SAVED);
	assert_true(guid == 0x1122334455667788ull);
}

static void missing_state_directory_is_made(void **state)
{
	(void)state;
	assert_int_equal(rmdir(state_dir), 0);
	assert_int_equal(identity_save_ioc_guid(&paths, 5), 0);
	assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), 0);
	assert_int_equal(guid, 5);
}

static void damaged_file_is_not_taken(void **state)
{
	static const char *const texts[] = { "", "12345\n", "zz22334455667788\n",
					     "11223344556677889\n", "\n" };
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/ioc_guid", state_dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write(path, texts[i]);
		assert_int_equal(identity_ioc_guid(0, &paths, &guid, &source), -ENOENT);
	}
}

static void configured_one_wins(void **state)
{
	(void)state;
	assert_int_equal(identity_save_ioc_guid(&paths, 1), 0);
	assert_int_equal(identity_ioc_guid(42, &paths, &guid, &source), 0);
	assert_int_equal(source, GUID_CONFIGURED);
	assert_int_equal(guid, 42);
}

static void saving_tells_its_failure(void **state)
{
	const struct identity_paths nowhere = { "/nonexistent/dir", infiniband, machine_id };

	(void)state;
	assert_int_equal(identity_save_ioc_guid(&nowhere, 1), -ENOENT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_to_take_one_from),
		T(machine_id_gives_a_local_one),
		T(cut_machine_id_is_not_taken),
		T(first_device_goes_before_machine),
		T(device_without_guid_is_passed_over),
		T(saved_one_stays_when_hardware_changes),
		T(missing_state_directory_is_made),
		T(damaged_file_is_not_taken),
		T(configured_one_wins),
		T(saving_tells_its_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
