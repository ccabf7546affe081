/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The initiator for those who do one thing at a time: each call turns the client
 * until its answer is there or the time is up. Not from inside a callback.
 */
#ifndef SRPT_CLIENT_CLIENT_SYNC_H
#define SRPT_CLIENT_CLIENT_SYNC_H

#include "client/client.h"

/*
 * Log in and wait. *@out is the channel, or NULL unless r->status is
 * CLIENT_LOGGED_IN. 0 or -errno with @err: one line for a user, also for a
 * rejection (the reason in words).
 */
int client_sync_login(struct client *c, const struct client_login *l, struct client_channel **out,
		      struct client_login_result *r, char *err, size_t errlen);
/* Did the target or the network end it? Then it is no longer valid. @why: static text. */
bool client_sync_closed(struct client_channel *ch, const char **why);
/* Say goodbye and wait for the end, 2 s at most; @ch, also one that has ended, is invalid then. */
void client_sync_logout(struct client_channel *ch);

/*
 * One command, answered within @timeout_ms; retried while it gets UNIT ATTENTION
 * (ten times at most). cmd->done is not used. 0: cmd->status etc. are set;
 * -ETIMEDOUT: the channel was dropped; else cmd->result.
 */
int client_sync_cmd(struct client_channel *ch, struct client_cmd *cmd, uint32_t timeout_ms);
int client_sync_tmf(struct client_channel *ch, struct client_tmf *tmf, uint32_t timeout_ms);

/* What became of a login, for a user, one line. Into @buf; @buf. */
const char *client_login_text(const struct client_login_result *r, char *buf, size_t len);

/* What a command found wrong, for a user: "CHECK CONDITION, 05/20/00". Into @buf; @buf. */
const char *client_status_text(const struct client_cmd *cmd, char *buf, size_t len);

/* Sense key, additional code and its qualifier as 0xKKAAQQ; 0: there is no sense. */
uint32_t client_sense(const struct client_cmd *cmd);

struct client_disk {
	uint8_t type;          /* peripheral device type; qualifier in bits 7:5 */
	char vendor[9], product[17], revision[5]; /* trailing blanks taken off */
	uint64_t blocks;       /* number of */
	uint32_t block_size;   /* bytes */
	bool read_only;
};

/* INQUIRY, READ CAPACITY(16), MODE SENSE. 0 or -errno with @err. */
int client_sync_disk(struct client_channel *ch, uint16_t lun, struct client_disk *d,
		     uint32_t timeout_ms, char *err, size_t errlen);
/* REPORT LUNS into @luns; how many there are (more than @max may be), or -errno with @err. */
int client_sync_luns(struct client_channel *ch, uint16_t *luns, unsigned max,
		     uint32_t timeout_ms, char *err, size_t errlen);

#endif
