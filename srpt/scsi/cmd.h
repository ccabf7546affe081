/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the handlers of the opcode table use: decode, move data, end. All on the
 * command's reactor. After a function that ends the command or starts its I/O
 * the command must not be touched.
 */
#ifndef SRPT_SCSI_CMD_H
#define SRPT_SCSI_CMD_H

#include "scsi/lu.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for the parameter data of a command that does not ask for more. */
#define CMD_PARAM_SIZE 4096u
/* The longest parameter list any command takes. */
#define CMD_LIST_MAX 65536u

/* CDB byte 1 of READ and WRITE, SBC-3 5.8. */
#define CDB_DPO 0x10
#define CDB_FUA 0x08

/* End with GOOD, no data. */
void cmd_good(struct scsi_cmd *cmd);

/* End with GOOD and @built bytes of parameter data in buf; alloc cuts them. */
void cmd_reply(struct scsi_cmd *cmd, uint32_t built);

/* End with @s (nothing of DATA-IN). Returns false, for a prep function to return. */
bool cmd_fail(struct scsi_cmd *cmd, enum scsi_sense s);

/* End with 05/24/00 and a pointer to @byte of the CDB; @bit −1: all of it. False. */
bool cmd_bad_field(struct scsi_cmd *cmd, unsigned byte, int bit);

/* End with 05/26/00 and a pointer to @byte of the parameter list. */
void cmd_bad_param(struct scsi_cmd *cmd, unsigned byte);

/* The same with a pointer to @bit of the byte, the highest of the field; −1: all of it. */
void cmd_bad_param_bit(struct scsi_cmd *cmd, unsigned byte, int bit);

/* End with what the backend said of cmd->io: sense and INFORMATION (it has logged it). */
void cmd_fail_io(struct scsi_cmd *cmd);

/* End with @s and @info as INFORMATION. */
void cmd_fail_info(struct scsi_cmd *cmd, enum scsi_sense s, uint64_t info);

/*
 * Start a request; @step(cmd) runs when it is over, with cmd->io.result, unless
 * the command was aborted meanwhile. @off, @len in bytes; @buf for BE_READ and
 * BE_WRITE: its first @len bytes, else NULL.
 */
void cmd_io(struct scsi_cmd *cmd, enum be_op op, uint64_t off, uint64_t len,
	    const struct iobuf *buf, void (*step)(struct scsi_cmd *cmd));

/* A step that ends the command with the result of its only request. */
void cmd_io_ends(struct scsi_cmd *cmd);

/*
 * End a write with GOOD, when it is on stable storage if it may not be answered from a cache
 * (WCE=0). io.flags: BE_FUA if all its requests had it.
 */
void cmd_write_good(struct scsi_cmd *cmd);

/* The same of one whose last request is over, of @bytes in all: cmd_io_ends() for writes. */
void cmd_write_ends(struct scsi_cmd *cmd, uint64_t bytes);

/*
 * Go on with @fn(cmd) on the control thread, where the LU's state is changed. It ends
 * there with cmd_control_return(), at once or later, once. Until then buf stays, also
 * when the command is aborted meanwhile. cmd->itl must not be looked at there:
 * cmd_control_itl(), NULL when the LUN is not mapped to this LU any more.
 */
void cmd_control(struct scsi_cmd *cmd, void (*fn)(struct scsi_cmd *cmd));
struct itl *cmd_control_itl(const struct scsi_cmd *cmd);

/* Back to the reactor: @step(cmd) runs there, unless the command was aborted. */
void cmd_control_return(struct scsi_cmd *cmd, void (*step)(struct scsi_cmd *cmd));

/* Back to the reactor, to end with @s; overwrites cmd->arg. */
void cmd_control_fail(struct scsi_cmd *cmd, enum scsi_sense s);

static inline void cmd_count_write(struct scsi_cmd *cmd, uint64_t bytes)
{
	counter_add(&cmd->shard->stats.write_ops, 1);
	counter_add(&cmd->shard->stats.write_bytes, bytes);
}

/*
 * Submit a command in the name of another, whose cmd->sub it is: as scsi_submit(), but unit
 * attentions are left alone. When the other one is aborted it ends with dropped() (or respond())
 * as soon as it can, and a write in the backend is detached.
 */
void cmd_submit_sub(struct scsi_cmd *sub);

/* Bytes of the command's blocks, and where they begin. */
static inline uint64_t cmd_bytes(const struct scsi_cmd *cmd)
{
	return (uint64_t)cmd->nblocks << cmd->lu->block_shift;
}

static inline uint64_t cmd_offset(const struct scsi_cmd *cmd)
{
	return cmd->lba << cmd->lu->block_shift;
}

#endif
