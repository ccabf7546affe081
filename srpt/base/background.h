/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going to the background, as daemons do that nobody supervises. Before any thread is started. */
#ifndef SRPT_BASE_BACKGROUND_H
#define SRPT_BASE_BACKGROUND_H

/*
 * Returns in the daemon, in "/", without a terminal. The process that called it waits for
 * background_ready() with what this returns, and exits with 0, or with 1 when the daemon ends
 * before it. @name: of the program, for messages.
 */
int background_enter(const char *name);

/* The daemon serves. @fd is closed. */
void background_ready(int fd);

#endif
