/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/attributes.h"
#include "base/list.h"
#include "base/log.h"
#include "replicator/child.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S (1000 * NS_PER_MS)
#define GAP (20 * NS_PER_MS)     /* between two */
#define HANGS (20 * NS_PER_S)    /* attrd_updater waits for Pacemaker: then it is ended */
#define RETRY_MIN (500 * NS_PER_MS)
#define RETRY_MAX (10 * NS_PER_S)
#define EXIT_NO_PROGRAM 127

struct attribute {
	struct list_node link;
	char *name;
	char *value; /* NULL: to be taken away */
	bool dirty;  /* Pacemaker does not have it yet */
};

struct attributes {
	qb_loop_t *loop;
	const char *program;
	struct list_node all;
	unsigned n;
	struct child child;
	struct attribute *sending;  /* what the child sends */
	qb_loop_timer_handle timer; /* for the next one, or for a child that hangs; 0: none */
	uint64_t delay;             /* after the next failure */
	int complaint;              /* status + 1 that was logged */
};

static void attributes_send(void *arg);

static void timer_set(struct attributes *a, uint64_t ns, void (*fn)(void *))
{
	if (a->timer)
		qb_loop_timer_del(a->loop, a->timer);
	a->timer = 0;
	if (qb_loop_timer_add(a->loop, QB_LOOP_LOW, ns, a, fn, &a->timer))
		log_err("no timer to send node attributes");
}

/* ---- sending ---- */

static void sender_hangs(void *arg)
{
	struct attributes *a = arg;

	a->timer = 0;
	log_warn("%s does not end: it is killed", a->program);
	child_kill(&a->child);
}

static void failure_log(struct attributes *a, int status)
{
	if (a->complaint == status + 1)
		return;
	a->complaint = status + 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM)
		log_notice("%s is not there: Pacemaker hears nothing of this node's health",
			   a->program);
	else
		log_notice("%s cannot set %s (status %d): is Pacemaker running? Trying on",
			   a->program, a->sending->name,
			   WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static void sender_ended(struct child *c, int status)
{
	struct attributes *a = container_of(c, struct attributes, child);

	if (status) {
		failure_log(a, status);
		a->sending->dirty = true;
		timer_set(a, a->delay, attributes_send);
		a->delay = a->delay * 2 < RETRY_MAX ? a->delay * 2 : RETRY_MAX;
	} else {
		a->complaint = 0;
		a->delay = RETRY_MIN;
		timer_set(a, GAP, attributes_send);
	}
	a->sending = NULL;
}

static struct attribute *next_dirty(struct attributes *a)
{
	struct attribute *t;

	list_for_each(t, &a->all, link)
		if (t->dirty)
			return t;
	return NULL;
}

static void attributes_send(void *arg)
{
	struct attributes *a = arg;
	struct attribute *t = next_dirty(a);
	const char *argv[] = { a->program, "-n", NULL, NULL, NULL, NULL };
	int rc;

	a->timer = 0;
	if (!t)
		return;
	argv[2] = t->name;
	argv[3] = t->value ? "-U" : "-D";
	argv[4] = t->value;
	t->dirty = false;
	rc = child_start(&a->child, argv);
	if (rc) {
		log_err("cannot run %s: %s", a->program, strerror(-rc));
		t->dirty = true;
		timer_set(a, RETRY_MAX, attributes_send);
		return;
	}
	a->sending = t;
	timer_set(a, HANGS, sender_hangs);
}

/* ---- what is to be sent ---- */

static struct attribute *attribute_add(struct attributes *a, const char *name)
{
	struct attribute *t = a->n < ATTRIBUTES_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (t)
		t->name = strdup(name);
	if (!t || !t->name) {
		free(t);
		log_err("no room for the node attribute %s", name);
		return NULL;
	}
	list_add_tail(&a->all, &t->link);
	a->n++;
	t->dirty = true;
	return t;
}

static struct attribute *attribute_find(const struct attributes *a, const char *name)
{
	struct attribute *t;

	list_for_each(t, &a->all, link)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A failure keeps its delay: a value that changes often does not become a fork for each change. */
static void send_soon(struct attributes *a)
{
	if (!a->timer)
		timer_set(a, 1, attributes_send);
}

void attributes_set(struct attributes *a, const char *name, const char *value)
{
	struct attribute *t = attribute_find(a, name);
	char *copy = NULL;

	if (!t)
		t = attribute_add(a, name);
	else if (same(t->value, value))
		return;
	if (t && value)
		copy = strdup(value);
	if (!t || (value && !copy))
		return;
	free(t->value);
	t->value = copy;
	t->dirty = true;
	send_soon(a);
}

void attributes_again(struct attributes *a)
{
	struct attribute *t;

	list_for_each(t, &a->all, link)
		t->dirty = true;
	a->delay = RETRY_MIN;
	if (a->n && !a->sending)
		timer_set(a, 1, attributes_send);
}

void attributes_list(const struct attributes *a,
		     void (*each)(void *arg, const char *name, const char *value, bool sent),
		     void *arg)
{
	const struct attribute *t;

	list_for_each(t, &a->all, link)
		if (t->value)
			each(arg, t->name, t->value, !t->dirty && t != a->sending);
}

struct attributes *attributes_start(qb_loop_t *loop, const char *program)
{
	struct attributes *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->loop = loop;
	a->program = program;
	a->delay = RETRY_MIN;
	list_init(&a->all);
	child_init(&a->child, loop);
	a->child.ended = sender_ended;
	return a;
}

void attributes_stop(struct attributes *a)
{
	struct attribute *t, *next;

	if (!a)
		return;
	if (a->timer)
		qb_loop_timer_del(a->loop, a->timer);
	child_abandon(&a->child);
	list_for_each_safe(t, next, &a->all, link) {
		free(t->name);
		free(t->value);
		free(t);
	}
	free(a);
}
