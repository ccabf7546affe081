/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi_env.h"

#include <string.h>

static void request_sense(struct env *e, struct task *t, bool desc, uint8_t alloc)
{
	TASK_INIT(e, t, 0x03, desc, 0, 0, alloc);
	t->sc.data_in_len = alloc;
	task_run(e, t);
	assert_good(t);
}

static void test_request_sense_without_news(void **state)
{
	struct env *e = *state;
	struct task t;

	request_sense(e, &t, false, 252);
	assert_int_equal(t.sc.data_len, 18);
	assert_int_equal(t.in[0], 0x70);
	assert_int_equal(t.in[2], 0);
	task_free(&t);
	request_sense(e, &t, true, 252);
	assert_int_equal(t.sc.data_len, 8);
	assert_int_equal(t.in[0], 0x72);
	assert_int_equal(t.in[1], 0);
	task_free(&t);
	request_sense(e, &t, false, 0);
	assert_int_equal(t.sc.data_len, 0);
}

static void test_request_sense_takes_a_unit_attention(void **state)
{
	struct env *e = *state;
	struct ua_set *ua = &lun_map_find(nexus_map(e->a), 0)->ua;
	struct task t;

	ua_post(ua, UA_CAPACITY_CHANGED);
	ua_post(ua, UA_POWER_ON);
	request_sense(e, &t, false, 18);
	assert_int_equal(t.in[2], 6);
	assert_int_equal(t.in[12], 0x29);
	task_free(&t);
	request_sense(e, &t, true, 18);
	assert_int_equal(t.in[1], 6);
	assert_int_equal(t.in[2], 0x2a);
	task_free(&t);
	assert_false(ua_pending(ua));
}

/* While it formats: how far it is, again and again; a unit attention goes first. */
static void test_request_sense_polls(void **state)
{
	struct env *e = *state;
	struct task t;

	atomic_store(&e->lu->not_ready, SENSE_FORMAT_IN_PROGRESS);
	atomic_store(&e->lu->progress, 0x8000);
	ua_post(&lun_map_find(nexus_map(e->a), 0)->ua, UA_CAPACITY_CHANGED);
	request_sense(e, &t, false, 252);
	assert_int_equal(t.in[12], 0x2a);
	task_free(&t);
	for (unsigned i = 0; i < 2; i++) {
		request_sense(e, &t, false, 252);
		assert_int_equal(t.sc.data_len, 18);
		assert_int_equal(t.in[2], 2);
		assert_int_equal(get_be16(t.in + 12), 0x0404);
		assert_int_equal(t.in[15], 0x80);
		assert_int_equal(get_be16(t.in + 16), 0x8000);
		task_free(&t);
	}
	request_sense(e, &t, true, 252);
	assert_int_equal(t.sc.data_len, 16);
	assert_int_equal(t.in[7], 8);
	assert_int_equal(get_be16(t.in + 13), 0x8000);
	task_free(&t);
	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_sense(&t, SENSE_FORMAT_IN_PROGRESS);
	assert_int_equal(get_be16(t.sc.sense + 16), 0x8000);
	atomic_store(&e->lu->not_ready, SENSE_OK);
}

static void test_test_unit_ready(void **state)
{
	struct env *e = *state;
	struct task t;

	TASK_INIT(e, &t, 0x00);
	task_run(e, &t);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 0);
}

static void report_luns(struct env *e, struct task *t, uint8_t select, uint32_t alloc)
{
	uint8_t cdb[16] = { 0xa0, 0, select };

	put_be32(cdb + 6, alloc);
	task_init(e, t, cdb, 16);
	t->sc.data_in_len = alloc;
	task_run(e, t);
}

static void test_report_luns_formats(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = {
		{ 0, false, e->lu }, { 255, false, e->lu }, { 256, false, e->lu },
	};
	static const uint8_t want[3][8] = { { 0, 0 }, { 0, 255 }, { 0x41, 0 } };
	struct task t;

	env_map(e, e->a, map, 3);
	report_luns(e, &t, 0, 4096);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8 + 3 * 8);
	assert_int_equal(get_be32(t.in), 24);
	assert_memory_equal(t.in + 8, want, sizeof(want));
	task_free(&t);
	/* Cut: the length field is that of the whole list. */
	report_luns(e, &t, 0, 16);
	assert_int_equal(t.sc.data_len, 16);
	assert_int_equal(get_be32(t.in), 24);
	task_free(&t);
}

static void test_report_luns_select(void **state)
{
	struct env *e = *state;
	struct task t;

	report_luns(e, &t, 1, 64);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 8);
	assert_int_equal(get_be16(t.in + 8), 0xc101);
	task_free(&t);
	report_luns(e, &t, 2, 64);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 16);
	assert_int_equal(get_be16(t.in + 8), 0);
	assert_int_equal(get_be16(t.in + 16), 0xc101);
	task_free(&t);
	report_luns(e, &t, 3, 64);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 2, -1);
	report_luns(e, &t, 0, 15);
	assert_sense(&t, SENSE_INVALID_FIELD_IN_CDB);
	assert_field(&t, true, 6, -1);
}

static void test_report_luns_without_luns(void **state)
{
	struct env *e = *state;
	struct task t;

	env_map(e, e->a, NULL, 0);
	report_luns(e, &t, 0, 16);
	assert_good(&t);
	assert_int_equal(get_be32(t.in), 0);
	assert_int_equal(t.sc.data_len, 8);
	task_free(&t);
	env_map_lun0(e, e->a, false);
}

static void test_report_luns_of_a_full_map(void **state)
{
	static struct lun_entry map[SCSI_MAX_LUN + 1];
	struct env *e = *state;
	struct task t;

	for (unsigned i = 0; i <= SCSI_MAX_LUN; i++)
		map[i] = (struct lun_entry){ (uint16_t)i, false, e->lu };
	env_map(e, e->a, map, SCSI_MAX_LUN + 1);
	report_luns(e, &t, 0, 1u << 20);
	assert_good(&t);
	assert_int_equal(t.sc.data_len, 8 + 8 * (SCSI_MAX_LUN + 1));
	for (unsigned i = 0; i <= SCSI_MAX_LUN; i++)
		assert_int_equal(lun_decode(t.in + 8 + 8 * i), i);
	task_free(&t);
	env_map_lun0(e, e->a, false);
}

/* The command waits for its buffer while the map outgrows what it asked for. */
static void test_report_luns_while_the_map_grows(void **state)
{
	static struct lun_entry map[2000];
	struct env *e = *state;
	struct iobuf bufs[ENV_SLAB / IOBUF_MAX_SIZE];
	struct task t;

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		map[i] = (struct lun_entry){ (uint16_t)i, false, e->lu };
	for (unsigned i = 0; i < ARRAY_SIZE(bufs); i++)
		iobuf_get(&e->group.r[0]->bufs, IOBUF_MAX_SIZE, &bufs[i]);
	TASK_INIT(e, &t, 0xa0, 0, 2, 0, 0, 0, 0, 1, 0, 0);
	t.sc.data_in_len = 65536;
	scsi_submit(&t.sc);
	env_map(e, e->a, map, ARRAY_SIZE(map));
	for (unsigned i = 0; i < ARRAY_SIZE(bufs); i++)
		iobuf_put(&e->group.r[0]->bufs, &bufs[i]);
	env_pump(e);
	assert_int_equal(t.responds, 1);
	assert_good(&t);
	assert_true(t.sc.data_len <= t.sc.buf_len);
	assert_int_equal(get_be32(t.in) + 8, t.sc.data_len);
	task_free(&t);
	env_map_lun0(e, e->a, false);
}

static void test_report_luns_clears_its_unit_attention_everywhere(void **state)
{
	struct env *e = *state;
	struct lun_entry map[] = { { 0, false, e->lu }, { 1, false, e->lu }, { 2, false, e->lu } };
	struct task t;

	env_map(e, e->a, map, 2);
	env_clear_ua(e->a);
	env_map(e, e->a, map, 3);
	ua_post(&lun_map_find(nexus_map(e->a), 1)->ua, UA_CAPACITY_CHANGED);
	report_luns(e, &t, 0, 64);
	task_free(&t);
	assert_false(ua_pending(&lun_map_find(nexus_map(e->a), 0)->ua));
	assert_int_equal(ua_take(&lun_map_find(nexus_map(e->a), 1)->ua, UA_ANY),
			 SENSE_UA_CAPACITY_CHANGED);
	assert_false(ua_pending(&lun_map_find(nexus_map(e->a), 1)->ua));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_request_sense_without_news),
		T(test_request_sense_takes_a_unit_attention),
		T(test_request_sense_polls),
		T(test_test_unit_ready),
		T(test_report_luns_formats),
		T(test_report_luns_select),
		T(test_report_luns_without_luns),
		T(test_report_luns_of_a_full_map),
		T(test_report_luns_while_the_map_grows),
		T(test_report_luns_clears_its_unit_attention_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
