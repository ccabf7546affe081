/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must never happen, whatever the policy hears: a second, simpler opinion on one node's
 * events and actions. A violation prints what and aborts.
 */
#ifndef SRPT_TESTS_POLICY_WATCH_H
#define SRPT_TESTS_POLICY_WATCH_H

#include "replicator/policy.h"

struct policy_watch;

struct policy_watch *policy_watch_new(void);
void policy_watch_free(struct policy_watch *w);
void policy_watch_event(struct policy_watch *w, const struct policy_event *e); /* before it */
void policy_watch_action(struct policy_watch *w, const struct policy_action *a);
/* After an event: what is no longer allowed must have been closed in it. */
void policy_watch_settled(struct policy_watch *w);

#endif
