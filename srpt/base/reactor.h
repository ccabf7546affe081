/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactor: one thread that polls. It works in rounds:
 *   mail → poll every source → deferred work by stage → expired timers.
 * While rounds find work it does not sleep; after the poll budget of empty
 * rounds it arms every source and sleeps on their descriptors.
 * Everything here is called on the reactor's own thread unless noted.
 */
#ifndef SRPT_BASE_REACTOR_H
#define SRPT_BASE_REACTOR_H

#include "base/iobuf.h"
#include "base/list.h"
#include "base/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define REACTOR_MAX 64

struct reactor;

/* Something polled in every round: a completion queue, a ring. */
struct reactor_source {
	struct list_node link;
	/* Handle what is ready; returns the number of events (0: idle). */
	int (*poll)(struct reactor_source *s);
	/*
	 * Ask for a wake-up through @fd. Returns true when events may have
	 * slipped in meanwhile (then the reactor polls again, does not sleep).
	 */
	bool (*arm)(struct reactor_source *s);
	/* @fd was readable after a sleep: consume the notification. May be NULL. */
	void (*wake)(struct reactor_source *s);
	int fd; /* -1: none */
	/* True while the source has operations in flight: worth polling for. May be NULL. */
	bool (*busy)(struct reactor_source *s);
};

/*
 * Work at the end of a round, so that one doorbell serves a whole round. The
 * backend stage runs (and reaps what completed at once) before the transport
 * stage, so that its answers leave in the same round.
 */
enum reactor_stage { STAGE_BACKEND, STAGE_TRANSPORT, STAGE_COUNT };

struct reactor_deferred {
	struct list_node link; /* list_init() before first use */
	void (*fn)(struct reactor_deferred *d);
	enum reactor_stage stage;
};

struct reactor_timer {
	struct list_node link; /* list_init() before first use */
	uint64_t at_ns;        /* CLOCK_MONOTONIC */
	void (*fn)(struct reactor_timer *t);
};

/* Advanced by the reactor; others read with counter_read(). */
struct reactor_stats {
	uint64_t rounds, busy_rounds, sleeps, messages;
};

struct reactor {
	unsigned id; /* 0 … n-1, index for per-reactor arrays */
	struct mailbox inbox;
	struct iobuf_pool bufs;
	struct iobuf_region regions[IOBUF_REGIONS]; /* [0] is the slab */
	unsigned regions_gen;                       /* bumped on each change */
	struct list_node sources;
	struct list_node deferred[STAGE_COUNT];
	struct list_node timers; /* sorted by at_ns */
	struct reactor_stats stats;
	uint64_t now_ns; /* time of this round, CLOCK_MONOTONIC less a tick (4 ms) at most */

	void *be_ring; /* the backend layer's ring of this reactor, see backend.h */

	/* private */
	pthread_t thread;
	int epoll_fd;
	int cpu;
	int poll_budget_us;
	uint64_t spin_ns;       /* how long to poll now, 0 … poll_budget_us: adapts */
	uint64_t idle_since_ns; /* time of the first empty round */
	unsigned empty_rounds;  /* since the last one with work */
	struct list_node *next_source; /* cursor of the poll loop */
	struct msg stop_msg;
	bool running; /* control thread */
	bool stop;    /* reactor thread */
};

struct reactor_params {
	size_t buffer_size; /* bytes of slab */
	/* µs of empty rounds before sleeping; 0: sleep at once; -1: never sleep. */
	int poll_budget_us;
	int cpu; /* pin to this CPU, -1: not pinned */
};

/* Create (not yet running), control thread. 0 or -errno, logged. */
int reactor_create(unsigned id, const struct reactor_params *p, struct reactor **out);
int reactor_start(struct reactor *r);
/* Ask it to stop after the current round and join. Control thread. */
void reactor_stop(struct reactor *r);
/* Free a stopped (or never started) reactor; sources must be gone. */
void reactor_destroy(struct reactor *r);

/* One round without sleeping; for unit tests and for the thread itself. Returns work done. */
int reactor_round(struct reactor *r);

/*
 * What the thread does again and again, for those who have a reactor on their own
 * thread and never start it: one round; without work and when polling does not pay
 * it sleeps until something comes, @timeout_ms at most (-1: for ever, 0: not at
 * all). It may return early. Returns work done by the round.
 */
int reactor_turn(struct reactor *r, int timeout_ms);

/* Run @m->fn on @r's thread; any thread. */
void reactor_send(struct reactor *r, struct msg *m);

/* The reactor running on this thread, NULL on others. */
struct reactor *reactor_self(void);

void reactor_source_add(struct reactor *r, struct reactor_source *s);
void reactor_source_del(struct reactor *r, struct reactor_source *s);

/* Run @d->fn once at its stage of this round; a second call in a round is free. */
void reactor_defer(struct reactor *r, struct reactor_deferred *d);

void reactor_timer_start(struct reactor *r, struct reactor_timer *t, uint64_t delay_ns);
void reactor_timer_stop(struct reactor_timer *t);

/*
 * Make memory known under a region number (region id, or -ENOSPC). Its owner
 * must delete it when no command uses it. Reactor thread or before it starts.
 */
int reactor_region_add(struct reactor *r, uint8_t *base, size_t len);
void reactor_region_del(struct reactor *r, int region);

/*
 * Take a number for memory that will hold messages and is not used yet. Whoever knows the number
 * may send a message that opens it, and then others that use it. Region id or -ENOSPC.
 */
int reactor_region_reserve(struct reactor *r, uint8_t *base);
/* From now on it has @len bytes. Reactor thread or before it starts. */
void reactor_region_open(struct reactor *r, int region, size_t len);

/* All reactors of the daemon; control thread creates it once and hands it round. */
struct reactor_group {
	struct reactor *r[REACTOR_MAX];
	unsigned n;
	struct mailbox *control; /* the control thread's mailbox */
};

/*
 * Call @fn(reactor, arg, c) on every reactor; each must countdown_put(c) once,
 * now or later. Then @done(arg) runs on the control thread. Control thread;
 * allocates. 0 or -ENOMEM (nothing was called).
 */
int reactor_group_call(struct reactor_group *g,
		       void (*fn)(struct reactor *r, void *arg, struct countdown *c),
		       void (*done)(void *arg), void *arg);

uint64_t clock_now_ns(void); /* CLOCK_MONOTONIC */
/* The same, behind by a tick at most; never a system call, whatever clock the machine has. */
uint64_t clock_coarse_ns(void);

#endif
