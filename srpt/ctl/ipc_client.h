/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's end of the control socket. Blocks. */
#ifndef SRPT_CTL_IPC_CLIENT_H
#define SRPT_CTL_IPC_CLIENT_H

#include "ctl/text.h"

#include <stdbool.h>
#include <stdint.h>

struct ipc_answer {
	uint32_t status; /* exit status of the command */
	struct text out, err;
};

/*
 * Run a command in the daemon that serves @name. 0: @answer is filled; -ECONNREFUSED or -ENOENT:
 * no daemon has this name; -ETIME: it has taken no connection for 5 s; other -errno: see
 * ipc_client_explain(). @timeout_s per message.
 */
int ipc_client_call(const char *name, bool json, int argc, const char *const *argv, int timeout_s,
		    struct ipc_answer *answer);
void ipc_answer_free(struct ipc_answer *answer);

/* Whether @rc says that there is no daemon. */
bool ipc_client_no_daemon(int rc);
/* One line without a full stop: what is wrong and what to do. */
void ipc_client_explain(int rc, const char *name, int timeout_s, char *text, size_t size);

#endif
