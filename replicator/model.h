/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy knows, and what its files have in common. Of them alone. */
#ifndef REPLICATOR_MODEL_H
#define REPLICATOR_MODEL_H

#include "replicator/parity_list.h"
#include "replicator/policy.h"

#include <syslog.h>

#define HASH_MAX 16        /* characters */
#define REASON_MAX 512     /* bytes of a reason, its 0 among them */
#define TARGET_GROUPS 32   /* of a device group, as the configuration allows */
#define VOLUMES 256        /* of a DRBD resource; more, and its state is not known */
#define CONNECTIONS 8      /* likewise */
#define EPOCH_MAX (UINT64_MAX >> 1)
#define NS_PER_MS 1000000ull
#define GRACE_MAX_MS 30000
#define HELLO_WAIT_NS (1000 * NS_PER_MS)   /* a member says hello within this, or is passed over */
#define CLAIM_AGAIN_NS (1000 * NS_PER_MS)  /* a claim that did not come back */
#define STALE_WAIT_NS (100 * NS_PER_MS)    /* after we have not run for long */
#define TRANSITION_MAX_S 255
#define FENCE_DELAY_MAX 60
#define LOST_NS (5000 * NS_PER_MS) /* the replicators' group and the cluster tell of one loss */
#define HEALTH_SETTLE_NS (15000 * NS_PER_MS) /* a word that changes no score is told then */

enum state { STATE_ACTIVE, STATE_STANDBY, STATE_TRANSITIONING, STATE_UNAVAILABLE, STATES };
enum role { ROLE_UNKNOWN, ROLE_STANDBY, ROLE_PROMOTING, ROLE_PROMOTED, ROLE_DEMOTING, ROLES };

/* ---- DRBD ---- */

struct drbd_disk_of {
	uint32_t volume;
	enum drbd_disk disk;
	enum drbd_flag quorum;      /* of this node's */
	enum drbd_repl replication; /* of a peer's */
};

struct drbd_disks {
	unsigned n;
	struct drbd_disk_of of[VOLUMES];
};

struct drbd_peer {
	char name[DRBD_NAME_MAX + 1];
	enum drbd_conn connection;
	enum drbd_role role;
	struct drbd_disks disks;
};

struct drbd_resource {
	char name[DRBD_NAME_MAX + 1];
	enum drbd_role role;
	enum drbd_flag suspended;
	bool incomplete; /* it has more than we can keep */
	struct drbd_disks disks;
	unsigned n_peers;
	struct drbd_peer peers[CONNECTIONS];
};

/* ---- the cluster ---- */

struct member {
	uint32_t node;
	bool greeting, greeted; /* hello has begun; has been complete */
	bool passed_over;       /* it did not say hello in time */
	uint64_t since;         /* first POLICY_NOW after it joined, ns; 0: not yet */
	uint64_t version;
	char name[POLICY_NAME_MAX + 1];
	char hash[HASH_MAX + 1]; /* "": its srptd is not there */
};

/* A member that has left, whichever way. */
struct leaver {
	uint32_t node; /* 0: there is none */
	char name[POLICY_NAME_MAX + 1];
	bool served, serves_here; /* a group: that node, this one */
	uint64_t at; /* ns */
};

/* ---- device groups ---- */

/*
 * Of a node, which is part of its name: two that say the same id have an entry each, whether both
 * count (the target floats) or not.
 */
struct target_group {
	uint16_t id;
	bool configured; /* srptd has it */
	bool told;       /* in the hello being said by its owner */
	bool vacated;    /* it was active last; with vacant_until */
	enum state state;
	uint64_t epoch;  /* that came with the state */
	uint32_t owner;  /* 0: nobody that is there, or we alone */
};

struct group {
	char name[POLICY_NAME_MAX + 1];
	char resource[DRBD_NAME_MAX + 1];
	bool present, told; /* srptd has it; has told it since its last hello */
	uint16_t local;     /* id of this node's target group, */
	bool floating;      /* and of the other nodes': its target moves */
	enum role role;
	uint64_t role_epoch;
	bool want, hasten; /* hasten: with want, DRBD may be made Primary for it, once, */
	bool released;     /* and who has it has been asked for it */
	uint64_t above;       /* with want */
	enum state own_state; /* as srptd announced it */
	uint64_t own_epoch;

	uint64_t epoch;  /* highest known */
	uint32_t holder; /* has claimed it and not given up; a member, or 0 */
	uint64_t tied;   /* epoch that two held: nobody holds it */
	uint64_t claiming, claimed_at; /* our claim on its way; 0: none */

	uint64_t used_epoch;  /* of the last lease */
	uint64_t lease_epoch; /* 0: no gate is open by us */
	uint64_t lease_at, lease_until;

	bool resume;         /* it was promoted when srptd went away */

	unsigned n_tgs;
	struct target_group tgs[TARGET_GROUPS];
	bool table_changed;
	uint64_t table_seq;
	uint64_t transition_ns; /* how long initiators wait for one */
	uint64_t vacant_until;  /* what was active is to become active elsewhere; 0: no */

	char refused[REASON_MAX + 16]; /* what srptd was told last, with the code; "": nothing */
	char reason[REASON_MAX];       /* why there is no lease; "" */
	const char *health;            /* as published; NULL: nothing */
	const char *health_now;        /* as it is, and since when */
	uint64_t health_since;
	int score;                     /* as published; -1: none */
	bool health_known;             /* and it is what Pacemaker has */
	char states_text[TARGET_GROUPS * 20]; /* for status */
};

struct policy {
	char name[POLICY_NAME_MAX + 1];
	uint64_t now; /* of the last POLICY_NOW */
	bool timed;   /* there was one */
	uint64_t wait_until; /* nothing is opened before */
	uint32_t self;
	bool joined, quorum;
	unsigned n_members;
	struct member members[POLICY_MEMBERS]; /* all but us */
	unsigned n_cluster;
	uint32_t cluster[POLICY_MEMBERS]; /* nodes, as Corosync's quorum has them */
	struct leaver leaver;

	bool srptd_up, srptd_ready;
	uint64_t grace_ns;
	bool fences; /* as srptd's configuration has it, */
	unsigned fence_delay; /* and how long after the one that serves, s */
	bool fence_prepared;
	char hash[HASH_MAX + 1]; /* "": srptd has not told */
	bool ports_known;
	uint64_t ports_up, ports_down;
	bool hello_due;
	struct parity parity;

	bool drbd_ready;
	unsigned n_resources, n_groups;
	struct drbd_resource resources[POLICY_GROUPS];
	struct group groups[POLICY_GROUPS];

	const struct policy_sink *to; /* of the event at hand */
	struct ha_out out;
};

#define for_each_group(p, g) \
	for (struct group *g = (p)->groups; g < (p)->groups + (p)->n_groups; g++)
#define for_each_member(p, m) \
	for (struct member *m = (p)->members; m < (p)->members + (p)->n_members; m++)

/* policy_act.c: what goes out */
void act_log(struct policy *p, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct ha_out *out_begin(struct policy *p, const char *verb, const struct group *g);
void out_srptd(struct policy *p);     /* nothing while it is not there */
void out_multicast(struct policy *p); /* nothing while we are no member */
void act_store(struct policy *p, const struct group *g);
void act_attribute(struct policy *p, const struct group *g, const char *value);
void act_drbd(struct policy *p, const struct group *g, enum policy_action_type role);
void act_score(struct policy *p, const struct group *g, int score);
void act_fence(struct policy *p, const char *node, unsigned delay);
void act_fence_prepare(struct policy *p);

/* policy_drbd.c */
void drbd_event_apply(struct policy *p, const struct drbd_event *e);
void drbd_forget(struct policy *p);
const struct drbd_resource *drbd_find(const struct policy *p, const char *name);
bool drbd_connected(const struct drbd_resource *r); /* to all its peers, of which there is one */
/* Nobody else can be Primary: all peers are connected and say Secondary. */
bool drbd_peers_secondary(const struct drbd_resource *r);
/* The disk of the @peer, of the volume; NULL: not told. */
const struct drbd_disk_of *drbd_disk_find(const struct drbd_disks *d, uint32_t volume);
bool drbd_peer_has(const struct drbd_resource *r, uint32_t volume); /* UpToDate, and connected */

/* policy_table.c: states of target groups */
const char *state_name(enum state s);
bool state_parse(const char *text, size_t len, enum state *to);
/* The group of @name, made if need be; NULL: there are too many, or no such name. */
struct group *group_get(struct policy *p, const char *name);
/* "1:standby,2:active" of srptd: which there are. false: malformed. */
bool tgs_configure(struct policy *p, struct group *g, const char *states);
/* @node says so; 0: we do, and have not joined. Whether it is so now. */
bool tg_set(struct policy *p, struct group *g, uint32_t node, uint16_t id, enum state state,
	    uint64_t epoch);
/* Nothing is active with an epoch below the group's. */
void tgs_epoch_rose(const struct policy *p, struct group *g);
void tgs_node_left(struct policy *p, uint32_t node);
void tgs_left_alone(struct group *g); /* what is left of it is ours, and not agreed on */
void tgs_hello_begin(struct policy *p, uint32_t node);
void tgs_hello_end(struct policy *p, uint32_t node); /* what @node did not tell is no longer */
bool tg_active_of(const struct group *g, uint32_t node); /* one of @node's is active */
void tables_send(struct policy *p);
void vacancies_end(struct policy *p); /* in which nobody has become active in time */
void states_format(const struct policy *p, const struct group *g, char *text, size_t size);

/* policy_srptd.c */
void srptd_message(struct policy *p, const struct ha_msg *m);
void srptd_went(struct policy *p);
void resumes_check(struct policy *p);
const char *role_name(enum role role);

/* policy_peers.c */
struct member *member_find(struct policy *p, uint32_t node);
const char *member_name(struct policy *p, uint32_t node);
void membership_apply(struct policy *p, uint32_t self, const uint32_t *nodes, unsigned n);
void delivered(struct policy *p, uint32_t node, const struct ha_msg *m);
void hello_send(struct policy *p);
/* Tell our own target group's state to all, at once to ourselves when we are alone. */
void own_state_send(struct policy *p, struct group *g);
/* A higher epoch is known. */
void epoch_raise(struct policy *p, struct group *g, uint64_t epoch, uint32_t holder);

/* policy_parity.c */
enum parity_view { PARITY_UNKNOWN, PARITY_ALONE, PARITY_EQUAL, PARITY_DIFFERS };
enum parity_view parity_look(const struct policy *p);
void parity_reason(struct policy *p, char *text, size_t size);
void parity_changed(struct policy *p); /* a hash is new, or a member */
void parity_member_joined(struct policy *p);
void parity_asked(struct policy *p);
void parity_own(struct policy *p, const struct ha_msg *m);  /* from srptd */
void parity_peer(struct policy *p, uint32_t node, const struct ha_msg *m);
void parity_own_gone(struct policy *p);
void parity_free(struct policy *p);

/* policy_gate.c */
bool group_wanted(const struct group *g);
void gate_close(struct policy *p, struct group *g, const char *reason);
void gate_end(struct policy *p, struct group *g); /* srptd is done with it */
void gates_check(struct policy *p); /* close what may not be open */
void gates_open(struct policy *p);  /* claims, leases, refusals */
void gates_mistrust(struct policy *p);
uint64_t gates_deadline(const struct policy *p);

/* policy_fence.c */
void leaver_keep(struct policy *p, const struct member *m); /* before what it had is forgotten */
void cluster_apply(struct policy *p, const uint32_t *nodes, unsigned n);
void fencing_check(struct policy *p);
void fencing_prepare(struct policy *p); /* once for each time that there is somebody to be fenced */

/* policy_health.c */
void health_publish(struct policy *p);
void health_forget(struct policy *p, struct group *g); /* the group is gone */
void health_again(struct policy *p);                   /* what was published may be lost */

#endif
