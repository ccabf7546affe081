/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes out of the policy. */
#include "replicator/model.h"

#include <stdarg.h>
#include <stdio.h>

static void act(struct policy *p, const struct policy_action *a)
{
	p->to->act(p->to->arg, a);
}

void act_log(struct policy *p, int priority, const char *format, ...)
{
	char text[REASON_MAX + 256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	act(p, &(struct policy_action){ .type = POLICY_LOG, .priority = priority, .text = text });
}

struct ha_out *out_begin(struct policy *p, const char *verb, const struct group *g)
{
	ha_out_begin(&p->out, verb);
	if (g)
		ha_out_add(&p->out, "group", g->name);
	return &p->out;
}

static void out_send(struct policy *p, enum policy_action_type type)
{
	if (p->out.overflow)
		act_log(p, LOG_ERR, "a message is longer than %d bytes and was not sent",
			HA_MSG_MAX);
	else
		act(p, &(struct policy_action){ .type = type, .out = &p->out });
}

void out_srptd(struct policy *p)
{
	if (p->srptd_up)
		out_send(p, POLICY_TO_SRPTD);
}

void out_multicast(struct policy *p)
{
	if (p->joined)
		out_send(p, POLICY_MULTICAST);
}

void act_store(struct policy *p, const struct group *g)
{
	act(p, &(struct policy_action){ .type = POLICY_STORE, .group = g->name,
					.epoch = g->epoch });
}

void act_attribute(struct policy *p, const struct group *g, const char *value)
{
	char name[POLICY_NAME_MAX + 8];

	snprintf(name, sizeof(name), "srpt-%s", g->name);
	act(p, &(struct policy_action){ .type = POLICY_ATTRIBUTE, .group = g->name, .name = name,
					.value = value });
}

void act_drbd(struct policy *p, const struct group *g, enum policy_action_type role)
{
	act(p, &(struct policy_action){ .type = role, .group = g->name, .name = g->resource });
}

void act_fence(struct policy *p, const char *node, unsigned delay)
{
	act(p, &(struct policy_action){ .type = POLICY_FENCE, .name = node, .delay = delay });
}

void act_fence_prepare(struct policy *p)
{
	act(p, &(struct policy_action){ .type = POLICY_FENCE_PREPARE });
}

void act_score(struct policy *p, const struct group *g, int score)
{
	act(p, &(struct policy_action){ .type = POLICY_SCORE, .group = g->name, .score = score });
}
