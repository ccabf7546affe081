/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of one SCSI device. A thread of its own writes them to the sg driver and reads
 * the answers, for a write waits when the host adapter has no tag left: a device that hangs
 * must not stop a reactor. It costs two changes of threads for each command.
 *
 * A descriptor takes 16 commands, so there are several. The device may go away and come back:
 * the next command after that opens it again.
 */
#include "backend/sg_priv.h"

#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LANES 4u
#define LANE_DEPTH 16u /* SG_MAX_QUEUE of the driver */
#define REOPEN_NS 1000000000ull
#define FLAG_AT_TAIL 0x10 /* sg_io_hdr.flags: in the order written */

/* One descriptor. */
struct sg_lane {
	int fd; /* -1: none */
	unsigned count;
	struct list_node sent; /* be_scsi_io.link: the driver has them */
};

/* Of the queue's thread but for inbox and what is constant. */
struct sg_queue {
	struct backend *be;
	char name[SG_PATH_MAX];
	char identity[SG_IDENTITY]; /* of what was opened first */
	uint8_t type;
	struct mailbox inbox;
	pthread_t thread;
	struct msg stop_msg;
	bool stop;
	struct list_node waiting; /* be_scsi_io.link: for room in a lane */
	struct sg_lane lane[LANES];
	uint64_t opened_ns; /* when that was last tried */
	struct log_limit reopen_limit;
	bool gone;          /* no lane is open */
};

/* ---- opening ---- */

static const struct {
	int err;
	const char *hint;
} open_hints[] = {
	{ ENOENT, "load the kernel module sg, or correct the path" },
	{ ENXIO, "there is no device behind this node" },
	{ ENODEV, "there is no device behind this node" },
	{ EBUSY, "another program uses it exclusively" },
	{ EPERM, "the service may not use this device (DeviceAllow=)" },
	{ EMFILE, "raise the limit of open files (LimitNOFILE=)" },
};

static int access_error(const char *path, char *err, size_t errlen)
{
	struct stat st = { 0 };

	if (stat(path, &st))
		st.st_mode = 0;
	return be_error(err, errlen, -EACCES,
			"%s: permission denied: running as uid %u, the node has mode %04o, "
			"owner %u, group %u", path, (unsigned)geteuid(),
			(unsigned)st.st_mode & 07777, (unsigned)st.st_uid, (unsigned)st.st_gid);
}

static int open_error(const char *path, int rc, char *err, size_t errlen)
{
	if (rc == -EACCES)
		return access_error(path, err, errlen);
	for (size_t i = 0; i < ARRAY_SIZE(open_hints); i++)
		if (open_hints[i].err == -rc)
			return be_error(err, errlen, rc, "%s: %s: %s", path, strerror(-rc),
					open_hints[i].hint);
	return be_error(err, errlen, rc, "%s: %s", path, strerror(-rc));
}

static const char *type_text(int type)
{
	switch (type) {
	case 0x00:
		return "a disk: HANDLER dev_disk";
	case 0x01:
		return "a tape: HANDLER dev_tape";
	case 0x08:
		return "a changer: HANDLER dev_changer";
	default:
		return "of a type that no HANDLER serves";
	}
}

static int type_check(const struct sg_queue *q, const char *path, int fd, char *err,
		      size_t errlen)
{
	int type = sg_system.type(fd);

	if (type < 0)
		return be_error(err, errlen, -EINVAL, "%s: is no SCSI generic device (/dev/sgN)",
				path);
	if (type != q->type)
		return be_error(err, errlen, -EINVAL, "%s: the device is %s (type %02xh)", path,
				type_text(type), (unsigned)type);
	return 0;
}

static void lanes_close(struct sg_queue *q)
{
	for (unsigned i = 0; i < LANES; i++) {
		if (q->lane[i].fd >= 0)
			close(q->lane[i].fd);
		q->lane[i].fd = -1;
	}
	q->gone = true;
}

static int lane_open(struct sg_queue *q, struct sg_lane *l, const char *path, char *err,
		     size_t errlen)
{
	int fd = sg_system.open(path);

	if (fd < 0)
		return open_error(path, fd, err, errlen);
	l->fd = fd;
	return type_check(q, path, fd, err, errlen);
}

/* An address and a node are given to whatever comes next. */
static int identity_check(struct sg_queue *q, char *err, size_t errlen)
{
	char now[SG_IDENTITY];

	sg_identity(q->name, now);
	if (!q->identity[0])
		strcpy(q->identity, now);
	if (!strcmp(q->identity, now))
		return 0;
	return be_error(err, errlen, -EEXIST,
			"%s: is \"%s\" now, before \"%s\": it is not used; to change, take the "
			"device out of the configuration and reload", q->name, now, q->identity);
}

/* All or none. */
static int lanes_open(struct sg_queue *q, char *err, size_t errlen)
{
	char path[SG_PATH_MAX];
	int rc = sg_node_find(q->name, path, err, errlen);

	q->opened_ns = clock_now_ns();
	for (unsigned i = 0; !rc && i < LANES; i++)
		rc = lane_open(q, &q->lane[i], path, err, errlen);
	if (!rc)
		rc = identity_check(q, err, errlen);
	if (rc)
		lanes_close(q);
	else
		q->gone = false;
	return rc;
}

/* ---- the end of a command ---- */

static void io_end(struct be_scsi_io *io, int result)
{
	io->result = result;
	be_scsi_finish(io);
}

static void list_fail(struct list_node *list, int result)
{
	while (!list_empty(list)) {
		struct be_scsi_io *io = list_first(list, struct be_scsi_io, link);

		list_del(&io->link);
		io_end(io, result);
	}
}

/*
 * It is unplugged. What the driver still has of its commands moves no byte of ours any more:
 * it copies only when it is read.
 */
static void device_lost(struct sg_queue *q)
{
	log_warn("%s %s: the device is gone; it is opened again when it is back",
		 backend_handler(q->be), q->name);
	lanes_close(q);
	q->opened_ns = clock_now_ns();
	for (unsigned i = 0; i < LANES; i++) {
		q->lane[i].count = 0;
		list_fail(&q->lane[i].sent, -ENODEV);
	}
	list_fail(&q->waiting, -ENODEV);
}

/* The kernel's DID_ codes: what kept the command from the device. */
static int host_errno(unsigned host_status)
{
	switch (host_status) {
	case 0x00: /* OK */
		return 0;
	case 0x01: /* NO_CONNECT */
	case 0x04: /* BAD_TARGET */
	case 0x0e: /* TRANSPORT_DISRUPTED */
	case 0x0f: /* TRANSPORT_FAILFAST */
		return -ENXIO;
	case 0x03: /* TIME_OUT */
		return -ETIMEDOUT;
	case 0x02: /* BUS_BUSY */
	case 0x0b: /* SOFT_ERROR */
	case 0x0c: /* IMM_RETRY */
	case 0x0d: /* REQUEUE */
		return -EBUSY;
	default:
		return -ECANCELED;
	}
}

/* What the device said goes before what the host adapter thinks of it. */
static void io_answered(struct be_scsi_io *io, const struct sg_io_hdr *h)
{
	io->status = h->status;
	io->sense_len = h->sb_len_wr < io->sense_room ? h->sb_len_wr : io->sense_room;
	if (h->resid > 0)
		io->resid = min_u32((uint32_t)h->resid, io->buf.len);
	io_end(io, h->status ? 0 : host_errno(h->host_status));
}

/* ---- the driver ---- */

/*
 * The driver copies its own pages over all of a buffer that it reads into, so no bytes of another
 * device come to an initiator when the host adapter does not tell how few arrived: they are zeros,
 * or from an earlier command to this device.
 */
static void header_fill(struct sg_io_hdr *h, struct be_scsi_io *io)
{
	static const int directions[] = {
		[BE_SCSI_NONE] = SG_DXFER_NONE,
		[BE_SCSI_IN] = SG_DXFER_FROM_DEV,
		[BE_SCSI_OUT] = SG_DXFER_TO_DEV,
	};

	*h = (struct sg_io_hdr){
		.interface_id = 'S',
		.dxfer_direction = directions[io->dir],
		.cmd_len = io->cdb_len,
		.mx_sb_len = io->sense_room,
		.dxfer_len = io->buf.len,
		.dxferp = io->dir == BE_SCSI_NONE ? NULL : io->buf.addr,
		.cmdp = (unsigned char *)(uintptr_t)io->cdb,
		.sbp = io->sense,
		.timeout = io->timeout_ms,
		.flags = FLAG_AT_TAIL,
		.usr_ptr = io,
	};
}

/* Is it an error that says the device is not there? */
static bool means_lost(int err)
{
	return err == ENODEV || err == ENXIO || err == EPIPE || err == ECONNRESET;
}

/* Write one command. False: the device is gone, and with it the command. */
static bool lane_send(struct sg_queue *q, struct sg_lane *l, struct be_scsi_io *io)
{
	struct sg_io_hdr h;
	int err;

	header_fill(&h, io);
	list_del(&io->link);
	list_add_tail(&l->sent, &io->link);
	l->count++;
	while (write(l->fd, &h, sizeof(h)) < 0) {
		err = errno;
		if (err == EINTR)
			continue;
		if (means_lost(err)) {
			device_lost(q);
			return false;
		}
		list_del(&io->link);
		l->count--;
		io_end(io, err == EDOM || err == ENOMEM ? -EBUSY : -err);
		break;
	}
	return true;
}

/* The emptiest, or NULL. */
static struct sg_lane *lane_with_room(struct sg_queue *q)
{
	struct sg_lane *best = &q->lane[0];

	for (unsigned i = 1; i < LANES; i++)
		if (q->lane[i].count < best->count)
			best = &q->lane[i];
	return best->count < LANE_DEPTH ? best : NULL;
}

/* Read the answers there are. False: the device is gone. */
static bool lane_read(struct sg_queue *q, struct sg_lane *l)
{
	while (l->count) {
		struct sg_io_hdr h = { .interface_id = 'S' };
		ssize_t n = read(l->fd, &h, sizeof(h));
		struct be_scsi_io *io = h.usr_ptr;

		if (n == (ssize_t)sizeof(h)) {
			list_del(&io->link);
			l->count--;
			io_answered(io, &h);
		} else if (n < 0 && errno == EAGAIN) {
			return true;
		} else if (n >= 0 || errno != EINTR) {
			device_lost(q);
			return false;
		}
	}
	return true;
}

/* ---- the thread ---- */

static void reopen(struct sg_queue *q)
{
	char err[256];

	if (clock_now_ns() - q->opened_ns < REOPEN_NS)
		return;
	if (lanes_open(q, err, sizeof(err)))
		log_warn_limited(&q->reopen_limit, "%s", err);
	else
		log_notice("%s %s: the device is back", backend_handler(q->be), q->name);
}

static void waiting_send(struct sg_queue *q)
{
	if (q->gone && !list_empty(&q->waiting))
		reopen(q);
	if (q->gone) {
		list_fail(&q->waiting, -ENODEV);
		return;
	}
	while (!list_empty(&q->waiting)) {
		struct sg_lane *l = lane_with_room(q);

		if (!l || !lane_send(q, l, list_first(&q->waiting, struct be_scsi_io, link)))
			return;
	}
}

/* Sleep until mail comes or the driver has something; @hangup tells that the device went. */
static void queue_sleep(struct sg_queue *q, bool *hangup)
{
	struct pollfd p[LANES + 1] = { { .fd = q->inbox.fd, .events = POLLIN } };

	*hangup = false;
	if (!mailbox_prepare_sleep(&q->inbox))
		return;
	for (unsigned i = 0; i < LANES; i++)
		p[i + 1] = (struct pollfd){ .fd = q->lane[i].fd,
					    .events = q->lane[i].count ? POLLIN : 0 };
	poll(p, LANES + 1, -1);
	mailbox_awake(&q->inbox);
	for (unsigned i = 0; i < LANES; i++)
		*hangup = *hangup || (p[i + 1].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void answers_read(struct sg_queue *q, bool hangup)
{
	for (unsigned i = 0; i < LANES; i++)
		if (!lane_read(q, &q->lane[i]))
			return;
	if (hangup && !q->gone)
		device_lost(q);
}

static void *queue_thread(void *arg)
{
	struct sg_queue *q = arg;
	bool hangup = false;

	pthread_setname_np(pthread_self(), "scsi");
	for (;;) {
		mailbox_drain(&q->inbox);
		if (q->stop)
			return NULL;
		answers_read(q, hangup);
		waiting_send(q);
		queue_sleep(q, &hangup);
	}
}

/* ---- messages to it ---- */

static void put_received(struct msg *m)
{
	struct be_scsi_io *io = container_of(m, struct be_scsi_io, msg);
	struct sg_queue *q = io->be->priv;

	list_add_tail(&q->waiting, &io->link);
}

void sg_queue_put(struct sg_queue *q, struct be_scsi_io *io)
{
	io->msg.fn = put_received;
	mailbox_post(&q->inbox, &io->msg);
}

static void stop_received(struct msg *m)
{
	container_of(m, struct sg_queue, stop_msg)->stop = true;
}

static int queue_start(struct sg_queue *q, char *err, size_t errlen)
{
	int rc = mailbox_init(&q->inbox);

	if (!rc)
		rc = thread_start(&q->thread, queue_thread, q);
	if (rc) {
		mailbox_destroy(&q->inbox);
		return be_error(err, errlen, rc, "%s: no thread: %s", q->name, strerror(-rc));
	}
	return 0;
}

int sg_queue_create(struct backend *be, const char *name, uint8_t type, struct sg_queue **out,
		    char *err, size_t errlen)
{
	struct sg_queue *q = calloc(1, sizeof(*q));
	int rc;

	if (!q)
		return be_error(err, errlen, -ENOMEM, "out of memory");
	q->be = be;
	q->type = type;
	snprintf(q->name, sizeof(q->name), "%s", name);
	q->stop_msg.fn = stop_received;
	list_init(&q->waiting);
	for (unsigned i = 0; i < LANES; i++) {
		q->lane[i].fd = -1;
		list_init(&q->lane[i].sent);
	}
	rc = lanes_open(q, err, errlen);
	if (!rc)
		rc = queue_start(q, err, errlen);
	if (rc) {
		lanes_close(q);
		free(q);
		return rc;
	}
	*out = q;
	return 0;
}

void sg_queue_destroy(struct sg_queue *q)
{
	mailbox_post(&q->inbox, &q->stop_msg);
	pthread_join(q->thread, NULL);
	mailbox_destroy(&q->inbox);
	lanes_close(q);
	free(q);
}
