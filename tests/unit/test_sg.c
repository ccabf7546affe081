/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI devices behind the sg driver. The driver is the other end of a socket for each
 * descriptor: what is written comes there as it is, and its answers are read.
 */
#include "backend_util.h"

#include "backend/sg_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <scsi/sg.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LANES 4
#define DEPTH 64 /* commands the driver has at once */

static char root[64];      /* in the place of /sys */
static int device_end[LANES]; /* -1: closed */
/* The thread of a device opens it again. */
static atomic_uint opened;
static atomic_int open_result; /* if not 0 */
static atomic_int type_result;
static struct sg_system real;

static int fake_open(const char *path)
{
	int pair[2];

	(void)path;
	if (open_result)
		return open_result;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	device_end[opened % LANES] = pair[1];
	opened++;
	return pair[0];
}

static int fake_type(int fd)
{
	(void)fd;
	return type_result;
}

static int full_open(const char *path)
{
	(void)path;
	return open("/dev/full", O_RDWR);
}

/* ---- a tree like that of sysfs ---- */

static void tree_put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	if (!text) {
		mkdir(full, 0755);
		return;
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define DEVICE_DIR "class/scsi_device/1:0:2:3/device/"
#define WWID "naa.600001"

static int tree_setup(void **state)
{
	(void)state;
	real = sg_system;
	signal(SIGPIPE, SIG_IGN);
	snprintf(root, sizeof(root), "/tmp/srpt-test-sg-XXXXXX");
	assert_non_null(mkdtemp(root));
	tree_put(DEVICE_DIR "scsi_generic/sg7", NULL);
	tree_put(DEVICE_DIR "block/sdx/size", "2048\n");
	tree_put(DEVICE_DIR "block/sdx/queue/logical_block_size", "4096\n");
	tree_put(DEVICE_DIR "wwid", WWID "\n");
	tree_put("class/scsi_device/1:0:2:4/device/type", "0\n");
	return 0;
}

static int tree_teardown(void **state)
{
	char cmd[96];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", root);
	return system(cmd);
}

/* ---- an open device on a reactor ---- */

struct fixture {
	struct reactor *r;
	struct backend *be;
};

struct test_scsi {
	struct be_scsi_io io;
	uint8_t cdb[16], sense[252], data[512];
	unsigned ends;
};

static int device_open(struct backend **be, enum backend_type type, const char *name, char *err)
{
	struct backend_params p = { .type = type, .filename = name, .block_size = 512 };

	return backend_open(&p, be, err, 256);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[256];

	sg_system = (struct sg_system){ root, "/nowhere", fake_open, fake_type };
	opened = 0;
	open_result = 0;
	type_result = 0;
	f->r = test_reactor_new(8u << 20, 0);
	assert_int_equal(be_ring_create_workers(f->r), 0);
	assert_int_equal(device_open(&f->be, BACKEND_SG_DISK, "1:0:2:3", err), 0);
	assert_int_equal(backend_attach(f->be, f->r), 0);
	*state = f;
	return 0;
}

static void device_unplug(void)
{
	for (int i = 0; i < LANES; i++) {
		if (device_end[i] >= 0)
			close(device_end[i]);
		device_end[i] = -1;
	}
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backend_detach(f->be, f->r);
	backend_close(f->be);
	device_unplug();
	test_reactor_free(f->r);
	free(f);
	sg_system = real;
	return 0;
}

static void scsi_done(struct be_scsi_io *io)
{
	container_of(io, struct test_scsi, io)->ends++;
}

static void scsi_submit_one(struct fixture *f, struct test_scsi *t, enum be_scsi_dir dir,
			    uint32_t len)
{
	memset(t, 0, sizeof(*t));
	t->io.cdb = t->cdb;
	t->io.cdb_len = 10;
	t->io.sense = t->sense;
	t->io.sense_room = sizeof(t->sense);
	t->io.dir = dir;
	t->io.timeout_ms = 1234;
	t->io.buf.addr = t->data;
	t->io.buf.len = len;
	t->io.done = scsi_done;
	backend_submit_scsi(f->r, f->be, &t->io);
	assert_int_equal(t->ends, 0);
}

static void scsi_wait(struct fixture *f, struct test_scsi *t)
{
	uint64_t limit = clock_now_ns() + HANG_NS;

	while (!t->ends) {
		assert_true(clock_now_ns() < limit);
		if (!reactor_round(f->r))
			sched_yield();
	}
	assert_int_equal(t->ends, 1);
}

/* ---- the driver ---- */

/* The next command; returns the number of the descriptor. */
static int driver_get(struct sg_io_hdr *h)
{
	struct pollfd p[LANES];

	for (int i = 0; i < LANES; i++)
		p[i] = (struct pollfd){ .fd = device_end[i], .events = POLLIN };
	assert_true(poll(p, LANES, (int)(HANG_NS / 1000000)) > 0);
	for (int i = 0; i < LANES; i++) {
		if (!(p[i].revents & POLLIN))
			continue;
		assert_int_equal(read(device_end[i], h, sizeof(*h)), sizeof(*h));
		return i;
	}
	fail_msg("no command");
	return -1;
}

static void driver_answer(int lane, const struct sg_io_hdr *h)
{
	assert_int_equal(write(device_end[lane], h, sizeof(*h)), sizeof(*h));
}

/* ---- where it is ---- */

static void test_address(void **state)
{
	static const char *const bad[] = { "", "1", "1:2:3", "1:2:3:", "1:2:3:4:", "1:2:3:4:5",
					   ":1:2:3", "a:0:0:0", "1:0:0:0 ", "-1:0:0:0",
					   "0:0:0:123456789012345678901" };

	(void)state;
	assert_true(sg_is_address("0:0:0:0"));
	assert_true(sg_is_address("12:1:255:18446744073709551615"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(sg_is_address(bad[i]));
}

static void test_node_of_an_address(void **state)
{
	char path[SG_PATH_MAX], err[256];

	(void)state;
	assert_int_equal(sg_node_find("1:0:2:3", path, err, sizeof(err)), 0);
	assert_string_equal(path, "/nowhere/sg7");
	assert_int_equal(sg_node_find("/dev/x", path, err, sizeof(err)), 0);
	assert_string_equal(path, "/dev/x");
}

static void test_what_is_wrong_is_said(void **state)
{
	char path[SG_PATH_MAX], err[256];

	(void)state;
	assert_int_equal(sg_node_find("9:0:0:0", path, err, sizeof(err)), -ENODEV);
	assert_non_null(strstr(err, "9:0:0:0: there is no such SCSI device"));
	assert_int_equal(sg_node_find("1:0:2:4", path, err, sizeof(err)), -ENXIO);
	assert_non_null(strstr(err, "load the kernel module sg"));
	assert_int_equal(sg_node_find("disk", path, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "H:C:I:L"));
}

static void test_size_of_a_disk(void **state)
{
	struct fixture *f = *state;
	const struct backend_info *info = backend_info(f->be);

	assert_true(info->is_scsi);
	assert_int_equal(info->scsi_type, 0);
	assert_int_equal(info->size, 1u << 20);
	assert_int_equal(info->block_size, 4096);
	assert_string_equal(backend_handler(f->be), "dev_disk");
	tree_put(DEVICE_DIR "block/sdx/size", "4096\n");
	assert_int_equal(backend_resync(f->be), 0);
	assert_int_equal(info->size, 2u << 20);
	tree_put(DEVICE_DIR "block/sdx/size", "2048\n");
}

static void test_other_type_is_refused(void **state)
{
	struct backend *be;
	char err[256];

	(void)state;
	type_result = 1;
	assert_int_equal(device_open(&be, BACKEND_SG_DISK, "1:0:2:3", err), -EINVAL);
	assert_non_null(strstr(err, "dev_tape"));
	type_result = -ENOTTY;
	assert_int_equal(device_open(&be, BACKEND_SG_TAPE, "/dev/null", err), -EINVAL);
	assert_non_null(strstr(err, "no SCSI generic device"));
	type_result = 0;
	open_result = -EACCES;
	assert_int_equal(device_open(&be, BACKEND_SG_DISK, "1:0:2:3", err), -EACCES);
	assert_non_null(strstr(err, "permission denied: running as uid"));
	open_result = -EBUSY;
	assert_int_equal(device_open(&be, BACKEND_SG_DISK, "1:0:2:3", err), -EBUSY);
	assert_non_null(strstr(err, "another program"));
}

/* ---- commands ---- */

static void test_command_reaches_the_driver(void **state)
{
	static const int directions[][2] = {
		{ BE_SCSI_NONE, SG_DXFER_NONE }, { BE_SCSI_IN, SG_DXFER_FROM_DEV },
		{ BE_SCSI_OUT, SG_DXFER_TO_DEV },
	};
	struct fixture *f = *state;
	struct test_scsi t;
	struct sg_io_hdr h;

	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		uint32_t len = directions[i][0] == BE_SCSI_NONE ? 0 : 512;

		scsi_submit_one(f, &t, directions[i][0], len);
		int lane = driver_get(&h);

		assert_int_equal(h.interface_id, 'S');
		assert_int_equal(h.dxfer_direction, directions[i][1]);
		assert_int_equal(h.dxfer_len, len);
		assert_ptr_equal(h.dxferp, len ? t.data : NULL);
		assert_ptr_equal(h.cmdp, t.cdb);
		assert_int_equal(h.cmd_len, 10);
		assert_int_equal(h.mx_sb_len, 252);
		assert_ptr_equal(h.sbp, t.sense);
		assert_int_equal(h.timeout, 1234);
		assert_int_equal(h.flags, 0x10);
		driver_answer(lane, &h);
		scsi_wait(f, &t);
		assert_int_equal(t.io.result, 0);
		assert_int_equal(t.io.status, 0);
		assert_int_equal(t.io.resid, 0);
	}
}

static void test_status_sense_and_residual(void **state)
{
	struct fixture *f = *state;
	struct test_scsi t;
	struct sg_io_hdr h;
	int lane;

	scsi_submit_one(f, &t, BE_SCSI_IN, 512);
	lane = driver_get(&h);
	h.status = 2;
	h.host_status = 7; /* what the device says goes first */
	h.sb_len_wr = 18;
	h.resid = 112;
	driver_answer(lane, &h);
	scsi_wait(f, &t);
	assert_int_equal(t.io.result, 0);
	assert_int_equal(t.io.status, 2);
	assert_int_equal(t.io.sense_len, 18);
	assert_int_equal(t.io.resid, 112);
}

/* Host adapters are wrong about it now and then. */
static void test_residual_stays_in_the_buffer(void **state)
{
	static const int resid[][2] = { { -5, 0 }, { 513, 512 } };
	struct fixture *f = *state;
	struct test_scsi t;
	struct sg_io_hdr h;

	for (size_t i = 0; i < ARRAY_SIZE(resid); i++) {
		scsi_submit_one(f, &t, BE_SCSI_IN, 512);
		int lane = driver_get(&h);

		h.resid = resid[i][0];
		driver_answer(lane, &h);
		scsi_wait(f, &t);
		assert_int_equal(t.io.resid, resid[i][1]);
	}
}

static void test_host_status(void **state)
{
	static const int rows[][2] = { { 0x01, -ENXIO }, { 0x02, -EBUSY }, { 0x03, -ETIMEDOUT },
				       { 0x05, -ECANCELED }, { 0x07, -ECANCELED },
				       { 0x0e, -ENXIO }, { 0x0d, -EBUSY }, { 0x7f, -ECANCELED } };
	struct fixture *f = *state;
	struct test_scsi t;
	struct sg_io_hdr h;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scsi_submit_one(f, &t, BE_SCSI_OUT, 512);
		int lane = driver_get(&h);

		h.host_status = (unsigned short)rows[i][0];
		driver_answer(lane, &h);
		scsi_wait(f, &t);
		assert_int_equal(t.io.result, rows[i][1]);
	}
}

static void test_queue_is_deeper_than_the_driver(void **state)
{
	struct fixture *f = *state;
	struct test_scsi *t = calloc(DEPTH + 20, sizeof(*t));
	struct sg_io_hdr h[DEPTH], more;
	int lane[DEPTH], from;
	struct pollfd p;

	for (int i = 0; i < DEPTH + 20; i++)
		scsi_submit_one(f, &t[i], BE_SCSI_NONE, 0);
	for (int i = 0; i < DEPTH; i++)
		lane[i] = driver_get(&h[i]);
	for (int i = 0; i < LANES; i++) {
		p = (struct pollfd){ .fd = device_end[i], .events = POLLIN };
		assert_int_equal(poll(&p, 1, 20), 0);
	}
	driver_answer(lane[0], &h[0]);
	for (int i = 0; i < 20; i++) {
		from = driver_get(&more);
		assert_ptr_equal(more.usr_ptr, &t[DEPTH + i].io);
		driver_answer(from, &more);
	}
	for (int i = 1; i < DEPTH; i++)
		driver_answer(lane[i], &h[i]);
	for (int i = 0; i < DEPTH + 20; i++)
		scsi_wait(f, &t[i]);
	free(t);
}

static void test_driver_refuses(void **state)
{
	struct reactor *r = test_reactor_new(8u << 20, 0);
	struct fixture f = { .r = r };
	struct test_scsi t;
	char err[256];

	(void)state;
	sg_system = (struct sg_system){ root, "/nowhere", full_open, fake_type };
	type_result = 0;
	assert_int_equal(be_ring_create_workers(r), 0);
	assert_int_equal(device_open(&f.be, BACKEND_SG_DISK, "1:0:2:3", err), 0);
	assert_int_equal(backend_attach(f.be, r), 0);
	scsi_submit_one(&f, &t, BE_SCSI_OUT, 512);
	scsi_wait(&f, &t);
	assert_int_equal(t.io.result, -ENOSPC);
	backend_detach(f.be, r);
	backend_close(f.be);
	test_reactor_free(r);
}

/* ---- unplugged ---- */

static void test_unplugged_with_commands(void **state)
{
	struct fixture *f = *state;
	struct test_scsi *t = calloc(DEPTH + 2, sizeof(*t));
	struct sg_io_hdr h;

	for (int i = 0; i < DEPTH + 2; i++)
		scsi_submit_one(f, &t[i], BE_SCSI_NONE, 0);
	driver_get(&h);
	open_result = -ENXIO;
	device_unplug();
	for (int i = 0; i < DEPTH + 2; i++) {
		scsi_wait(f, &t[i]);
		assert_int_equal(t[i].io.result, -ENODEV);
	}
	free(t);
}

/* It is looked for when there is a command, once in a while. */
static void test_plugged_in_again(void **state)
{
	struct fixture *f = *state;
	uint64_t limit = clock_now_ns() + HANG_NS;
	struct test_scsi t;
	struct sg_io_hdr h;
	struct pollfd p;
	int lane;

	open_result = -ENXIO;
	device_unplug();
	scsi_submit_one(f, &t, BE_SCSI_NONE, 0);
	scsi_wait(f, &t);
	assert_int_equal(t.io.result, -ENODEV);
	opened = 0;
	open_result = 0;
	for (lane = -1; lane < 0;) {
		scsi_submit_one(f, &t, BE_SCSI_NONE, 0);
		while (!t.ends && opened < LANES)
			if (!reactor_round(f->r))
				sched_yield();
		p = (struct pollfd){ .fd = device_end[0], .events = POLLIN };
		if (!t.ends && poll(&p, 1, 100) > 0)
			lane = driver_get(&h);
		assert_true(clock_now_ns() < limit);
	}
	driver_answer(lane, &h);
	scsi_wait(f, &t);
	assert_int_equal(t.io.result, 0);
}

/* However often it is tried; @opens: descriptors that one attempt opens. */
static void nothing_is_served(struct fixture *f, unsigned opens)
{
	uint64_t limit = clock_now_ns() + HANG_NS;
	unsigned before = opened;
	struct test_scsi t;

	device_unplug();
	while (opened < before + opens) {
		scsi_submit_one(f, &t, BE_SCSI_NONE, 0);
		scsi_wait(f, &t);
		assert_int_equal(t.io.result, -ENODEV);
		assert_true(clock_now_ns() < limit);
	}
	scsi_submit_one(f, &t, BE_SCSI_NONE, 0);
	scsi_wait(f, &t);
	assert_int_equal(t.io.result, -ENODEV);
}

static void test_another_type_is_plugged_in(void **state)
{
	type_result = 1;
	nothing_is_served(*state, 1);
}

static void test_another_device_is_plugged_in(void **state)
{
	tree_put(DEVICE_DIR "wwid", "naa.600002\n");
	nothing_is_served(*state, LANES);
	tree_put(DEVICE_DIR "wwid", WWID "\n");
}

static void test_identity_of_a_device(void **state)
{
	char text[SG_IDENTITY];

	(void)state;
	sg_identity("1:0:2:3", text);
	assert_string_equal(text, WWID);
	sg_identity("1:0:2:4", text);
	assert_string_equal(text, "");
	tree_put("class/scsi_device/1:0:2:4/device/vendor", "LIO-ORG \n");
	tree_put("class/scsi_device/1:0:2:4/device/model", "disk            \n");
	sg_identity("1:0:2:4", text);
	assert_string_equal(text, "LIO-ORG disk");
	sg_identity("9:9:9:9", text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test_setup_teardown(test_node_of_an_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size_of_a_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_type_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_reaches_the_driver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status_sense_and_residual, setup, teardown),
		cmocka_unit_test_setup_teardown(test_residual_stays_in_the_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_is_deeper_than_the_driver, setup,
						teardown),
		cmocka_unit_test(test_driver_refuses),
		cmocka_unit_test_setup_teardown(test_unplugged_with_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugged_in_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_type_is_plugged_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_device_is_plugged_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_of_a_device, setup, teardown),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
