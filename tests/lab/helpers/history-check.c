/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checker; history.h says what it finds. Exit status 1 with the first of what is wrong. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "history.h"

#define MAX_SHOWN 10u

/* A record that was submitted. */
struct entry {
	uint64_t slot;
	bool acked;
};

struct past {
	uint64_t job;
	uint64_t acked; /* the last; 0: none */
	uint64_t submitted;
};

static struct {
	uint64_t run, jobs, start, slots;
	struct past *slot;
	struct entry *entry[MAX_JOBS]; /* by sequence − 1 */
	uint64_t entries[MAX_JOBS], room[MAX_JOBS];
	uint64_t records, acked, errors, bad, unacked_there, checked;
	bool all, ended;
} c;

__attribute__((format(printf, 1, 2))) static void bad(const char *format, ...)
{
	va_list ap;

	if (++c.bad > MAX_SHOWN)
		return;
	va_start(ap, format);
	fputs("BAD ", stdout);
	vprintf(format, ap);
	putchar('\n');
	va_end(ap);
}

static void log_submitted(uint64_t job, uint64_t seq, uint64_t slot)
{
	struct past *p;

	if (job >= c.jobs || slot >= c.slots || seq != c.entries[job] + 1)
		die("the log is damaged: write %" PRIu64 " of job %" PRIu64, seq, job);
	if (c.entries[job] == c.room[job]) {
		c.room[job] = c.room[job] ? 2 * c.room[job] : 1024;
		c.entry[job] = realloc(c.entry[job], c.room[job] * sizeof(struct entry));
		if (!c.entry[job])
			die("no memory");
	}
	c.entry[job][c.entries[job]++] = (struct entry){ .slot = slot };
	p = &c.slot[slot];
	if (p->submitted && p->job != job)
		die("the log is damaged: two jobs write slot %" PRIu64, slot);
	p->job = job;
	p->submitted = seq;
	c.records++;
}

static void log_acked(uint64_t job, uint64_t seq)
{
	struct entry *e;

	if (job >= c.jobs || !seq || seq > c.entries[job])
		die("the log is damaged: acknowledgement %" PRIu64 " of job %" PRIu64, seq, job);
	e = &c.entry[job][seq - 1];
	e->acked = true;
	c.slot[e->slot].acked = seq;
	c.acked++;
}

static void log_head(FILE *f)
{
	if (fscanf(f, "history 1 %" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "\n", &c.run,
		   &c.jobs, &c.start, &c.slots) != 4 ||
	    !c.jobs || c.jobs > MAX_JOBS || c.slots > MAX_SLOTS)
		die("not a log of history");
	c.slot = calloc(c.slots, sizeof(*c.slot));
	if (!c.slot)
		die("no memory");
}

/* The last line may be a part of one: the writer was killed. */
static void log_read(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t a, b, slot, time;
	char line[1024];

	if (!f)
		die("%s: %s", path, strerror(errno));
	log_head(f);
	while (fgets(line, sizeof(line), f) && strchr(line, '\n')) {
		if (sscanf(line, "w %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &slot,
			   &time) == 4)
			log_submitted(a, b, slot);
		else if (sscanf(line, "a %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &time) == 3)
			log_acked(a, b);
		else if (line[0] == 'e' && line[1] == ' ')
			c.errors++;
		else if (line[0] == 'x')
			line[strcspn(line, "\n")] = 0, bad("read of slot %s", line + 2);
		else if (!strncmp(line, "end ", 4))
			c.ended = true;
		else if (line[0] != 's')
			die("the log is damaged: %s", line);
	}
	fclose(f);
}

/* Of one record all sectors, or of two when the newer was never acknowledged: it may be torn. */
static const char *explain(const struct past *p, uint64_t slot, const struct look *l)
{
	const struct entry *e;

	for (uint64_t seq = l->low;; seq = l->high) {
		e = seq && seq <= c.entries[p->job] ? &c.entry[p->job][seq - 1] : NULL;
		if (!e || e->slot != slot)
			return "invented, never submitted";
		if (seq < p->acked)
			return l->low == l->high ? "stale" : "torn";
		if (seq == l->high)
			return NULL;
	}
}

static void check_slot(const struct sector *r, uint64_t n)
{
	static const char *const names[] = { [NOTHING] = "lost",
					     [DAMAGED] = "torn",
					     [FOREIGN] = "foreign",
					     [MISPLACED] = "misplaced" };
	const struct past *p = &c.slot[n];
	struct look l = record_look(r, c.run, n);
	const char *why = NULL;
	char text[512];

	if (l.found == OURS)
		why = explain(p, n, &l);
	else if (p->acked || l.found == MISPLACED)
		why = l.found == NOTHING && l.high ? "torn" : names[l.found];
	if (why)
		bad("slot %" PRIu64 " of job %" PRIu64 ": %s: %s; acknowledged %" PRIu64
		    ", submitted %" PRIu64,
		    n, p->job, why, record_text(r, c.run, n, text, sizeof(text)), p->acked,
		    p->submitted);
	else if (l.found == OURS && l.high > p->acked)
		c.unacked_there++;
}

/* Nobody wrote it: no record of this run may be there. */
static void check_unwritten(const struct sector *r, uint64_t n)
{
	char text[512];

	for (uint32_t i = 0; i < SECTORS; i++) {
		enum found f = sector_look(&r[i], c.run, n, i);

		if (f != OURS && f != MISPLACED)
			continue;
		bad("slot %" PRIu64 " was never written: %s", n,
		    record_text(r, c.run, n, text, sizeof(text)));
		return;
	}
}

static int check(const char *device, const char *log)
{
	struct sector *r = record_alloc();
	uint64_t blocks;
	int fd;

	log_read(log);
	fd = device_open(device, O_RDONLY, &blocks);
	for (uint64_t n = 0; n < c.slots; n++) {
		if (!c.slot[n].submitted && !c.all)
			continue;
		c.checked++;
		if (pread(fd, r, RECORD, (off_t)((c.start + n) * RECORD)) != RECORD)
			bad("slot %" PRIu64 ": cannot be read: %s", n, strerror(errno));
		else if (c.slot[n].submitted)
			check_slot(r, n);
		else
			check_unwritten(r, n);
	}
	free(r);
	printf("checked records %" PRIu64 " acknowledged %" PRIu64 " errors %" PRIu64
	       " slots %" PRIu64 " unacknowledged-there %" PRIu64 " bad %" PRIu64 "%s\n",
	       c.records, c.acked, c.errors, c.checked, c.unacked_there, c.bad,
	       c.ended ? "" : " (the writer did not end by itself)");
	if (!c.acked)
		printf("BAD nothing was acknowledged\n");
	return c.bad || !c.acked ? 1 : 0;
}

int main(int argc, char **argv)
{
	c.all = argc == 4 && !strcmp(argv[3], "--all");
	if (argc != 3 && !c.all) {
		fputs("Usage: history-check DEVICE LOG [--all]\n"
		      "  --all  look for misplaced records in slots that were never written, too\n",
		      stderr);
		return 2;
	}
	crc_init();
	return check(argv[1], argv[2]);
}
