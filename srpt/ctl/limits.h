/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of the process. Control thread. */
#ifndef SRPT_CTL_LIMITS_H
#define SRPT_CTL_LIMITS_H

/* Raise those on open files and locked memory as far as an unprivileged process may. */
void limits_raise(void);

/* RDMA locks its memory: warn, once, when it may not lock enough. */
void limits_warn_locked(void);

#endif
