/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the parent: @fd is closed without a byte when the daemon failed. */
static int parent_wait(const char *name, int fd)
{
	char c;
	ssize_t n;

	do {
		n = read(fd, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	fprintf(stderr, "%s: it did not start; the system log tells why\n", name);
	return 1;
}

void background_ready(int fd)
{
	ssize_t n = write(fd, "", 1);

	(void)n;
	close(fd);
}

/* The daemon is the grandchild: it cannot get a terminal again. */
int background_enter(const char *name)
{
	int fds[2], null;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0) {
		fprintf(stderr, "%s: cannot go to the background: %s\n", name, strerror(errno));
		exit(1);
	}
	if (pid) {
		close(fds[1]);
		exit(parent_wait(name, fds[0]));
	}
	close(fds[0]);
	setsid();
	if (fork() != 0)
		_exit(0);
	umask(027);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/"))
		fprintf(stderr, "%s: /: %s\n", name, strerror(errno));
	return fds[1];
}
