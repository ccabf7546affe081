/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file on a file system without space: in a mount namespace of the test's own, or skipped. */
#include "backend_util.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#define SIZE (8u << 20)
#define CANNOT 77

static char dir[] = "/tmp/srpt-full.XXXXXX";

static bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A name space in which this user is root. */
static bool namespace_enter(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (!uid && !unshare(CLONE_NEWNS))
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!file_write("/proc/self/uid_map", map))
		return false;
	file_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return file_write("/proc/self/gid_map", map);
}

static bool small_file_system(void)
{
	return namespace_enter() && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("srpt-test", dir, "tmpfs", 0, "size=1m");
}

/* Results of: a write that fits, one that does not, zeroes that do not, a read. */
static void requests(const char *path, int result[4])
{
	const struct backend_params p = { .type = BACKEND_FILEIO, .filename = path,
					  .block_size = 512, .rotational = -1 };
	struct reactor *r = test_reactor_new(2 * IOBUF_MAX_SIZE, 0);
	struct backend *be;
	struct iobuf buf;
	char err[300];

	if (be_ring_create(r, RING_DEPTH) || backend_open(&p, &be, err, sizeof(err)) ||
	    backend_attach(be, r) || iobuf_get(&r->bufs, IOBUF_MAX_SIZE, &buf))
		_exit(CANNOT);
	memset(buf.addr, 0x5a, IOBUF_MAX_SIZE);
	result[0] = test_io(r, be, BE_WRITE, 0, 4096, &buf);
	result[1] = test_io(r, be, BE_WRITE, 4096, IOBUF_MAX_SIZE, &buf);
	result[2] = test_io(r, be, BE_WRITE_ZEROES, 0, SIZE, NULL);
	result[3] = test_io(r, be, BE_READ, 0, 4096, &buf);
	backend_detach(be, r);
	backend_close(be);
	test_reactor_free(r);
}

static void child(int out)
{
	int result[4], fd;
	char path[64];

	if (!small_file_system())
		_exit(CANNOT);
	snprintf(path, sizeof(path), "%s/disk", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, SIZE))
		_exit(CANNOT);
	close(fd);
	requests(path, result);
	_exit(write(out, result, sizeof(result)) != sizeof(result));
}

static void full_file_system_is_told_as_such(void **state)
{
	int fds[2], status, result[4] = { 0 };
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(fds[1]);
	close(fds[1]);
	n = read(fds[0], result, sizeof(result));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(n, sizeof(result));
	assert_int_equal(result[0], 0);
	assert_int_equal(result[1], -ENOSPC);
	assert_int_equal(result[2], -ENOSPC);
	assert_int_equal(result[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_file_system_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
