/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How well a group could be served here: an attribute for people, a score for Pacemaker. */
#include "replicator/model.h"

#include <string.h>

enum { SCORE_NONE = -1, SCORE_REMOTE = 10, SCORE_FULL = 100 };

/* What is worst comes last; doc/ha.md explains the words. */
enum health {
	HEALTH_OK,
	HEALTH_DEGRADED,
	HEALTH_DISCONNECTED,
	HEALTH_RESYNC,
	HEALTH_REMOTE,
	HEALTH_INCONSISTENT,
	HEALTH_OUTDATED,
	HEALTH_DISKLESS,
	HEALTH_FAILED,
	HEALTH_SUSPENDED,
	HEALTH_NO_QUORUM,
	HEALTH_PORTS,
	HEALTH_CONFIG,
	HEALTH_NO_TARGET,
	HEALTH_UNKNOWN,
	HEALTHS,
};

static const struct {
	const char *name;
	int score;
	bool kept; /* what is served goes on: Pacemaker takes nothing away for this */
} healths[HEALTHS] = {
	[HEALTH_OK] = { "ok", SCORE_FULL, true },
	[HEALTH_DEGRADED] = { "degraded", SCORE_FULL, true },
	[HEALTH_DISCONNECTED] = { "disconnected", SCORE_FULL, true },
	[HEALTH_RESYNC] = { "resync", SCORE_REMOTE, true },
	[HEALTH_REMOTE] = { "remote", SCORE_REMOTE, true },
	[HEALTH_INCONSISTENT] = { "inconsistent", SCORE_NONE, false },
	[HEALTH_OUTDATED] = { "outdated", SCORE_NONE, false },
	[HEALTH_DISKLESS] = { "diskless", SCORE_NONE, false },
	[HEALTH_FAILED] = { "failed", SCORE_NONE, false },
	[HEALTH_SUSPENDED] = { "suspended", SCORE_NONE, true },
	[HEALTH_NO_QUORUM] = { "no-quorum", SCORE_NONE, true },
	[HEALTH_PORTS] = { "ports", SCORE_NONE, false },
	[HEALTH_CONFIG] = { "config", SCORE_NONE, true },
	[HEALTH_NO_TARGET] = { "no-target", SCORE_NONE, true },
	[HEALTH_UNKNOWN] = { "unknown", SCORE_NONE, true },
};

/* ---- DRBD ---- */

static const enum health without_peer[DRBD_DISKS] = {
	[DRBD_DISK_SAME] = HEALTH_UNKNOWN,
	[DRBD_DISKLESS] = HEALTH_DISKLESS,
	[DRBD_ATTACHING] = HEALTH_DISKLESS,
	[DRBD_DETACHING] = HEALTH_DISKLESS,
	[DRBD_FAILED] = HEALTH_FAILED,
	[DRBD_NEGOTIATING] = HEALTH_DISKLESS,
	[DRBD_INCONSISTENT] = HEALTH_INCONSISTENT,
	[DRBD_OUTDATED] = HEALTH_OUTDATED,
	[DRBD_DISK_UNKNOWN] = HEALTH_UNKNOWN,
	[DRBD_CONSISTENT] = HEALTH_OUTDATED,
};

static bool is_sync_target(const struct drbd_resource *r, uint32_t volume)
{
	for (unsigned i = 0; i < r->n_peers; i++) {
		const struct drbd_disk_of *d = drbd_disk_find(&r->peers[i].disks, volume);

		if (d && d->replication == DRBD_SYNC_TARGET)
			return true;
	}
	return false;
}

static enum health volume_health(const struct drbd_resource *r, const struct drbd_disk_of *d)
{
	if (d->quorum == DRBD_NO)
		return HEALTH_NO_QUORUM;
	if (d->disk != DRBD_UPTODATE && !drbd_peer_has(r, d->volume))
		return without_peer[d->disk];
	if (d->disk != DRBD_UPTODATE)
		return is_sync_target(r, d->volume) ? HEALTH_RESYNC : HEALTH_REMOTE;
	if (!drbd_connected(r))
		return HEALTH_DISCONNECTED;
	return drbd_peer_has(r, d->volume) ? HEALTH_OK : HEALTH_DEGRADED;
}

static enum health drbd_health(const struct policy *p, const struct group *g)
{
	const struct drbd_resource *r = drbd_find(p, g->resource);
	enum health worst = HEALTH_OK;

	if (!p->drbd_ready || !r || r->incomplete || !r->disks.n)
		return HEALTH_UNKNOWN;
	if (r->suspended == DRBD_YES)
		worst = HEALTH_SUSPENDED;
	for (unsigned i = 0; i < r->disks.n; i++) {
		enum health h = volume_health(r, &r->disks.of[i]);

		if (h > worst)
			worst = h;
	}
	return worst;
}

/* ---- all of it ---- */

static enum health group_health(const struct policy *p, const struct group *g)
{
	enum health h = drbd_health(p, g), other = HEALTH_OK;

	if (!p->joined || !p->quorum)
		other = HEALTH_NO_QUORUM;
	if (p->ports_known && !p->ports_up)
		other = HEALTH_PORTS;
	if (parity_look(p) == PARITY_DIFFERS)
		other = HEALTH_CONFIG;
	if (!p->srptd_ready || !p->grace_ns)
		other = HEALTH_NO_TARGET;
	return other > h ? other : h;
}

/* That srptd is gone Pacemaker has done itself, or finds out by itself. */
static int group_score(const struct group *g, enum health h, bool settled)
{
	bool serves = g->role == ROLE_PROMOTED || g->role == ROLE_PROMOTING;
	bool kept = (serves && healths[h].kept) || (h == HEALTH_NO_TARGET && !settled);

	if (kept && g->score > 0 && healths[h].score < 0)
		return g->score;
	return healths[h].score;
}

/*
 * Each change of an attribute has Pacemaker begin its decisions anew. A word alone, such as that
 * the peer is gone, would delay its fencing: it can wait.
 */
static bool is_settled(struct policy *p, struct group *g, const char *health)
{
	if (!g->health_now || strcmp(g->health_now, health) != 0) {
		g->health_now = health;
		g->health_since = p->now;
	}
	return p->now >= g->health_since + HEALTH_SETTLE_NS;
}

static void group_publish(struct policy *p, struct group *g)
{
	enum health h = group_health(p, g);
	const char *word = healths[h].name;
	bool settled = is_settled(p, g, word);
	int score;

	score = group_score(g, h, settled);
	if (!g->health_known || !g->health ||
	    (strcmp(g->health, word) != 0 && (settled || score != g->score))) {
		g->health = word;
		act_attribute(p, g, word);
	}
	if (score != g->score || !g->health_known) {
		g->score = score;
		act_score(p, g, score);
	}
	g->health_known = true;
}

void health_publish(struct policy *p)
{
	for_each_group(p, g)
		if (g->present)
			group_publish(p, g);
}

void health_forget(struct policy *p, struct group *g)
{
	if (g->health)
		act_attribute(p, g, NULL);
	if (g->health)
		act_score(p, g, SCORE_NONE);
	g->health = NULL;
	g->health_now = NULL;
	g->health_known = false;
	g->score = SCORE_NONE;
}

void health_again(struct policy *p)
{
	for_each_group(p, g)
		g->health_known = false;
}
