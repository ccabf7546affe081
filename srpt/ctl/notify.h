/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager, as sd_notify(3) does. */
#ifndef SRPT_CTL_NOTIFY_H
#define SRPT_CTL_NOTIFY_H

/*
 * Send @state ("READY=1", several lines separated by newlines) to $NOTIFY_SOCKET. 1: sent,
 * 0: nobody wants to know, -errno. Never blocks.
 */
int notify_send(const char *state);

/* The same with RELOADING=1 and the time it began, as Type=notify-reload wants it. */
int notify_reloading(void);

#endif
