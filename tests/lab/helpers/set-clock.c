// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * set-clock FILE: set this machine's clock to that of the host, which stamps what is written to
 * FILE, a file in a share of the host. The host's stamps come in ticks: the time is taken when
 * one ends, so it is right within a few round trips to the share.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A tick is 10 ms at most, a round trip much less. */
#define TRIES 1000

static int stamp(int fd, struct timespec *ts)
{
	struct stat st;

	if (pwrite(fd, "x", 1, 0) != 1 || fstat(fd, &st) < 0)
		return -1;
	*ts = st.st_mtim;
	return 0;
}

static int next_tick(int fd, struct timespec *ts)
{
	struct timespec first;

	if (stamp(fd, &first) < 0)
		return -1;
	for (int i = 0; i < TRIES; i++) {
		if (stamp(fd, ts) < 0)
			return -1;
		if (ts->tv_sec != first.tv_sec || ts->tv_nsec != first.tv_nsec)
			return 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct timespec ts, was;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "Usage: set-clock FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || next_tick(fd, &ts) < 0) {
		perror(argv[1]);
		return 1;
	}
	clock_gettime(CLOCK_REALTIME, &was);
	if (clock_settime(CLOCK_REALTIME, &ts) < 0) {
		perror("clock_settime");
		return 1;
	}
	printf("clock was wrong by %.3f s\n",
	       (double)(was.tv_sec - ts.tv_sec) + (double)(was.tv_nsec - ts.tv_nsec) / 1e9);
	return 0;
}
