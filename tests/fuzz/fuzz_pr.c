/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile PERSISTENT RESERVE OUT and RESERVE, and hostile kept state. With the lowest bit of
 * the first byte the rest is kept state to be taken over; else steps: nexus, service action,
 * scope and type, length of the list, list. Whatever comes, the state stays one that can be.
 */
#include "fuzz.h"

#include "../unit/fake_backend.h"
#include "scsi/lu.h"
#include "scsi/nexus.h"
#include "scsi/pr.h"
#include "scsi/scsi.h"

#include <stdlib.h>
#include <string.h>

#define SLAB (1u << 20)
#define STEP 5u
#define NEXUSES 3u
#define RESERVE 0x20u /* in the place of a service action: RESERVE(6), with 0x10 RELEASE(6) */

#define must(cond)                                                                         \
	do {                                                                               \
		if (!(cond))                                                               \
			abort();                                                           \
	} while (0)

static struct mailbox control;
static struct reactor_group group;
static struct scsi_device *device;
static struct backend be;
static struct lu *lu;
static struct nexus *nexuses[NEXUSES];
static struct scsi_port ports[2];

/* ---- a store that keeps nothing, and a fabric ---- */

struct saving {
	struct msg msg;
	void (*done)(void *arg, int status);
	void *arg;
	int status;
};

static struct saving saving;
static int save_status;

static void saved(struct msg *m)
{
	struct saving *s = container_of(m, struct saving, msg);
	void (*done)(void *arg, int status) = s->done;

	s->done = NULL;
	done(s->arg, s->status);
}

static void store_save(struct lu_store *s, const char *key, const void *data, size_t len,
		       void (*done)(void *arg, int status), void *arg)
{
	(void)s;
	(void)data;
	must(!saving.done && *key && len <= PR_STATE_MAX + 6);
	saving.done = done;
	saving.arg = arg;
	saving.status = save_status;
	saving.msg.fn = saved;
	mailbox_post(&control, &saving.msg);
}

static struct lu_store store = { .save = store_save };
static unsigned responses;

static void fabric_respond(struct scsi_cmd *cmd)
{
	responses++;
	must(!cmd->data_len);
	scsi_cmd_release(cmd);
}

static void fabric_never(struct scsi_cmd *cmd)
{
	(void)cmd;
	abort();
}

static const struct scsi_fabric_ops fabric = { fabric_never, fabric_respond, fabric_never };

/* ---- environment ---- */

static void pump(void)
{
	int work = 1;

	for (unsigned i = 0; work && i < 1000; i++) {
		work = mailbox_drain(&control) + fake_backend_run(&be);
		for (unsigned r = 0; r < group.n; r++)
			work += reactor_round(group.r[r]);
	}
	must(!work);
}

static void lu_created(void *arg, struct lu *created, int status)
{
	must(!status);
	*(struct lu **)arg = created;
}

static void env_setup(void)
{
	const struct reactor_params rp = { .buffer_size = SLAB, .cpu = -1 };
	const struct lu_params lp = { .name = "fuzz", .serial = "1", .store = &store };

	must(!mailbox_init(&control));
	fake_backend_init(&be);
	group.n = 2;
	group.control = &control;
	for (unsigned i = 0; i < group.n; i++)
		must(!reactor_create(i, &rp, &group.r[i]));
	device = scsi_device_create(&group);
	must(!lu_create(device, &lp, &be, lu_created, &lu));
	pump();
	for (unsigned i = 0; i < 2; i++) {
		ports[i].rel_tgt_id = (uint16_t)(i + 1);
		scsi_port_add(device, &ports[i]);
	}
	for (unsigned i = 0; i < NEXUSES; i++) {
		const uint8_t id[16] = { 1, [15] = (uint8_t)(i / 2 + 1) };

		nexuses[i] = nexus_create(device, &ports[i & 1], id, "fuzz");
		must(!nexus_set_map(nexuses[i], &(struct lun_entry){ 0, false, lu }, 1, NULL,
				    NULL));
	}
	pump();
}

/* ---- what must always be ---- */

static void check_state(void)
{
	static uint8_t bytes[PR_STATE_MAX];
	const struct pr *pr = lu->pr;
	size_t len = pr_state_encode(lu, bytes, sizeof(bytes));

	must(!lu->pr_next && pr->count <= PR_MAX);
	must(!pr->type || (pr_type_is(pr->type, PR_TYPES) && pr->holder < pr->count));
	must(!(lu->reserver && pr->count));
	for (unsigned i = 0; i < pr->count; i++) {
		must(pr->r[i].key);
		must(pr_find(pr, &pr->r[i].nexus) == (int)i);
	}
	must(!len == !pr->aptpl);
	/* What is kept can be taken over. */
	if (len)
		must(!pr_state_decode(lu, bytes, len));
}

static void forget(void)
{
	pr_free(lu->pr);
	lu->pr = &pr_none;
	lu->reserver = NULL;
}

static void state_input(const uint8_t *data, size_t size)
{
	static uint8_t bytes[PR_STATE_MAX];
	const struct pr *before = lu->pr;

	if (pr_state_decode(lu, data, size)) {
		must(lu->pr == before);
		return;
	}
	must(pr_state_encode(lu, bytes, sizeof(bytes)) == size);
	must(!memcmp(bytes, data, size));
	check_state();
}

static void command(const uint8_t *in, const uint8_t *list, uint32_t len)
{
	static struct scsi_cmd cmd;
	struct nexus *n = nexuses[in[0] % NEXUSES];

	memset(&cmd, 0xa5, sizeof(cmd));
	cmd.fabric = &fabric;
	cmd.reactor = group.r[in[0] >> 7];
	cmd.nexus = n;
	cmd.cdb_len = 16;
	cmd.task_attr = SCSI_SIMPLE;
	memset(cmd.lun, 0, 8);
	memset(cmd.cdb, 0, sizeof(cmd.cdb));
	cmd.data_in_len = 0;
	cmd.data_out_len = len;
	cmd.imm = (struct iobuf){ .addr = (uint8_t *)list, .len = len };
	if (in[1] & RESERVE) {
		cmd.cdb[0] = in[1] & 0x10 ? 0x17 : 0x16;
	} else {
		cmd.cdb[0] = 0x5f;
		cmd.cdb[1] = in[1] & 0x1f;
		cmd.cdb[2] = in[2];
		put_be32(cmd.cdb + 5, in[0] & 0x40 ? len + 1 : len);
	}
	save_status = in[0] & 0x20 ? -5 : 0;
	atomic_store(&lun_map_find(nexus_map(n), 0)->ua.bits, 0);
	responses = 0;
	scsi_submit(&cmd);
	pump();
	must(responses == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!device)
		env_setup();
	forget();
	if (size && data[0] & 1) {
		state_input(data + 1, size - 1);
		return 0;
	}
	for (data += !!size, size -= !!size; size >= STEP;) {
		uint32_t len = get_be16(data + 3);

		if (len > size - STEP)
			len = (uint32_t)(size - STEP);
		command(data, data + STEP, len);
		check_state();
		data += STEP + len;
		size -= STEP + len;
	}
	return 0;
}
