/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backends: where the bytes of a logical unit live. A backend knows offsets and
 * lengths in bytes; it knows no CDB. Every request crosses backend_submit(),
 * which asserts the contract both ways.
 *
 * Threads: open and close may run on any, as nobody else has the backend then; the
 * info is the control thread's; attach, detach and submit run on the reactor named.
 */
#ifndef SRPT_BACKEND_BACKEND_H
#define SRPT_BACKEND_BACKEND_H

#include "base/iobuf.h"
#include "base/list.h"
#include "base/reactor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum be_op {
	BE_READ,
	BE_WRITE,
	BE_FLUSH,        /* all writes completed before are on stable storage */
	BE_UNMAP,        /* [off, off+len) reads as zeros afterwards; space is freed */
	BE_WRITE_ZEROES, /* as BE_UNMAP, space stays allocated where that can be had */
	BE_PREFETCH,     /* [off, off+len) will be read; a hint that cannot fail */
	BE_EXTENTS,      /* what of [off, off+len) is allocated: fills buf, see be_extent */
	BE_USAGE,        /* the space all of it takes: fills buf, see be_usage */
	BE_OPS,
};

/*
 * What BE_EXTENTS finds. The first begins at be_io.off, each other where the one before ends;
 * neighbours may be alike. Where a backend does not know, all is mapped. They need not reach
 * the end of what was asked about: the room is up, or it was enough work for one request.
 */
struct be_extent {
	uint64_t len; /* bytes; a multiple of info.block_size */
	bool mapped;  /* false: no space is allocated for it, and it reads as zeros */
};

/* What BE_USAGE finds, where info.knows_usage; -EOPNOTSUPP elsewhere. Bytes. */
struct be_usage {
	uint64_t used;
	uint64_t available; /* for it to take as well; others may take of the same */
};

#define BE_FUA 0x01 /* BE_WRITE, BE_WRITE_ZEROES: on stable storage before done */

struct backend;

/*
 * One request. Owned by the caller, not touched by it between submit and
 * @done, which runs exactly once, on the submitting reactor, never inside
 * backend_submit() itself (so a caller may submit the next from @done).
 */
struct be_io {
	enum be_op op;
	uint8_t flags;
	uint64_t off;     /* bytes; a multiple of info.block_size */
	uint64_t len;     /* bytes; for BE_READ/BE_WRITE == buf.len, ≤ IOBUF_MAX_SIZE */
	/* BE_READ, BE_WRITE: addr a multiple of info.buf_align. BE_EXTENTS, BE_USAGE: see there. */
	struct iobuf buf;
	void (*done)(struct be_io *io);

	int result; /* 0, or -errno: -EIO, -ENOSPC, -EROFS, -ENODEV … */
	uint32_t count; /* BE_EXTENTS that succeeded: be_extents in buf, at least 1 */

	/* private to the backend */
	struct backend *be;
	struct reactor *reactor;
	union {
		struct list_node link;
		struct msg msg; /* to its reactor, while it is on no list */
	};
	uint64_t done_bytes;
	uint8_t step;
	uint8_t retries;
};

/*
 * A SCSI command for a device behind an is_scsi backend: the bytes of the CDB mean
 * nothing here. Owned by the caller, which does not touch it between submit and
 * @done; that runs exactly once, on the submitting reactor, never inside
 * backend_submit_scsi().
 */
enum be_scsi_dir {
	BE_SCSI_NONE,
	BE_SCSI_IN, /* all of buf is written over, with zeros or old data where nothing came */
	BE_SCSI_OUT,
};

struct be_scsi_io {
	const uint8_t *cdb;   /* the caller's, until @done */
	uint8_t cdb_len;      /* bytes, 6 … 32 */
	uint8_t sense_room;   /* bytes at sense, ≤ 252 */
	enum be_scsi_dir dir;
	uint32_t timeout_ms;  /* after it the kernel gives the command up */
	struct iobuf buf;     /* buf.len: bytes offered or wanted, ≤ IOBUF_MAX_SIZE */
	uint8_t *sense;
	void (*done)(struct be_scsi_io *io);

	/*
	 * 0: the device answered, what follows is valid. Else -errno: -ENODEV it is
	 * gone, -ETIMEDOUT, -EIO, -EBUSY, -EINVAL the host adapter cannot do it …
	 */
	int result;
	uint8_t status;    /* as the device gave it, SAM-5 5.3.1 */
	uint8_t sense_len; /* bytes written to sense */
	uint32_t resid;    /* bytes of buf.len that were not moved, ≤ buf.len */

	/* private to the backend */
	struct backend *be;
	struct reactor *reactor;
	struct list_node link;
	struct msg msg;
};

/* What a backend is; constant while open except @size (grows online) and @read_only. */
struct backend_info {
	uint64_t size;             /* bytes; a multiple of block_size */
	uint32_t block_size;       /* the logical block size it is exported with */
	uint32_t physical_block;   /* bytes, ≥ block_size */
	uint32_t unmap_granularity; /* bytes; 0: BE_UNMAP is not supported */
	uint32_t unmap_alignment;  /* bytes */
	uint32_t optimal_io;       /* bytes, 0 unknown */
	uint32_t buf_align;        /* bytes: what be_io.buf.addr must be aligned to, ≤ 4096 */
	bool read_only;
	bool rotational;
	bool knows_usage; /* BE_USAGE has an answer */
	bool write_cache; /* volatile cache: BE_FLUSH and BE_FUA mean something */
	/*
	 * A SCSI device: it takes be_scsi_io instead of be_io. size is 0 where nobody
	 * knows it; size and block_size are for listings only.
	 */
	bool is_scsi;
	uint8_t scsi_type; /* PERIPHERAL DEVICE TYPE, SPC-4 6.6.2 */
};

enum backend_type { BACKEND_BLOCKIO, BACKEND_FILEIO, BACKEND_NULLIO, BACKEND_RAM, BACKEND_FAULT,
		    BACKEND_SG_DISK, BACKEND_SG_TAPE, BACKEND_SG_CHANGER, BACKEND_TYPES };

/*
 * What BACKEND_FAULT does wrong: every @every-th request that is one of @ops and touches the
 * range is held while @hang, else delayed, and then ends with @error, or as it should.
 */
struct backend_fault {
	uint8_t ops;       /* bits 1 << enum be_op */
	bool hang;
	int error;         /* an errno; 0: none */
	uint32_t every;    /* 1: each of them; 0: nothing is wrong */
	uint32_t delay_ms;
	uint64_t off, len; /* bytes; len 0: anywhere */
};

/*
 * What a disk is known to be like, so that opening it need not ask for it: sysfs is slow. Of
 * @info only what is a hint to initiators is taken, and only of the same disk.
 */
#define BACKEND_IDENTITY 160
struct backend_known {
	uint64_t disk; /* number of the block device, or of the file system of a file; 0: none */
	bool block;    /* a block device */
	struct backend_info info;
	char identity[BACKEND_IDENTITY]; /* what the disk calls itself; "": not known */
};

struct backend_params {
	enum backend_type type;
	const char *filename;  /* path, of dev_... also H:C:I:L; NULL for nullio, ram, fault */
	uint32_t block_size;   /* 512, 1024, 2048, 4096 */
	uint64_t size;         /* bytes; nullio, 0: default; ram and fault */
	bool read_only;
	bool write_through;    /* fileio: every write is BE_FUA, no volatile cache */
	bool nv_cache;         /* the cache is non-volatile: flush and FUA cost nothing */
	bool o_direct;         /* fileio: bypass the page cache */
	bool thin_provisioned; /* offer BE_UNMAP */
	bool hide_physical;    /* report physical blocks as large as logical ones */
	int rotational;        /* 0, 1; -1: ask the device */
	/*
	 * Nothing is opened: it is only known what there is. Size and limits are those of sysfs
	 * (block device) or stat (file), else @size, of blockio and fileio too. Every request
	 * ends with -ENODEV. Nullio, ram and fault have nothing to close and lose nothing by it.
	 */
	bool parked;
	struct backend_known known; /* it may be out of date: backend_unsure() then says so */
	struct backend_fault fault;
};

/* Per type; the tables live in the type's own file. */
struct backend_ops {
	const char *handler; /* name in the configuration: vdisk_blockio … */
	int (*open)(struct backend *be, const struct backend_params *p, char *err, size_t errlen);
	/* With params.parked; NULL: open() does it, there is nothing that could be in the way. */
	int (*park)(struct backend *be, const struct backend_params *p, char *err, size_t errlen);
	void (*close)(struct backend *be);
	int (*attach)(struct backend *be, struct reactor *r);
	void (*detach)(struct backend *be, struct reactor *r);
	void (*submit)(struct backend *be, struct be_io *io);
	void (*scsi)(struct backend *be, struct be_scsi_io *io); /* of is_scsi */
	int (*resync)(struct backend *be); /* look at the size again */
	/* Other parameters while open; NULL: none can change. */
	void (*change)(struct backend *be, const struct backend_params *p);
	/* Give @fresh what @be has open and take what it has; NULL: nothing can be lost. */
	int (*exchange)(struct backend *be, struct backend *fresh, char *err, size_t errlen);
	void (*refresh)(struct backend *be, struct reactor *r);
};

/*
 * Prepare @r's ring (io_uring) with @depth entries; the same ring serves all
 * backends of the reactor. Where io_uring is refused, threads serve instead, with a
 * warning. Before the reactor starts. Control thread. 0 or -errno, logged.
 */
int be_ring_create(struct reactor *r, unsigned depth);
void be_ring_destroy(struct reactor *r);

/*
 * Open. On failure -errno and @err says what is wrong with which file and what
 * to do, in one line without a full stop. The caller owns *@out.
 */
int backend_open(const struct backend_params *p, struct backend **out, char *err, size_t errlen);

/* Close; no request may be in flight and every reactor must be detached. */
void backend_close(struct backend *be);

const struct backend_info *backend_info(const struct backend *be);
const char *backend_handler(const struct backend *be);

/* Per reactor, on its thread, before the first submit and after the last. */
int backend_attach(struct backend *be, struct reactor *r);
void backend_detach(struct backend *be, struct reactor *r);

/*
 * Take over what of @p can change while it is open: what BACKEND_FAULT does wrong. Every reactor
 * is attached, and stays so until a message sent after this one. Control thread.
 */
void backend_change(struct backend *be, const struct backend_params *p);

/* Before it is drained: hold no request back on purpose any more. As backend_change(). */
void backend_release(struct backend *be);

/* Read the size again after the device changed. 0 or -errno. Control thread. */
int backend_resync(struct backend *be);

/* Refuse what would change anything, from now on, or no longer. Control thread. */
void backend_set_read_only(struct backend *be, bool read_only);

/* Opened with params.parked, or exchanged for one that was. Any thread. */
bool backend_is_parked(const struct backend *be);

/* Whether it can be lost, and opened anew while it is in use. */
bool backend_can_exchange(const struct backend *be);

/*
 * Whether a request ended, since the last call, as requests do when what is open is not there
 * any more. Control thread.
 */
bool backend_suspect(struct backend *be);

/* What is known of it, for backend_params.known, but for its identity. Control thread. */
struct backend_known backend_known(const struct backend *be);

/*
 * Whether it was opened by what was known: then backend_look() is to find out what the disk is
 * like now, for backend_learn(). Control thread.
 */
bool backend_unsure(const struct backend *be);

/* What the disk at @p->filename is like, without opening it. 0 or -errno. May block; any thread. */
int backend_look(const struct backend_params *p, struct backend_known *known);

/* Take over what was found; of another disk than that in use nothing. Control thread. */
void backend_learn(struct backend *be, const struct backend_known *known);

/*
 * Let @be go on with what @fresh has open, of the same parameters but read_only and of at least
 * the same size, which counts after backend_resync(). Then backend_refresh() must run on every
 * reactor. read_only stays as it is. Requests in flight end where they began. @fresh stays the
 * caller's, to be closed. 0; 1: what was open was dead, and with it may be what was written and
 * not flushed; or -errno with @err: nothing has changed. Control thread.
 *
 * Where one of them is parked, other rules hold: no request may be in flight, @be becomes what
 * @fresh was, and whichever disk and size that has is taken over. After backend_refresh() on every
 * reactor and backend_close() of a @fresh that has taken what was open, no descriptor of it is
 * left in this process. Of every type but those of SCSI devices, also where
 * backend_can_exchange() says no.
 */
int backend_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen);
void backend_refresh(struct backend *be, struct reactor *r);

/*
 * The size in bytes of what @path leads to now, without opening it. 0 or -errno. May block; any
 * thread.
 */
int backend_path_size(const char *path, uint64_t *size);

/*
 * Start @io on @r (its own thread). Requests within a round are submitted to
 * the kernel together at STAGE_BACKEND. When the ring is full, requests queue.
 */
void backend_submit(struct reactor *r, struct backend *be, struct be_io *io);

/* Hand @io to the device behind an is_scsi backend. As backend_submit(). */
void backend_submit_scsi(struct reactor *r, struct backend *be, struct be_scsi_io *io);

/* For a type's submit: finish @io with @result in this round, not inside submit. */
void be_complete_later(struct be_io *io, int result);

#endif
