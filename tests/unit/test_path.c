/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole way of a command: login, IU, device server, backend, RDMA, response
 * and the end of a session; only the transport and the backend are fakes.
 */
#include "fake_backend.h"
#include "srp_env.h"

#include <stdlib.h>
#include <string.h>

#define REACTORS 2
#define DATA 0x40000000u
#define TABLE 0x50000000u
#define KEY 5u
#define BUF (1u << 20)
#define BLOCK 512u

static struct backend be; /* kept in bytes: the first MiB */
static uint8_t *memory, *pattern;

static int pump(void)
{
	return fake_backend_run(&be);
}

static void lu_made(void *arg, struct lu *lu, int status)
{
	assert_int_equal(status, 0);
	*(struct lu **)arg = lu;
}

static int setup(void **state)
{
	static const struct lu_params lp = {
		.name = "disk1", .vendor = "SCST_BIO", .serial = "0123abcd", .revision = " 370",
		.naa = { 0x60, 0x02, 0x19, 0xb0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
		.thin_provisioned = true,
	};
	struct srp_env *e = malloc(sizeof(*e));

	assert_non_null(e);
	srp_env_init(e, REACTORS);
	e->device = scsi_device_create(&e->group);
	assert_non_null(e->device);
	fake_backend_init(&be);
	be.info.unmap_granularity = BLOCK;
	assert_int_equal(lu_create(e->device, &lp, &be, lu_made, &e->map[0].lu), 0);
	srp_env_run(e);
	assert_non_null(e->map[0].lu);
	e->map_count = 1;
	e->pump = pump;
	srp_env_open(e);
	memory = calloc(1, BUF);
	pattern = malloc(BUF);
	assert_true(memory && pattern);
	for (uint32_t i = 0; i < BUF; i++)
		pattern[i] = (uint8_t)(i * 13 + i / 512 + i / 65536);
	*state = e;
	return 0;
}

static void told(void *arg)
{
	*(bool *)arg = true;
}

static int teardown(void **state)
{
	struct srp_env *e = *state;
	bool done = false;

	be.hold = false;
	srp_env_run(e);
	srp_env_close(e);
	lu_destroy(e->map[0].lu, told, &done);
	srp_env_run(e);
	assert_true(done);
	scsi_device_destroy(e->device);
	srp_env_fini(e);
	fake_backend_fini(&be);
	free(e);
	free(memory);
	free(pattern);
	return 0;
}

/* ---- the initiator ---- */

static struct ini *channel(struct srp_env *e, uint8_t flags)
{
	struct ini *i = ini_login(e, &(struct ini_login){
		.initiator = 1, .flags = flags | SRP_REQ_IMMED_REQUESTED,
		.imm_offset = SRP_ENV_IMM_OFFSET });

	mem_map(i->p, DATA, KEY, memory, BUF, MEM_READ | MEM_WRITE);
	return i;
}

static void run_cdb(struct ini *i, const uint8_t *cdb, uint32_t in_len, struct ini_rsp *r)
{
	static uint64_t tag = 1000;
	struct ini_iu iu = ini_cmd(++tag, cdb, in_len ? 0x01 : 0);

	if (in_len)
		ini_desc(&iu, DATA, KEY, in_len);
	ini_send(i, &iu);
	ini_rsp(i, tag, r);
}

static struct ini *login(void **state)
{
	static const uint8_t tur[16];
	struct ini *i = channel(*state, 0);
	struct ini_rsp r;

	/* Power on, reset: what every nexus hears first. */
	run_cdb(i, tur, 0, &r);
	assert_int_equal(r.status, SCSI_CHECK_CONDITION);
	assert_int_equal(r.sense[2], 6);
	assert_int_equal(r.sense[12], 0x29);
	run_cdb(i, tur, 0, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	return i;
}

static void logout(struct ini *i)
{
	assert_int_equal(i->p->violations, 0);
	assert_int_equal(i->req_lim, SRP_ENV_QUEUE);
	ini_free(i);
}

static struct ini_iu rw_cmd(uint64_t tag, bool write, uint32_t lba, uint16_t blocks, uint8_t fmt)
{
	uint8_t cdb[16] = { write ? 0x2a : 0x28 };

	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, blocks);
	return ini_cmd(tag, cdb, fmt);
}

static struct ini_iu direct(uint64_t tag, bool write, uint32_t lba, uint16_t blocks)
{
	struct ini_iu iu = rw_cmd(tag, write, lba, blocks, write ? 0x10 : 0x01);

	ini_desc(&iu, DATA, KEY, blocks * BLOCK);
	return iu;
}

static void assert_good(struct ini *i, uint64_t tag)
{
	struct ini_rsp r;

	ini_rsp(i, tag, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(r.flags, 0);
	assert_int_equal(r.len, 36);
}

static void assert_check(struct ini *i, uint64_t tag, uint8_t key, uint8_t asc, uint8_t ascq)
{
	struct ini_rsp r;

	ini_rsp(i, tag, &r);
	assert_int_equal(r.status, SCSI_CHECK_CONDITION);
	assert_int_equal(r.sense[2], key);
	assert_int_equal(r.sense[12], asc);
	assert_int_equal(r.sense[13], ascq);
}

/* ---- inquiry and size ---- */

static void test_what_an_initiator_asks_first(void **state)
{
	const uint8_t inquiry[16] = { 0x12, 0, 0, 0, 36 }, luns[16] = { 0xa0, [9] = 64 };
	const uint8_t capacity[16] = { 0x25 };
	struct ini *i = login(state);
	struct ini_rsp r;

	run_cdb(i, inquiry, 36, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(r.flags, 0);
	assert_memory_equal(memory + 8, "SCST_BIOdisk1           ", 24);
	run_cdb(i, luns, 64, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DIUNDER);
	assert_int_equal(r.in_res, 48);
	assert_int_equal(get_be32(memory), 8);
	run_cdb(i, capacity, 8, &r);
	assert_int_equal(r.flags, 0);
	assert_int_equal(get_be32(memory), be.info.size / BLOCK - 1);
	assert_int_equal(get_be32(memory + 4), BLOCK);
	logout(i);
}

static void test_lun_that_is_not_there(void **state)
{
	const uint8_t inquiry[16] = { 0x12, 0, 0, 0, 36 }, tur[16] = { 0 };
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, inquiry, 0x01);
	struct ini_rsp r;

	iu.buf[21] = 7;
	ini_desc(&iu, DATA, KEY, 36);
	ini_send(i, &iu);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(memory[0], 0x7f);
	iu = ini_cmd(2, tur, 0);
	iu.buf[21] = 7;
	ini_send(i, &iu);
	assert_check(i, 2, 0x05, 0x25, 0x00);
	logout(i);
}

/* ---- data ---- */

static void test_write_then_read(void **state)
{
	struct ini *i = login(state);
	struct ini_iu w = direct(1, true, 8, 16), r = direct(2, false, 8, 16);

	memcpy(memory, pattern, 8192);
	ini_send(i, &w);
	assert_good(i, 1);
	assert_memory_equal(be.bytes + 4096, pattern, 8192);
	memset(memory, 0, 8192);
	ini_send(i, &r);
	assert_good(i, 2);
	assert_memory_equal(memory, pattern, 8192);
	assert_int_equal(i->p->pulls, 1);
	logout(i);
}

static void test_immediate_write(void **state)
{
	struct ini *i = login(state);
	struct ini_iu w = rw_cmd(1, true, 3, 8, 0x30);

	ini_imm(&w, pattern, 4096);
	ini_send(i, &w);
	assert_good(i, 1);
	assert_int_equal(i->p->pulls, 0);
	assert_memory_equal(be.bytes + 3 * BLOCK, pattern, 4096);
	logout(i);
}

/* All the descriptors an IU of 8260 bytes can have, and a table that has to be fetched. */
static void test_large_transfers(void **state)
{
	static const struct {
		uint32_t entries;
		uint8_t here;
	} cases[] = { { 255, 255 }, { 2048, 0 }, { 2048, 12 }, { 1, 1 } };
	struct ini *i = login(state);
	uint8_t *table = malloc(2048 * 16);

	mem_map(i->p, TABLE, KEY + 1, table, 2048 * 16, MEM_READ);
	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		uint32_t entries = cases[n].entries, bytes = entries * BLOCK;
		struct ini_iu w = rw_cmd(1, true, 0, (uint16_t)entries, 0x20);
		struct ini_iu r = rw_cmd(2, false, 0, (uint16_t)entries, 0x02);

		w.buf[6] = r.buf[7] = cases[n].here;
		ini_desc(&w, TABLE, KEY + 1, entries * 16);
		ini_desc(&r, TABLE, KEY + 1, entries * 16);
		ini_be32(&w, bytes);
		ini_be32(&r, bytes);
		/* The pieces lie in memory from the last to the first. */
		for (uint32_t k = 0; k < entries; k++) {
			uint32_t addr = DATA + (entries - 1 - k) * BLOCK;

			put_be64(table + k * 16, addr);
			put_be32(table + k * 16 + 8, KEY);
			put_be32(table + k * 16 + 12, BLOCK);
			if (k >= cases[n].here)
				continue;
			ini_desc(&w, addr, KEY, BLOCK);
			ini_desc(&r, addr, KEY, BLOCK);
		}
		memcpy(memory, pattern, bytes);
		memset(be.bytes, 0, bytes);
		ini_send(i, &w);
		assert_good(i, 1);
		assert_memory_equal(be.bytes, pattern + bytes - BLOCK, BLOCK);
		assert_memory_equal(be.bytes + bytes - BLOCK, pattern, BLOCK);
		memset(memory, 0, bytes);
		ini_send(i, &r);
		assert_good(i, 2);
		assert_memory_equal(memory, pattern, bytes);
	}
	logout(i);
	free(table);
}

static void test_parameters_come_as_immediate_data(void **state)
{
	uint8_t list[24] = { [1] = 22, [3] = 16, [15] = 4, [19] = 2 };
	uint8_t unmap[16] = { 0x42, [8] = 24 };
	struct ini *i = login(state);
	struct ini_iu iu = ini_cmd(1, unmap, 0x30);

	memset(be.bytes, 0x55, 8 * BLOCK);
	ini_imm(&iu, list, sizeof(list));
	ini_send(i, &iu);
	assert_good(i, 1);
	assert_int_equal(be.bytes[3 * BLOCK], 0x55);
	assert_int_equal(be.bytes[4 * BLOCK], 0);
	assert_int_equal(be.bytes[6 * BLOCK], 0x55);
	logout(i);
}

/* ---- refusals ---- */

static void test_beyond_the_end(void **state)
{
	struct ini *i = login(state);
	struct ini_iu r = direct(1, false, (uint32_t)(be.info.size / BLOCK) - 1, 2);
	struct ini_iu w = direct(2, true, 0xffffffff, 1);

	ini_send(i, &r);
	assert_check(i, 1, 0x05, 0x21, 0x00);
	ini_send(i, &w);
	assert_check(i, 2, 0x05, 0x21, 0x00);
	assert_int_equal(i->p->pulls + (unsigned)i->p->pushed_bytes, 0);
	logout(i);
}

static void test_less_data_than_the_command_writes(void **state)
{
	struct ini *i = login(state);
	struct ini_iu w = rw_cmd(1, true, 0, 8, 0x10), imm = rw_cmd(2, true, 0, 8, 0x30);
	struct ini_rsp r;

	ini_desc(&w, DATA, KEY, 512);
	ini_send(i, &w);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.status, SCSI_CHECK_CONDITION);
	assert_int_equal(r.sense[12], 0x0e);
	assert_true(r.flags & SRP_RSP_FLAG_DOOVER);
	assert_int_equal(r.out_res, 7 * BLOCK);
	ini_imm(&imm, pattern, 512);
	ini_send(i, &imm);
	assert_check(i, 2, 0x05, 0x0e, 0x03);
	assert_int_equal(be.bytes[0], 0);
	logout(i);
}

static void test_room_for_less_than_the_command_reads(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = rw_cmd(1, false, 0, 2, 0x01);
	struct ini_rsp r;

	memcpy(be.bytes, pattern, 1024);
	ini_desc(&iu, DATA, KEY, 700);
	ini_send(i, &iu);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DIOVER);
	assert_int_equal(r.in_res, 324);
	assert_memory_equal(memory, pattern, 700);
	assert_int_equal(memory[700], 0);
	logout(i);
}

/* Only what there is room for is read, even of a command for all of the LU. */
static void test_too_big_a_transfer(void **state)
{
	struct ini *i = login(state);
	struct ini_iu iu = rw_cmd(1, false, 0, (uint16_t)(be.info.size / BLOCK), 0x01);
	struct ini_rsp r;

	ini_desc(&iu, DATA, KEY, BUF);
	ini_send(i, &iu);
	ini_rsp(i, 1, &r);
	assert_int_equal(r.flags, SRP_RSP_FLAG_DIOVER);
	assert_int_equal(r.in_res, be.info.size - BUF);
	assert_int_equal(i->p->pushed_bytes, BUF);
	logout(i);
}

static void test_backend_error(void **state)
{
	struct ini *i = login(state);
	struct ini_iu r = direct(1, false, 0, 1), w = direct(2, true, 0, 1);

	be.fail = -5;
	ini_send(i, &r);
	assert_check(i, 1, 0x03, 0x11, 0x00);
	ini_send(i, &w);
	assert_check(i, 2, 0x03, 0x0c, 0x00);
	be.fail = 0;
	logout(i);
}

/* ---- aborts and resets ---- */

static void test_abort_does_not_wait_for_the_backend(void **state)
{
	struct ini *i = login(state);
	struct ini_iu w = direct(1, true, 0, 1), tmf = ini_tmf(2, SRP_TSK_ABORT_TASK, 0, 1);
	struct ini_iu again = direct(1, true, 0, 1);
	struct ini_rsp r;

	memset(memory, 0x11, BLOCK);
	be.hold = true;
	ini_send(i, &w);
	ini_send(i, &tmf);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.code, 0);
	assert_false(ini_poll(i, &r));
	/* The tag may be used again; what it writes must be there in the end. */
	memset(memory, 0x22, BLOCK);
	ini_send(i, &again);
	assert_false(ini_poll(i, &r));
	be.hold = false;
	srp_env_run(*state);
	assert_good(i, 1);
	assert_int_equal(be.bytes[0], 0x22);
	/* The credit of the aborted command came back with one of these. */
	logout(i);
}

static void test_abort_of_a_pull(void **state)
{
	struct ini *i = login(state);
	struct ini_iu w = direct(1, true, 0, 1), tmf = ini_tmf(2, SRP_TSK_ABORT_TASK, 0, 1);
	struct ini_rsp r;

	i->p->hold_pulls = true;
	ini_send(i, &w);
	ini_send(i, &tmf);
	/* The initiator may reuse its memory after the answer: not before the pull is over. */
	assert_false(ini_poll(i, &r));
	i->p->hold_pulls = false;
	srp_env_run(*state);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.delta, 2);
	assert_int_equal(be.requests, 0);
	logout(i);
}

static void test_abort_of_what_is_being_answered(void **state)
{
	struct ini *i = login(state);
	struct ini_iu rd = direct(1, false, 0, 1), tmf = ini_tmf(2, SRP_TSK_ABORT_TASK, 0, 1);
	struct ini_rsp r;

	i->p->hold_pushes = true;
	ini_send(i, &rd);
	ini_send(i, &tmf);
	i->p->hold_pushes = false;
	srp_env_run(*state);
	assert_good(i, 1);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.code, 0);
	logout(i);
}

static void test_abort_of_an_unknown_tag(void **state)
{
	struct ini *i = login(state);
	struct ini_iu tmf = ini_tmf(2, SRP_TSK_ABORT_TASK, 0, 77);
	struct ini_rsp r;

	ini_send(i, &tmf);
	ini_rsp(i, 2, &r);
	assert_int_equal(r.code, 0);
	logout(i);
}

/* The function comes on the first channel only, the command is on another reactor. */
static void test_lun_reset_reaches_every_channel(void **state)
{
	static const uint8_t tur[16];
	struct ini *a = login(state), *b = channel(*state, SRP_REQ_MULTI);
	struct ini_iu w = direct(1, true, 0, 1);
	struct ini_iu tmf = ini_tmf(2, SRP_TSK_LUN_RESET, 0, 0xffffffff);
	struct ini_rsp r;

	assert_ptr_not_equal(a->p->accepted.reactor, b->p->accepted.reactor);
	be.hold = true;
	ini_send(b, &w);
	ini_send(a, &tmf);
	/* The command has some time to end; its reactor's timer aborts it. */
	srp_env_expire(*state, b->p->accepted.reactor->id);
	ini_rsp(a, 2, &r);
	assert_int_equal(r.code, 0);
	be.hold = false;
	srp_env_run(*state);
	/* It was alone on its channel, so its credit comes by request. */
	assert_true(ini_poll(b, &r));
	assert_int_equal(r.opcode, SRP_CRED_REQ);
	assert_false(ini_poll(b, &r));
	run_cdb(a, tur, 0, &r);
	assert_int_equal(r.sense[2], 6);
	assert_int_equal(r.sense[12], 0x29);
	logout(a);
	logout(b);
}

/* ---- sessions ---- */

/* An old write that is still in the backend must not overtake the new session's. */
static void test_reconnect_with_writes_in_the_backend(void **state)
{
	struct ini *old = login(state), *new;
	struct ini_iu w = direct(1, true, 0, 1);
	struct ini_rsp r;

	memset(memory, 0x11, BLOCK);
	be.hold = true;
	ini_send(old, &w);
	new = channel(*state, 0);
	assert_int_equal(new->result, SRP_RSP_CHANNELS_TERMINATED);
	assert_int_equal(old->p->state, MEM_DEAD);
	ini_free(old);
	memset(memory, 0x22, BLOCK);
	ini_send(new, &w); /* takes the unit attention */
	assert_check(new, 1, 0x06, 0x29, 0x00);
	ini_send(new, &w);
	assert_false(ini_poll(new, &r));
	be.hold = false;
	srp_env_run(*state);
	assert_good(new, 1);
	assert_int_equal(be.bytes[0], 0x22);
	logout(new);
}

static void test_connection_dies_under_load(void **state)
{
	for (unsigned round = 0; round < 50; round++) {
		struct ini *i = login(state);

		i->p->hold_pulls = round & 1;
		i->p->hold_pushes = round & 2;
		be.hold = round & 4;
		for (uint64_t tag = 0; tag < SRP_ENV_QUEUE; tag++) {
			struct ini_iu iu = direct(tag, tag & 1, (uint32_t)tag, 8);

			if (i->req_lim > 0)
				ini_send(i, &iu);
		}
		ini_free(i);
		be.hold = false;
		srp_env_run(*state);
		assert_int_equal(srp_env_sessions(*state), 0);
	}
}

/* A LUN that is taken away while commands use it. */
static void test_remap_under_load(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = login(state);
	struct ini_iu r = direct(1, false, 0, 8), again = direct(2, false, 0, 8);
	bool done = false;

	be.hold = true;
	ini_send(i, &r);
	e->map_count = 0;
	assert_int_equal(srp_target_remap(e->target, told, &done), 0);
	srp_env_run(e);
	assert_true(done);
	be.hold = false;
	srp_env_run(e);
	assert_good(i, 1);
	ini_send(i, &again);
	assert_check(i, 2, 0x05, 0x25, 0x00);
	logout(i);
}

/* ---- arbitrary messages ---- */

static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed % n);
}

static struct ini_iu random_iu(uint64_t tag)
{
	struct ini_iu iu;

	switch (below(8)) {
	case 0:
		iu = ini_tmf(tag, (uint8_t)(1u << below(8)), 0, tag - below(4));
		break;
	case 1:
		iu = rw_cmd(tag, true, below(64), 1, 0x30);
		ini_imm(&iu, pattern, BLOCK);
		break;
	case 2:
	case 3:
		iu = rw_cmd(tag, false, below(64), 8, 0x02);
		iu.buf[7] = 8;
		ini_desc(&iu, TABLE, KEY, (8 + below(2)) * 16);
		ini_be32(&iu, 4096);
		for (uint32_t n = 0; n < 8; n++)
			ini_desc(&iu, DATA + n * BLOCK, KEY, BLOCK);
		break;
	case 4:
		iu = (struct ini_iu){ .len = 16 };
		iu.buf[0] = (uint8_t)below(256);
		break;
	default:
		iu = direct(tag, below(2), below(64), 8);
		break;
	}
	return iu;
}

static void damage(struct ini_iu *iu)
{
	for (uint32_t n = below(4); n; n--)
		iu->buf[below(iu->len)] = (uint8_t)below(256);
	if (!below(8))
		iu->len = below(iu->len + 1);
}

/*
 * Neither crash nor hang, nor a byte where none belongs: all that is mapped for
 * writing is our buffer, and the rest of the disk stays as it is.
 */
static void test_arbitrary_messages(void **state)
{
	struct srp_env *e = *state;
	struct ini *i = NULL;
	struct mem_msg *m;

	seed = 88172645463325252ull;
	for (uint64_t tag = 1; tag < 6000; tag++) {
		struct ini_iu iu = random_iu(tag);

		if (!i)
			i = channel(e, 0);
		if (below(2))
			damage(&iu);
		i->p->hold_pulls = !below(16);
		i->p->hold_sent = !below(16);
		be.hold = !below(8);
		ini_post(i, iu.buf, iu.len);
		if (below(4))
			srp_env_run(e);
		while ((m = mem_take(i->p)))
			mem_msg_free(m);
		if (i->p->state == MEM_DEAD || !below(200)) {
			be.hold = false;
			ini_free(i);
			i = NULL;
		}
	}
	be.hold = false;
	if (i)
		ini_free(i);
}

#define PATH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(test_what_an_initiator_asks_first),
		PATH_TEST(test_lun_that_is_not_there),
		PATH_TEST(test_write_then_read),
		PATH_TEST(test_immediate_write),
		PATH_TEST(test_large_transfers),
		PATH_TEST(test_parameters_come_as_immediate_data),
		PATH_TEST(test_beyond_the_end),
		PATH_TEST(test_less_data_than_the_command_writes),
		PATH_TEST(test_room_for_less_than_the_command_reads),
		PATH_TEST(test_too_big_a_transfer),
		PATH_TEST(test_backend_error),
		PATH_TEST(test_abort_does_not_wait_for_the_backend),
		PATH_TEST(test_abort_of_a_pull),
		PATH_TEST(test_abort_of_what_is_being_answered),
		PATH_TEST(test_abort_of_an_unknown_tag),
		PATH_TEST(test_lun_reset_reaches_every_channel),
		PATH_TEST(test_reconnect_with_writes_in_the_backend),
		PATH_TEST(test_connection_dies_under_load),
		PATH_TEST(test_remap_under_load),
		PATH_TEST(test_arbitrary_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
