/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logical units, inside scsi/. An LU is made and taken away by the control
 * thread; its commands live in one shard per reactor, touched by that reactor
 * only (statistics may be read by anybody).
 */
#ifndef SRPT_SCSI_LU_H
#define SRPT_SCSI_LU_H

#include "base/bytes.h"
#include "base/counter.h"
#include "scsi/call.h"
#include "scsi/scsi.h"
#include "scsi/self_test.h"
#include "scsi/task.h"
#include "scsi/ua.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define LU_TEXT_MAX 64

struct lu_shard {
	struct list_node live; /* scsi_cmd.link: admitted, not yet released */
	struct list_node held; /* scsi_cmd.waiter.link: wait for detached writes or barriers */
	unsigned barriers;     /* in ordered and ranges, and ranges_out: see range.h */
	unsigned ranges_out;   /* slots in use */
	struct list_node ordered; /* scsi_cmd.order_link: ORDERED commands not yet ended */
	struct list_node ranges;  /* range_part.link: of commands of any reactor */
	struct list_node free_ranges;   /* range.link */
	struct list_node range_waiters; /* scsi_cmd.waiter.link: for a slot */
	struct lu *lu;
	struct reactor *reactor;
	struct countdown *drained; /* lu_destroy() waits here until live is empty */
	struct task_wait drain;    /* see drain.h */
	struct countdown *draining;
	bool drain_left;           /* no command is waited for any more */
	unsigned probes;           /* requests of lu_canary() and lu_flush() that run */
	/* SYNCHRONIZE CACHE and STOP with IMMED=1: the flush goes on after the answer. */
	struct be_io flush;
	bool flushing;
	bool flush_again;
	bool attached; /* backend_attach() succeeded */
	atomic_bool resume_posted;
	struct reactor_timer patience; /* those held by scsi/await.h had their time */
	struct msg resume; /* to this shard's reactor: look at held again */
	struct lu_stats stats; /* in_flight and detached unused */
	uint64_t in_flight;
	struct task_wait purge; /* of the purge that runs */
	const struct task_purge *purging;
	struct countdown *purged;
} __attribute__((aligned(CACHE_LINE)));

/* Of the mode pages: what commands look at. Written by the control thread, relaxed. */
struct lu_modes {
	atomic_bool tas;     /* control: TASK ABORTED status for other nexuses */
	atomic_bool swp;     /* control: software write protect */
	atomic_bool d_sense; /* control: descriptor format sense data */
	atomic_bool wce;     /* caching: a write may be answered from a volatile cache */
	atomic_uint qerr;    /* control: 0, 1 or 3, SPC-4 7.5.7 */
	atomic_uint saved;   /* values of scsi/mode.h that are kept */
	uint32_t keep;       /* the same, or what is being saved; control thread alone */
};

/* lu_state_save() under way. Control thread. */
struct lu_save {
	uint8_t *data;
	void (*done)(void *arg, int status);
	void *arg;
	struct msg msg; /* when it is refused, with this status */
	int status;
};

/* Of a device group (scsi/alua.h). */
struct alua_member {
	struct list_node link;
	struct alua_group *group; /* NULL: of none */
	struct lu *lu;
};

/* Waiting until nothing of it is in the backend (scsi/drain.h). Control thread. */
struct lu_drain {
	struct scsi_call *call;
	struct alua_group *group; /* is told; NULL: nobody waits any more */
	bool running;
	bool again; /* it began once more while it was running */
	bool wipe;  /* only lu.wipe is waited for */
};

struct lu {
	/* read by every command, constant unless atomic */
	struct backend *be;
	const struct backend_info *info;
	unsigned block_shift;
	bool thin; /* LBPME: UNMAP is offered */
	_Atomic uint64_t nblocks;
	/* Aborted writes still in the backend; > 0 holds new writes. */
	atomic_uint detached;
	atomic_uint not_ready; /* enum scsi_sense told to all but ACCESS_NOT_READY; 0: ready */
	atomic_uint progress;  /* of what makes it not ready, in 65536ths */
	atomic_uint losses;    /* times that the cache could not be written, see lu_io_failed() */
	atomic_bool keeps; /* it has, or had, a store: what is offered does not change */
	struct lu_modes modes;
	_Atomic(const struct alua_table *) alua_table; /* scsi/alua.h */
	_Atomic(const struct write_gate *) gate; /* scsi/gate.h; NULL: none */

	/* identity, constant */
	char name[LU_TEXT_MAX];
	char vendor[9], product[17], revision[5];
	char serial[37];
	char t10_id[LU_TEXT_MAX * 2];
	uint8_t naa[16];

	/* control thread */
	struct scsi_device *device;
	struct list_node itls; /* itl.lu_link */
	struct list_node changes; /* lu_change.link: the first is running */
	struct lu_change *change; /* the one that has its turn, or NULL */
	bool changes_running;     /* inside the loop that starts them */
	struct lu_store *store;   /* NULL: none */
	const struct pr *pr;      /* persistent reservations; never NULL */
	const struct pr *pr_next; /* while a change of it waits for the store, else NULL */
	const struct nexus *reserver; /* by RESERVE; NULL: nobody */
	struct lu_save save;
	struct self_test_log self_tests;
	time_t made; /* CLOCK_MONOTONIC, seconds */
	struct alua_member alua;
	struct lu_drain drain;
	struct lu_wipe *wipe;     /* FORMAT UNIT or SANITIZE that runs; NULL: none */
	bool sanitize_open;       /* a SANITIZE has begun and not ended well; kept */
	bool sanitize_ause;       /* of that */
	struct scsi_call *call;
	struct list_node purges; /* task_purge.link: the first is running */
	struct scsi_call *purge_call;

	/* see range.h */
	struct reactor *home;    /* grants ranges; constant */
	struct list_node ranges; /* range.link: asked for or granted; home */
	uint8_t *range_slots;

	/* control thread */
	void (*create_done)(void *arg, struct lu *lu, int status);
	void (*destroy_done)(void *arg);
	struct {
		struct lu *const *lus;
		unsigned n;
		void (*done)(void *arg);
	} refresh; /* of it and others: lus_refresh() */
	void *done_arg;
	atomic_int attach_status; /* first error of the reactors */

	unsigned nshards;
	struct lu_shard shards[];
};

static inline struct lu_shard *lu_shard(struct lu *lu, const struct reactor *r)
{
	return &lu->shards[r->id];
}

static inline uint64_t lu_nblocks(const struct lu *lu)
{
	/* Acquire: the backend's own size was published before. */
	return atomic_load_explicit(&lu->nblocks, memory_order_acquire);
}

static inline bool lu_keeps(const struct lu *lu)
{
	return atomic_load_explicit(&lu->keeps, memory_order_relaxed);
}

static inline uint16_t lu_progress(const struct lu *lu)
{
	return (uint16_t)min_u32(atomic_load_explicit(&lu->progress, memory_order_relaxed),
				 UINT16_MAX);
}

/*
 * Change the LU's state: @c->start(c) runs at once, or when all that began before are
 * over; it ends with lu_change_end(), now or later. Control thread.
 */
void lu_change_begin(struct lu *lu, struct lu_change *c);
void lu_change_end(struct lu *lu, struct lu_change *c);

/* lu.wipe is over and gone. Control thread. */
void lu_wipe_over(struct lu *lu);

/* Raise @ua on every nexus that sees the LU, except @but (or NULL). Control thread. */
void lu_post_ua(struct lu *lu, enum ua ua, const struct nexus *but);

/*
 * A write that was aborted is out of the backend: if it was the last, the held
 * writes of every reactor go on. Any reactor.
 */
void lu_detached_put(struct lu *lu);

/* Flush the cache without anybody waiting for it; who flushes next hears of errors. Reactor. */
void lu_flush_background(struct lu_shard *sh);

/*
 * A request has failed. After a flush writes that were answered may be lost, also those of others
 * than asked for it, and the backend may not say so again (fsync() does not): it is counted, for
 * each nexus to be told at its next SYNCHRONIZE CACHE. Any reactor.
 */
void lu_io_failed(struct lu *lu, const struct be_io *io);

/* Look at the shard's held commands again, in a later round. Any reactor. */
void lu_shard_post_resume(struct lu_shard *sh);

/* The same of all shards. Any thread. */
void lu_post_resume(struct lu *lu);

/* Let the held commands go on that nothing holds any more. Reactor. */
void lu_shard_resume(struct lu_shard *sh);

/* The last command, the background flush or a probe may have gone: tell who drains. */
void lu_shard_check_drained(struct lu_shard *sh);

#endif
