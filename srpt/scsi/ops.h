/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handlers named in the opcode table, and the limits they share with VPD B0h. */
#ifndef SRPT_SCSI_OPS_H
#define SRPT_SCSI_OPS_H

#include "scsi/cmd.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes one WRITE SAME may cover; VPD B0h says it in blocks. Fewer than 65536 blocks of 512, so
 * that WRITE SAME(10) reaches it, too.
 */
#define WRITE_SAME_MAX_BYTES (16u << 20)
/* Blocks of one COMPARE AND WRITE: what its CDB can say. */
#define COMPARE_MAX_BLOCKS 255u
/* Blocks of one UNMAP over all descriptors, and descriptors. */
#define UNMAP_MAX_BLOCKS (1u << 19)
#define UNMAP_MAX_DESCRIPTORS 255u

/* spc.c */
void op_test_unit_ready(struct scsi_cmd *cmd);
void op_request_sense(struct scsi_cmd *cmd);
bool prep_report_luns(struct scsi_cmd *cmd);
void op_report_luns(struct scsi_cmd *cmd);

/* rsoc.c */
bool prep_report_opcodes(struct scsi_cmd *cmd);
void op_report_opcodes(struct scsi_cmd *cmd);

/* report_tmfs.c */
bool prep_report_tmfs(struct scsi_cmd *cmd);
void op_report_tmfs(struct scsi_cmd *cmd);

/* rtpg.c */
bool prep_report_target_port_groups(struct scsi_cmd *cmd);
void op_report_target_port_groups(struct scsi_cmd *cmd);

/* inquiry.c */
void op_inquiry(struct scsi_cmd *cmd);
/* Byte 0 of INQUIRY data and VPD pages of the command's LU. */
uint8_t inquiry_peripheral(const struct scsi_cmd *cmd);

/* vpd.c: INQUIRY with EVPD=1 */
void inquiry_vpd(struct scsi_cmd *cmd);

/* defect.c */
void op_read_defect_10(struct scsi_cmd *cmd);
void op_read_defect_12(struct scsi_cmd *cmd);

/* diagnostic.c */
bool prep_send_diagnostic(struct scsi_cmd *cmd);
void op_send_diagnostic(struct scsi_cmd *cmd);
bool prep_receive_diagnostic(struct scsi_cmd *cmd);
void op_receive_diagnostic(struct scsi_cmd *cmd);

/* log_sense.c */
bool prep_log_sense(struct scsi_cmd *cmd);
void op_log_sense(struct scsi_cmd *cmd);

/* mode_sense.c */
bool prep_mode_sense(struct scsi_cmd *cmd);
void op_mode_sense_6(struct scsi_cmd *cmd);
void op_mode_sense_10(struct scsi_cmd *cmd);

/* mode_select.c */
bool prep_mode_select(struct scsi_cmd *cmd);
void op_mode_select(struct scsi_cmd *cmd);

/* sbc.c */
void op_read(struct scsi_cmd *cmd);
void op_write(struct scsi_cmd *cmd);
void op_synchronize_cache(struct scsi_cmd *cmd);
bool prep_start_stop(struct scsi_cmd *cmd);
void op_start_stop(struct scsi_cmd *cmd);
bool prep_read_capacity(struct scsi_cmd *cmd);
void op_read_capacity_10(struct scsi_cmd *cmd);
void op_read_capacity_16(struct scsi_cmd *cmd);

/* prefetch.c */
void op_prefetch(struct scsi_cmd *cmd);

/* lba_status.c */
bool prep_lba_status(struct scsi_cmd *cmd);
void op_lba_status(struct scsi_cmd *cmd);

/* format.c */
#define OPCODE_FORMAT_UNIT 0x04
bool prep_format_unit(struct scsi_cmd *cmd);
void op_format_unit(struct scsi_cmd *cmd);

/* sanitize.c */
bool prep_sanitize_overwrite(struct scsi_cmd *cmd);
void op_sanitize_overwrite(struct scsi_cmd *cmd);
bool prep_sanitize_exit(struct scsi_cmd *cmd);
void op_sanitize_exit(struct scsi_cmd *cmd);

/* xcopy.c */
bool prep_extended_copy(struct scsi_cmd *cmd);
void op_extended_copy(struct scsi_cmd *cmd);

/* copy_results.c */
void op_copy_status(struct scsi_cmd *cmd);
void op_copy_parameters(struct scsi_cmd *cmd);
void op_copy_failed_segment(struct scsi_cmd *cmd);

/* verify.c */
bool prep_verify(struct scsi_cmd *cmd);
void op_verify(struct scsi_cmd *cmd);
bool prep_write_and_verify(struct scsi_cmd *cmd);
void op_write_and_verify(struct scsi_cmd *cmd);

/* caw.c */
bool prep_compare_and_write(struct scsi_cmd *cmd);
void op_compare_and_write(struct scsi_cmd *cmd);

/* orwrite.c */
bool prep_orwrite(struct scsi_cmd *cmd);
void op_orwrite(struct scsi_cmd *cmd);

/* write_same.c */
bool prep_write_same(struct scsi_cmd *cmd);
void op_write_same(struct scsi_cmd *cmd);

/* pr_in.c */
bool prep_pr_in(struct scsi_cmd *cmd);
void op_pr_in(struct scsi_cmd *cmd);

/* pr_out.c */
bool prep_pr_out(struct scsi_cmd *cmd);
void op_pr_out(struct scsi_cmd *cmd);

/* reserve.c: RESERVE and RELEASE */
void op_reserve(struct scsi_cmd *cmd);

/* unmap.c */
bool prep_unmap(struct scsi_cmd *cmd);
void op_unmap(struct scsi_cmd *cmd);
/* Does its list, which may not have been checked, name a block of the @n from @first on? */
bool unmap_touches(const struct scsi_cmd *cmd, uint64_t first, uint64_t n);

#endif
