/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy_run.h"

#include "base/bytes.h"
#include "policy_watch.h"
#include "replicator/policy.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 3, QUEUE = 4096, LINE = 8192 };

struct sent {
	uint32_t from;
	size_t len;
	char *text;
};

struct node {
	struct policy_run *run;
	uint32_t id;
	struct policy *policy;
	struct policy_watch *watch;
	uint32_t members[POLICY_MEMBERS + 2];
	unsigned n_members;
};

struct policy_run {
	const char *dir;
	FILE *out;
	bool quiet, held, delivering, several;
	struct node nodes[NODES];
	struct sent queue[QUEUE];
	unsigned n_queued;
};

/* ---- actions ---- */

static void message_print(FILE *f, const char *to, const struct ha_out *o)
{
	fprintf(f, "%s ", to);
	for (size_t i = 0; i < o->len; i++)
		putc(o->text[i] == '\t' ? ' ' : o->text[i], f);
	putc('\n', f);
}

static void action_print(FILE *f, const struct policy_action *a)
{
	switch (a->type) {
	case POLICY_TO_SRPTD:
		message_print(f, "srptd", a->out);
		break;
	case POLICY_MULTICAST:
		message_print(f, "multicast", a->out);
		break;
	case POLICY_STORE:
		fprintf(f, "store %s %llu\n", a->group, (unsigned long long)a->epoch);
		break;
	case POLICY_ATTRIBUTE:
		fprintf(f, "attribute %s %s\n", a->name, a->value ? a->value : "-");
		break;
	case POLICY_PRIMARY:
		fprintf(f, "primary %s\n", a->name);
		break;
	case POLICY_SECONDARY:
		fprintf(f, "secondary %s\n", a->name);
		break;
	case POLICY_FENCE:
		fprintf(f, "fence %s in %u s\n", a->name, a->delay);
		break;
	case POLICY_FENCE_PREPARE:
		fputs("fence later\n", f);
		break;
	case POLICY_SCORE:
		if (a->score < 0)
			fprintf(f, "score %s -\n", a->group);
		else
			fprintf(f, "score %s %d\n", a->group, a->score);
		break;
	case POLICY_LOG:
		fprintf(f, "log %d %s\n", a->priority, a->text);
		break;
	case POLICY_ACTION_TYPES:
		break;
	}
}

static void queue_add(struct policy_run *r, uint32_t from, const struct ha_out *o)
{
	struct sent *s = &r->queue[r->n_queued];

	if (r->n_queued == QUEUE)
		return; /* as cpg: what it cannot take is lost */
	s->text = malloc(o->len);
	if (!s->text)
		abort();
	memcpy(s->text, o->text, o->len);
	s->len = o->len;
	s->from = from;
	r->n_queued++;
}

static void act(void *arg, const struct policy_action *a)
{
	struct node *n = arg;
	struct policy_run *r = n->run;

	policy_watch_action(n->watch, a);
	if (a->type == POLICY_MULTICAST)
		queue_add(r, n->id, a->out);
	if (!r->out || r->quiet)
		return;
	if (r->several)
		fprintf(r->out, "%u> ", n->id);
	action_print(r->out, a);
}

/* ---- events ---- */

static void event(struct node *n, const struct policy_event *e)
{
	struct policy_sink sink = { act, n };

	policy_watch_event(n->watch, e);
	policy_event(n->policy, e, &sink);
	policy_watch_settled(n->watch);
}

static bool is_member(const struct node *n, uint32_t id)
{
	for (unsigned i = 0; i < n->n_members; i++)
		if (n->members[i] == id)
			return true;
	return false;
}

static void deliver(struct policy_run *r)
{
	if (r->delivering)
		return;
	r->delivering = true;
	for (unsigned i = 0; i < r->n_queued; i++) {
		struct sent *s = &r->queue[i];
		static struct ha_msg m;

		if (ha_msg_decode(&m, s->text, s->len))
			abort();
		for (unsigned k = 0; k < NODES; k++)
			if (is_member(&r->nodes[k], s->from))
				event(&r->nodes[k], &(struct policy_event){
					.type = POLICY_DELIVERED, .node = s->from, .msg = &m });
		free(s->text);
	}
	r->n_queued = 0;
	r->delivering = false;
}

/* ---- lines ---- */

/* Words become the tabs of a message. */
static bool message_of(const char *text, struct ha_msg *m)
{
	char copy[LINE];
	size_t len = strlen(text);

	if (len >= sizeof(copy))
		return false;
	for (size_t i = 0; i <= len; i++)
		copy[i] = text[i] == ' ' ? '\t' : text[i];
	return !ha_msg_decode(m, copy, len);
}

static bool on_now(struct node *n, const char *rest)
{
	event(n, &(struct policy_event){ .type = POLICY_NOW,
					 .ns = strtoull(rest, NULL, 10) * 1000000 });
	return true;
}

static bool on_stored(struct node *n, const char *rest)
{
	char name[64];
	unsigned long long epoch;

	if (sscanf(rest, "%63s %llu", name, &epoch) != 2)
		return false;
	event(n, &(struct policy_event){ .type = POLICY_STORED, .group = name, .epoch = epoch });
	return true;
}

static bool on_members(struct node *n, const char *rest)
{
	char *end;

	n->n_members = 0;
	while (*rest && n->n_members < ARRAY_SIZE(n->members)) {
		n->members[n->n_members++] = (uint32_t)strtoul(rest, &end, 10);
		rest = end + strspn(end, " ");
		if (end == rest && *end)
			return false;
	}
	event(n, &(struct policy_event){ .type = POLICY_MEMBERSHIP, .node = n->id,
					 .nodes = n->members, .n_nodes = n->n_members });
	return true;
}

static bool on_from(struct node *n, const char *rest)
{
	static struct ha_msg m;
	char *end;
	uint32_t from = (uint32_t)strtoul(rest, &end, 10);

	if (*end != ' ' || !message_of(end + 1, &m))
		return false;
	event(n, &(struct policy_event){ .type = POLICY_DELIVERED, .node = from, .msg = &m });
	return true;
}

/* yes|no [NODE...]: of which the cluster is. */
static bool on_quorum(struct node *n, const char *rest)
{
	uint32_t nodes[POLICY_MEMBERS];
	struct policy_event e = { .type = POLICY_QUORUM, .nodes = nodes };
	char *end;

	e.yes = !strncmp(rest, "yes", 3);
	for (rest += strcspn(rest, " "); *rest == ' ' && e.n_nodes < POLICY_MEMBERS; rest = end)
		nodes[e.n_nodes++] = (uint32_t)strtoul(rest + 1, &end, 10);
	event(n, &e);
	return !*rest;
}

static bool on_srptd_up(struct node *n, const char *rest)
{
	event(n, &(struct policy_event){ .type = POLICY_SRPTD_UP });
	return !*rest;
}

static bool on_srptd_down(struct node *n, const char *rest)
{
	event(n, &(struct policy_event){ .type = POLICY_SRPTD_DOWN });
	return !*rest;
}

static bool on_srptd(struct node *n, const char *rest)
{
	static struct ha_msg m;

	if (!message_of(rest, &m))
		return false;
	event(n, &(struct policy_event){ .type = POLICY_SRPTD, .msg = &m });
	return true;
}

static bool on_drbd(struct node *n, const char *rest)
{
	struct drbd_event e;
	int rc = events2_parse(rest, strlen(rest), &e);

	if (rc == 0)
		event(n, &(struct policy_event){ .type = POLICY_DRBD, .drbd = &e });
	return rc == 0;
}

static bool on_drbd_down(struct node *n, const char *rest)
{
	event(n, &(struct policy_event){ .type = POLICY_DRBD_DOWN });
	return !*rest;
}

static bool on_status(struct node *n, const char *rest)
{
	FILE *f = n->run->out;
	uint64_t due = policy_deadline(n->policy);
	struct policy_summary y;
	struct policy_status s;

	policy_summary(n->policy, &y);
	if (!f)
		return !*rest;
	fprintf(f, "srptd %d drbd %d quorum %d members %u parity %s %s ports %u %u next %llu\n",
		y.srptd, y.drbd, y.quorum, y.n_members, y.parity, y.parity_key, y.ports_up,
		y.ports_down, (unsigned long long)(due == UINT64_MAX ? 0 : due / 1000000));
	for (unsigned i = 0; i < policy_groups(n->policy); i++) {
		policy_group_status(n->policy, i, &s);
		fprintf(f, "%s resource %s role %s epoch %llu holder %u gate %s [%s] health %s "
			"score %d states %s\n", s.group, s.resource, s.srptd_role,
			(unsigned long long)s.epoch, s.holder, s.gate_open ? "open" : "closed",
			s.reason, s.health, s.score, s.states);
	}
	return !*rest;
}

static bool on_include(struct node *n, const char *rest)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.inc", n->run->dir, rest);
	return policy_run_file(n->run, path);
}

static bool on_hold(struct node *n, const char *rest)
{
	n->run->held = true;
	return !*rest;
}

static bool on_deliver(struct node *n, const char *rest)
{
	n->run->held = false;
	return !*rest;
}

static bool on_quiet(struct node *n, const char *rest)
{
	n->run->quiet = true;
	return !*rest;
}

static bool on_loud(struct node *n, const char *rest)
{
	n->run->quiet = false;
	return !*rest;
}

static const struct {
	const char *word;
	bool (*act)(struct node *n, const char *rest);
} words[] = {
	{ "now", on_now },
	{ "stored", on_stored },
	{ "members", on_members },
	{ "from", on_from },
	{ "quorum", on_quorum },
	{ "srptd-up", on_srptd_up },
	{ "srptd-down", on_srptd_down },
	{ "srptd", on_srptd },
	{ "drbd", on_drbd },
	{ "drbd-down", on_drbd_down },
	{ "status", on_status },
	{ "include", on_include },
	{ "hold", on_hold },
	{ "deliver", on_deliver },
	{ "quiet", on_quiet },
	{ "loud", on_loud },
};

static bool line_run(struct node *n, const char *line)
{
	size_t len = strcspn(line, " ");
	const char *rest = line + len + strspn(line + len, " ");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == len && !memcmp(words[i].word, line, len))
			return words[i].act(n, rest);
	return false;
}

static struct node *node_get(struct policy_run *r, unsigned i)
{
	struct node *n = &r->nodes[i];
	char name[16];

	if (n->policy)
		return n;
	snprintf(name, sizeof(name), "node%u", i + 1);
	*n = (struct node){ .run = r, .id = i + 1, .policy = policy_new(name),
			    .watch = policy_watch_new() };
	if (!n->policy || !n->watch)
		abort();
	return n;
}

bool policy_run_line(struct policy_run *r, const char *line)
{
	unsigned node = 0;
	bool good;

	if (!line[0] || line[0] == '#')
		return true;
	if (r->out && !r->quiet && strcmp(line, "quiet") != 0)
		fprintf(r->out, "\n%s\n", line);
	if (line[0] >= '1' && line[0] <= '0' + NODES && !strncmp(line + 1, "> ", 2)) {
		node = (unsigned)(line[0] - '1');
		line += 3;
		r->several = true;
	}
	good = line_run(node_get(r, node), line);
	if (!r->held)
		deliver(r);
	return good;
}

bool policy_run_file(struct policy_run *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[LINE];
	bool good = f != NULL;

	while (good && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		good = policy_run_line(r, line);
		if (!good)
			fprintf(stderr, "%s: cannot run: %s\n", path, line);
	}
	if (f)
		fclose(f);
	else
		perror(path);
	return good;
}

struct policy_run *policy_run_new(const char *dir, FILE *out)
{
	struct policy_run *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->dir = dir;
	r->out = out;
	return r;
}

void policy_run_free(struct policy_run *r)
{
	for (unsigned i = 0; i < r->n_queued; i++)
		free(r->queue[i].text);
	for (unsigned i = 0; i < NODES; i++) {
		policy_free(r->nodes[i].policy);
		policy_watch_free(r->nodes[i].watch);
	}
	free(r);
}
