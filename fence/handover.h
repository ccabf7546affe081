/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becomes the stock handler, which is then asked as if we had not been there: same process, same
 * environment, same arguments, its exit status is DRBD's answer. Also what is said in the system
 * log. One thread.
 */
#ifndef FENCE_HANDOVER_H
#define FENCE_HANDOVER_H

/*
 * First of all. @handler: its path, arguments, NULL; must stay. From then on this process becomes
 * the handler by itself when it crashes, or when @seconds are over whatever it waits for.
 */
void handover_begin(char *const handler[], unsigned seconds);

/* A line for the system log, and for standard error. */
void handover_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says why, and becomes the handler. If there is none: exit status 1, which tells DRBD nothing. */
_Noreturn void handover(const char *reason);

#endif
