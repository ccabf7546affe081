/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"
#include "replicator/daemon.h"
#include "base/log.h"
#include "ctl/notify.h"
#include "replicator/epoch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S (1000 * NS_PER_MS)
#define GRACE_DEFAULT (3 * NS_PER_S)
#define GRACE_MAX_MS 3600000u
#define PULSE (1 * NS_PER_S) /* it wakes up at least so often: who is late was frozen */

static const char *const drbd_command[] = { "drbdsetup", "events2", NULL };
static const char attribute_program[] = "attrd_updater";
static const char role_program[] = "drbdadm";

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- what the policy wants done ---- */

static void store(struct replicator *r, const char *group, uint64_t epoch)
{
	int rc = epoch_store(r->settings->state_dir, group, epoch);

	if (rc)
		log_err("cannot keep the epoch of %s in %s: %s", group, r->settings->state_dir,
			strerror(-rc));
}

static void policy_act(void *arg, const struct policy_action *a)
{
	struct replicator *r = arg;

	switch (a->type) {
	case POLICY_TO_SRPTD:
		link_send(r->link, a->out);
		break;
	case POLICY_MULTICAST:
		cluster_send(r->cluster, a->out);
		break;
	case POLICY_STORE:
		store(r, a->group, a->epoch);
		break;
	case POLICY_ATTRIBUTE:
		attributes_set(r->attributes, a->name, a->value);
		break;
	case POLICY_PRIMARY:
	case POLICY_SECONDARY:
		hasten_drbd(r->hasten, a->type == POLICY_PRIMARY, a->name);
		break;
	case POLICY_FENCE:
		hasten_fencing(r->hasten, a->name, a->delay);
		break;
	case POLICY_FENCE_PREPARE:
		hasten_fencing_prepare(r->hasten);
		break;
	case POLICY_SCORE:
		r->scores_changed = true;
		break;
	case POLICY_LOG:
		log_write(a->priority, __func__, __FILE__, __LINE__, "%s", a->text);
		break;
	case POLICY_ACTION_TYPES:
		break;
	}
}

static void tell(struct replicator *r, const struct policy_event *e)
{
	const struct policy_sink sink = { .act = policy_act, .arg = r };

	policy_event(r->policy, e, &sink);
}

/* ---- promotion scores ---- */

/* The lowest of the groups that the resource promotes; below 0: it has none. */
static int score_of(const struct replicator *r, const struct resource *res)
{
	unsigned n = policy_groups(r->policy);
	int lowest = -1;
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		struct policy_status s;

		policy_group_status(r->policy, i, &s);
		if (!s.present || (*res->group && strcmp(res->group, s.group)))
			continue;
		if (!any || s.score < lowest)
			lowest = s.score;
		any = true;
	}
	return lowest;
}

static void score_attribute(struct replicator *r, const char *resource, int score)
{
	char name[RESOURCE_NAME_MAX + 8], value[16];

	snprintf(name, sizeof(name), "master-%s", resource);
	snprintf(value, sizeof(value), "%d", score);
	attributes_set(r->attributes, name, score < 0 ? NULL : value);
}

static void scores_set(struct replicator *r)
{
	r->scores_changed = false;
	for (unsigned i = 0; i < r->resources.n; i++)
		score_attribute(r, r->resources.all[i].name, score_of(r, &r->resources.all[i]));
}

/* ---- turns ---- */

static void turn(void *arg);

static void turn_soon(struct replicator *r)
{
	if (!r->turn_queued && !qb_loop_job_add(r->loop, QB_LOOP_HIGH, r, turn))
		r->turn_queued = true;
}

static void timer_fired(void *arg)
{
	struct replicator *r = arg;

	r->timer = 0;
	turn(r);
}

static void timer_set(struct replicator *r)
{
	uint64_t now = now_ns(), due = policy_deadline(r->policy);

	if (due > now + PULSE)
		due = now + PULSE;
	r->due_ns = due;
	if (r->timer)
		qb_loop_timer_del(r->loop, r->timer);
	r->timer = 0;
	if (qb_loop_timer_add(r->loop, QB_LOOP_HIGH, due > now ? due - now : 1, r, timer_fired,
			      &r->timer))
		log_err("no timer: leases are not renewed");
}

/* Whoever told us may have been frozen with us, and what waits in pipes may be old. */
static void late(struct replicator *r, uint64_t by_ns)
{
	log_warn("frozen for %llu ms: DRBD is asked anew", (unsigned long long)(by_ns / NS_PER_MS));
	drbd_again(r->drbd);
}

/*
 * The time is taken before the sources are emptied: what a lease of this time rests on was true
 * at this time or later.
 */
static void turn(void *arg)
{
	struct replicator *r = arg;
	uint64_t now = now_ns();
	bool all;

	r->turn_queued = false;
	if (now > r->due_ns && now - r->due_ns > r->grace_ns)
		late(r, now - r->due_ns);
	r->due_ns = UINT64_MAX;
	all = drbd_drain(r->drbd);
	all = cluster_drain(r->cluster) && all;
	all = link_drain(r->link) && all;
	if (all)
		tell(r, &(struct policy_event){ .type = POLICY_NOW, .ns = now });
	else
		turn_soon(r);
	if (r->scores_changed)
		scores_set(r);
	timer_set(r);
	if (now >= r->watchdog_ns) {
		notify_send("WATCHDOG=1");
		r->watchdog_ns = now + PULSE;
	}
}

/* ---- what the sources tell ---- */

static void heard(struct replicator *r, const struct policy_event *e)
{
	tell(r, e);
	turn_soon(r);
}

static void srptd_up(void *arg)
{
	heard(arg, &(struct policy_event){ .type = POLICY_SRPTD_UP });
}

static void srptd_down(void *arg)
{
	heard(arg, &(struct policy_event){ .type = POLICY_SRPTD_DOWN });
}

static void srptd_says(void *arg, const struct ha_msg *m)
{
	struct replicator *r = arg;
	uint64_t ms;

	if (!strcmp(m->verb, "hello") && ha_msg_get_u64(m, "grace_ms", GRACE_MAX_MS, &ms) && ms)
		r->grace_ns = ms * NS_PER_MS;
	heard(r, &(struct policy_event){ .type = POLICY_SRPTD, .msg = m });
}

static void drbd_says(void *arg, const struct drbd_event *e)
{
	heard(arg, &(struct policy_event){ .type = POLICY_DRBD, .drbd = e });
}

static void drbd_gone(void *arg)
{
	heard(arg, &(struct policy_event){ .type = POLICY_DRBD_DOWN });
}

static void quorum_says(void *arg, bool quorate, const uint32_t *nodes, size_t n)
{
	heard(arg, &(struct policy_event){
		.type = POLICY_QUORUM,
		.yes = quorate,
		.nodes = nodes,
		.n_nodes = (unsigned)n,
	});
}

static bool is_among(const uint32_t *nodes, unsigned n, uint32_t node)
{
	for (unsigned i = 0; i < n; i++)
		if (nodes[i] == node)
			return true;
	return false;
}

static bool has_left(const struct cluster_address *left, size_t n, uint32_t node)
{
	for (size_t i = 0; i < n; i++)
		if (left[i].node == node)
			return true;
	return false;
}

/* The nodes of the members, each once; @left: without these. */
static void members_tell(struct replicator *r, const struct cluster_address *members, size_t n,
			 const struct cluster_address *left, size_t n_left)
{
	uint32_t nodes[POLICY_MEMBERS];
	unsigned n_nodes = 0;

	for (size_t i = 0; i < n && n_nodes < POLICY_MEMBERS; i++)
		if (!has_left(left, n_left, members[i].node) &&
		    !is_among(nodes, n_nodes, members[i].node))
			nodes[n_nodes++] = members[i].node;
	heard(r, &(struct policy_event){
		.type = POLICY_MEMBERSHIP,
		.node = cluster_self(r->cluster).node,
		.nodes = nodes,
		.n_nodes = n_nodes,
	});
}

static void members_say(void *arg, const struct cluster_address *members, size_t n_members,
			const struct cluster_address *left, size_t n_left)
{
	struct replicator *r = arg;

	if (n_left)
		members_tell(r, members, n_members, left, n_left);
	members_tell(r, members, n_members, NULL, 0);
	/* Corosync was away, and Pacemaker with it: it begins without attributes. */
	if (!r->corosync)
		attributes_again(r->attributes);
	r->corosync = true;
}

static void node_says(void *arg, struct cluster_address from, const struct ha_msg *m)
{
	heard(arg, &(struct policy_event){
		.type = POLICY_DELIVERED,
		.node = from.node,
		.msg = m,
	});
}

static void corosync_gone(void *arg)
{
	struct replicator *r = arg;

	r->corosync = false;
	heard(r, &(struct policy_event){ .type = POLICY_QUORUM, .yes = false });
	heard(r, &(struct policy_event){
		.type = POLICY_MEMBERSHIP,
		.node = cluster_self(r->cluster).node,
	});
}

static const struct link_listener link_listener = {
	.up = srptd_up,
	.down = srptd_down,
	.message = srptd_says,
};

static const struct drbd_listener drbd_listener = {
	.event = drbd_says,
	.lost = drbd_gone,
};

static const struct cluster_listener cluster_listener = {
	.quorum = quorum_says,
	.members = members_say,
	.message = node_says,
	.lost = corosync_gone,
};

/* ---- what srp-replicator asks ---- */

static unsigned resource_answer(struct replicator *r, const struct ha_msg *m, struct text *out)
{
	const char *name = ha_msg_get(m, "name"), *group = ha_msg_get(m, "group");
	int rc = name ? resources_add(&r->resources, name, group ? group : "") : -EINVAL;

	if (rc == -EINVAL || rc == -ENOSPC) {
		text_printf(out, "%s\n", rc == -EINVAL ? "this is no name of a resource" :
			    "there are too many resources");
		return CONTROL_WRONG;
	}
	if (rc)
		log_warn("cannot write %s: %s; agents tell the resources again when they start",
			 r->resources.path, strerror(-rc));
	scores_set(r);
	attributes_again(r->attributes);
	return CONTROL_WELL;
}

static unsigned forget_answer(struct replicator *r, const struct ha_msg *m, struct text *out)
{
	const char *name = ha_msg_get(m, "name");
	int rc = name ? resources_remove(&r->resources, name) : -ENOENT;

	(void)out;
	if (rc != -ENOENT)
		score_attribute(r, name, -1);
	return CONTROL_WELL;
}

static unsigned status_answer(struct replicator *r, const struct ha_msg *m, struct text *out)
{
	return status_report(r, ha_msg_get(m, "json") != NULL, out) ? CONTROL_WELL : CONTROL_WRONG;
}

static unsigned question_answer(void *arg, const struct ha_msg *m, struct text *out)
{
	static const struct {
		const char *verb;
		unsigned (*answer)(struct replicator *r, const struct ha_msg *m, struct text *out);
	} questions[] = {
		{ "status", status_answer },
		{ "resource", resource_answer },
		{ "forget", forget_answer },
	};

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (!strcmp(m->verb, questions[i].verb))
			return questions[i].answer(arg, m, out);
	text_puts(out, "this srp-replicatord does not know the question\n");
	return CONTROL_USAGE;
}

/* ---- its life ---- */

static int32_t stop(int32_t sig, void *data)
{
	struct replicator *r = data;

	log_notice("%s: stopping", strsignal(sig));
	notify_send("STOPPING=1");
	qb_loop_stop(r->loop);
	return 0;
}

static int signals_catch(struct replicator *r)
{
	int rc = qb_loop_signal_add(r->loop, QB_LOOP_HIGH, SIGTERM, r, stop, NULL);

	if (!rc)
		rc = qb_loop_signal_add(r->loop, QB_LOOP_HIGH, SIGINT, r, stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return rc;
}

static void stored(void *arg, const char *group, uint64_t epoch)
{
	tell(arg, &(struct policy_event){
		.type = POLICY_STORED,
		.group = group,
		.epoch = epoch,
	});
}

static int memory_restore(struct replicator *r)
{
	const struct settings *s = r->settings;
	int rc = epoch_load(s->state_dir, stored, r);

	if (rc) {
		log_err("cannot read the epochs in %s: %s", s->state_dir, strerror(-rc));
		return rc;
	}
	if (asprintf(&r->resources_path, "%s/resources", s->run_dir) < 0) {
		r->resources_path = NULL;
		return -ENOMEM;
	}
	if (mkdir(s->run_dir, 0755) && errno != EEXIST)
		log_warn("cannot make %s: %s", s->run_dir, strerror(errno));
	return resources_load(&r->resources, r->resources_path);
}

static int sources_start(struct replicator *r)
{
	const struct settings *s = r->settings;
	int rc = cluster_start(r->loop, &cluster_listener, r, &r->cluster);

	if (!rc)
		rc = drbd_start(r->loop, drbd_command, &drbd_listener, r, &r->drbd);
	if (!rc)
		rc = link_start(r->loop, s->name, &link_listener, r, &r->link);
	return rc;
}

static int replicator_start(struct replicator *r)
{
	int rc;

	r->loop = qb_loop_create();
	r->policy = policy_new(r->settings->node);
	if (!r->loop || !r->policy)
		return -ENOMEM;
	r->attributes = attributes_start(r->loop, attribute_program);
	r->hasten = hasten_start(r->loop, role_program, r->settings->fence_program);
	rc = r->attributes && r->hasten ? signals_catch(r) : -ENOMEM;
	if (!rc)
		rc = control_start(r->loop, r->settings->name, question_answer, r, &r->control);
	if (!rc)
		rc = memory_restore(r);
	if (!rc)
		rc = sources_start(r);
	if (!rc)
		turn_soon(r);
	return rc;
}

static void replicator_stop(struct replicator *r)
{
	link_stop(r->link);
	drbd_stop(r->drbd);
	cluster_stop(r->cluster);
	control_stop(r->control);
	attributes_stop(r->attributes);
	hasten_stop(r->hasten);
	resources_free(&r->resources);
	policy_free(r->policy);
	if (r->loop)
		qb_loop_destroy(r->loop);
	free(r->resources_path);
}

int replicator_run(const struct settings *settings, void (*ready)(void *arg), void *arg)
{
	struct replicator r = {
		.settings = settings,
		.grace_ns = GRACE_DEFAULT,
		.due_ns = UINT64_MAX,
	};
	int rc = replicator_start(&r);

	if (!rc) {
		log_notice("srp-replicatord " PACKAGE_VERSION " is ready on %s", settings->node);
		notify_send("READY=1");
		if (ready)
			ready(arg);
		qb_loop_run(r.loop);
	} else {
		log_err("start-up failed: %s", strerror(-rc));
	}
	replicator_stop(&r);
	return rc ? 1 : 0;
}
