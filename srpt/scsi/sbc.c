/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/nexus.h"
#include "scsi/ops.h"
#include "scsi/optable.h"

#include <errno.h>

#define IMMED_SYNC 0x02  /* CDB byte 1 of SYNCHRONIZE CACHE */
#define IMMED_START 0x01 /* and of START STOP UNIT */
#define START 0x01       /* CDB byte 4 of START STOP UNIT */
#define LOEJ 0x02
#define NO_FLUSH 0x04
#define PMI 0x01

/* ---- READ, WRITE ---- */

/* The 6-byte forms have LBA bits there. */
static bool cmd_fua(const struct scsi_cmd *cmd)
{
	return (cmd->cdb[1] & CDB_FUA) && cmd->op->cdb_len > 6;
}

static void read_reply(struct scsi_cmd *cmd)
{
	cmd->wanted = (uint32_t)cmd_bytes(cmd);
	cmd->data_len = min_u32(cmd->wanted, cmd->data_in_len);
	cmd_good(cmd);
}

static void read_done(struct scsi_cmd *cmd)
{
	if (__builtin_expect(cmd->io.result, 0)) {
		cmd_fail_io(cmd);
		return;
	}
	counter_add(&cmd->shard->stats.read_ops, 1);
	counter_add(&cmd->shard->stats.read_bytes, cmd->buf_len);
	read_reply(cmd);
}

static void read_start(struct scsi_cmd *cmd)
{
	cmd_io(cmd, BE_READ, cmd_offset(cmd), cmd->buf_len, &cmd->buf, read_done);
}

static void read_flushed(struct scsi_cmd *cmd)
{
	if (cmd->io.result)
		cmd_fail_io(cmd);
	else
		read_start(cmd);
}

void op_read(struct scsi_cmd *cmd)
{
	/* FUA: what is read must be on the medium first (SBC-3 5.8). */
	if (!cmd->buf_len)
		read_reply(cmd);
	else if (__builtin_expect(cmd_fua(cmd), 0) && cmd->lu->info->write_cache)
		cmd_io(cmd, BE_FLUSH, 0, 0, NULL, read_flushed);
	else
		read_start(cmd);
}

/*
 * It began while it might be answered from the volatile cache, which it may not any more; the
 * flush of the MODE SELECT that switched that off may have passed over it.
 */
static bool write_was_cached(const struct scsi_cmd *cmd)
{
	return !atomic_load_explicit(&cmd->lu->modes.wce, memory_order_relaxed) &&
	       cmd->lu->info->write_cache && !(cmd->io.flags & BE_FUA);
}

void cmd_write_good(struct scsi_cmd *cmd)
{
	if (__builtin_expect(write_was_cached(cmd), 0))
		cmd_io(cmd, BE_FLUSH, 0, 0, NULL, cmd_io_ends);
	else
		cmd_good(cmd);
}

void cmd_write_ends(struct scsi_cmd *cmd, uint64_t bytes)
{
	if (__builtin_expect(cmd->io.result, 0)) {
		cmd_fail_io(cmd);
		return;
	}
	cmd_count_write(cmd, bytes);
	cmd_write_good(cmd);
}

static void write_done(struct scsi_cmd *cmd)
{
	cmd_write_ends(cmd, cmd->out_len);
}

void op_write(struct scsi_cmd *cmd)
{
	if (!cmd->out_len) {
		cmd_good(cmd);
		return;
	}
	if (cmd_fua(cmd))
		cmd->io.flags = BE_FUA;
	cmd_io(cmd, BE_WRITE, cmd_offset(cmd), cmd->out_len, &cmd->buf, write_done);
}

/* ---- caches and power ---- */

/* Writes that were answered may be lost, of which the backend tells only once: not all of us. */
static void cache_flushed(struct scsi_cmd *cmd)
{
	unsigned now = atomic_load(&cmd->lu->losses);

	if (cmd->itl && atomic_exchange(&cmd->itl->losses, now) != now && !cmd->io.result)
		cmd->io.result = -EIO;
	cmd_io_ends(cmd);
}

/* The range is only checked: the whole cache is written, which includes it. */
static void flush(struct scsi_cmd *cmd, bool immed)
{
	if (immed) {
		lu_flush_background(cmd->shard);
		cmd_good(cmd);
	} else {
		cmd_io(cmd, BE_FLUSH, 0, 0, NULL, cache_flushed);
	}
}

void op_synchronize_cache(struct scsi_cmd *cmd)
{
	flush(cmd, cmd->cdb[1] & IMMED_SYNC);
}

/* POWER CONDITION of START STOP UNIT, SBC-3 table 64, and how many modifiers each has. */
enum { PC_START_VALID, PC_ACTIVE, PC_IDLE, PC_STANDBY, PC_LU_CONTROL = 7, PC_FORCE_IDLE = 10,
       PC_FORCE_STANDBY };

static const uint8_t power_modifiers[16] = {
	[PC_START_VALID] = 1, [PC_ACTIVE] = 1, [PC_IDLE] = 3, [PC_STANDBY] = 2,
	[PC_LU_CONTROL] = 1, [PC_FORCE_IDLE] = 3, [PC_FORCE_STANDBY] = 2,
};

bool prep_start_stop(struct scsi_cmd *cmd)
{
	unsigned pc = cmd->cdb[4] >> 4;

	if (!power_modifiers[pc])
		return cmd_bad_field(cmd, 4, 7);
	if ((cmd->cdb[3] & 0x0f) >= power_modifiers[pc])
		return cmd_bad_field(cmd, 3, 3);
	/* The medium cannot be removed. */
	return pc == PC_START_VALID && (cmd->cdb[4] & LOEJ) ? cmd_bad_field(cmd, 4, 1) : true;
}

/* Nothing stops or sleeps: it would only fail other initiators. But what asks for it is kept. */
void op_start_stop(struct scsi_cmd *cmd)
{
	unsigned pc = cmd->cdb[4] >> 4;
	bool stops = pc == PC_START_VALID ? !(cmd->cdb[4] & START) :
					    pc == PC_STANDBY || pc == PC_FORCE_STANDBY;

	if (stops && !(cmd->cdb[4] & NO_FLUSH))
		flush(cmd, cmd->cdb[1] & IMMED_START);
	else
		cmd_good(cmd);
}

/* ---- READ CAPACITY ---- */

bool prep_read_capacity(struct scsi_cmd *cmd)
{
	unsigned pmi_byte = cmd->op->cdb_len == 10 ? 8 : 14;

	/* No LBA is slower to reach than its neighbour: with PMI the end is the same. */
	if (cmd->lba && !(cmd->cdb[pmi_byte] & PMI))
		return cmd_bad_field(cmd, 2, -1);
	return true;
}

void op_read_capacity_10(struct scsi_cmd *cmd)
{
	uint64_t last = lu_nblocks(cmd->lu) - 1;

	put_be32(cmd->buf.addr, (uint32_t)min_u64(last, UINT32_MAX));
	put_be32(cmd->buf.addr + 4, 1u << cmd->lu->block_shift);
	cmd_reply(cmd, 8);
}

/* LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT */
static uint8_t lbppbe(const struct lu *lu)
{
	uint8_t e = 0;

	while (e < 15 && (2u << (e + lu->block_shift)) <= lu->info->physical_block)
		e++;
	return e;
}

void op_read_capacity_16(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;

	put_be64(p, lu_nblocks(cmd->lu) - 1);
	put_be32(p + 8, 1u << cmd->lu->block_shift);
	p[13] = lbppbe(cmd->lu);
	if (cmd->lu->thin)
		p[14] = 0xc0; /* LBPME, LBPRZ */
	cmd_reply(cmd, 32);
}
