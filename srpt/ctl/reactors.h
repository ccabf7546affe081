/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reactors of the daemon, each with its ring. Control thread. */
#ifndef SRPT_CTL_REACTORS_H
#define SRPT_CTL_REACTORS_H

#include "base/reactor.h"
#include "ctl/conf.h"

/* threads_num of @conf, or one per CPU this process may use, pinned to it. 0 or -errno, logged. */
int reactors_create(struct reactor_group *g, const struct conf_daemon *conf,
		    struct mailbox *control);
int reactors_start(struct reactor_group *g);
/* Those that run. */
void reactors_stop(struct reactor_group *g);
void reactors_destroy(struct reactor_group *g);

#endif
