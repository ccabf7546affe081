/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_rdma.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#define REMOTE (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

static struct iobuf part(uint32_t off, uint32_t len)
{
	return (struct iobuf){ .addr = fake_msg + off, .len = len, .region = fake_msg_region };
}

static void test_part_of_a_region_gets_its_address_and_a_key(void **state)
{
	struct iobuf b = part(512, 100);
	struct exposure e = { 0 };
	struct fake_chan ch;

	(void)state;
	fake_opened(&ch);
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), 0);
	assert_int_equal(e.addr, (uintptr_t)fake_msg + 512);
	assert_true(e.key >= 2000);
	assert_int_equal(fake.last_access, REMOTE);
	transport_unexpose(ch.c, &e);
	fake_end(ch.c);
}

/* Registering is slow: once is enough, and none before it is wanted. */
static void test_region_is_registered_once(void **state)
{
	struct iobuf a = part(0, 4096), b = part(4000, 96);
	struct exposure ea, eb;
	struct fake_chan ch;
	int before;

	(void)state;
	fake_opened(&ch);
	assert_int_equal(fake.last_access & REMOTE, IBV_ACCESS_LOCAL_WRITE);
	before = fake.mrs;
	assert_int_equal(transport_expose(ch.c, &a, EXPOSE_READ, &ea), 0);
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_WRITE, &eb), 0);
	assert_int_equal(fake.mrs, before + 1);
	assert_int_equal(ea.key, eb.key);
	transport_unexpose(ch.c, &ea);
	transport_unexpose(ch.c, &eb);
	assert_int_equal(transport_expose(ch.c, &a, EXPOSE_READ, &ea), 0);
	assert_int_equal(fake.mrs, before + 1);
	fake_end(ch.c);
}

static void test_number_of_a_region_may_be_used_again(void **state)
{
	struct iobuf b = part(0, 4096);
	struct exposure e;
	struct fake_chan ch;
	uint8_t *mem = fake_r->bufs.slab.base;
	int mrs;

	(void)state;
	fake_opened(&ch);
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), 0);
	mrs = fake.mrs;
	reactor_region_del(fake_r, fake_msg_region);
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), -EINVAL);
	assert_int_equal(reactor_region_add(fake_r, mem, 8192), fake_msg_region);
	b.addr = mem + 4096;
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), 0);
	assert_int_equal(e.addr, (uintptr_t)mem + 4096);
	assert_int_equal(fake.mrs, mrs);
	fake_end(ch.c);
}

static void test_memory_outside_the_region_is_refused(void **state)
{
	struct iobuf bad[] = { part(0, 4097), part(4095, 2), part(1, UINT32_MAX),
			       part(5000, 0), part(0, 1), part(0, 1), part(0, 1) };
	struct exposure e;
	struct fake_chan ch;

	(void)state;
	bad[4].addr = fake_msg - 1;
	bad[5].region = IOBUF_UNREGISTERED;
	bad[6].region = IOBUF_REGIONS - 1;
	fake_opened(&ch);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(transport_expose(ch.c, &bad[i], EXPOSE_READ, &e), -EINVAL);
	fake_end(ch.c);
}

static void test_failed_registration_is_told(void **state)
{
	struct iobuf b = part(0, 1);
	struct exposure e;
	struct fake_chan ch;

	(void)state;
	fake_opened(&ch);
	fake.mr_error = ENOMEM;
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), -ENOMEM);
	fake.mr_error = 0;
	assert_int_equal(transport_expose(ch.c, &b, EXPOSE_READ, &e), 0);
	fake_end(ch.c);
}

static void test_target_exposes_nothing(void **state)
{
	struct iobuf b = part(0, 1);
	struct exposure e;
	struct fake_chan ch;
	struct conn *c = fake_live(fake_listen("0.0.0.0"), &ch);

	(void)state;
	assert_int_equal(transport_expose(c, &b, EXPOSE_READ, &e), -EINVAL);
	assert_int_equal(fake.last_access & ~IBV_ACCESS_LOCAL_WRITE, 0);
	fake_cm_event(fake_id(c), RDMA_CM_EVENT_DISCONNECTED);
}

#define alone(t) cmocka_unit_test_setup_teardown(t, fake_setup_alone, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		alone(test_part_of_a_region_gets_its_address_and_a_key),
		alone(test_region_is_registered_once),
		alone(test_number_of_a_region_may_be_used_again),
		alone(test_memory_outside_the_region_is_refused),
		alone(test_failed_registration_is_told),
		cmocka_unit_test_setup_teardown(
			test_target_exposes_nothing, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
