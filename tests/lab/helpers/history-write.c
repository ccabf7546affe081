/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer; history.h says what it does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "history.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>

static void usage(void)
{
	fputs("Usage: history-write DEVICE LOG [OPTION]...\n"
	      "  --interval MS   pause of a job behind each write (10)\n"
	      "  --jobs N        writers at the same time (1)\n"
	      "  --start BLOCK   of 4 KiB, the first slot (0)\n"
	      "  --slots N       how many there are (up to the end of the device)\n"
	      "  --hot N         of these are overwritten again and again (64)\n"
	      "  --read-every N  a read behind so many writes, 0: none (8)\n"
	      "  --ack HOW       durable, write, auto (auto)\n"
	      "  --stall MS      time without an acknowledgement that is told (200)\n"
	      "  --seconds N     ends by itself, as it does with SIGTERM\n"
	      "  --count N       ends after so many writes of each job\n",
	      stderr);
	exit(2);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ v >> 27) * 0x94d049bb133111ebull;
	return v ^ v >> 31;
}

static void record_fill(struct sector *r, uint64_t run, uint64_t slot, uint32_t job, uint64_t seq,
			uint64_t time_ns)
{
	for (uint32_t i = 0; i < SECTORS; i++) {
		uint64_t v = mix(run ^ slot << 32 ^ seq << 3 ^ i);

		r[i] = (struct sector){
			.magic = MAGIC,
			.run = run,
			.slot = slot,
			.seq = seq,
			.time_ns = time_ns,
			.job = job,
			.index = i,
		};
		for (size_t at = 0; at + sizeof(v) <= sizeof(r[i].fill);
		     at += sizeof(v), v = mix(v + 1))
			memcpy(r[i].fill + at, &v, sizeof(v));
		r[i].crc = sector_crc(&r[i]);
	}
}

struct slot {
	_Atomic uint64_t submitted; /* its job writes these two; 0: never */
	_Atomic uint64_t acked;
	_Atomic uint64_t seen; /* the newest that a read returned */
};

static struct {
	uint64_t interval, jobs, start, slots, hot, read_every, stall, seconds, count;
	const char *ack;
} opt = { .interval = 10, .jobs = 1, .hot = 64, .read_every = 8, .stall = 200, .ack = "auto" };

static struct {
	int fd;
	int flags; /* of pwritev2() */
	uint64_t run, stride;
	struct slot *slots;
	FILE *log;
	atomic_bool stop;
	_Atomic uint64_t writes, acked, errors, reads, bad, stalls;
	pthread_mutex_t lock; /* of what follows */
	uint64_t last, last_real; /* the last acknowledgement, CLOCK_MONOTONIC and _REALTIME */
	uint64_t longest, longest_begin;
} w = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct job {
	pthread_t thread;
	uint32_t id;
	uint64_t seq, once, hot, random;
};

static void stall_note(uint64_t length)
{
	if (length > w.longest) {
		w.longest = length;
		w.longest_begin = w.last_real;
	}
	if (length < opt.stall * 1000000u)
		return;
	w.stalls++;
	fprintf(w.log, "s %" PRIu64 " %" PRIu64 "\n", w.last_real, length);
	printf("stall %.3f begins %.3f ends %.3f\n", (double)length / 1e9,
	       (double)w.last_real / 1e9, (double)(w.last_real + length) / 1e9);
}

static void acknowledged(uint64_t now, uint64_t real)
{
	pthread_mutex_lock(&w.lock);
	if (now > w.last) {
		if (w.last)
			stall_note(now - w.last);
		w.last = now;
		w.last_real = real;
	}
	pthread_mutex_unlock(&w.lock);
}

/*
 * The slots of a job: of the hot ones each jobs-th; of the others each jobs-th in an order that
 * jumps about on the device. Three of four writes go to the latter.
 */
static uint64_t slot_choose(struct job *j)
{
	uint64_t rest = opt.slots - opt.hot;

	if (j->id < opt.hot && (rest <= j->id || !(mix(++j->random) & 3))) {
		j->hot += opt.jobs;
		if (j->hot >= opt.hot)
			j->hot = j->id;
		return j->hot;
	}
	j->once += opt.jobs;
	if (j->once >= rest)
		j->once = j->id;
	return opt.hot + j->once * w.stride % rest;
}

static void write_one(struct job *j, struct sector *r)
{
	uint64_t n = slot_choose(j), seq = ++j->seq, real = clock_ns(CLOCK_REALTIME), now;
	struct slot *slot = &w.slots[n];
	struct iovec iov = { r, RECORD };
	ssize_t got;
	int err;

	record_fill(r, w.run, n, j->id, seq, real);
	fprintf(w.log, "w %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", j->id, seq, n, real);
	atomic_store(&slot->submitted, seq);
	w.writes++;
	got = pwritev2(w.fd, &iov, 1, (off_t)((opt.start + n) * RECORD), w.flags);
	err = got < 0 ? errno : EIO;
	now = clock_ns(CLOCK_MONOTONIC);
	real = clock_ns(CLOCK_REALTIME);
	if (got != RECORD) {
		w.errors++;
		fprintf(w.log, "e %u %" PRIu64 " %" PRIu64 " %d\n", j->id, seq, real, err);
		printf("error write slot %" PRIu64 " at %.3f: %s\n", n, (double)real / 1e9,
		       strerror(err));
		return;
	}
	atomic_store(&slot->acked, seq);
	w.acked++;
	fprintf(w.log, "a %u %" PRIu64 " %" PRIu64 "\n", j->id, seq, real);
	acknowledged(now, real);
}

static void raise_to(_Atomic uint64_t *v, uint64_t to)
{
	uint64_t old = atomic_load(v);

	while (old < to && !atomic_compare_exchange_weak(v, &old, to))
		;
}

static void read_bad(uint64_t n, const struct sector *r, uint64_t low, uint64_t high)
{
	uint64_t real = clock_ns(CLOCK_REALTIME);
	char text[512];

	w.bad++;
	record_text(r, w.run, n, text, sizeof(text));
	fprintf(w.log, "x %" PRIu64 " %" PRIu64 " %s, expected %" PRIu64 " to %" PRIu64 "\n", n,
		real, text, low, high);
	printf("bad read slot %" PRIu64 " at %.3f: %s, expected %" PRIu64 " to %" PRIu64 "\n", n,
	       (double)real / 1e9, text, low, high);
}

/* Of any job; not one that nothing was acknowledged of: whatever is there may be. */
static void read_one(struct job *j, struct sector *r)
{
	uint64_t n = mix(++j->random) % opt.slots, low, seen, high;
	struct slot *slot;
	struct look l;

	for (uint64_t tries = 0; tries < 64 && !atomic_load(&w.slots[n].acked); tries++)
		n = mix(++j->random) % (tries & 1 && opt.hot ? opt.hot : opt.slots);
	slot = &w.slots[n];
	low = atomic_load(&slot->acked);
	if (!low)
		return;
	seen = atomic_load(&slot->seen);
	low = seen > low ? seen : low;
	w.reads++;
	if (pread(w.fd, r, RECORD, (off_t)((opt.start + n) * RECORD)) != RECORD) {
		w.errors++;
		printf("error read slot %" PRIu64 " at %.3f: %s\n", n,
		       (double)clock_ns(CLOCK_REALTIME) / 1e9, strerror(errno));
		return;
	}
	high = atomic_load(&slot->submitted);
	l = record_look(r, w.run, n);
	if (l.found != OURS || l.low < low || l.high > high)
		read_bad(n, r, low, high);
	else if (l.low == l.high)
		raise_to(&slot->seen, l.low);
}

static void *job_run(void *arg)
{
	struct timespec pause = { (time_t)(opt.interval / 1000),
				  (long)(opt.interval % 1000) * 1000000 };
	struct sector *r = record_alloc();
	struct job *j = arg;

	while (!atomic_load(&w.stop) && (!opt.count || j->seq < opt.count)) {
		write_one(j, r);
		if (opt.read_every && j->seq % opt.read_every == 0)
			read_one(j, r);
		if (opt.interval)
			nanosleep(&pause, NULL);
	}
	free(r);
	return NULL;
}

/* Is a cache in the way that loses what was acknowledged? Asked of the kernel, as it decides about
 * flushes. */
static bool cache_is_volatile(int fd)
{
	char path[96], text[32] = "";
	struct stat st;
	FILE *f;

	if (fstat(fd, &st) || !S_ISBLK(st.st_mode))
		return true;
	for (int up = 0; up < 2; up++) { /* of a partition the queue is the disk's */
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/write_cache",
			 major(st.st_rdev), minor(st.st_rdev), up ? "../" : "");
		f = fopen(path, "re");
		if (!f)
			continue;
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
		break;
	}
	return strncmp(text, "write through", 13) != 0;
}

static uint64_t coprime(uint64_t n)
{
	uint64_t stride = 7919, a, b, t;

	for (;; stride += 2) {
		for (a = stride, b = n; b; t = a % b, a = b, b = t)
			;
		if (a == 1)
			return stride;
	}
}

static void log_begin(const char *path)
{
	w.log = fopen(path, "we");
	if (!w.log)
		die("%s: %s", path, strerror(errno));
	/* A line is a system call: what was written is known when this process is killed. */
	setvbuf(w.log, NULL, _IOLBF, 0);
	fprintf(w.log, "history 1 %016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w.run,
		opt.jobs, opt.start, opt.slots);
}

static void write_prepare(const char *device, const char *log)
{
	uint64_t blocks;

	w.fd = device_open(device, O_RDWR, &blocks);
	if (opt.start >= blocks || opt.slots > blocks - opt.start)
		die("%s has only %" PRIu64 " blocks", device, blocks);
	if (!opt.slots)
		opt.slots = blocks - opt.start;
	if (opt.slots > MAX_SLOTS)
		opt.slots = MAX_SLOTS;
	if (opt.jobs < 1 || opt.jobs > MAX_JOBS || opt.slots < 2 * opt.jobs)
		die("1 to %u jobs, of two slots or more each", MAX_JOBS);
	if (opt.hot > opt.slots - opt.jobs)
		opt.hot = opt.slots - opt.jobs;
	w.stride = coprime(opt.slots - opt.hot);
	if (!strcmp(opt.ack, "durable") || (!strcmp(opt.ack, "auto") && cache_is_volatile(w.fd)))
		w.flags = RWF_DSYNC;
	w.slots = calloc(opt.slots, sizeof(*w.slots));
	if (!w.slots || getrandom(&w.run, sizeof(w.run), 0) != sizeof(w.run))
		die("no memory");
	log_begin(log);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Nothing here may wait for memory that is to be written to the device under test. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fprintf(stderr, "history: memory is not locked: %s\n", strerror(errno));
}

static void wait_for_end(const sigset_t *set)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now + opt.seconds * 1000000000u;
	struct timespec left;

	/* Stopped and continued, it goes on waiting. */
	do {
		left = (struct timespec){ (time_t)((end - now) / 1000000000u),
					  (long)((end - now) % 1000000000u) };
		if (sigtimedwait(set, NULL, opt.seconds ? &left : NULL) >= 0)
			break;
		now = clock_ns(CLOCK_MONOTONIC);
	} while (errno == EINTR && (!opt.seconds || now < end));
	atomic_store(&w.stop, true);
}

static void write_report(void)
{
	printf("done writes %" PRIu64 " acknowledged %" PRIu64 " errors %" PRIu64 " reads %" PRIu64
	       " bad-reads %" PRIu64 " stalls %" PRIu64 " longest %.3f begins %.3f\n",
	       w.writes, w.acked, w.errors, w.reads, w.bad, w.stalls, (double)w.longest / 1e9,
	       (double)w.longest_begin / 1e9);
	fprintf(w.log, "end %" PRIu64 "\n", clock_ns(CLOCK_REALTIME));
	if (fflush(w.log) || fsync(fileno(w.log)))
		die("log: %s", strerror(errno));
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-' || v > UINT32_MAX)
		die("%s: not a number", text);
	return v;
}

static void options(char **argv)
{
	static const struct {
		const char *name;
		uint64_t *value;
	} table[] = {
		{ "--interval", &opt.interval }, { "--jobs", &opt.jobs },
		{ "--start", &opt.start },	 { "--slots", &opt.slots },
		{ "--hot", &opt.hot },		 { "--read-every", &opt.read_every },
		{ "--stall", &opt.stall },	 { "--seconds", &opt.seconds },
		{ "--count", &opt.count },
	};
	size_t i, n = sizeof(table) / sizeof(table[0]);

	for (; *argv; argv++) {
		if (!argv[1])
			usage();
		for (i = 0; i < n && strcmp(*argv, table[i].name); i++)
			;
		if (i < n)
			*table[i].value = number(*++argv);
		else if (!strcmp(*argv, "--ack"))
			opt.ack = *++argv;
		else
			usage();
	}
	if (strcmp(opt.ack, "auto") && strcmp(opt.ack, "durable") && strcmp(opt.ack, "write"))
		usage();
}

static int run(const char *device, const char *log)
{
	static struct job jobs[MAX_JOBS];
	sigset_t set;

	write_prepare(device, log);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	printf("run %016" PRIx64 " slots %" PRIu64 " ack %s\n", w.run, opt.slots,
	       w.flags ? "durable" : "write");
	for (uint32_t i = 0; i < opt.jobs; i++) {
		jobs[i] = (struct job){ .id = i, .hot = i, .once = i, .random = mix(w.run + i) };
		if (pthread_create(&jobs[i].thread, NULL, job_run, &jobs[i]))
			die("no thread");
	}
	if (!opt.count)
		wait_for_end(&set);
	for (uint32_t i = 0; i < opt.jobs; i++)
		pthread_join(jobs[i].thread, NULL);
	write_report();
	return w.errors || w.bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		usage();
	options(argv + 3);
	crc_init();
	return run(argv[1], argv[2]);
}
