/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtpg-sample LOG [--interval MS] [--seconds N] NAME=DEVICE...: REPORT TARGET PORT GROUPS, again
 * and again, by several sg devices: the paths through both nodes. Each path has a thread, so that
 * one which hangs keeps no other waiting. At the end, what the log tells. rtpg-sample --check LOG:
 * only that.
 *
 * A line of the log is a run of equal answers of one path, CLOCK_MONOTONIC in ns:
 *   PATH FIRST-SENT FIRST-DONE LAST-SENT LAST-DONE COUNT ANSWER
 * with ANSWER "1:active,2:standby" in the order of group ids, or why there is none ("sense
 * 02/04/0c", "errno 6", "status …"). An answer was made at some time between sent and done; a table
 * that was the same in all answers of a run is taken to be so from FIRST-DONE to LAST-SENT, its
 * solid time. The first line is "rtpg 1 REALTIME MONOTONIC", for timelines.
 *
 * Told, exit status 1 if any:
 *   two-active     one answer with two active groups
 *   two-active     of two paths: one names a group active in its solid time while the other, from
 *                  sent to done of one answer or in its solid time, names another: both tables were
 *                  in use at one time. Only runs that overlap so are proof; at a switch, answers
 * whose times merely touch may be from before and after. and for information: touching switches at
 * which such answers touched divergence     how often and how long answers of two paths differed in
 * solid times, the longest
 *
 * The sampler's nexus hears unit attentions, and so does the kernel's multipath: with it, an
 * initiator learns of a switch sooner than without. Figures are to be measured without it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_PATHS 16u
#define ANSWER_MAX 120u
#define GROUPS_MAX 16u
#define LIST_MAX 1024u
/*
 * ms: that of the disks (conf/initiator/udev). The kernel's error handling of a host begins when
 * each of its commands has ended or is late: more would hold back others on a path that is dead.
 */
#define COMMAND_TIMEOUT 15000u

struct run {
	char path[32];
	uint64_t first_sent, first_done, last_sent, last_done, count;
	char answer[ANSWER_MAX];
};

struct path {
	pthread_t thread;
	const char *device;
	int fd;
	struct run run;
};

static FILE *log_file;
static atomic_bool stop;
static uint64_t interval_ms = 10, seconds;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- sampling --------------------------------------------------------------------------- */

static const char *state_name(uint8_t state)
{
	static const char *const names[16] = {
		[0] = "active",		[1] = "nonoptimized",  [2] = "standby",
		[3] = "unavailable",	[4] = "lba-dependent", [14] = "offline",
		[15] = "transitioning",
	};

	return names[state & 0x0f] ? names[state & 0x0f] : "reserved";
}

struct group {
	unsigned id;
	uint8_t state;
};

static int by_id(const void *a, const void *b)
{
	return (int)((const struct group *)a)->id - (int)((const struct group *)b)->id;
}

static void answer_of_list(const uint8_t *p, size_t got, char *text)
{
	size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3], at = 4,
	       n = 0, out = 0;
	struct group g[GROUPS_MAX];

	if (got < 4 || len > got - 4) {
		snprintf(text, ANSWER_MAX, "short list");
		return;
	}
	while (at + 8 <= len + 4 && n < GROUPS_MAX) {
		g[n++] = (struct group){ (unsigned)p[at + 2] << 8 | p[at + 3], p[at] & 0x0f };
		at += 8 + 4u * p[at + 7];
	}
	qsort(g, n, sizeof(*g), by_id);
	text[0] = 0;
	for (size_t i = 0; i < n && out + 24 < ANSWER_MAX; i++)
		out += (size_t)sprintf(text + out, "%s%u:%s", i ? "," : "", g[i].id,
				       state_name(g[i].state));
}

static void answer_of_sense(const struct sg_io_hdr *io, const uint8_t *sense, char *text)
{
	if (io->sb_len_wr >= 14 && (sense[0] & 0x7f) <= 0x71)
		snprintf(text, ANSWER_MAX, "sense %02x/%02x/%02x", sense[2] & 0x0f, sense[12],
			 sense[13]);
	else if (io->sb_len_wr >= 4)
		snprintf(text, ANSWER_MAX, "sense %02x/%02x/%02x", sense[1] & 0x0f, sense[2],
			 sense[3]);
	else
		snprintf(text, ANSWER_MAX, "status %02x host %02x driver %02x", io->status,
			 io->host_status, io->driver_status);
}

static void sample(struct path *p, char *text)
{
	uint8_t cdb[12] = { 0xa3, 0x0a, [8] = LIST_MAX >> 8 }, list[LIST_MAX] = { 0 },
		sense[32] = { 0 };
	struct sg_io_hdr io = {
		.interface_id = 'S',
		.cmdp = cdb,
		.cmd_len = sizeof(cdb),
		.dxfer_direction = SG_DXFER_FROM_DEV,
		.dxferp = list,
		.dxfer_len = sizeof(list),
		.sbp = sense,
		.mx_sb_len = sizeof(sense),
		.timeout = COMMAND_TIMEOUT,
	};

	if (p->fd < 0)
		p->fd = open(p->device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0 || ioctl(p->fd, SG_IO, &io)) {
		snprintf(text, ANSWER_MAX, "errno %d", errno);
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1; /* the device may come back under this name */
	} else if (io.status || io.host_status || io.driver_status) {
		answer_of_sense(&io, sense, text);
	} else {
		answer_of_list(list, sizeof(list) - (size_t)(io.resid > 0 ? io.resid : 0), text);
	}
}

static void run_log(const struct run *r)
{
	if (r->count)
		fprintf(log_file,
			"%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
			r->path, r->first_sent, r->first_done, r->last_sent, r->last_done, r->count,
			r->answer);
}

static void run_add(struct run *r, const char *answer, uint64_t sent, uint64_t done)
{
	if (!r->count || strcmp(r->answer, answer)) {
		run_log(r);
		r->count = 0;
		r->first_sent = sent;
		r->first_done = done;
		snprintf(r->answer, sizeof(r->answer), "%s", answer);
	}
	r->count++;
	r->last_sent = sent;
	r->last_done = done;
}

static void *path_run(void *arg)
{
	struct timespec pause = { (time_t)(interval_ms / 1000),
				  (long)(interval_ms % 1000) * 1000000 };
	struct path *p = arg;

	while (!atomic_load(&stop)) {
		char answer[ANSWER_MAX];
		uint64_t sent = clock_ns(CLOCK_MONOTONIC);

		sample(p, answer);
		run_add(&p->run, answer, sent, clock_ns(CLOCK_MONOTONIC));
		nanosleep(&pause, NULL);
	}
	run_log(&p->run);
	return NULL;
}

static void wait_for_end(const sigset_t *set)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now + seconds * 1000000000u;
	struct timespec left;

	/* Stopped and continued, it goes on waiting. */
	do {
		left = (struct timespec){ (time_t)((end - now) / 1000000000u),
					  (long)((end - now) % 1000000000u) };
		if (sigtimedwait(set, NULL, seconds ? &left : NULL) >= 0)
			break;
		now = clock_ns(CLOCK_MONOTONIC);
	} while (errno == EINTR && (!seconds || now < end));
	atomic_store(&stop, true);
}

static void sample_all(struct path *paths, unsigned n)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	setvbuf(log_file, NULL, _IOLBF, 0);
	fprintf(log_file, "rtpg 1 %" PRIu64 " %" PRIu64 "\n", clock_ns(CLOCK_REALTIME),
		clock_ns(CLOCK_MONOTONIC));
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&paths[i].thread, NULL, path_run, &paths[i]))
			exit(2);
	wait_for_end(&set);
	for (unsigned i = 0; i < n; i++)
		pthread_join(paths[i].thread, NULL);
	fclose(log_file);
}

/* ---- what the log tells ------------------------------------------------------------------ */

static struct {
	struct run *run;
	size_t n;
	uint64_t samples, unanswered, two_active, touching, divergences, diverged, longest;
} t;

static bool is_answer(const struct run *r)
{
	return r->answer[0] >= '0' && r->answer[0] <= '9';
}

/* The id of the group that is active, 0: none; counts them. */
static unsigned active_of(const char *answer, unsigned *count)
{
	unsigned id, found = 0;
	char state[24];
	int used;

	*count = 0;
	while (sscanf(answer, "%u:%23[a-z-]%n", &id, state, &used) == 2) {
		if (!strcmp(state, "active") || !strcmp(state, "nonoptimized")) {
			found = id;
			++*count;
		}
		answer += used;
		if (*answer++ != ',')
			break;
	}
	return found;
}

static uint64_t overlap(uint64_t a, uint64_t b, uint64_t x, uint64_t y)
{
	uint64_t from = a > x ? a : x, to = b < y ? b : y;

	return to > from ? to - from : 0;
}

static bool within(uint64_t a, uint64_t b, uint64_t x, uint64_t y)
{
	return x <= a && b <= y;
}

/* Does @r have an answer that was made in the solid time of @s for certain? */
static bool proves(const struct run *r, const struct run *s)
{
	return within(r->first_sent, r->first_done, s->first_done, s->last_sent) ||
	       within(r->last_sent, r->last_done, s->first_done, s->last_sent) ||
	       overlap(r->first_done, r->last_sent, s->first_done, s->last_sent);
}

static void two_active(const struct run *a, const struct run *b)
{
	if (++t.two_active > 10)
		return;
	printf("two-active %s [%" PRIu64 " %" PRIu64 "] %s", a->path, a->first_sent, a->last_done,
	       a->answer);
	if (b)
		printf(", %s [%" PRIu64 " %" PRIu64 "] %s", b->path, b->first_sent, b->last_done,
		       b->answer);
	putchar('\n');
}

static void compare(const struct run *a, const struct run *b)
{
	unsigned na, nb, ida = active_of(a->answer, &na), idb = active_of(b->answer, &nb);
	uint64_t both;

	if (!strcmp(a->path, b->path) || !strcmp(a->answer, b->answer))
		return;
	both = overlap(a->first_done, a->last_sent, b->first_done, b->last_sent);
	if (both) {
		t.divergences++;
		t.diverged += both;
		t.longest = both > t.longest ? both : t.longest;
	}
	if (!na || !nb || ida == idb)
		return;
	if (proves(a, b) || proves(b, a))
		two_active(a, b);
	else if (overlap(a->first_sent, a->last_done, b->first_sent, b->last_done))
		t.touching++;
}

static bool run_parse(const char *line, struct run *r)
{
	return sscanf(line,
		      "%31s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %119[^\n]",
		      r->path, &r->first_sent, &r->first_done, &r->last_sent, &r->last_done,
		      &r->count, r->answer) == 7;
}

static void load(const char *name)
{
	FILE *f = fopen(name, "re");
	char line[512];
	size_t room = 0;

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "rtpg 1 ", 7)) {
		fprintf(stderr, "rtpg-sample: %s is no log of it\n", name);
		exit(2);
	}
	while (fgets(line, sizeof(line), f) && strchr(line, '\n')) {
		if (t.n == room) {
			room = room ? 2 * room : 256;
			t.run = realloc(t.run, room * sizeof(*t.run));
			if (!t.run)
				exit(2);
		}
		if (!run_parse(line, &t.run[t.n])) {
			fprintf(stderr, "rtpg-sample: the log is damaged: %s", line);
			exit(2);
		}
		t.n++;
	}
	fclose(f);
}

static int check(const char *name)
{
	unsigned count;

	load(name);
	for (size_t i = 0; i < t.n; i++) {
		const struct run *r = &t.run[i];

		t.samples += r->count;
		if (!is_answer(r)) {
			t.unanswered += r->count;
			continue;
		}
		active_of(r->answer, &count);
		if (count > 1)
			two_active(r, NULL);
		for (size_t k = i + 1; k < t.n; k++)
			if (is_answer(&t.run[k]))
				compare(r, &t.run[k]);
	}
	printf("checked samples %" PRIu64 " unanswered %" PRIu64 " two-active %" PRIu64
	       " touching %" PRIu64 " divergences %" PRIu64 " diverged %.3f longest %.3f\n",
	       t.samples, t.unanswered, t.two_active, t.touching, t.divergences,
	       (double)t.diverged / 1e9, (double)t.longest / 1e9);
	if (t.samples == t.unanswered)
		printf("nothing was answered\n");
	return t.two_active || t.samples == t.unanswered ? 1 : 0;
}

/* ---- command line ----------------------------------------------------------------------- */

static int usage(void)
{
	fputs("Usage: rtpg-sample LOG [--interval MS] [--seconds N] NAME=DEVICE...\n"
	      "       rtpg-sample --check LOG\n",
	      stderr);
	return 2;
}

static bool path_parse(struct path *p, char *arg)
{
	char *device = strchr(arg, '=');

	if (!device || device == arg || (size_t)(device - arg) >= sizeof(p->run.path))
		return false;
	memcpy(p->run.path, arg, (size_t)(device - arg));
	p->device = device + 1;
	p->fd = -1;
	return true;
}

int main(int argc, char **argv)
{
	static struct path paths[MAX_PATHS];
	unsigned n = 0;

	if (argc == 3 && !strcmp(argv[1], "--check"))
		return check(argv[2]);
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--interval") && i + 1 < argc)
			interval_ms = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			seconds = strtoull(argv[++i], NULL, 10);
		else if (n == MAX_PATHS || !path_parse(&paths[n++], argv[i]))
			return usage();
	}
	if (!n)
		return usage();
	log_file = fopen(argv[1], "we");
	if (!log_file) {
		perror(argv[1]);
		return 2;
	}
	sample_all(paths, n);
	return check(argv[1]);
}
