/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <stdlib.h>
#include <string.h>

/* The page, with its header checked. */
static void vpd(struct env *e, struct task *t, uint8_t page)
{
	TASK_INIT(e, t, 0x12, 1, page, 1, 0);
	t->sc.data_in_len = 256;
	task_run(e, t);
	assert_good(t);
	assert_int_equal(t->in[0], 0);
	assert_int_equal(t->in[1], page);
	assert_int_equal(get_be16(t->in + 2) + 4, t->sc.data_len);
}

static void test_list_is_sorted_and_true(void **state)
{
	static const uint8_t want[] = { 0x00, 0x80, 0x83, 0x86, 0x87, 0xb0, 0xb1, 0xb2 };
	struct env *e = *state;
	struct task t, p;

	vpd(e, &t, 0x00);
	assert_int_equal(t.sc.data_len, 4 + sizeof(want));
	assert_memory_equal(t.in + 4, want, sizeof(want));
	for (unsigned i = 0; i < sizeof(want); i++) {
		vpd(e, &p, t.in[4 + i]);
		task_free(&p);
	}
	task_free(&t);
}

static void test_serial(void **state)
{
	struct env *e = *state;
	struct task t;

	vpd(e, &t, 0x80);
	assert_int_equal(t.sc.data_len, 4 + 8);
	assert_memory_equal(t.in + 4, "0123abcd", 8);
	task_free(&t);
}

static void test_identification(void **state)
{
	struct env *e = *state;
	static const uint8_t naa[4] = { 0x01, 0x03, 0x00, 0x10 };
	static const char t10[] = "SCST_FIO0123abcd-disk1";
	static const uint8_t name[44] = "\x03\x08\0\x28" "naa.600219B00102030405060708090A0B0C";
	static const uint8_t eui[20] = { 0x41, 0x92, 0, 16 };
	static const uint8_t port_name[44] =
		"\x43\x98\0\x28" "eui.00000000000000000000000000000000";
	static const uint8_t port[8] = { 0x41, 0x94, 0x00, 0x04, 0, 0, 0, 7 };
	const uint8_t *d;
	struct task t;

	vpd(e, &t, 0x83);
	d = t.in + 4;
	assert_memory_equal(d, naa, 4);
	assert_memory_equal(d + 4, e->params.naa, 16);
	d += 20;
	assert_int_equal(d[0], 0x02);
	assert_int_equal(d[1], 0x01);
	assert_int_equal(d[3], strlen(t10));
	assert_memory_equal(d + 4, t10, strlen(t10));
	d += 4 + strlen(t10);
	assert_memory_equal(d, name, sizeof(name));
	d += 4 + name[3];
	assert_memory_equal(d, port, 8);
	d += 8;
	assert_memory_equal(d, eui, sizeof(eui));
	d += sizeof(eui);
	assert_memory_equal(d, port_name, sizeof(port_name));
	d += sizeof(port_name);
	assert_ptr_equal(d, t.in + t.sc.data_len);
	task_free(&t);
}

static void test_t10_id_may_be_given(void **state)
{
	struct env *e = malloc(sizeof(*e));
	struct task t;

	(void)state;
	env_init(e);
	e->params.t10_id = "0a1b-other";
	env_open(e);
	vpd(e, &t, 0x83);
	assert_int_equal(t.in[4 + 20 + 3], 8 + 10);
	assert_memory_equal(t.in + 4 + 24, "SCST_FIO0a1b-other", 18);
	task_free(&t);
	env_close(e);
	free(e);
}

static void test_groups_only_when_there_are_some(void **state)
{
	struct env *e = *state;
	static const uint8_t group[8] = { 0x41, 0x95, 0x00, 0x04, 0, 0, 0x01, 0x02 };
	static const uint8_t lu_group[8] = { 0x01, 0x06, 0x00, 0x04, 0, 0, 0x03, 0x04 };
	const uint16_t ports[] = { 7 };
	const struct alua_target_group groups[] = { { 0x102, false, ALUA_STANDBY, ports, 1 } };
	struct alua_params p = { 0x304, 60, groups, 1, false };
	struct alua_group *g;
	struct task t;

	assert_int_equal(alua_group_create(e->device, &p, &g), 0);
	lu_set_alua_group(e->lu, g);
	env_clear_ua(e->a);
	vpd(e, &t, 0x83);
	assert_memory_equal(t.in + t.sc.data_len - 64 - 8, group, 8);
	assert_memory_equal(t.in + t.sc.data_len - 64 - 24, lu_group, 8);
	task_free(&t);
	alua_group_destroy(g);
	env_pump(e);
}

static struct env *open_thin(bool thin, uint32_t granularity)
{
	struct env *e = malloc(sizeof(*e));

	env_init(e);
	e->params.thin_provisioned = thin;
	e->be.info.unmap_granularity = granularity;
	e->be.info.unmap_alignment = granularity ? 1024 : 0;
	e->be.info.optimal_io = 1u << 20;
	env_open(e);
	return e;
}

static void test_block_limits(void **state)
{
	struct env *e = open_thin(true, 4096);
	struct task t;

	(void)state;
	vpd(e, &t, 0xb0);
	assert_int_equal(t.sc.data_len, 64);
	assert_int_equal(t.in[4], 1);                         /* WSNZ */
	assert_int_equal(t.in[5], 255);                       /* COMPARE AND WRITE */
	assert_int_equal(get_be16(t.in + 6), 8);              /* granularity */
	assert_int_equal(get_be32(t.in + 8), 8192);           /* 4 MiB */
	assert_int_equal(get_be32(t.in + 12), 2048);
	assert_in_range(get_be32(t.in + 20), 1, 1u << 20);
	assert_int_equal(get_be32(t.in + 24), 255);
	assert_int_equal(get_be32(t.in + 28), 8);
	assert_int_equal(get_be32(t.in + 32), 0x80000002);
	assert_int_equal(get_be64(t.in + 36), 32768);         /* 16 MiB */
	task_free(&t);
	env_close(e);
	free(e);
}

/* B0, B2 and READ CAPACITY(16) must tell the same story. */
static void test_provisioning_agrees(void **state)
{
	static const struct {
		bool thin;
		uint32_t granularity;
		bool offered;
	} rows[] = { { true, 4096, true }, { false, 4096, false }, { true, 0, false } };
	struct task t;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct env *e = open_thin(rows[i].thin, rows[i].granularity);
		bool on = rows[i].offered;

		vpd(e, &t, 0xb2);
		assert_int_equal(t.sc.data_len, 8);
		assert_int_equal(t.in[5], on ? 0xe4 : 0);
		assert_int_equal(t.in[6], on ? 2 : 0);
		task_free(&t);
		vpd(e, &t, 0xb0);
		assert_int_equal(get_be32(t.in + 20) != 0, on);
		assert_int_equal(get_be32(t.in + 24) != 0, on);
		task_free(&t);
		TASK_INIT(e, &t, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
		t.sc.data_in_len = 32;
		task_run(e, &t);
		assert_int_equal(t.in[14], on ? 0xc0 : 0);
		task_free(&t);
		env_close(e);
		free(e);
	}
}

static void test_characteristics(void **state)
{
	struct env *e = *state;
	struct task t;

	vpd(e, &t, 0xb1);
	assert_int_equal(t.sc.data_len, 64);
	assert_int_equal(get_be16(t.in + 4), 1);
	assert_int_equal(t.in[8], 0x03); /* FUAB, VBULS */
	task_free(&t);
	e->be.info.rotational = true;
	vpd(e, &t, 0xb1);
	assert_int_equal(get_be16(t.in + 4), 0);
	task_free(&t);
}

static void test_extended_inquiry(void **state)
{
	struct env *e = *state;
	struct task t;

	vpd(e, &t, 0x86);
	assert_int_equal(t.sc.data_len, 64);
	assert_int_equal(t.in[5], 7);
	assert_int_equal(t.in[6], 1);
	assert_int_equal(t.in[7], 1);
	assert_int_equal(get_be16(t.in + 10), 0); /* no extended self-test */
	assert_int_equal(t.in[13], 252);
	task_free(&t);
}

/* Another port has another name, and the LU keeps its own. */
static void test_names_of_ports(void **state)
{
	struct env *e = *state;
	const struct scsi_port port = { .rel_tgt_id = 1,
		.id = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
			0xcc, 0xdd, 0xee, 0xff } };
	const uint8_t id[16] = { 0 };
	struct nexus *n = nexus_create(e->device, &port, id, "another");
	struct task t, other;

	env_map_lun0(e, n, false);
	vpd(e, &t, 0x83);
	TASK_INIT(e, &other, 0x12, 1, 0x83, 1, 0);
	other.sc.nexus = n;
	other.sc.data_in_len = 256;
	task_run(e, &other);
	assert_good(&other);
	assert_int_equal(other.sc.data_len, t.sc.data_len);
	/* NAA, T10 and name of the LU. */
	assert_memory_equal(other.in, t.in, 4 + 20 + 26 + 44);
	assert_memory_equal(other.in + other.sc.data_len - 40,
			    "eui.00112233445566778899AABBCCDDEEFF", 36);
	assert_memory_equal(other.in + other.sc.data_len - 40 - 4 - 16, port.id, 16);
	task_free(&t);
	task_free(&other);
	nexus_destroy(n);
	env_pump(e);
}

static void test_mode_pages_are_shared(void **state)
{
	static const uint8_t want[4] = { 0x3f, 0xff, 0, 0 };
	struct env *e = *state;
	struct task t;

	vpd(e, &t, 0x87);
	assert_int_equal(t.sc.data_len, 8);
	assert_memory_equal(t.in + 4, want, 4);
	task_free(&t);
}

/* The well-known LU has no name; the port it is reached through has (SPC-4 8.1). */
static void test_well_known_lu(void **state)
{
	static const uint8_t list[6] = { 0x1e, 0, 0, 2, 0x00, 0x83 };
	static const uint8_t port[8] = { 0x41, 0x94, 0x00, 0x04, 0, 0, 0, 7 };
	static const struct {
		uint8_t page;
		uint32_t len;
		const uint8_t *begins;
		unsigned from, n;
	} rows[] = { { 0x00, 6, list, 0, 6 }, { 0x83, 4 + 8 + 20 + 44, port, 4, 8 } };
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		TASK_INIT(*state, &t, 0x12, 1, rows[i].page, 1, 0);
		put_be16(t.sc.lun, 0xc101);
		t.sc.data_in_len = 256;
		task_run(*state, &t);
		assert_good(&t);
		assert_int_equal(t.sc.data_len, rows[i].len);
		assert_int_equal(t.in[0], 0x1e);
		assert_memory_equal(t.in + rows[i].from, rows[i].begins, rows[i].n);
		task_free(&t);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_list_is_sorted_and_true),
		T(test_serial),
		T(test_identification),
		cmocka_unit_test(test_t10_id_may_be_given),
		T(test_groups_only_when_there_are_some),
		cmocka_unit_test(test_block_limits),
		cmocka_unit_test(test_provisioning_agrees),
		T(test_characteristics),
		T(test_extended_inquiry),
		T(test_names_of_ports),
		T(test_mode_pages_are_shared),
		T(test_well_known_lu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
