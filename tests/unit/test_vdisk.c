/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every way to name the wrong file gives its own error and says what to do. */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static char dir[64];

static int setup_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/srpt-test-XXXXXX");
	/* Others must get in: one test gives up its rights. */
	return !mkdtemp(dir) || chmod(dir, 0755);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void file_make(const char *name, off_t size, mode_t mode)
{
	int fd = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int teardown_dir(void **state)
{
	static const char *const names[] = { "empty", "odd", "odd512", "good", "fifo", "sock",
					     "loop", "locked" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

static int try_open(enum backend_type type, const char *path, uint32_t bs, char *err, size_t len)
{
	struct backend_params p = { .type = type, .filename = path, .block_size = bs,
				    .rotational = -1 };
	struct backend *be;
	int rc;

	err[0] = '\0';
	rc = backend_open(&p, &be, err, len);
	if (!rc)
		backend_close(be);
	return rc;
}

struct bad {
	enum backend_type type;
	const char *name; /* in the test's directory, or absolute */
	uint32_t bs;
	int rc;
	const char *cause, *hint;
};

static const struct bad bad[] = {
	{ BACKEND_FILEIO, "missing", 512, -ENOENT, "No such file", "create it" },
	{ BACKEND_BLOCKIO, "missing", 512, -ENOENT, "No such file", "correct the path" },
	{ BACKEND_FILEIO, "good/below", 512, -ENOTDIR, "Not a directory", "part of the path" },
	{ BACKEND_FILEIO, "loop", 512, -ELOOP, "symbolic links", "" },
	{ BACKEND_FILEIO, "/", 512, -EISDIR, "is a directory", "regular file or block device" },
	{ BACKEND_BLOCKIO, "/", 512, -EISDIR, "is a directory", "not a block device" },
	{ BACKEND_FILEIO, "fifo", 512, -EINVAL, "is a pipe", "regular file or block device" },
	{ BACKEND_FILEIO, "sock", 512, -EINVAL, "is a socket", "regular file" },
	{ BACKEND_FILEIO, "/dev/zero", 512, -EINVAL, "is a character device", "regular file" },
	{ BACKEND_BLOCKIO, "/dev/zero", 512, -EINVAL, "is a character device", "block device" },
	{ BACKEND_BLOCKIO, "good", 512, -ENOTBLK, "is a regular file", "use vdisk_fileio" },
	{ BACKEND_FILEIO, "empty", 512, -EINVAL, "no bytes", "truncate -s" },
	{ BACKEND_FILEIO, "odd", 512, -EINVAL, "size 1000 is not a multiple of block_size 512",
	  "multiple of 512" },
	{ BACKEND_FILEIO, "odd512", 4096, -EINVAL,
	  "size 5120 is not a multiple of block_size 4096", "block sizes that work: 512, 1024" },
	{ BACKEND_FILEIO, "good", 520, -EINVAL, "block_size 520", "512, 1024, 2048, 4096" },
	{ BACKEND_FILEIO, "", 512, -EINVAL, "filename is missing", "" },
	{ BACKEND_BLOCKIO, NULL, 512, -EINVAL, "filename is missing", "" },
};

static void special_files_make(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/sock", dir);
	assert_int_equal(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(s);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(symlink("loop", path_of("loop")), 0);
	file_make("empty", 0, 0600);
	file_make("odd", 1000, 0600);
	file_make("odd512", 5120, 0600);
	file_make("good", 8192, 0600);
}

static void check_bad(const struct bad *b)
{
	const char *path = !b->name || !b->name[0] || b->name[0] == '/' ? b->name :
									  path_of(b->name);
	char err[300];

	assert_int_equal(try_open(b->type, path, b->bs, err, sizeof(err)), b->rc);
	if (!strstr(err, b->cause) || !strstr(err, b->hint))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", err, b->cause, b->hint);
	if (path && path[0] && b->bs != 520)
		assert_memory_equal(err, path, strlen(path));
	assert_null(strchr(err, '\n'));
	assert_int_not_equal(err[strlen(err) - 1], '.');
}

static void test_each_wrong_file_has_its_error(void **state)
{
	char err[300];

	(void)state;
	special_files_make();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		check_bad(&bad[i]);
	assert_int_equal(try_open(BACKEND_FILEIO, path_of("good"), 4096, err, sizeof(err)), 0);
}

static void test_missing_rights_name_the_user_and_the_mode(void **state)
{
	uid_t me = geteuid();
	char err[300];
	int rc;

	(void)state;
	file_make("locked", 8192, 0000);
	if (!me)
		assert_int_equal(seteuid(65534), 0);
	rc = try_open(BACKEND_FILEIO, path_of("locked"), 512, err, sizeof(err));
	if (!me)
		assert_int_equal(seteuid(me), 0);
	assert_int_equal(rc, -EACCES);
	assert_non_null(strstr(err, "permission denied"));
	assert_non_null(strstr(err, me ? "running as user" : "(uid 65534)"));
	assert_non_null(strstr(err, "mode 0000"));
}

static void test_closed_directory_is_told_from_closed_file(void **state)
{
	uid_t me = geteuid();
	char err[300];
	int rc;

	(void)state;
	assert_int_equal(chmod(dir, 0000), 0);
	if (!me)
		assert_int_equal(seteuid(65534), 0);
	rc = try_open(BACKEND_FILEIO, path_of("good"), 512, err, sizeof(err));
	if (!me)
		assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(rc, -EACCES);
	assert_non_null(strstr(err, "search a directory"));
}

static void test_geometry_names_sizes_that_work(void **state)
{
	struct backend_params p = { .filename = "disk", .block_size = 512 };
	char err[300];

	(void)state;
	assert_int_equal(vdisk_geometry(&p, 1 << 20, 512, err, sizeof(err)), 0);
	assert_int_equal(vdisk_geometry(&p, 1 << 20, 4096, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "block_size 512 is smaller than the device's 4096"));
	assert_non_null(strstr(err, "block sizes that work: 4096"));
	p.block_size = 4096;
	assert_int_equal(vdisk_geometry(&p, 1 << 20, 512, err, sizeof(err)), 0);
	assert_int_equal(vdisk_geometry(&p, 7 * 1024, 512, err, sizeof(err)), -EINVAL);
	assert_string_equal(strstr(err, "block sizes"), "block sizes that work: 512, 1024");
}

static void test_unknown_sysfs_attribute_gives_the_default(void **state)
{
	(void)state;
	assert_int_equal(vdisk_sysfs_u64(makedev(4095, 1048575), "queue/rotational", 42), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_wrong_file_has_its_error),
		cmocka_unit_test(test_missing_rights_name_the_user_and_the_mode),
		cmocka_unit_test(test_closed_directory_is_told_from_closed_file),
		cmocka_unit_test(test_geometry_names_sizes_that_work),
		cmocka_unit_test(test_unknown_sysfs_attribute_gives_the_default),
	};

	return cmocka_run_group_tests(tests, setup_dir, teardown_dir);
}
