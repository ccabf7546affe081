/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile commands into the device server. The input is a sequence of steps of
 * 28 bytes: what to do, LUN, CDB, lengths. The backend asserts what it is given,
 * the fabric that answers make sense. Whatever comes, every command must end
 * exactly once and nothing may be left behind.
 */
#include "fuzz.h"

#include "../unit/fake_backend.h"
#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/scsi.h"
#include "scsi/xcopy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP 28u
#define STEPS_MAX 64u
#define SLAB (16u << 20)

/* Not assert(): it must hold in every build. */
#define must(cond)                                                                         \
	do {                                                                               \
		if (!(cond))                                                               \
			abort();                                                           \
	} while (0)

struct task {
	struct scsi_cmd sc;
	bool pulling, responding, running;
	uint8_t cdb[16]; /* as it came */
	uint8_t imm[512];
};

static struct mailbox control;
static struct reactor_group group;
static struct scsi_device *device;
#define LUS 3u
static struct backend be[LUS]; /* thick of 512, thin of 4096-byte blocks, SCSI device */
static struct lu *lus[LUS];
static struct nexus *nexuses[2];
static struct task tasks[STEPS_MAX];
static struct scsi_tmf tmfs[STEPS_MAX];
static unsigned tmfs_running;

/* ---- fabric ---- */

/* A list of EXTENDED COPY that is sound: what is in the CDB besides says what it copies. */
static void put_copy_list(uint8_t *p, const uint8_t *cdb)
{
	uint8_t *s = p + XCOPY_HEADER + 2 * XCOPY_TARGET_LEN;

	p[0] = cdb[2];
	p[1] = cdb[2] ? 0 : LIST_ID_NONE << 3;
	put_be16(p + 2, 2 * XCOPY_TARGET_LEN);
	put_be32(p + 8, XCOPY_SEGMENT_LEN);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *d = p + XCOPY_HEADER + i * XCOPY_TARGET_LEN;

		d[0] = XCOPY_IDENTIFICATION;
		d[4] = 1;
		d[5] = 3;
		d[7] = 16;
		memcpy(d + 8, lus[i]->naa, 16);
	}
	s[0] = XCOPY_BLOCK_TO_BLOCK;
	s[3] = XCOPY_SEGMENT_LEN - 4;
	s[5] = cdb[3] & 1;
	s[7] = cdb[3] >> 1 & 1;
	put_be16(s + 10, get_be16(cdb + 4));
	put_be16(s + 18, get_be16(cdb + 6));
	put_be16(s + 26, get_be16(cdb + 8));
}

static void fabric_pull(struct scsi_cmd *cmd)
{
	struct task *t = container_of(cmd, struct task, sc);

	must(cmd->buf.len && cmd->buf.len <= cmd->data_out_len && !cmd->imm.addr);
	memset(cmd->buf.addr, cmd->cdb[0], cmd->buf.len);
	if (cmd->cdb[0] == 0x83 && cmd->buf.len >= 4096) {
		memset(cmd->buf.addr, 0, cmd->buf.len);
		put_copy_list(cmd->buf.addr, t->cdb);
	}
	t->pulling = true;
}

static void fabric_respond(struct scsi_cmd *cmd)
{
	struct task *t = container_of(cmd, struct task, sc);
	volatile uint8_t sum = 0;

	must(t->running && !t->responding && !t->pulling);
	must(cmd->data_len <= cmd->data_in_len);
	must(cmd->data_len <= cmd->wanted && cmd->moved_out <= cmd->data_out_len);
	must((cmd->status == SCSI_CHECK_CONDITION) == (cmd->sense_len > 0));
	for (uint32_t i = 0; i < cmd->data_len; i++)
		sum = (uint8_t)(sum + cmd->buf.addr[i]);
	t->responding = true;
}

static void fabric_dropped(struct scsi_cmd *cmd)
{
	struct task *t = container_of(cmd, struct task, sc);

	must(t->running && !t->responding);
	t->running = false;
}

static const struct scsi_fabric_ops fabric = { fabric_pull, fabric_respond, fabric_dropped };

static void tmf_done(struct scsi_tmf *tmf, enum scsi_tmf_response r)
{
	(void)tmf;
	(void)r;
	tmfs_running--;
}

/* ---- environment ---- */

static int round_all(void)
{
	int work = mailbox_drain(&control);

	for (unsigned i = 0; i < group.n; i++)
		work += reactor_round(group.r[i]);
	return work;
}

static void lu_created(void *arg, struct lu *lu, int status)
{
	must(!status);
	*(struct lu **)arg = lu;
}

/* The CDB says what the device makes of it. */
static void device_answer(struct backend *b, struct be_scsi_io *io)
{
	(void)b;
	io->result = io->cdb[2] & 1 ? -(int)io->cdb[3] : 0;
	io->status = io->cdb[1];
	io->resid = io->buf.len / 255 * io->cdb[4];
	io->sense_len = io->cdb[5];
	if (io->sense_len > io->sense_room)
		io->sense_len = io->sense_room;
	for (unsigned i = 0; i < io->sense_len; i++)
		io->sense[i] = io->cdb[i % io->cdb_len];
	if (io->dir == BE_SCSI_IN)
		memset(io->buf.addr, 1, io->buf.len);
}

static void be_setup(void)
{
	fake_backend_init(&be[0]);
	fake_backend_init(&be[1]);
	be[1].info.block_size = 4096;
	be[1].info.buf_align = 512;
	be[1].info.size = 1ull << 44;
	be[1].info.unmap_granularity = 4096;
	be[1].hold = be[0].hold = true;
	fake_backend_init(&be[2]);
	be[2].info.is_scsi = true;
	be[2].info.size = 0;
	be[2].hold = true;
	be[2].answer = device_answer;
}

static void env_setup(void)
{
	const struct reactor_params rp = { .buffer_size = SLAB, .cpu = -1 };
	struct lu_params lp = { .name = "fuzz", .serial = "1", .thin_provisioned = true };
	const struct scsi_port port = { .rel_tgt_id = 1 };
	const uint8_t id[16] = { 0 };
	const uint16_t ports[] = { 1, 2 };
	const struct alua_target_group groups[] = { { 1, true, ALUA_NONOPTIMIZED, ports, 2 } };
	const struct alua_params ap = { 9, 60, groups, 1, false };
	struct alua_group *group_of_lu;
	struct lun_entry map[4];

	be_setup();
	must(!mailbox_init(&control));
	group.n = 2;
	group.control = &control;
	for (unsigned i = 0; i < group.n; i++)
		must(!reactor_create(i, &rp, &group.r[i]));
	device = scsi_device_create(&group);
	for (unsigned i = 0; i < LUS; i++) {
		lp.naa[15] = (uint8_t)i;
		must(!lu_create(device, &lp, &be[i], lu_created, &lus[i]));
		while (round_all())
			;
	}
	must(!alua_group_create(device, &ap, &group_of_lu));
	lu_set_alua_group(lus[0], group_of_lu);
	map[0] = (struct lun_entry){ 0, false, lus[0] };
	map[1] = (struct lun_entry){ 1, false, lus[1] };
	map[2] = (struct lun_entry){ 2, false, lus[2] };
	map[3] = (struct lun_entry){ 256, true, lus[0] };
	for (unsigned i = 0; i < 2; i++) {
		nexuses[i] = nexus_create(device, &port, id, "fuzz");
		must(!nexus_set_map(nexuses[i], map, 4, NULL, NULL));
	}
	while (round_all())
		;
}

/* ---- steps ---- */

static void fabric_finish(struct task *t, uint8_t how)
{
	if (t->pulling) {
		t->pulling = false;
		scsi_pulled(&t->sc, how & 1 ? 0 : how & 2 ? -EIO : -ECONNRESET);
	} else if (t->responding) {
		t->responding = t->running = false;
		scsi_cmd_release(&t->sc);
	}
}

static void step_command(struct task *t, const uint8_t *in)
{
	static const uint32_t lengths[] = { 0, 24, 512, 4096, 8192, 65536, 4u << 20, UINT32_MAX };

	memset(t, 0xa5, sizeof(*t));
	t->pulling = t->responding = false;
	t->running = true;
	t->sc.fabric = &fabric;
	t->sc.reactor = group.r[in[1] & 1];
	t->sc.nexus = nexuses[in[1] >> 1 & 1];
	t->sc.tag = in[2];
	t->sc.cdb_len = 16;
	t->sc.task_attr = in[1] >> 2 & 7;
	memset(t->sc.lun, 0, 8);
	memcpy(t->sc.lun, in + 4, 2);
	memset(t->sc.cdb, 0, sizeof(t->sc.cdb));
	memcpy(t->sc.cdb, in + 8, 16);
	memcpy(t->cdb, in + 8, 16);
	/* Its bytes are for put_copy_list(). */
	if (t->cdb[0] == 0x83)
		memset(t->sc.cdb + 1, 0, 9);
	t->sc.data_out_len = lengths[in[3] & 7];
	t->sc.data_in_len = lengths[in[3] >> 3 & 7];
	t->sc.imm.addr = NULL;
	if (in[3] & 0x80) {
		memset(t->imm, in[24], sizeof(t->imm));
		t->sc.data_out_len = get_be16(in + 24) % (sizeof(t->imm) + 1);
		t->sc.imm = (struct iobuf){ t->imm, t->sc.data_out_len, 5, 0 };
	}
	scsi_submit(&t->sc);
}

static void step_tmf(struct scsi_tmf *tmf, const uint8_t *in)
{
	tmf->function = (enum scsi_tmf_function)(in[8] % 6);
	tmf->reactor = group.r[in[1] & 1];
	tmf->nexus = nexuses[in[1] >> 1 & 1];
	memset(tmf->lun, 0, 8);
	memcpy(tmf->lun, in + 4, 2);
	tmf->task_tag = in[2];
	tmf->done = tmf_done;
	tmfs_running++;
	scsi_tmf_submit(tmf);
}

static void step_backend(struct backend *b, uint8_t how)
{
	static const int results[] = { 0, -EIO, -ENOSPC, -EOPNOTSUPP };

	if (!list_empty(&b->queue))
		fake_backend_finish(b, results[how & 3]);
	if (!list_empty(&b->scsi))
		fake_backend_answer(b);
}

static void step(unsigned n, const uint8_t *in)
{
	struct task *other = &tasks[in[2] % (n + 1)];

	switch (in[0] & 7) {
	case 0:
		round_all();
		break;
	case 1:
		step_tmf(&tmfs[n], in);
		break;
	case 2:
		if (other->running && !other->responding)
			scsi_cmd_abort(&other->sc);
		break;
	case 3:
		if (other->running)
			fabric_finish(other, in[3]);
		break;
	case 4:
		step_backend(&be[in[1] % LUS], in[3]);
		break;
	default:
		step_command(&tasks[n], in);
	}
}

/* Let everything end; a long VERIFY may take a while, but not for ever. */
static void finish_all(void)
{
	bool busy = true;

	for (unsigned i = 0; busy && i < 10000; i++) {
		busy = round_all() || tmfs_running;
		for (unsigned b = 0; b < LUS; b++)
			if (!list_empty(&be[b].queue)) {
				fake_backend_finish(&be[b], i > 200 ? -EIO : 0);
				busy = true;
			}
		if (!list_empty(&be[2].scsi)) {
			fake_backend_answer(&be[2]);
			busy = true;
		}
		for (unsigned t = 0; t < STEPS_MAX; t++)
			if (tasks[t].running) {
				fabric_finish(&tasks[t], 1);
				busy = true;
			}
	}
	must(!busy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lu_stats s;

	if (!device)
		env_setup();
	for (unsigned n = 0; n < STEPS_MAX && size >= STEP; n++, data += STEP, size -= STEP)
		step(n, data);
	finish_all();
	for (unsigned i = 0; i < LUS; i++) {
		lu_stats(lus[i], &s);
		must(!s.in_flight && !s.detached && !lus[i]->wipe);
		/* What failed to be formatted is as good as new to the next input. */
		atomic_store(&lus[i]->not_ready, 0);
		lus[i]->sanitize_open = false;
	}
	for (unsigned i = 0; i < group.n; i++)
		must(!group.r[i]->bufs.used);
	return 0;
}
