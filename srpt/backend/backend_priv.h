/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the backend layer share; nobody else includes it. */
#ifndef SRPT_BACKEND_BACKEND_PRIV_H
#define SRPT_BACKEND_BACKEND_PRIV_H

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/log.h"

#include <liburing.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* A backend as one reactor sees it. Reactor thread. */
struct backend_port {
	unsigned inflight; /* submitted, done() not yet called */
	int file_slot;     /* in the ring's table of files; -1: plain descriptor */
	bool attached;
} __attribute__((aligned(CACHE_LINE)));

typedef void be_submit_fn(struct backend *be, struct be_io *io);

/* What O_DIRECT asks for, in bytes. */
struct vdisk_align {
	uint32_t mem;    /* of buffers in memory */
	uint32_t offset; /* of offsets and lengths */
};

struct backend {
	/* Constant after open, but for info.size: written by backend_resync(). */
	struct backend_info info;
	const struct backend_ops *ops;
	_Atomic(be_submit_fn *) submit; /* ops->submit, or what refuses while it is parked */
	char *filename; /* "" for nullio, ram and fault */
	char identity[BACKEND_IDENTITY]; /* see vdisk_identity(); "": not known */
	uint64_t disk;  /* as in backend_known */
	bool block;     /* a block device is open, or there while it is parked */
	bool unsure;    /* opened by what was known */
	int fd;         /* -1: none; of /dev/null while blockio or fileio is parked */
	struct vdisk_align align; /* as the kernel says; zeros: it does not */
	atomic_bool parked;
	uint8_t *mem;   /* ram and fault: info.size bytes */
	_Atomic uint64_t *written; /* ram and fault: a bit for each page that may hold data */
	void *priv;     /* of the type */
	bool direct;    /* O_DIRECT: a write with RWF_DSYNC does not block the submitter */
	bool write_through;
	bool nv_cache;
	atomic_bool unwritten; /* read-only since it was opened: there is nothing to flush */
	atomic_bool suspect;   /* a request ended as if the device were gone */
	/* Learned from the first refusal. Any reactor; relaxed. */
	atomic_bool no_punch_hole;
	atomic_bool no_zero_range;
	struct log_limit error_limit;
	struct backend_port port[REACTOR_MAX];
};

extern const struct backend_ops blockio_ops, fileio_ops, nullio_ops, ram_ops, fault_ops;
extern const struct backend_ops sg_disk_ops, sg_tape_ops, sg_changer_ops;

static inline uint64_t backend_size(const struct backend *be)
{
	return __atomic_load_n(&be->info.size, __ATOMIC_RELAXED);
}

static inline bool backend_read_only(const struct backend *be)
{
	return __atomic_load_n(&be->info.read_only, __ATOMIC_RELAXED);
}

/* Become like @info, in the control thread. */
void backend_info_put(struct backend *be, const struct backend_info *info);

/* ram.c: do what @io asks for and finish it, not inside this call. Much zeroing takes rounds. */
void ram_submit(struct backend *be, struct be_io *io);

/* Account for @io and call its done(). Not from inside backend_submit(). */
void be_finish(struct be_io *io, int result);

/* Account for @io, whose results are set, and call its done() on its reactor. Any thread. */
void be_scsi_finish(struct be_scsi_io *io);

/* Write "fmt…" to @err and return @rc: for one-line errors of open. */
int be_error(char *err, size_t errlen, int rc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * ring.c, uring.c: the ring of one reactor: io_uring, or threads in its place, the requests
 * waiting for room in it, and those finished without it. Reactor thread after be_ring_create().
 */
#define RING_FILE_SLOTS 1024u
#define RING_BUF_SHIFT 30 /* the kernel takes fixed buffers up to 1 GiB */
/* One slot per region, and the slab, which may be larger, behind them in pieces. */
#define RING_SLAB_SLOTS 64u
#define RING_BUF_SLOTS (IOBUF_REGIONS + RING_SLAB_SLOTS)

struct be_workers;
struct be_helper;

struct be_ring {
	struct io_uring uring;
	struct reactor *reactor;
	struct reactor_source source;
	struct reactor_deferred doorbell;
	struct be_workers *workers; /* NULL: io_uring */
	struct be_helper *helper;   /* beside io_uring; NULL: workers */
	struct list_node queued; /* FIFO: the ring was full, or for the workers */
	struct list_node later;  /* finished by be_complete_later() */
	unsigned depth;          /* of io_uring; 0 with workers: all is queued */
	unsigned inflight;       /* SQEs prepared, CQE not yet seen; or with the workers */
	bool in_doorbell;
	bool armed;              /* the eventfd is enabled */
	bool enabled;            /* bound to the reactor's thread, source added */
	bool has_buffers;        /* tables exist */
	bool has_files;
	unsigned regions_gen;    /* of the reactor when the table was brought up to date */
	int16_t buf_slot[IOBUF_REGIONS]; /* first slot; -1: not registered */
	struct iobuf_region region[IOBUF_REGIONS]; /* as registered */
	struct log_limit limit;
	uint64_t enters;         /* io_uring_enter calls; for measuring */
	bool file_used[RING_FILE_SLOTS];
};

/* The ways to set a ring up, best first; see be_ring_create(). */
#define RING_FLAG_SETS 4
extern const unsigned ring_flag_sets[RING_FLAG_SETS];

/* be_ring_create() with exactly these flags; -EINVAL when the kernel lacks one. */
int be_ring_create_flags(struct reactor *r, unsigned depth, unsigned flags);

/* The same without io_uring: workers. 0 or -errno, logged. */
int be_ring_create_workers(struct reactor *r);

/* Why io_uring_setup() failed with @rc; @disabled: kernel.io_uring_disabled or -1. */
void be_ring_explain(int rc, int disabled, char *text, size_t len);

/* Set up all but the io_uring itself. */
void be_ring_init(struct be_ring *ring, struct reactor *r, unsigned depth);

/* Bring the table of buffers up to date with reactor->regions. */
void be_ring_regions_sync(struct be_ring *ring);

/* On the reactor's thread: the ring becomes usable. 0 or -errno; once. */
int be_ring_enable(struct be_ring *ring);

/* A slot of the table of files for @fd, or -1: use the descriptor. */
int be_ring_file_add(struct be_ring *ring, int fd);
/* The descriptor in @slot leads to another file now. The slot to use from now on, or -1. */
int be_ring_file_update(struct be_ring *ring, int slot, int fd);
void be_ring_file_del(struct be_ring *ring, int slot);

/* Put @io on its way; finishes it with be_finish(). */
void be_ring_submit(struct be_ring *ring, struct be_io *io);

/* The kernel answered @res for @io's current step. */
void be_ring_result(struct be_ring *ring, struct be_io *io, int res);

/* Run the doorbell in this round. */
void be_ring_kick(struct be_ring *ring);

/* Finish what be_complete_later() has put aside. */
void be_ring_later_run(struct be_ring *ring);

/*
 * workers.c: threads that do what io_uring would do. Control thread: the threads inherit its
 * CPUs, not the one of a pinned reactor. They are there in @ring->workers, with its source and
 * doorbell. 0 or -errno.
 */
int be_workers_create(struct be_ring *ring);

/* Waits for what they have begun; what they have not is forgotten. The reactor has stopped. */
void be_workers_destroy(struct be_ring *ring);

/*
 * helper.c: a thread beside io_uring for system calls it does not have. Made and ended as
 * workers; NULL: no memory or no thread.
 */
struct be_helper *be_helper_create(void);
void be_helper_destroy(struct be_helper *h);

/* Make the system calls of @io's step there, then be_ring_result(). Its reactor. */
void be_helper_submit(struct be_helper *h, struct be_io *io);

/*
 * extents.c: BE_EXTENTS and BE_USAGE of a file, in calls that may block: any thread but a
 * reactor's. 0 or -errno.
 */
int be_space_find(struct be_io *io);

/* Add an extent of @len bytes to those of @io; false: there is no room. */
bool be_extents_add(struct be_io *io, uint64_t len, bool mapped);

/*
 * uring_io.c: a request as a sequence of kernel operations; knows no ring state.
 */
enum uring_step {
	STEP_RW,         /* read or write be_io.buf */
	STEP_FALLOCATE,  /* punch a hole or zero the range */
	STEP_ZERO_WRITE, /* write zeros, in pieces */
	STEP_SYNC,       /* fdatasync */
	STEP_ADVISE,     /* tell the page cache what will be read */
	STEP_SPACE,      /* be_space_find(): not of io_uring */
};

enum uring_next { URING_DONE, URING_AGAIN };

/* Choose the first step. URING_DONE: there is nothing to do, result is 0. */
enum uring_next uring_io_start(struct be_io *io);

/* Fill @sqe for the current step. @buf_slot: fixed buffer, -1: none. */
void uring_io_prep(const struct be_io *io, struct io_uring_sqe *sqe, int buf_slot);

/* The step returned @res: URING_AGAIN to prep and submit anew, or done with io->result. */
enum uring_next uring_io_advance(struct be_io *io, int res);

/*
 * park.c: nothing is open. Control thread, or who opens.
 */

/* Find out what there is at @p->filename without opening it. Regular files only if @files. */
int park_vdisk(struct backend *be, const struct backend_params *p, bool files, char *err,
	       size_t errlen);
int park_refuse(struct backend *be, const struct backend_params *p, char *err, size_t errlen);

/* From now on every request ends with -ENODEV, or no longer. */
void park_set(struct backend *be, bool parked);

/* backend_exchange() where one of them is parked. */
int park_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen);

/* backend_resync() of a parked one. */
int park_resync(struct backend *be);

/*
 * vdisk.c: what blockio and fileio share. Control thread unless noted.
 */

/* Stat @p->filename: is it of a kind that can be opened? Regular files only if @files. */
int vdisk_path_check(const struct backend_params *p, bool files, struct stat *st, char *err,
		     size_t errlen);

/* Each gets what the other has open; @be keeps the number of its descriptor. 0 or -errno. */
int vdisk_swap(struct backend *be, struct backend *fresh);

/* @be has the disk of @fresh open: whatever says which one it is. */
void vdisk_take_disk(struct backend *be, const struct backend *fresh);

/* What sysfs tells of the block device @dev: rotation, discard. */
void vdisk_sysfs_limits(struct backend_info *info, uint64_t dev);

/*
 * Whether the block device @dev has a volatile cache: true where it does not tell. Asked each
 * time: who believes what was so once does not flush.
 */
bool vdisk_write_cache(uint64_t dev);

/* Whether @known is of the disk that @be has. */
bool vdisk_is_known(const struct backend *be, const struct backend_known *known);

/* Hints to initiators: from what is known to @info. */
void vdisk_hints(struct backend_info *info, const struct backend_known *known);

/* Stat and open @p->filename. Regular files only if @files. 0 or -errno and @err. */
int vdisk_open(struct backend *be, const struct backend_params *p, bool files, int flags,
	       char *err, size_t errlen);
void vdisk_close(struct backend *be);

/* Reactor thread. */
int vdisk_attach(struct backend *be, struct reactor *r);
void vdisk_detach(struct backend *be, struct reactor *r);
void vdisk_submit(struct backend *be, struct be_io *io);

/* Look at the size again; it only grows. */
int vdisk_resync(struct backend *be);

int vdisk_exchange(struct backend *be, struct backend *fresh, char *err, size_t errlen);

/* Reactor thread. */
void vdisk_refresh(struct backend *be, struct reactor *r);

/* Size in bytes of the open file or block device. 0 or -errno. */
int vdisk_size(int fd, bool block, uint64_t *size);

/*
 * Can @size be exported in blocks of @p->block_size on a device whose own
 * blocks have @min_block bytes? 0 or -EINVAL and @err names what would work.
 */
int vdisk_geometry(const struct backend_params *p, uint64_t size, uint32_t min_block,
		   char *err, size_t errlen);

/* Fill in the limits of the open block device: block sizes, discard. 0 or -errno. */
int vdisk_block_limits(struct backend *be, const struct backend_params *p);

/*
 * What the disk @dev (or that of a partition) calls itself, whatever its node and number, into
 * @text: its WWID, serial number or UUID, and the number of the partition. "": it does not tell.
 */
void vdisk_identity(uint64_t dev, char text[BACKEND_IDENTITY]);

extern const char *vdisk_sys; /* "/sys"; tests have another one */

/* Of what is open; @missing for both where the kernel does not say. */
struct vdisk_align vdisk_direct_align(const struct backend *be, uint32_t missing);

/* /sys/dev/block/MAJ:MIN/@attr of @dev or of the disk it is a partition of; else @missing. */
uint64_t vdisk_sysfs_u64(uint64_t dev, const char *attr, uint64_t missing);

#endif
