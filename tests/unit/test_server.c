/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the SRP server on its reactors: enough for many, used for few. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "srp/server.h"

#include <sys/mman.h>

static struct reactor_group group;
static struct srp_server *server;

static int setup(void **state)
{
	const struct reactor_params rp = { .buffer_size = 1, .poll_budget_us = 0, .cpu = -1 };
	const struct srp_params p = {
		.max_req_size = 8260, .max_rsp_size = 256, .max_rdma_size = 65536,
		.queue_depth = 128, .max_channels = 128, .max_sessions = 1024,
	};

	(void)state;
	group = (struct reactor_group){ .n = 1 };
	assert_int_equal(reactor_create(0, &rp, &group.r[0]), 0);
	assert_int_equal(srp_server_create(&group, NULL, &p, &server), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	srp_server_destroy(server);
	for (int i = 1; i < IOBUF_REGIONS; i++)
		assert_null(group.r[0]->regions[i].base);
	reactor_destroy(group.r[0]);
	return 0;
}

static size_t pages_resident(const struct srp_reactor *sr)
{
	size_t pages = (sr->mem_len + 4095) / 4096, n = 0;
	unsigned char *in = test_malloc(pages);

	assert_int_equal(mincore(sr->mem, sr->mem_len, in), 0);
	for (size_t i = 0; i < pages; i++)
		n += in[i] & 1;
	test_free(in);
	return n;
}

static void one_reactor_has_memory_for_2048_channels(void **state)
{
	(void)state;
	assert_int_equal(server->per[0].nchunks, 2048);
	assert_int_equal(pages_resident(&server->per[0]), 0);
}

static void chunk_lies_in_its_region(uint32_t chunk)
{
	struct srp_reactor *sr = &server->per[0];
	size_t size = channel_rsp_bytes(128, 256);
	uint8_t *mem = sr->mem + TABLE_COUNT * TABLE_BYTES + chunk * size;
	int id = server_chunk_region(sr, chunk);
	const struct iobuf_region *g = &group.r[0]->regions[id];

	reactor_round(group.r[0]);
	assert_true(g->messages);
	assert_true(mem >= g->base && mem + size <= g->base + g->len);
}

static void every_chunk_lies_in_its_region(void **state)
{
	static const uint32_t chunks[] = { 0, 511, 512, 1023, 1024, 2047, 513, 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
		chunk_lies_in_its_region(chunks[i]);
}

/* What RDMA devices register is pinned: no more than is needed. */
static void regions_open_when_they_are_needed(void **state)
{
	struct reactor *r = group.r[0];
	unsigned gen = r->regions_gen;
	int second;

	(void)state;
	server_chunk_region(&server->per[0], 511);
	reactor_round(r);
	assert_int_equal(r->regions_gen, gen);
	second = server_chunk_region(&server->per[0], 512);
	assert_int_equal(r->regions[second].len, 0);
	reactor_round(r);
	assert_int_equal(r->regions[second].len, 512 * channel_rsp_bytes(128, 256));
	assert_int_equal(r->regions_gen, gen + 1);
	server_chunk_region(&server->per[0], 1023);
	reactor_round(r);
	assert_int_equal(r->regions_gen, gen + 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_reactor_has_memory_for_2048_channels),
		T(every_chunk_lies_in_its_region),
		T(regions_open_when_they_are_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
