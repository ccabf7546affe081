/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the configuration file again while the daemon serves. Control thread. */
#ifndef SRPT_CTL_RELOAD_H
#define SRPT_CTL_RELOAD_H

#include "ctl/apply.h"
#include "ctl/daemon.h"

/*
 * @messages: warnings and errors, a line each, valid during the call. @applied: false when
 * nothing was changed; @clean: nothing of the new configuration failed.
 */
typedef void (*reload_done_fn)(void *arg, bool applied, bool clean, const struct text *messages);

/* Everything is logged as well. @done runs once, maybe before this returns; it may be NULL. */
void reload(struct daemon *d, reload_done_fn done, void *arg);

/*
 * Warn of attributes that differ between @now and @next but only count when srptd starts: a line
 * each to @messages and the log.
 */
void reload_warn_restart(const struct conf *now, const struct conf *next, struct text *messages);

#endif
