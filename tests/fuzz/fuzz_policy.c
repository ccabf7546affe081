/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two nodes that hear anything in any order: each byte is one of the lines below, for one of the
 * nodes, or time. tests/unit/policy_watch.h says what must never happen.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "policy_run.h"

#include <stdio.h>

enum { EVENTS_MAX = 3000 };

/* %u: this node, the other one, or a number that grows. */
static const char *const lines[] = {
	"members 1 2",
	"members 1",
	"members 2",
	"members",
	"quorum yes",
	"quorum no",
	"srptd-up",
	"srptd-down",
	"srptd hello version=1 node=n pid=1 grace_ms=3000",
	"srptd hello version=1 node=n pid=1 grace_ms=1000",
	"srptd hello version=2 node=n pid=1 grace_ms=3000",
	"srptd hello version=1 node=n pid=1 grace_ms=3000 fence_delay_s=2",
	"quorum yes 1 2",
	"quorum yes 1",
	"quorum yes 2",
	"srptd group group=dg drbd=r0 local=1 states=1:standby,2:standby role=standby epoch=0",
	"srptd group group=dg drbd=r0 local=2 states=1:standby,2:standby role=standby epoch=0",
	"srptd group group=dg drbd=r0 local=1 states=1:active,2:standby role=promoted epoch=3",
	"srptd group group=dg drbd=r0 local=2 states=1:standby,2:active role=promoted epoch=3",
	"srptd group group=two drbd=r1 local=1 states=1:standby,2:standby role=standby epoch=0",
	"srptd group group=dg drbd=r0 local=1 floating=1 states=1:standby role=standby epoch=0",
	"srptd group group=dg drbd=r0 local=1 floating=1 states=1:active role=promoted epoch=3",
	"srptd group group=dg drbd=r0 local=1 states=1:standby role=standby epoch=0",
	"srptd parity hash=aa keys=1",
	"srptd parity hash=bb keys=1",
	"srptd ready",
	"srptd role group=dg role=promoting epoch=0",
	"srptd role group=dg role=promoted epoch=1",
	"srptd role group=dg role=demoting epoch=1",
	"srptd role group=dg role=standby epoch=1",
	"srptd want group=dg above=0",
	"srptd want group=dg above=2",
	"srptd want group=dg above=0 primary=1",
	"srptd want group=two above=0 primary=1",
	"srptd want group=two above=0",
	"srptd unwant group=dg",
	"srptd announce group=dg state=active epoch=1",
	"srptd announce group=dg state=active epoch=2",
	"srptd announce group=dg state=active epoch=3",
	"srptd announce group=dg state=active epoch=4",
	"srptd announce group=dg state=standby epoch=1",
	"srptd announce group=dg state=transitioning epoch=1",
	"srptd announce group=dg state=unavailable epoch=1",
	"srptd parity-items list=k%0Av%0A",
	"srptd parity-end",
	"srptd ports up=1 down=0",
	"srptd ports up=0 down=1",
	"drbd exists resource name:r0 role:Secondary suspended:no",
	"drbd change resource name:r0 role:Primary",
	"drbd change resource name:r0 suspended:fencing",
	"drbd change resource name:r0 suspended:no",
	"drbd destroy resource name:r0",
	"drbd create resource name:r1 role:Primary suspended:no",
	"drbd rename resource name:r1 new_name:r0",
	"drbd change device name:r0 volume:0 disk:UpToDate quorum:yes",
	"drbd change device name:r0 volume:0 disk:Diskless",
	"drbd change device name:r0 volume:0 quorum:no",
	"drbd change device name:r0 volume:1 disk:Inconsistent",
	"drbd destroy device name:r0 volume:1",
	"drbd change connection name:r0 conn-name:peer connection:Connected role:Secondary",
	"drbd change connection name:r0 conn-name:peer connection:Connecting role:Unknown",
	"drbd change connection name:r0 conn-name:peer role:Primary",
	"drbd destroy connection name:r0 conn-name:peer",
	"drbd change peer-device name:r0 conn-name:peer volume:0 peer-disk:UpToDate",
	"drbd change peer-device name:r0 conn-name:peer volume:1 peer-disk:UpToDate",
	"drbd destroy peer-device name:r0 conn-name:peer volume:0",
	"drbd exists -",
	"drbd - skipped 1",
	"drbd-down",
	"hold",
	"deliver",
	"stored dg 5",
	"from 2 claim group=dg epoch=9",
	"from 2 state group=dg tg=2 state=active epoch=9 held=1",
	"from 1 state group=dg tg=1 state=active epoch=9 held=1",
	"from 2 hello version=2 node=x hash=cc",
	"from 2 group group=dg epoch=4 tg=2 state=active state_epoch=4 held=1",
	"from 1 group group=dg epoch=4 tg=1 state=active state_epoch=4 held=1",
	"from 2 ready",
	"from 2 state group=dg tg=1 state=active epoch=9 held=1",
	"from 2 group group=dg epoch=4 tg=1 state=active state_epoch=4 held=1",
	"from 2 release group=dg",
	"from 2 release group=two",
	"from 2 parity-ask",
	"from 2 parity-begin hash=cc",
	"from 2 parity-items list=k%0Aw%0A",
	"from 2 parity-end hash=cc",
};

/* What makes both nodes ready to serve, else random events seldom come so far. */
static const char *const prologue[] = {
	"members 1", "2> members 2", "quorum yes", "2> quorum yes", "hold", "members 1 2",
	"2> members 1 2", "deliver", "srptd-up", "2> srptd-up",
	"srptd hello version=1 node=node1 pid=1 grace_ms=3000",
	"srptd group group=dg drbd=r0 local=1 states=1:standby,2:standby role=standby epoch=0",
	"srptd parity hash=aa keys=1", "srptd ready",
	"2> srptd hello version=1 node=node2 pid=1 grace_ms=3000",
	"2> srptd group group=dg drbd=r0 local=2 states=1:standby,2:standby role=standby epoch=0",
	"2> srptd parity hash=aa keys=1", "2> srptd ready",
	"drbd exists resource name:r0 role:Primary suspended:no",
	"drbd exists device name:r0 volume:0 disk:UpToDate", "drbd exists -",
	"2> drbd exists resource name:r0 role:Primary suspended:no",
	"2> drbd exists device name:r0 volume:0 disk:UpToDate", "2> drbd exists -",
	"srptd want group=dg above=0", "2> srptd want group=dg above=0",
};

/* Behind it: both have been given a target that floats. */
static const char *const floating[] = {
	"srptd hello version=1 node=node1 pid=1 grace_ms=3000",
	"srptd group group=dg drbd=r0 local=1 floating=1 states=1:standby role=promoting epoch=0",
	"srptd parity hash=aa keys=1", "srptd ready",
	"2> srptd hello version=1 node=node2 pid=1 grace_ms=3000",
	"2> srptd group group=dg drbd=r0 local=1 floating=1 states=1:standby role=promoting",
	"2> srptd parity hash=aa keys=1", "2> srptd ready",
};

static void line_for(struct policy_run *r, unsigned node, const char *line)
{
	char text[256];

	snprintf(text, sizeof(text), "%u> %s", node, line);
	policy_run_line(r, text);
}

static void run_byte(struct policy_run *r, uint8_t byte, unsigned *ms)
{
	unsigned node = 1 + byte % 2, at = byte / 2;
	char now[32];

	if (at < ARRAY_SIZE(lines)) {
		line_for(r, node, lines[at]);
		return;
	}
	at -= ARRAY_SIZE(lines);
	*ms += at * at * (at % 8 ? 1 : 10);
	snprintf(now, sizeof(now), "now %u", *ms);
	line_for(r, node, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_run *r = policy_run_new(".", NULL);
	unsigned ms = 1000;

	if (size && data[0] & 1)
		for (size_t i = 0; i < ARRAY_SIZE(prologue); i++)
			policy_run_line(r, prologue[i]);
	if (size && (data[0] & 3) == 3)
		for (size_t i = 0; i < ARRAY_SIZE(floating); i++)
			policy_run_line(r, floating[i]);
	for (size_t i = 1; i < size && i < EVENTS_MAX; i++)
		run_byte(r, data[i], &ms);
	policy_run_free(r);
	return 0;
}
