/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of the daemon. Signals belong to its control thread, so the others get none. */
#ifndef SRPT_BASE_THREAD_H
#define SRPT_BASE_THREAD_H

#include <pthread.h>

/* Start @run(@arg) with all signals blocked; the caller joins it. Any thread. 0 or -errno. */
int thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
