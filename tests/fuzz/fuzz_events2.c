/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of events2 into the parser, and what it makes of them into the policy. */
#include "fuzz.h"

#include "policy_watch.h"
#include "replicator/events2.h"
#include "replicator/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void act(void *arg, const struct policy_action *a)
{
	policy_watch_action(arg, a);
}

static void check(const struct drbd_event *e)
{
	if (e->action >= DRBD_ACTIONS || e->object > DRBD_OBJECTS || e->role >= DRBD_ROLES ||
	    e->disk >= DRBD_DISKS || e->connection >= DRBD_CONNS || e->replication >= DRBD_REPLS ||
	    e->suspended >= DRBD_FLAGS || e->quorum >= DRBD_FLAGS ||
	    e->volume > DRBD_VOLUME_MAX || strlen(e->resource) > DRBD_NAME_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = policy_new("node1");
	struct policy_watch *w = policy_watch_new();
	struct policy_sink sink = { act, w };
	const char *line = (const char *)data, *end = line + size;

	if (!p || !w)
		abort();
	while (line < end) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((nl ? nl : end) - line);
		struct drbd_event e;

		if (!events2_parse(line, len, &e)) {
			struct policy_event event = { .type = POLICY_DRBD, .drbd = &e };

			check(&e);
			policy_watch_event(w, &event);
			policy_event(p, &event, &sink);
		}
		line += len + 1;
	}
	policy_free(p);
	policy_watch_free(w);
	return 0;
}
