/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request of the control thread to an LU's backend, on the LU's home reactor. */
#include "scsi/device.h"
#include "scsi/lu.h"

#include <errno.h>
#include <stdlib.h>

struct probe {
	struct lu *lu;
	struct lu_shard *sh;
	struct be_io io;
	struct iobuf buf; /* addr NULL: none */
	struct iobuf_waiter waiter;
	struct msg msg;
	void (*done)(void *arg, int status);
	void *arg;
};

/* Control thread. */
static void probe_over(struct msg *m)
{
	struct probe *p = container_of(m, struct probe, msg);
	void (*done)(void *arg, int status) = p->done;
	void *arg = p->arg;
	int status = p->io.result;

	free(p);
	done(arg, status);
}

/* Who waits for the shard hears of it after @done was told. */
static void probe_done(struct be_io *io)
{
	struct probe *p = container_of(io, struct probe, io);
	struct lu_shard *sh = p->sh;
	struct iobuf buf = p->buf;

	if (io->result)
		lu_io_failed(sh->lu, io);
	p->msg.fn = probe_over;
	mailbox_post(sh->lu->device->group->control, &p->msg);
	sh->probes--;
	lu_shard_check_drained(sh);
	iobuf_put(&sh->reactor->bufs, &buf);
}

static void probe_submit(struct probe *p)
{
	struct iobuf_pool *pool = &p->sh->reactor->bufs;

	/* Ahead of those that wait: what they wait for may be what this is to find out. */
	if (p->io.len && iobuf_get_first(pool, (uint32_t)p->io.len, &p->buf)) {
		p->buf.addr = NULL;
		iobuf_wait_first(pool, &p->waiter);
		return;
	}
	p->io.buf = p->buf;
	p->io.buf.len = (uint32_t)p->io.len;
	backend_submit(p->sh->reactor, p->lu->be, &p->io);
}

static void probe_buffer_ready(struct iobuf_waiter *w)
{
	probe_submit(container_of(w, struct probe, waiter));
}

static void probe_received(struct msg *m)
{
	struct probe *p = container_of(m, struct probe, msg);

	p->sh->probes++;
	probe_submit(p);
}

static int probe_send(struct lu *lu, enum be_op op, uint64_t len,
		      void (*done)(void *arg, int status), void *arg)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->lu = lu;
	p->sh = lu_shard(lu, lu->home);
	p->io.op = op;
	p->io.len = len;
	p->io.done = probe_done;
	list_init(&p->waiter.link);
	p->waiter.ready = probe_buffer_ready;
	p->done = done;
	p->arg = arg;
	p->msg.fn = probe_received;
	reactor_send(lu->home, &p->msg);
	return 0;
}

int lu_canary(struct lu *lu, void (*done)(void *arg, int status), void *arg)
{
	return probe_send(lu, BE_READ, 1u << lu->block_shift, done, arg);
}

int lu_flush(struct lu *lu, void (*done)(void *arg, int status), void *arg)
{
	return probe_send(lu, BE_FLUSH, 0, done, arg);
}
