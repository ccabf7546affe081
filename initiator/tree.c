/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- saving ---- */

/* @below with @path behind, to @full; false when that is too long. */
static bool path_join(char full[PATH_MAX], const char *below, const char *path)
{
	return snprintf(full, PATH_MAX, "%s%s", below, path) < PATH_MAX;
}

/* The directories above the last part. */
static void make_parents(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
}

static void save_bytes(const struct tree *t, const char *path, const char *buf, size_t len)
{
	char full[PATH_MAX];
	FILE *f;

	if (!t->save || !path_join(full, t->save, path))
		return;
	make_parents(full);
	f = fopen(full, "w");
	if (!f || fwrite(buf, 1, len, f) != len)
		fprintf(stderr, "srp-doctor: %s: %s\n", full, strerror(errno));
	if (f)
		fclose(f);
}

/* A directory in which names were listed, and those of them that are directories. */
static void save_dir(const struct tree *t, const char *dir, const struct tree_name *names, int n)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	if (!t->save || snprintf(to, sizeof(to), "%s%s/", t->save, dir) >= PATH_MAX)
		return;
	make_parents(to);
	for (int i = 0; i < n; i++) {
		const char *name = names[i].name;

		if (snprintf(from, sizeof(from), "%s%s/%s", t->root, dir, name) < PATH_MAX &&
		    snprintf(to, sizeof(to), "%s%s/%s", t->save, dir, name) < PATH_MAX &&
		    !stat(from, &st) && S_ISDIR(st.st_mode))
			mkdir(to, 0755);
	}
}

static void save_link(const struct tree *t, const char *path, const char *to)
{
	char full[PATH_MAX];

	if (!t->save || !path_join(full, t->save, path))
		return;
	make_parents(full);
	rmdir(full);
	if (symlink(to, full) && errno != EEXIST)
		fprintf(stderr, "srp-doctor: %s: %s\n", full, strerror(errno));
}

/* ---- reading ---- */

/* To the end, or as much as fits before the NUL. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	buf[used] = '\0';
	return (ssize_t)used;
}

ssize_t tree_read(const struct tree *t, const char *path, char *buf, size_t size)
{
	char full[PATH_MAX];
	ssize_t n;
	int fd;

	buf[0] = '\0';
	if (!path_join(full, t->root, path))
		return -ENAMETOOLONG;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	n = read_all(fd, buf, size);
	close(fd);
	if (n >= 0)
		save_bytes(t, path, buf, (size_t)n);
	return n;
}

int tree_attr(const struct tree *t, const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	size_t from;
	ssize_t n;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	n = tree_read(t, path, buf, size);
	if (n < 0)
		return (int)n;
	buf[strcspn(buf, "\n")] = '\0';
	from = strspn(buf, " \t");
	memmove(buf, buf + from, strlen(buf + from) + 1);
	for (size_t len = strlen(buf); len && strchr(" \t", buf[len - 1]); len--)
		buf[len - 1] = '\0';
	return 0;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(((const struct tree_name *)a)->name, ((const struct tree_name *)b)->name);
}

int tree_list(const struct tree *t, const char *dir, const char *prefix, struct tree_name *names,
	      int max)
{
	char full[PATH_MAX];
	struct dirent *entry;
	int n = 0;
	DIR *d;

	if (!path_join(full, t->root, dir))
		return -ENAMETOOLONG;
	d = opendir(full);
	if (!d)
		return -errno;
	while (n < max && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= TREE_NAME_MAX ||
		    strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		strcpy(names[n++].name, entry->d_name);
	}
	closedir(d);
	qsort(names, (size_t)n, sizeof(*names), by_version);
	save_dir(t, dir, names, n);
	return n;
}

int tree_link(const struct tree *t, const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX], full[PATH_MAX], to[PATH_MAX];
	const char *last;
	ssize_t n;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX ||
	    !path_join(full, t->root, path))
		return -ENAMETOOLONG;
	n = readlink(full, to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	save_link(t, path, to);
	last = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	return snprintf(buf, size, "%s", last) < (int)size ? 0 : -ENAMETOOLONG;
}

/* ---- programs ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until the pipe is at its end or the time is over; what does not fit is thrown away. */
static ssize_t read_until(int fd, char *buf, size_t size, int64_t deadline)
{
	size_t used = 0;
	char rest[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		bool full = used == size - 1;
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		n = read(fd, full ? rest : buf + used, full ? sizeof(rest) : size - 1 - used);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		used += full ? 0 : (size_t)n;
	}
	buf[used] = '\0';
	return (ssize_t)used;
}

static void run_child(const char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(out, 1);
	dup2(null, 2);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static ssize_t run(const char *const argv[], char *buf, size_t size)
{
	int pipe_fd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		run_child(argv, pipe_fd[1]);
	close(pipe_fd[1]);
	n = pid < 0 ? -EAGAIN :
		      read_until(pipe_fd[0], buf, size, now_ms() + TREE_COMMAND_SECONDS * 1000);
	close(pipe_fd[0]);
	if (pid < 0)
		return n;
	/* One that hangs in the kernel is left behind. */
	if (n < 0) {
		kill(pid, SIGKILL);
		return n;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -EIO;
	return WEXITSTATUS(status) == 127 ? -ENOENT : WEXITSTATUS(status) ? -EIO : n;
}

ssize_t tree_command(const struct tree *t, const char *name, const char *const argv[], char *buf,
		     size_t size)
{
	char path[TREE_NAME_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/commands/%s", name);
	if (*t->root)
		return tree_read(t, path, buf, size);
	n = run(argv, buf, size);
	if (n < 0)
		buf[0] = '\0';
	else
		save_bytes(t, path, buf, (size_t)n);
	return n;
}
