/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI device server as a fabric (SRP) and the control plane see it.
 *
 * The way of a command:
 *   fabric: scsi_submit() → [admission] → fabric->pull() → scsi_pulled()
 *   → backend → fabric->respond() → scsi_cmd_release()
 * An aborted command ends with fabric->dropped() instead of respond().
 *
 * Threads: a command lives on one reactor from submit to release. LUs, nexuses
 * and their LUN maps are changed by the control thread only; reactors read
 * immutable snapshots that are replaced under reactor_group_call().
 */
#ifndef SRPT_SCSI_SCSI_H
#define SRPT_SCSI_SCSI_H

#include "backend/backend.h"
#include "base/iobuf.h"
#include "base/list.h"
#include "base/reactor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SCSI_MAX_CDB 32     /* bytes stored; longer CDBs are refused by the opcode table */
#define SCSI_MAX_SENSE 252  /* SPC-4 4.5.1 */
#define SCSI_MAX_LUN 16383  /* flat space addressing, SAM-5 4.7.7.3 */
#define SCSI_NAME_MAX 64

/* SAM-5 5.3.1 */
enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_BUSY = 0x08,
	SCSI_RESERVATION_CONFLICT = 0x18,
	SCSI_TASK_SET_FULL = 0x28,
	SCSI_ACA_ACTIVE = 0x30,
	SCSI_TASK_ABORTED = 0x40,
};

enum scsi_task_attr { SCSI_SIMPLE = 0, SCSI_HEAD_OF_QUEUE = 1, SCSI_ORDERED = 2, SCSI_ACA = 4 };

struct lu;
struct nexus;
struct itl;
struct lu_shard;
struct range;
struct scsi_cmd;
struct scsi_op;

/* What a fabric does for the device server; all on the command's reactor. */
struct scsi_fabric_ops {
	/*
	 * Move the first @cmd->buf.len bytes of the initiator's DATA-OUT into
	 * @cmd->buf, then scsi_pulled(). Called once, only when data_out_len ≥
	 * buf.len and the data did not come with the command (cmd->imm).
	 */
	void (*pull)(struct scsi_cmd *cmd);
	/*
	 * Send @cmd->data_len bytes of @cmd->buf as DATA-IN (0: none), then status,
	 * sense and residual. When no byte of buf is needed any more:
	 * scsi_cmd_release(), after which the fabric owns the command alone.
	 */
	void (*respond)(struct scsi_cmd *cmd);
	/*
	 * The command was aborted and gets no response (SAM-5 5.3.1: no status for
	 * an aborted task). scsi_cmd_release() has been done; the memory is the
	 * fabric's again. The fabric returns the credit with a later response. May
	 * be called inside scsi_cmd_abort() and scsi_pulled().
	 */
	void (*dropped)(struct scsi_cmd *cmd);
};

/*
 * A change of an LU's state (PERSISTENT RESERVE OUT, MODE SELECT …) that may take
 * time; one at a time of each LU, in the order they began (scsi/lu.h). Control thread.
 */
struct lu_change {
	struct list_node link;
	void (*start)(struct lu_change *c);
};

/* Commands on an LU are to be aborted: task_purge_run() of scsi/task.h. Control thread. */
struct task_purge {
	struct lu *lu;
	const struct scsi_cmd *but; /* or NULL */
	bool (*match)(const struct task_purge *p, const struct nexus *n);
	bool backend;
	void (*done)(struct task_purge *p);
	/* private */
	struct list_node link; /* on lu.purges: the first is running */
};

/* Where a command is; only moves forward. */
enum scsi_cmd_state {
	SCSI_CMD_NEW,
	SCSI_CMD_HELD,       /* waits for a buffer, detached writes or other commands */
	SCSI_CMD_PULLING,    /* fabric moves DATA-OUT */
	SCSI_CMD_FETCHED,    /* has its data, waits for other commands */
	SCSI_CMD_EXECUTING,  /* in the backend or computing */
	SCSI_CMD_ENDING,     /* has failed: others are aborted first (QERR) */
	SCSI_CMD_RESPONDING, /* fabric sends DATA-IN and status */
	SCSI_CMD_DONE,
};

/* Embedded in the fabric's own command. Pooled, never malloc'ed per command. */
struct scsi_cmd {
	/* --- set by the fabric before scsi_submit() --- */
	const struct scsi_fabric_ops *fabric;
	struct reactor *reactor;
	struct nexus *nexus;
	uint64_t tag;           /* opaque */
	uint8_t lun[8];         /* as received, SAM-5 4.7 */
	uint8_t cdb[SCSI_MAX_CDB];
	uint16_t cdb_len;       /* bytes valid, 16 … SCSI_MAX_CDB */
	uint8_t task_attr;      /* enum scsi_task_attr, unknown values → SCSI_ORDERED */
	uint32_t data_out_len;  /* bytes the initiator offers to send */
	uint32_t data_in_len;   /* bytes the initiator is ready to take */
	struct iobuf imm;       /* DATA-OUT that came with the command; addr NULL: none */

	/* --- result, valid in fabric->respond --- */
	struct iobuf buf;       /* data buffer; from the pool or == imm */
	uint32_t data_len;      /* bytes of buf to send as DATA-IN */
	/*
	 * Bytes the command moves in its direction (DATA-OUT when wants_out, else
	 * DATA-IN) when the initiator's buffer is big enough. Residual of that
	 * direction: wanted > data_xx_len: over by the difference; else under by
	 * data_xx_len − moved, where moved is data_len (in) or moved_out (out). No
	 * command uses the other direction's buffer: under by its whole length.
	 *
	 * READ into a short buffer: GOOD, data_len = data_in_len, over. WRITE of
	 * more than data_out_len: 05/0E/03 and nothing is written, moved_out 0,
	 * over. Any other error: data_len 0, wanted 0; moved_out tells whether the
	 * data had been fetched.
	 */
	uint32_t wanted;
	uint32_t moved_out;     /* bytes of DATA-OUT fetched: 0 or all the command needs */
	bool wants_out;         /* wanted counts DATA-OUT */
	uint8_t status;         /* enum scsi_status */
	uint8_t sense_len;      /* bytes of sense, at the end of the struct */

	/* --- private to scsi/ --- */
	enum scsi_cmd_state state;
	bool aborted;           /* end with dropped() (or TASK ABORTED) at the next step */
	bool abort_status;      /* aborted by another nexus with TAS=1: TASK ABORTED */
	bool detached;          /* aborted while a write is in the backend */
	bool in_control;        /* between cmd_control() and cmd_control_return() */
	bool ordered;           /* ORDERED, and later commands wait for it */
	bool ordering;          /* and it waits for those before it */
	bool awaits;            /* held by scsi/await.h; progress: until when, CLOCK_MONOTONIC */
	bool internal;          /* submitted by another command: unit attentions are not for it */
	struct scsi_cmd *sub;   /* the latest it has submitted itself, or NULL */
	uint64_t mark;          /* number of the first who waits until it leaves, or 0 */
	struct list_node mark_link; /* while mark: on the reactor's list of marked commands */
	const struct scsi_op *op;
	struct itl *itl;        /* NULL: no such LUN, or unmapped meanwhile */
	struct lu *lu;          /* NULL: no such LUN */
	struct lu_shard *shard; /* of lu on this reactor */
	uint64_t number;        /* in the order of admission to the shard */
	uint64_t epoch;         /* of the write gate when it was admitted; 0: it passes without */
	struct range *range;    /* it has or wants, scsi/range.h; NULL: none */
	struct list_node order_link; /* while ordered: on the shard's list */
	struct list_node link;  /* on the shard's live list */
	uint64_t lba;           /* decoded from the CDB; of block commands */
	uint32_t nblocks;
	uint32_t alloc;         /* allocation or parameter list length, of the others */
	uint32_t out_len;       /* bytes of DATA-OUT the command needs */
	uint32_t buf_len;       /* bytes of buf, aux it needs */
	uint32_t aux_len;
	uint32_t arg;           /* free for the operation */
	uint64_t progress;      /* of a command that takes several requests; its own unit */
	struct iobuf aux;       /* scratch of VERIFY and WRITE SAME */
	struct iobuf_waiter waiter; /* for a buffer, or on the shard's held list */
	void (*step)(struct scsi_cmd *cmd); /* after io, unless aborted */
	struct msg msg;                     /* to the control thread and back */
	struct lu_change change;            /* its turn to change the LU's state */
	struct task_purge purge;            /* of those that go when it fails (QERR) */
	union {
		struct be_io io;
		struct be_scsi_io scsi; /* of a passthrough command */
	};
	uint8_t sense[SCSI_MAX_SENSE]; /* result: sense_len bytes */
};

/*
 * Run a command. It may end (respond) before this returns. The fabric keeps the
 * memory until scsi_cmd_release() was called and its own work is over.
 */
void scsi_submit(struct scsi_cmd *cmd);

/*
 * Refuse a command the fabric could not decode (bad descriptors, overlapped tag):
 * @sense is an enum scsi_sense of scsi/sense.h. Ends in fabric->respond().
 */
void scsi_reject(struct scsi_cmd *cmd, int sense);

/*
 * The fabric's answer to pull(): 0; -ECONNRESET: the channel is dead, the command
 * ends with dropped(); any other -errno: it ends with 0B/0C/0D.
 */
void scsi_pulled(struct scsi_cmd *cmd, int status);

/*
 * The fabric needs nothing of the command's data any more. Idempotent. Takes
 * the command off its LU and returns its buffer. That may let others go on that
 * waited for a buffer: their pull() and respond() may be called inside.
 */
void scsi_cmd_release(struct scsi_cmd *cmd);

/*
 * The channel of these commands died: end the command without a response as
 * soon as possible (dropped(), maybe now, maybe when the backend returns).
 * Never inside respond(). If it is PULLING, the fabric must still call
 * scsi_pulled(); if RESPONDING, scsi_cmd_release().
 */
void scsi_cmd_abort(struct scsi_cmd *cmd);

/* ---- task management, SAM-5 7 ---- */

enum scsi_tmf_function {
	SCSI_ABORT_TASK,
	SCSI_ABORT_TASK_SET,
	SCSI_CLEAR_TASK_SET,
	SCSI_LU_RESET,
	SCSI_I_T_NEXUS_RESET,
};

/* Service responses; the fabric maps them to its own codes. */
enum scsi_tmf_response {
	SCSI_TMF_COMPLETE,
	SCSI_TMF_REJECTED,   /* function not supported */
	SCSI_TMF_BAD_LUN,
	SCSI_TMF_FAILED,
};

/*
 * @done runs on @reactor, never inside scsi_tmf_submit(), when no byte moves
 * any more for the commands the function ended; it does not wait for slow
 * storage (aborted writes are detached: later writes to that LU wait for them
 * instead). SCSI_LU_RESET lets the commands of @nexus that it finds end normally
 * for at most a second before it aborts them. It does wait for scsi_pulled() and
 * scsi_cmd_release() of commands whose data or response are on the way: these
 * must come without further traffic on their channel. The nexus must not be
 * destroyed before.
 */
struct scsi_tmf {
	enum scsi_tmf_function function;
	struct reactor *reactor;
	struct nexus *nexus;
	uint8_t lun[8];
	uint64_t task_tag;
	void (*done)(struct scsi_tmf *tmf, enum scsi_tmf_response r);
	/* private to scsi/ */
	struct msg msg;
	enum scsi_tmf_response response;
};

void scsi_tmf_submit(struct scsi_tmf *tmf);

/* ---- control plane: logical units, ports, nexuses (control thread) ---- */

/* Identity and texts of an LU; equal on both nodes of a pair. */
struct lu_params {
	const char *name;      /* device name; PRODUCT IDENTIFICATION unless given */
	const char *vendor;    /* ≤ 8, default SCST_FIO / SCST_BIO by backend */
	const char *product;   /* ≤ 16, NULL: name */
	const char *revision;  /* ≤ 4 */
	const char *serial;    /* VPD 80h, ≤ 36 */
	const char *t10_id;    /* T10 vendor specific part of VPD 83h, NULL: serial-name */
	uint8_t naa[16];       /* NAA 6 designator, complete */
	bool thin_provisioned;
	struct lu_store *store; /* NULL: nothing is kept; APTPL and saved pages are refused */
	const void *state;      /* what was kept of it, state_len bytes; NULL: nothing */
	size_t state_len;
};

/*
 * Where the state of LUs that must outlive the daemon is kept (reservations with
 * APTPL, saved mode pages): ctl/state. @save puts @len bytes in the place of what
 * was kept for @key (1 … 64 of [A-Za-z0-9._-]); they stay the caller's until
 * @done(arg, status) runs, on the control thread, never inside save(): 0 when they
 * are on stable storage, or -errno, and what was kept before still is. len 0: forget it.
 * One at a time for a key. Control thread.
 */
struct lu_store {
	void (*save)(struct lu_store *s, const char *key, const void *data, size_t len,
		     void (*done)(void *arg, int status), void *arg);
};

#define LU_STATE_KEY_SIZE 33 /* characters, with the terminating zero */
/*
 * The key of an LU's state: the hex digits of its NAA designator. Initiators know the LU by
 * that and register with it, so the state follows it when the device is renamed or its file
 * is moved, and the nodes of a pair, which must agree on it, find each other's.
 */
void lu_state_key(const uint8_t naa[16], char key[LU_STATE_KEY_SIZE]);

/* The daemon's SCSI device: create once before any LU. */
struct scsi_device;
struct scsi_device *scsi_device_create(struct reactor_group *g);
void scsi_device_destroy(struct scsi_device *d);

/*
 * Add an LU on an open backend (ownership of @be passes on success). It is
 * attached to every reactor, then @done(arg, 0 or -errno) runs on the control
 * thread; only then may it be mapped. -EINVAL at once: params.state is not understood.
 */
int lu_create(struct scsi_device *d, const struct lu_params *p, struct backend *be,
	      void (*done)(void *arg, struct lu *lu, int status), void *arg);

/*
 * Take it away: it must be in no nexus' map any more. Waits until no command
 * uses it on any reactor, closes the backend, then @done(arg).
 */
void lu_destroy(struct lu *lu, void (*done)(void *arg), void *arg);

const char *lu_name(const struct lu *lu);
struct backend *lu_backend(struct lu *lu);

/* Sums over reactors; racy by nature, read without stopping anybody. */
struct lu_stats {
	uint64_t commands, read_ops, write_ops, read_bytes, write_bytes, errors, aborted;
	uint64_t read_errors, write_errors; /* that the backend reported */
	unsigned in_flight, detached;
};
void lu_stats(const struct lu *lu, struct lu_stats *s);

/* Who has reserved an LU and how (for listings). Names are valid until the next change. */
struct lu_reservation {
	uint32_t generation;   /* PRgeneration */
	unsigned registrants;
	const char *type;      /* of the persistent reservation; NULL: none */
	bool kept;             /* APTPL: it outlives the daemon */
	const char *reserver;  /* name of the nexus that has it by RESERVE; NULL: none */
};
void lu_reservation(const struct lu *lu, struct lu_reservation *r);

/* Registrant @i (0 … registrants − 1) of an LU. */
struct lu_registrant {
	uint8_t initiator_port_id[16];
	uint16_t rel_tgt_id;
	uint64_t key;
	bool holder;
	const char *session;   /* name of its nexus; NULL: not there now */
};
void lu_registrant(const struct lu *lu, unsigned i, struct lu_registrant *r);
/* Whether everybody's writes are refused; a change raises 06/2A/01. As backend_set_read_only(). */
void lu_set_read_only(struct lu *lu, bool read_only);

/*
 * Put what was kept, as in lu_params.state, in the place of the LU's reservations and saved mode
 * pages; @len 0: as new. Nexuses hear of what really changed: 2A/03 … 05 of their registrations
 * and the reservation, 2A/01 of mode pages. What is RESERVEd is released. Not while a change of
 * it runs (after alua_group_drain() none does). Nothing is saved by this. 0; -EINVAL, logged, not
 * understood, -EBUSY or -ENOMEM: nothing has changed.
 */
int lu_state_replace(struct lu *lu, const void *data, size_t len);

/*
 * Where the state is kept from now on; NULL: nowhere, saves fail. Not while a change runs, as
 * above. MODE SELECT with SP and APTPL are offered from the first one on. In a gated group all
 * registrations are kept in it, whatever APTPL says: to move is no loss of power.
 */
void lu_set_store(struct lu *lu, struct lu_store *store);

/*
 * Read the first block in the way of commands (a reactor's buffer, backend_submit()), or flush the
 * cache of the backend. @done(arg, 0 or -errno), on the control thread, never inside. Not cancelled
 * by anything: lu_destroy() and alua_group_drain() wait for it. 0, -ENOMEM.
 */
int lu_canary(struct lu *lu, void (*done)(void *arg, int status), void *arg);
int lu_flush(struct lu *lu, void (*done)(void *arg, int status), void *arg);

/*
 * Go on with what @fresh has open, see backend_exchange(). 0: lus_refresh() is to follow; where
 * what was open was dead, 06/28/00 is raised. -errno with @err: nothing has changed. One at a
 * time, and not while it is destroyed.
 */
int lu_exchange(struct lu *lu, struct backend *fresh, char *err, size_t errlen);

/*
 * After lu_exchange() of each of the @n (≥ 1): @done(arg) when every reactor has gone over to what
 * is open now, and the sizes must be read again; where an LU was parked and now is not,
 * lu_take_size() is enough: its size was read when it was opened. @lus is the caller's until then.
 */
void lus_refresh(struct lu *const *lus, unsigned n, void (*done)(void *arg), void *arg);

/* Re-read the size; raises 06/2A/09 on every nexus when it changed. 1 changed, 0 not, -errno. */
int lu_resync(struct lu *lu);

/* The same, of the size that the backend knows. 1 changed, 0 not. */
int lu_take_size(struct lu *lu);

/* ---- asymmetric logical unit access, SPC-4 5.15.2 (control thread) ---- */

/* Access states of target ports, as REPORT TARGET PORT GROUPS has them (SPC-4 table 311). */
enum alua_state {
	ALUA_OPTIMIZED = 0x0,
	ALUA_NONOPTIMIZED = 0x1,
	ALUA_STANDBY = 0x2,
	ALUA_UNAVAILABLE = 0x3,
	ALUA_OFFLINE = 0xe,
	ALUA_TRANSITIONING = 0xf,
	/*
	 * Standby while no group is active: told as transitioning, so that initiators wait, but
	 * what standby allows is allowed.
	 */
	ALUA_VACANT = 0x1f,
};

#define ALUA_GROUPS_MAX 32 /* target port groups of a device group */
#define ALUA_PORTS_MAX 255 /* ports of a target port group: the count is a byte */

/* A target port group: the ports of one node, here or elsewhere. */
struct alua_target_group {
	uint16_t id;           /* 1 … 65535, no two of a device group the same */
	bool preferred;
	enum alua_state state;
	const uint16_t *ports; /* relative target port identifiers, in no other group */
	unsigned n_ports;      /* 1 … ALUA_PORTS_MAX */
};

struct alua_params {
	uint16_t lu_group;       /* logical unit group of VPD 83h; 0: none */
	uint8_t transition_time; /* s a change of state may take, for initiators; 0: not told */
	const struct alua_target_group *groups;
	unsigned n_groups;
	bool gated;              /* it has a write gate, closed at first; as it was made */
};

/*
 * A device group: LUs whose access states change together. All in @p is copied.
 * 0, -EINVAL or -ENOMEM; then alua_group_change() has changed nothing.
 */
struct alua_group;
int alua_group_create(struct scsi_device *d, const struct alua_params *p, struct alua_group **out);
int alua_group_change(struct alua_group *g, const struct alua_params *p);

/* Its LUs are in none afterwards. Frees it after a grace period. */
void alua_group_destroy(struct alua_group *g);

/*
 * Target port group @id is in @state from now on: REPORT TARGET PORT GROUPS says so,
 * commands are filtered so, and every nexus on the LUs has 06/2A/06, before the first
 * command is served in the new state; not when @state is transitioning, of which commands
 * hear by 02/04/0A. @failed: a transition failed and @state is what remains: 06/2A/07.
 * 0, -ENOENT (no such group) or -ENOMEM.
 */
int alua_group_set_state(struct alua_group *g, uint16_t id, enum alua_state state, bool failed);
enum alua_state alua_group_state(const struct alua_group *g, uint16_t id); /* it must exist */

/*
 * Several target port groups at once, in one table: nobody finds some of them changed and others
 * not. As alua_group_set_state(); -EINVAL for more than ALUA_GROUPS_MAX.
 */
struct alua_state_of {
	uint16_t id;
	enum alua_state state;
};
int alua_group_set_states(struct alua_group *g, const struct alua_state_of *s, unsigned n,
			  bool failed);

/*
 * The write gate of a gated group: open with @epoch (not 0) until @until_ns (CLOCK_MONOTONIC;
 * UINT64_MAX: for ever). Again with the same epoch: renewed, or shortened. What was admitted under
 * another epoch, or before it was closed, is answered 02/04/0A. See scsi/gate.h.
 */
void alua_group_gate_open(struct alua_group *g, uint64_t epoch, uint64_t until_ns);
void alua_group_gate_close(struct alua_group *g);

/*
 * Wait until no command that touches the medium is in the backend, nor on the control thread, of
 * any LU of the group: then @done(arg), never inside. Those that are held are admitted anew now,
 * so refused when the gate is closed or the access state says so (one of which goes before); a
 * FORMAT UNIT or SANITIZE that runs is stopped. One at a time; without end while the backend
 * hangs. Cancelled, @done does not run; before the group is destroyed it must be.
 */
void alua_group_drain(struct alua_group *g, void (*done)(void *arg), void *arg);
void alua_group_drain_cancel(struct alua_group *g);

/*
 * Put an LU in a device group, and out of that it was in; NULL: it is in none, as at first,
 * and every port has active/optimized access to it. Ports that are in no target port group
 * have so, too.
 */
void lu_set_alua_group(struct lu *lu, struct alua_group *g);

/* A SCSI target port, as VPD 83h names it. Lives as long as its nexuses. */
struct scsi_port {
	struct list_node link; /* of the device, while it is added */
	uint16_t rel_tgt_id;  /* relative target port identifier, 1 … 65535 */
	uint8_t id[16];       /* SRP target port identifier (id_ext, ioc_guid) */
};

/* One entry of a LUN map. */
struct lun_entry {
	uint16_t lun;         /* 0 … SCSI_MAX_LUN, ascending in a map */
	bool read_only;
	struct lu *lu;
};

/*
 * All target ports of the device: registrations with ALL_TG_PT are for each, and for those of
 * other nodes in the LU's device group. @p stays the caller's.
 */
void scsi_port_add(struct scsi_device *d, struct scsi_port *p);
void scsi_port_remove(struct scsi_port *p);

/*
 * An I_T nexus. @initiator_port_id and the port outlive it by copy. Raises
 * 29/00 (power on) for each LU mapped at creation. NULL: no memory.
 */
struct nexus *nexus_create(struct scsi_device *d, const struct scsi_port *port,
			   const uint8_t initiator_port_id[16], const char *name);

/*
 * Give the nexus its LUN map (copied). On a change after the first map: 3F/0E on
 * every LU, 29/00 on new ones, with 3F/03 where the LUN was another LU before; 2A/01
 * where a LUN that stays became read-only or writable. @done(arg) when no reactor uses the old
 * map; may be NULL. 0 or -ENOMEM.
 */
int nexus_set_map(struct nexus *n, const struct lun_entry *map, unsigned count,
		  void (*done)(void *arg), void *arg);

/* No channel may use it any more; frees it after a grace period. */
void nexus_destroy(struct nexus *n);

/*
 * It is about to end, and waits for its commands to end by themselves: those that only wait for a
 * group to become active (scsi/await.h) are answered now, and none waits so again.
 */
void nexus_leave(struct nexus *n);

/* Number of LUs mapped, and entry @i (for listings). Control thread. */
unsigned nexus_lun_count(const struct nexus *n);
const struct lun_entry *nexus_lun(const struct nexus *n, unsigned i);

#endif
