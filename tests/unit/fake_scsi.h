/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device server for tests of the fabric: implements what of scsi.h SRP calls,
 * keeps the commands it gets, and does with them what the test says.
 */
#ifndef TESTS_FAKE_SCSI_H
#define TESTS_FAKE_SCSI_H

#include "scsi/scsi.h"

#define FAKE_COMMANDS 256

struct nexus {
	char name[SCSI_NAME_MAX];
	uint8_t initiator_port_id[16];
	struct scsi_port port;
	unsigned luns;
	unsigned maps; /* nexus_set_map() calls */
	bool leaves;
};

struct fake_scsi {
	struct scsi_cmd *cmds[FAKE_COMMANDS]; /* in order of submission; those that ended too */
	unsigned ncmds;
	unsigned rejects; /* of them by scsi_reject() */
	struct scsi_tmf *tmfs[16];
	unsigned ntmfs;
	unsigned nexuses; /* alive */
	unsigned nexuses_made;
	struct nexus *last_nexus;
	unsigned aborts;
	void (*on_abort)(void); /* scsi_cmd_abort() was called; may be NULL */
	bool detach;      /* aborted commands stay until fake_finish_aborted() */
	bool hold_maps;   /* the next map does not come into use until fake_map_release() */
	bool fail_nexus;
	int pulled;       /* status of the last scsi_pulled(), 1: none yet */
};
extern struct fake_scsi fake_scsi;

/* Start anew; the control mailbox tells when maps are in use. */
void fake_scsi_init(struct mailbox *control);

void fake_map_release(void);

/* Fetch @len bytes of DATA-OUT into a buffer. */
void fake_pull(struct scsi_cmd *cmd, uint32_t len);
/* End with GOOD: no data, or @len bytes of @data as DATA-IN. */
void fake_good(struct scsi_cmd *cmd);
void fake_reply(struct scsi_cmd *cmd, const void *data, uint32_t len);
/* End with CHECK CONDITION, @sense is an enum scsi_sense. */
void fake_check(struct scsi_cmd *cmd, int sense);
/* As task management does it to a command that waits or executes. */
void fake_abort(struct scsi_cmd *cmd);
void fake_finish_aborted(struct scsi_cmd *cmd);

#endif
