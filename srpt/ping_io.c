/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O run: phases (write, read, check) over a range of a LUN, with a number of
 * commands in flight on every channel.
 */
#include "ping.h"

#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define BUSY_RETRY_NS (10 * NS_PER_MS)
#define UA_RETRIES 10u
#define STATUS_BUSY 0x08
#define STATUS_TASK_SET_FULL 0x28
#define OP_READ_16 0x88
#define OP_WRITE_16 0x8a

/* What is done with the range, and what came of it. */
struct phase {
	const char *name;
	bool wanted, writes, compares;
	uint64_t commands, bytes, busy_ns;
	uint64_t mismatches;
	struct ping_mismatch first; /* the one of the lowest LBA */
	struct latency latency;
};

struct io {
	struct ping *p;
	uint16_t lun;
	struct ping_range range;
	struct ping_order order;
	struct phase *phase;
	uint32_t inflight;
	uint64_t heard_ns; /* when the last answer came */
	uint64_t until_ns; /* of --runtime; 0: one pass */
	uint64_t limit;    /* commands of this pass */
	bool stop;
	bool expired;      /* the time of --runtime is over */
};

struct job {
	struct client_cmd cmd;
	struct io *io;
	struct client_channel *ch;
	struct reactor_timer timer; /* the target was busy */
	uint64_t lba;
	uint32_t blocks, retries;
};

/* ---- range ---- */

int ping_range_get(struct ping *p, uint16_t lun, const struct client_disk *d,
		   struct ping_range *r)
{
	const struct ping_opts *o = &p->o;
	uint64_t bytes, size = o->size;
	char text[32];

	if (!d->blocks || d->block_size % 8)
		return ping_fail(p, PING_FAILED, "LUN %u is no disk that can be read", lun);
	if (o->offset % d->block_size || o->block_size % d->block_size || size % d->block_size)
		return ping_fail(p, PING_USAGE, "size, offset and block size must be multiples of "
				 "the %u bytes of a block of LUN %u", d->block_size, lun);
	bytes = d->blocks > UINT64_MAX / d->block_size ? UINT64_MAX : d->blocks * d->block_size;
	if (o->offset >= bytes || size > bytes - o->offset)
		return ping_fail(p, PING_USAGE, "LUN %u ends at %s", lun,
				 ping_size_text(bytes, text, sizeof(text)));
	if (!size)
		size = min_u64(bytes - o->offset, 64u << 20);
	*r = (struct ping_range){
		.lba = o->offset / d->block_size,
		.blocks = size / d->block_size,
		.per_cmd = o->block_size / d->block_size,
		.block_size = d->block_size,
	};
	r->ncmds = (r->blocks + r->per_cmd - 1) / r->per_cmd;
	return PING_OK;
}

void ping_rw_cdb(struct client_cmd *cmd, bool write, uint64_t lba, uint32_t blocks)
{
	cmd->dir = write ? CLIENT_WRITE : CLIENT_READ;
	cmd->cdb[0] = write ? OP_WRITE_16 : OP_READ_16;
	put_be64(cmd->cdb + 2, lba);
	put_be32(cmd->cdb + 10, blocks);
}

/* ---- jobs ---- */

static void job_submit(struct job *j)
{
	struct io *io = j->io;

	ping_rw_cdb(&j->cmd, io->phase->writes, j->lba, j->blocks);
	j->cmd.data.len = j->blocks * io->range.block_size;
	client_submit(j->ch, &j->cmd);
}

static void job_again(struct reactor_timer *t)
{
	job_submit(container_of(t, struct job, timer));
}

/* Start the next command of the pass; false: there is none. */
static bool job_next(struct job *j)
{
	struct io *io = j->io;
	uint64_t i, from;

	if (io->stop || io->order.done == io->limit || !ping_order_next(&io->order, &i))
		return false;
	from = i * io->range.per_cmd;
	j->lba = io->range.lba + from;
	j->blocks = (uint32_t)min_u64(io->range.per_cmd, io->range.blocks - from);
	j->retries = 0;
	if (io->phase->writes)
		ping_pattern_fill(j->cmd.data.addr, j->lba, j->blocks, io->range.block_size,
				  io->p->o.seed);
	job_submit(j);
	return true;
}

/* Not an answer yet: ask again, now or later. */
static bool job_retry(struct job *j)
{
	struct ping *p = j->io->p;

	if (j->cmd.result)
		return false;
	if (client_sense(&j->cmd) >> 16 == 0x06 && j->retries < UA_RETRIES) {
		j->retries++;
		job_submit(j);
		return true;
	}
	if ((j->cmd.status == STATUS_BUSY || j->cmd.status == STATUS_TASK_SET_FULL) &&
	    j->retries * BUSY_RETRY_NS < p->o.timeout_ms * NS_PER_MS) {
		j->retries++;
		reactor_timer_start(client_reactor(p->c), &j->timer, BUSY_RETRY_NS);
		return true;
	}
	return false;
}

static void job_compare(struct job *j)
{
	struct phase *ph = j->io->phase;
	struct ping_mismatch m;

	if (!ping_pattern_compare(j->cmd.data.addr, j->lba, j->blocks, j->io->range.block_size,
				  j->io->p->o.seed, &m))
		return;
	if (!ph->mismatches || m.lba < ph->first.lba)
		ph->first = m;
	ph->mismatches++;
}

static void job_failed(struct job *j)
{
	struct io *io = j->io;
	char text[PING_TEXT_MAX];

	io->stop = true;
	if (j->cmd.result == -ECONNRESET)
		return; /* the channel knows why */
	if (!j->cmd.result && !j->cmd.status)
		snprintf(text, sizeof(text), "%u bytes %s", j->cmd.residual,
			 j->cmd.overflow ? "too many" : "are missing");
	else
		client_status_text(&j->cmd, text, sizeof(text));
	ping_fail(io->p, PING_FAILED, "%s of LUN %u, LBA %" PRIu64 ", %u blocks: %s",
		  io->phase->name, io->lun, j->lba, j->blocks, text);
}

static void job_done(struct client_cmd *cmd)
{
	struct job *j = container_of(cmd, struct job, cmd);
	struct phase *ph = j->io->phase;

	j->io->heard_ns = clock_now_ns();
	if (job_retry(j))
		return;
	if (cmd->result || cmd->status || cmd->residual) {
		job_failed(j);
	} else {
		ph->commands++;
		ph->bytes += cmd->data.len;
		latency_record(&ph->latency, cmd->end_ns - cmd->start_ns);
		if (ph->compares)
			job_compare(j);
	}
	if (!job_next(j))
		j->io->inflight--;
}

/* ---- passes ---- */

static void io_watch(struct io *io)
{
	struct ping *p = io->p;
	uint64_t now = clock_now_ns();

	if (io->until_ns && now >= io->until_ns && !io->expired)
		io->stop = io->expired = true;
	if (ping_stop)
		io->stop = true;
	if (now < io->heard_ns || now - io->heard_ns < p->o.timeout_ms * NS_PER_MS)
		return;
	ping_fail(p, PING_UNREACHABLE, "%s of LUN %u: no answer in time", io->phase->name, io->lun);
	io->stop = true;
	io->heard_ns = now;
	for (uint32_t i = 0; i < p->nchannels; i++)
		client_drop(p->ch[i]);
}

static int pass_run(struct io *io, struct job *jobs, uint32_t njobs)
{
	uint64_t start = clock_now_ns();

	ping_order_init(&io->order, io->range.ncmds, io->p->o.random, io->p->o.seed);
	io->heard_ns = start;
	for (uint32_t i = 0; i < njobs; i++)
		if (job_next(&jobs[i]))
			io->inflight++;
	while (io->inflight) {
		client_turn(io->p->c, 100);
		io_watch(io);
	}
	io->phase->busy_ns += clock_now_ns() - start;
	if (!io->p->status && io->stop)
		ping_fail_lost(io->p);
	return io->p->status;
}

/*
 * Is this phase's turn? When the time was over while the pattern was written, what
 * was written is still compared: the order is the same.
 */
static bool phase_due(struct io *io, const struct phase *ph, const struct phase *last)
{
	if (!ph->wanted || ping_stop)
		return false;
	if (io->expired && io->stop && io->p->o.verify && ph->compares && last->writes) {
		io->limit = io->order.done;
		io->stop = false;
	}
	return !io->stop;
}

static int passes_run(struct io *io, struct phase *phases, size_t n, struct job *jobs,
		      uint32_t njobs)
{
	io->phase = phases;
	do {
		io->limit = io->range.ncmds;
		for (size_t i = 0; i < n; i++) {
			if (!phase_due(io, &phases[i], io->phase))
				continue;
			io->phase = &phases[i];
			if (pass_run(io, jobs, njobs))
				return io->p->status;
		}
	} while (io->until_ns && !io->expired && !io->stop);
	return PING_OK;
}

static void jobs_free(struct io *io, struct job *jobs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		iobuf_put(&client_reactor(io->p->c)->bufs, &jobs[i].cmd.data);
	free(jobs);
}

static struct job *jobs_make(struct io *io, uint32_t n)
{
	const struct ping_opts *o = &io->p->o;
	struct job *jobs = calloc(n, sizeof(*jobs));

	for (uint32_t i = 0; jobs && i < n; i++) {
		struct job *j = &jobs[i];

		j->io = io;
		/* Neighbours on different channels: all have work when there is little. */
		j->ch = io->p->ch[i % io->p->nchannels];
		j->cmd.desc = o->desc;
		j->cmd.pieces = o->pieces;
		j->cmd.done = job_done;
		j->timer.fn = job_again;
		list_init(&j->timer.link);
		client_lun_encode(j->cmd.lun, io->lun);
		if (iobuf_get(&client_reactor(io->p->c)->bufs, o->block_size, &j->cmd.data)) {
			jobs_free(io, jobs, i);
			return NULL;
		}
	}
	return jobs;
}

/* ---- report ---- */

static void phase_say(struct ping *p, const struct phase *ph)
{
	char size[32], text[PING_TEXT_MAX];
	double s = (double)ph->busy_ns / 1e9;

	ping_say(p, "%s: %s in %.2f s: %.0f IOPS, %.1f MB/s", ph->name,
		 ping_size_text(ph->bytes, size, sizeof(size)), s, (double)ph->commands / s,
		 (double)ph->bytes / 1e6 / s);
	ping_say(p, "%s: latency %s", ph->name, latency_summary(&ph->latency, text, sizeof(text)));
	if (p->o.histogram && !p->o.quiet && !p->o.json)
		latency_print_histogram(&ph->latency, stdout, "  ");
}

static void phase_json(struct ping *p, const struct phase *ph)
{
	double s = (double)ph->busy_ns / 1e9;
	struct json *j = &p->json;

	json_object_begin(j, NULL);
	json_string(j, "what", ph->name);
	json_uint(j, "commands", ph->commands);
	json_uint(j, "bytes", ph->bytes);
	ping_json_number(j, "seconds", s);
	ping_json_number(j, "iops", (double)ph->commands / s);
	ping_json_number(j, "mb_per_s", (double)ph->bytes / 1e6 / s);
	ping_json_latency(j, "latency_us", &ph->latency);
	if (ph->compares)
		json_uint(j, "mismatches", ph->mismatches);
	if (ph->mismatches)
		json_uint(j, "first_mismatch_lba", ph->first.lba);
	json_object_end(j);
}

static void phase_judge(struct io *io, const struct phase *ph)
{
	const struct ping_mismatch *m = &ph->first;

	if (!ph->mismatches)
		return;
	ping_fail(io->p, PING_FAILED, "data differ in %" PRIu64 " of %" PRIu64 " commands; first "
		  "at LBA %" PRIu64 ", byte %u of the block (offset %" PRIu64 "): expected %016"
		  PRIx64 ", got %016" PRIx64, ph->mismatches, ph->commands, m->lba, m->offset,
		  m->lba * io->range.block_size + m->offset, get_be64(m->expected),
		  get_be64(m->got));
}

static void phases_report(struct io *io, const struct phase *phases, size_t n)
{
	json_array_begin(&io->p->json, "io");
	for (size_t i = 0; i < n; i++) {
		if (!phases[i].commands)
			continue;
		phase_say(io->p, &phases[i]);
		phase_json(io->p, &phases[i]);
		phase_judge(io, &phases[i]);
	}
	json_array_end(&io->p->json);
}

static void say_overwrite(const struct io *io)
{
	const struct ping_opts *o = &io->p->o;
	char size[32];

	if (o->write || o->verify)
		ping_say(io->p, "overwriting %s of LUN %u from offset %" PRIu64 " with pattern %"
			 PRIu64, ping_size_text(io->range.blocks * io->range.block_size, size,
						sizeof(size)), io->lun, o->offset, o->seed);
}

int ping_io_run(struct ping *p, uint16_t lun, const struct client_disk *d)
{
	const struct ping_opts *o = &p->o;
	struct phase phases[] = {
		{ .name = "write", .wanted = o->write || o->verify, .writes = true },
		{ .name = "read", .wanted = o->read },
		{ .name = "check", .wanted = o->check || o->verify, .compares = true },
	};
	struct io io = { .p = p, .lun = lun };
	uint32_t njobs = p->nchannels * o->queue_depth;
	struct job *jobs;
	int rc = ping_range_get(p, lun, d, &io.range);

	if (rc)
		return rc;
	if (phases[0].wanted && d->read_only)
		return ping_fail(p, PING_FAILED, "LUN %u is write protected", lun);
	jobs = jobs_make(&io, njobs);
	if (!jobs)
		return ping_fail(p, PING_FAILED, "no memory for the buffers");
	say_overwrite(&io);
	if (o->runtime_s)
		io.until_ns = clock_now_ns() + o->runtime_s * NS_PER_S;
	passes_run(&io, phases, ARRAY_SIZE(phases), jobs, njobs);
	jobs_free(&io, jobs, njobs);
	phases_report(&io, phases, ARRAY_SIZE(phases));
	return p->status;
}
