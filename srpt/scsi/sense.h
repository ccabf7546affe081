/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a command ends: one enum, one table to status and key/ASC/ASCQ (SPC-4
 * 4.5), and the only place where sense bytes are laid out.
 */
#ifndef SRPT_SCSI_SENSE_H
#define SRPT_SCSI_SENSE_H

#include "backend/backend.h"

#include <stdbool.h>
#include <stdint.h>

struct scsi_cmd;

enum scsi_sense {
	SENSE_OK,                      /* GOOD; as sense data: NO SENSE */
	SENSE_BUSY,                    /* status BUSY: short of memory, try again */
	SENSE_TASK_SET_FULL,           /* status TASK SET FULL */
	SENSE_RESERVATION_CONFLICT,    /* status RESERVATION CONFLICT */
	SENSE_TASK_ABORTED,            /* status TASK ABORTED */
	SENSE_FORMAT_IN_PROGRESS,      /* 02/04/04, with progress */
	SENSE_ALUA_TRANSITION,         /* 02/04/0A */
	SENSE_ALUA_STANDBY,            /* 02/04/0B */
	SENSE_ALUA_UNAVAILABLE,        /* 02/04/0C */
	SENSE_ALUA_OFFLINE,            /* 02/04/12 */
	SENSE_SANITIZE_IN_PROGRESS,    /* 02/04/1B, with progress */
	SENSE_LU_COMMUNICATION,        /* 02/08/00: path error to multipath */
	SENSE_MEDIUM_NOT_PRESENT,      /* 02/3A/00 */
	SENSE_WRITE_ERROR,             /* 03/0C/00 */
	SENSE_READ_ERROR,              /* 03/11/00 */
	SENSE_FORMAT_FAILED,           /* 03/31/01 */
	SENSE_SANITIZE_FAILED,         /* 03/31/03 */
	SENSE_SELF_TEST_FAILED,        /* 04/3E/03 */
	SENSE_INTERNAL_FAILURE,        /* 04/44/00 */
	SENSE_SET_GROUPS_FAILED,       /* 04/67/0A: SET TARGET PORT GROUPS */
	SENSE_BAD_COMMAND_IU,          /* 05/0E/03: descriptors or lengths contradict */
	SENSE_PARAMETER_LIST_LENGTH,   /* 05/1A/00 */
	SENSE_INVALID_OPCODE,          /* 05/20/00 */
	SENSE_LBA_OUT_OF_RANGE,        /* 05/21/00 */
	SENSE_INVALID_FIELD_IN_CDB,    /* 05/24/00 */
	SENSE_LUN_NOT_SUPPORTED,       /* 05/25/00 */
	SENSE_INVALID_FIELD_IN_LIST,   /* 05/26/00 */
	SENSE_INVALID_LIST_VALUE,      /* 05/26/02: a value that is not possible */
	SENSE_INVALID_RELEASE,         /* 05/26/04: of a persistent reservation */
	SENSE_TOO_MANY_TARGETS,        /* 05/26/06: CSCD descriptors of EXTENDED COPY */
	SENSE_TARGET_DESCRIPTOR_TYPE,  /* 05/26/07 */
	SENSE_TOO_MANY_SEGMENTS,       /* 05/26/08 */
	SENSE_SEGMENT_DESCRIPTOR_TYPE, /* 05/26/09 */
	SENSE_INLINE_DATA_EXCEEDED,    /* 05/26/0B */
	SENSE_OPERATION_IN_PROGRESS,   /* 05/00/16: of that list identifier */
	SENSE_COMMAND_SEQUENCE,        /* 05/2C/00 */
	SENSE_SAVING_NOT_SUPPORTED,    /* 05/39/00 */
	SENSE_INVALID_MESSAGE,         /* 05/49/00: a task attribute that is not possible */
	SENSE_REGISTRATION_RESOURCES,  /* 05/55/04: no room for another registration */
	SENSE_UA_MEDIUM_CHANGED,       /* 06/28/00: not ready to ready */
	SENSE_UA_POWER_ON,             /* 06/29/00 */
	SENSE_UA_LU_RESET,             /* 06/29/03 */
	SENSE_UA_NEXUS_LOSS,           /* 06/29/07 */
	SENSE_UA_MODE_CHANGED,         /* 06/2A/01 */
	SENSE_UA_PREEMPTED,            /* 06/2A/03: reservations preempted */
	SENSE_UA_RELEASED,             /* 06/2A/04: reservations released */
	SENSE_UA_REGISTRATIONS_PREEMPTED, /* 06/2A/05 */
	SENSE_UA_ALUA_CHANGED,         /* 06/2A/06 */
	SENSE_UA_ALUA_FAILED,          /* 06/2A/07: implicit transition failed */
	SENSE_UA_CAPACITY_CHANGED,     /* 06/2A/09 */
	SENSE_UA_CLEARED_BY_OTHER,     /* 06/2F/00 */
	SENSE_UA_INQUIRY_CHANGED,      /* 06/3F/03 */
	SENSE_UA_LUNS_CHANGED,         /* 06/3F/0E */
	SENSE_WRITE_PROTECTED,         /* 07/27/00 */
	SENSE_SOFTWARE_PROTECTED,      /* 07/27/02: SWP of the control mode page */
	SENSE_SPACE_ALLOCATION_FAILED, /* 07/27/07: thin pool full */
	SENSE_COPY_ABORTED,            /* 0A/00/00 */
	SENSE_COPY_FAILED,             /* 0A/0D/01: third party device failure */
	SENSE_COPY_UNREACHABLE,        /* 0A/0D/02: copy target device not reachable */
	SENSE_COPY_TARGET_TYPE,        /* 0A/0D/03: incorrect copy target device type */
	SENSE_COPY_INEXACT,            /* 0A/26/0A: unexpected inexact segment */
	SENSE_ABORTED,                 /* 0B/00/00 */
	SENSE_DATA_OUT_FAILED,         /* 0B/0C/0D: DATA-OUT did not arrive */
	SENSE_INTERNAL_RETRY,          /* 0B/44/00 */
	SENSE_OVERLAPPED_COMMANDS,     /* 0B/4E/00 */
	SENSE_MISCOMPARE,              /* 0E/1D/00 */
	SENSE_COUNT,
};

#define SENSE_FIXED_LEN 18
#define SENSE_DESC_LEN 8 /* of descriptor format without descriptors */
#define SENSE_MAX_LEN 28 /* of descriptor format with all that is ever added */

/* SAM-5 status of a command that ends with @s. */
uint8_t sense_status(enum scsi_sense s);

/*
 * Sense data of @s at @p: fixed format 70h (18 bytes), or descriptor format 72h
 * (8 bytes). Returns the length.
 */
unsigned sense_build(uint8_t *p, enum scsi_sense s, bool descriptor);

/*
 * Progress indication (SPC-4 4.5.2.4.4), in 65536ths, added to the @len bytes of either
 * format at @p. Returns the new length, at most SENSE_MAX_LEN.
 */
unsigned sense_add_progress(uint8_t *p, unsigned len, uint16_t progress);

/* @s is told with a progress indication: lu.progress. */
bool sense_has_progress(enum scsi_sense s);

/*
 * Status and sense of @cmd, in the format that D_SENSE of its LU's control mode page
 * asks for (unit attentions too: SPC-4 7.5.8 has no exception). Does not send the response.
 */
void sense_set(struct scsi_cmd *cmd, enum scsi_sense s);

/*
 * INFORMATION of sense set before; once. A value that does not fit the four bytes of
 * the fixed format leaves VALID zero (SPC-4 4.5.3).
 */
void sense_set_info(struct scsi_cmd *cmd, uint64_t info);

/*
 * Sense-key specific field pointer (SPC-4 4.5.2.4.2) of sense set before, once: @byte in the
 * CDB or, if not @in_cdb, in the parameter list; @bit 0 … 7, -1: the whole byte.
 */
void sense_set_field(struct scsi_cmd *cmd, bool in_cdb, unsigned byte, int bit);

/* COMMAND-SPECIFIC INFORMATION of sense set before; once. */
void sense_set_command(struct scsi_cmd *cmd, uint32_t info);

/* @cmd has ended with @s. */
bool sense_is(const struct scsi_cmd *cmd, enum scsi_sense s);

/* What a backend's -errno for @op means to the initiator. */
enum scsi_sense sense_from_errno(int err, enum be_op op);

#endif
