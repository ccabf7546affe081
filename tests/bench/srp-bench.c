/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for an SRP target from user space: channels, each with a fixed number of
 * commands in flight, over software iWARP or verbs. Prints I/Os per second, bytes,
 * latencies, and what CPU time the I/Os cost this process and, if it runs on this
 * host, the target.
 */
#include "base/bytes.h"
#include "client/client_sync.h"
#include "client/latency.h"
#include "client/size.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define TIMEOUT_MS 10000u
#define TURN_MS 100
#define SLICE_US 100000u
#define DRAIN_NS 10000000000ull
#define CHANNELS_MAX 256u
#define DEPTH_MAX 1024u
#define OP_READ_16 0x88
#define OP_WRITE_16 0x8a
#define MIX_READS 70u /* per cent */

enum phase { PHASE_SETUP, PHASE_RAMP, PHASE_MEASURE, PHASE_END };

struct workload {
	const char *name;
	bool random;
	unsigned reads; /* per cent */
};

struct options {
	struct client_params client;
	struct client_login login;
	const struct workload *rw;
	uint32_t channels, threads, block_size;
	uint64_t size; /* bytes of the disk that are used; 0: all */
	double ramp, runtime;
	long server_pid;
	uint16_t lun;
	enum client_desc desc;
	bool json;
};

struct job {
	struct client_cmd cmd;
	struct client_channel *ch;
	struct worker *w;
};

/* A thread with a client of its own. The main thread reads it when the thread has ended. */
struct worker {
	pthread_t thread;
	const struct options *o;
	unsigned channels;
	struct client *client;
	struct client_channel *ch[CHANNELS_MAX];
	struct job *jobs;
	uint32_t disk_block;
	uint64_t blocks;   /* of block_size that are used */
	uint64_t position; /* next of a sequence */
	uint64_t random;
	unsigned in_flight;
	uint64_t failed;
	struct latency latency;
	char err[300];
	int rc;
};

struct usage {
	uint64_t wall_ns;
	double own, server; /* CPU seconds */
};

static _Atomic enum phase phase = PHASE_SETUP;
static atomic_uint workers_ready, workers_failed;

static const struct workload workloads[] = {
	{ "randread", true, 100 },
	{ "randwrite", true, 0 },
	{ "read", false, 100 },
	{ "write", false, 0 },
	{ "mix", true, MIX_READS },
};

/* ---- one I/O ---- */

static enum phase phase_now(void)
{
	return atomic_load_explicit(&phase, memory_order_relaxed);
}

/* xorshift64: cheap; seeded per thread. */
static uint64_t random_next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static bool next_is_read(struct worker *w)
{
	unsigned reads = w->o->rw->reads;

	return reads == 100 || (reads && random_next(w) % 100 < reads);
}

static uint64_t next_block(struct worker *w)
{
	if (w->o->rw->random)
		return random_next(w) % w->blocks;
	if (w->position >= w->blocks)
		w->position = 0;
	return w->position++;
}

static void job_start(struct job *j)
{
	struct worker *w = j->w;
	uint32_t n = w->o->block_size / w->disk_block;
	bool read = next_is_read(w);

	j->cmd.cdb[0] = read ? OP_READ_16 : OP_WRITE_16;
	put_be64(j->cmd.cdb + 2, next_block(w) * n);
	put_be32(j->cmd.cdb + 10, n);
	j->cmd.dir = read ? CLIENT_READ : CLIENT_WRITE;
	w->in_flight++;
	client_submit(j->ch, &j->cmd);
}

static void job_done(struct client_cmd *cmd)
{
	struct job *j = container_of(cmd, struct job, cmd);
	struct worker *w = j->w;
	enum phase now = phase_now();
	char text[80];

	w->in_flight--;
	if (cmd->result || cmd->status || cmd->residual) {
		if (!w->failed++)
			snprintf(w->err, sizeof(w->err), "a command failed: %s",
				 client_status_text(cmd, text, sizeof(text)));
		return;
	}
	if (now == PHASE_MEASURE)
		latency_record(&w->latency, cmd->end_ns - cmd->start_ns);
	if (now != PHASE_END && !w->failed)
		job_start(j);
}

/* ---- a thread ---- */

static int worker_login(struct worker *w)
{
	struct client_login_result r;
	int rc;

	rc = client_create(&w->o->client, &w->client, w->err, sizeof(w->err));
	for (unsigned i = 0; !rc && i < w->channels; i++)
		rc = client_sync_login(w->client, &w->o->login, &w->ch[i], &r, w->err,
				       sizeof(w->err));
	return rc;
}

static int worker_disk(struct worker *w)
{
	const struct options *o = w->o;
	struct client_disk d;
	int rc = 0;

	/* Each channel is asked, so that unit attentions are taken before it counts. */
	for (unsigned i = 0; !rc && i < w->channels; i++)
		rc = client_sync_disk(w->ch[i], o->lun, &d, TIMEOUT_MS, w->err, sizeof(w->err));
	if (rc)
		return rc;
	if (d.type || !d.block_size || o->block_size % d.block_size) {
		snprintf(w->err, sizeof(w->err), "LUN %u has no blocks that make up %" PRIu32,
			 o->lun, o->block_size);
		return -EINVAL;
	}
	w->disk_block = d.block_size;
	w->blocks = d.blocks / (o->block_size / d.block_size);
	if (o->size)
		w->blocks = min_u64(w->blocks, o->size / o->block_size);
	if (w->blocks)
		return 0;
	snprintf(w->err, sizeof(w->err), "the disk is smaller than one request");
	return -EINVAL;
}

static int worker_jobs(struct worker *w)
{
	const struct options *o = w->o;
	uint32_t depth = o->login.queue_depth;

	w->jobs = calloc((size_t)w->channels * depth, sizeof(*w->jobs));
	if (!w->jobs)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->channels * depth; i++) {
		struct job *j = &w->jobs[i];
		int rc;

		j->w = w;
		j->ch = w->ch[i % w->channels];
		j->cmd.done = job_done;
		j->cmd.desc = o->desc;
		client_lun_encode(j->cmd.lun, o->lun);
		rc = iobuf_get(&client_reactor(w->client)->bufs, o->block_size, &j->cmd.data);
		if (rc) {
			snprintf(w->err, sizeof(w->err), "no memory for data");
			return rc;
		}
		memset(j->cmd.data.addr, 0xa5, o->block_size);
	}
	return 0;
}

static void worker_load(struct worker *w)
{
	uint64_t until;

	for (uint32_t i = 0; i < w->channels * w->o->login.queue_depth; i++)
		job_start(&w->jobs[i]);
	while (phase_now() != PHASE_END && !w->failed)
		client_turn(w->client, TURN_MS);
	if (w->failed)
		atomic_fetch_add(&workers_failed, 1);
	until = clock_now_ns() + DRAIN_NS;
	while (w->in_flight && clock_now_ns() < until)
		client_turn(w->client, TURN_MS);
	if (!w->in_flight)
		return;
	if (!w->failed++)
		snprintf(w->err, sizeof(w->err), "%u commands got no answer", w->in_flight);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	w->rc = worker_login(w);
	if (!w->rc)
		w->rc = worker_disk(w);
	if (!w->rc)
		w->rc = worker_jobs(w);
	atomic_fetch_add(&workers_ready, 1);
	while (phase_now() == PHASE_SETUP)
		usleep(1000);
	if (!w->rc && phase_now() != PHASE_END)
		worker_load(w);
	for (unsigned i = 0; i < w->channels; i++)
		if (w->ch[i])
			client_sync_logout(w->ch[i]);
	if (w->client)
		client_destroy(w->client);
	if (w->failed)
		w->rc = -EIO;
	/* A command without an answer may still be referred to: the process ends anyway. */
	if (!w->in_flight)
		free(w->jobs);
	return NULL;
}

/* ---- CPU time ---- */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Seconds in user mode and in the kernel of all threads of a process; 0 when it is not there. */
static double process_cpu(long pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], line[1024] = "";
	char *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			 &kernel) != 2)
		return 0;
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static struct usage usage_now(const struct options *o)
{
	struct usage u = { .wall_ns = clock_now_ns() };
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	u.own = seconds(r.ru_utime) + seconds(r.ru_stime);
	if (o->server_pid)
		u.server = process_cpu(o->server_pid);
	return u;
}

/* ---- what came out ---- */

struct result {
	double seconds, iops, bytes; /* per second the latter two */
	double own, server;          /* CPU seconds per million I/Os */
};

static struct result result_make(const struct options *o, const struct latency *l,
				 const struct usage *from, const struct usage *to)
{
	double n = l->count ? (double)l->count : 1;
	struct result r = { .seconds = (double)(to->wall_ns - from->wall_ns) / 1e9 };

	r.iops = (double)l->count / r.seconds;
	r.bytes = r.iops * o->block_size;
	r.own = (to->own - from->own) / n * 1e6;
	r.server = (to->server - from->server) / n * 1e6;
	return r;
}

static void print_json(const struct options *o, const struct latency *l, const struct result *r)
{
	printf("{ \"rw\": \"%s\", \"block_size\": %" PRIu32 ", \"queue_depth\": %" PRIu32
	       ", \"channels\": %" PRIu32 ", \"threads\": %" PRIu32 ", \"seconds\": %.3f,\n"
	       "  \"ios\": %" PRIu64 ", \"iops\": %.0f, \"mb_per_s\": %.1f,\n", o->rw->name,
	       o->block_size, o->login.queue_depth, o->channels, o->threads, r->seconds, l->count,
	       r->iops, r->bytes / 1e6);
	printf("  \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"mean_us\": %.2f, "
	       "\"max_us\": %.2f,\n", (double)latency_percentile(l, 50) / 1e3,
	       (double)latency_percentile(l, 99) / 1e3, (double)latency_percentile(l, 99.9) / 1e3,
	       (double)latency_mean(l) / 1e3, (double)l->max_ns / 1e3);
	printf("  \"client_cpu_s_per_million\": %.3f", r->own);
	if (o->server_pid)
		printf(", \"server_cpu_s_per_million\": %.3f", r->server);
	printf(" }\n");
}

static void print_text(const struct options *o, const struct latency *l, const struct result *r)
{
	char text[200];

	printf("%s, blocks of %" PRIu32 " bytes, %" PRIu32 " channel%s, %" PRIu32
	       " commands in flight on each, %.1f s\n", o->rw->name, o->block_size, o->channels,
	       o->channels == 1 ? "" : "s", o->login.queue_depth, r->seconds);
	printf("  %.0f IOPS, %.1f MB/s\n", r->iops, r->bytes / 1e6);
	printf("  %s\n", latency_summary(l, text, sizeof(text)));
	printf("  CPU seconds per million I/Os: initiator %.2f (%.2f CPUs busy)", r->own,
	       r->own * r->iops / 1e6);
	if (o->server_pid)
		printf(", target %.2f (%.2f CPUs busy)", r->server, r->server * r->iops / 1e6);
	printf("\n");
}

/* ---- all of it ---- */

/* Shorter when a thread fails. */
static void sleep_seconds(double s)
{
	uint64_t until = clock_now_ns() + (uint64_t)(s * 1e9), now;

	while ((now = clock_now_ns()) < until && !atomic_load(&workers_failed))
		usleep((useconds_t)min_u64((until - now) / 1000 + 1, SLICE_US));
}

static bool workers_start(const struct options *o, struct worker *workers)
{
	uint64_t seed;

	for (uint32_t i = 0; i < o->threads; i++) {
		struct worker *w = &workers[i];

		w->o = o;
		w->channels = o->channels / o->threads + (i < o->channels % o->threads);
		latency_init(&w->latency);
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			seed = clock_now_ns();
		w->random = seed | 1;
		if (pthread_create(&w->thread, NULL, worker_main, w)) {
			fprintf(stderr, "srp-bench: no thread can be made\n");
			exit(1);
		}
	}
	while (atomic_load(&workers_ready) < o->threads)
		usleep(1000);
	for (uint32_t i = 0; i < o->threads; i++)
		if (workers[i].rc)
			return false;
	return true;
}

static int workers_join(const struct options *o, struct worker *workers, struct latency *sum)
{
	int failed = 0;

	for (uint32_t i = 0; i < o->threads; i++) {
		pthread_join(workers[i].thread, NULL);
		latency_merge(sum, &workers[i].latency);
		if (!workers[i].rc)
			continue;
		if (!failed++)
			fprintf(stderr, "srp-bench: %s\n", workers[i].err);
	}
	return failed;
}

static int bench(const struct options *o)
{
	static struct latency sum;
	struct worker *workers = calloc(o->threads, sizeof(*workers));
	struct usage from = { 0 }, to = { 0 };
	struct result r;
	int failed;

	if (!workers)
		return 1;
	if (workers_start(o, workers)) {
		atomic_store(&phase, PHASE_RAMP);
		sleep_seconds(o->ramp);
		from = usage_now(o);
		atomic_store(&phase, PHASE_MEASURE);
		sleep_seconds(o->runtime);
		to = usage_now(o);
	}
	atomic_store(&phase, PHASE_END);
	failed = workers_join(o, workers, &sum);
	free(workers);
	if (failed)
		return 1;
	r = result_make(o, &sum, &from, &to);
	(o->json ? print_json : print_text)(o, &sum, &r);
	return 0;
}

/* ---- options ---- */

static const char usage[] =
	"Usage: srp-bench [OPTION...] LOGIN\n"
	"LOGIN is a line of \"srptctl login-info\": id_ext=…,ioc_guid=…,dest=ADDRESS:PORT\n"
	"  --rw KIND          randread, randwrite, read, write, or mix (70 % random reads);\n"
	"                     default randread. Writes destroy what the disk holds\n"
	"  --channels N       default 1\n"
	"  --threads N        each with channels of its own; default 1\n"
	"  --queue-depth N    commands in flight on each channel, default 32\n"
	"  --block-size N     bytes, also 4k, 1m; default 4k\n"
	"  --lun N            default 0\n"
	"  --size N           how much of the disk is used, bytes, also 64m, 1g; default all\n"
	"  --ramp S           seconds before it counts, default 0.5\n"
	"  --runtime S        seconds that count, default 5\n"
	"  --direct           the target fetches the data of writes; by default they travel with\n"
	"                     the command if they fit, as with ib_srp\n"
	"  --crc              every FPDU has a checksum\n"
	"  --verbs            not software iWARP but an RDMA device\n"
	"  --poll-us N        microseconds without work before it sleeps, default 50\n"
	"  --server-pid PID   the target's CPU time too\n"
	"  --json\n";

enum { OPT_RW = 1, OPT_CHANNELS, OPT_THREADS, OPT_DEPTH, OPT_BLOCK, OPT_LUN, OPT_SIZE, OPT_RAMP,
       OPT_RUNTIME, OPT_DIRECT, OPT_CRC, OPT_VERBS, OPT_POLL, OPT_PID, OPT_JSON, OPT_HELP };

static const struct option long_options[] = {
	{ "rw", required_argument, NULL, OPT_RW },
	{ "channels", required_argument, NULL, OPT_CHANNELS },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "queue-depth", required_argument, NULL, OPT_DEPTH },
	{ "block-size", required_argument, NULL, OPT_BLOCK },
	{ "lun", required_argument, NULL, OPT_LUN },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "ramp", required_argument, NULL, OPT_RAMP },
	{ "runtime", required_argument, NULL, OPT_RUNTIME },
	{ "direct", no_argument, NULL, OPT_DIRECT },
	{ "crc", no_argument, NULL, OPT_CRC },
	{ "verbs", no_argument, NULL, OPT_VERBS },
	{ "poll-us", required_argument, NULL, OPT_POLL },
	{ "server-pid", required_argument, NULL, OPT_PID },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int number_parse(const char *s, uint64_t lowest, uint64_t highest, uint64_t *out)
{
	int rc = size_parse(s, out);

	return rc || *out < lowest || *out > highest ? -EINVAL : 0;
}

static int u32_parse(const char *s, uint32_t lowest, uint32_t highest, uint32_t *out)
{
	uint64_t v;
	int rc = number_parse(s, lowest, highest, &v);

	*out = (uint32_t)v;
	return rc;
}

static int seconds_parse(const char *s, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return end == s || *end || !(*out >= 0 && *out <= 86400) ? -EINVAL : 0;
}

static int rw_parse(const char *s, const struct workload **out)
{
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(s, workloads[i].name)) {
			*out = &workloads[i];
			return 0;
		}
	return -EINVAL;
}

static int option_set(struct options *o, int c, const char *arg)
{
	uint64_t v = 0;
	int rc = 0;

	switch (c) {
	case OPT_RW:
		return rw_parse(arg, &o->rw);
	case OPT_CHANNELS:
		return u32_parse(arg, 1, CHANNELS_MAX, &o->channels);
	case OPT_THREADS:
		return u32_parse(arg, 1, REACTOR_MAX, &o->threads);
	case OPT_DEPTH:
		return u32_parse(arg, 1, DEPTH_MAX, &o->login.queue_depth);
	case OPT_BLOCK:
		return u32_parse(arg, 512, IOBUF_MAX_SIZE, &o->block_size);
	case OPT_LUN:
		rc = number_parse(arg, 0, 16383, &v);
		o->lun = (uint16_t)v;
		return rc;
	case OPT_SIZE:
		return number_parse(arg, 1, INT64_MAX, &o->size);
	case OPT_RAMP:
		return seconds_parse(arg, &o->ramp);
	case OPT_RUNTIME:
		return seconds_parse(arg, &o->runtime);
	case OPT_POLL:
		rc = number_parse(arg, 0, 1000000, &v);
		o->client.poll_budget_us = (int)v;
		return rc;
	case OPT_PID:
		rc = number_parse(arg, 1, INT32_MAX, &v);
		o->server_pid = (long)v;
		return rc;
	}
	return -EINVAL;
}

static int flag_set(struct options *o, int c)
{
	switch (c) {
	case OPT_DIRECT:
		o->desc = CLIENT_DIRECT;
		o->login.imm_data = false;
		return 0;
	case OPT_CRC:
		o->client.crc = IWARP_CRC_ON;
		return 0;
	case OPT_VERBS:
		o->client.transport = CLIENT_VERBS;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	}
	return -EINVAL;
}

/* ADDRESS:PORT, with brackets around an IPv6 address. */
static int dest_parse(char *s, struct sockaddr_storage *out)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	char *port = strrchr(s, ':');
	size_t len;

	if (!port)
		return -EINVAL;
	*port++ = '\0';
	len = strlen(s);
	if (len > 2 && s[0] == '[' && s[len - 1] == ']') {
		s[len - 1] = '\0';
		s++;
	}
	if (getaddrinfo(s, port, &hints, &ai))
		return -EINVAL;
	memcpy(out, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return 0;
}

static int guid_parse(const char *s, uint64_t *out)
{
	char *end;

	*out = strtoull(s, &end, 16);
	return end == s || *end ? -EINVAL : 0;
}

/* The keys of other tools are left alone. */
static int login_parse(char *s, struct client_login *l)
{
	char *save, *part;
	int rc = 0;

	for (part = strtok_r(s, ",", &save); !rc && part; part = strtok_r(NULL, ",", &save)) {
		if (!strncmp(part, "id_ext=", 7))
			rc = guid_parse(part + 7, &l->id_ext);
		else if (!strncmp(part, "ioc_guid=", 9))
			rc = guid_parse(part + 9, &l->ioc_guid);
		else if (!strncmp(part, "dest=", 5))
			rc = dest_parse(part + 5, &l->addr);
	}
	return rc || !l->addr.ss_family ? -EINVAL : 0;
}

static int options_parse(struct options *o, int argc, char **argv)
{
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == OPT_HELP || c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		rc = optarg ? option_set(o, c, optarg) : flag_set(o, c);
	}
	if (rc || optind != argc - 1 || o->runtime <= 0 || o->block_size % 512)
		return -EINVAL;
	if (login_parse(argv[optind], &o->login)) {
		fprintf(stderr, "srp-bench: the line of login-info is wrong\n");
		return -EINVAL;
	}
	if (o->threads > o->channels)
		o->threads = o->channels;
	return 0;
}

/* What a thread needs for its share of the channels. */
static void options_complete(struct options *o)
{
	uint32_t block = IOBUF_MIN_SIZE, share = o->channels / o->threads + 1;

	while (block < o->block_size)
		block <<= 1;
	o->client.max_channels = share;
	o->client.buffer_size = (size_t)block * o->login.queue_depth * share + (16u << 20);
	if (getrandom(o->login.initiator_port_id, sizeof(o->login.initiator_port_id), 0) < 0)
		put_be64(o->login.initiator_port_id, clock_now_ns());
}

int main(int argc, char **argv)
{
	struct options o = {
		.client = { .transport = CLIENT_IWARP, .poll_budget_us = 50, .cpu = -1,
			    .crc = IWARP_CRC_AUTO, .mpa_revision = 2 },
		.login = { .multi = true, .imm_data = true, .queue_depth = 32,
			   .timeout_ms = TIMEOUT_MS },
		.rw = &workloads[0], .channels = 1, .threads = 1, .block_size = 4096,
		.desc = CLIENT_IMMEDIATE, .ramp = 0.5, .runtime = 5,
	};

	if (options_parse(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	options_complete(&o);
	return bench(&o);
}
