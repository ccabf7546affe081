/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the service manager that I/O goes on, sd_notify(3) WATCHDOG=1: as long as every reactor
 * makes rounds. A thread of its own asks them, not the control thread: that may wait for a disk
 * that hangs while all others are served, which is no reason to be killed.
 */
#ifndef SRPT_CTL_WATCHDOG_H
#define SRPT_CTL_WATCHDOG_H

#include "base/mailbox.h"
#include "base/reactor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A message that is on its way to a reactor, or has been there. */
struct watchdog_ping {
	struct msg msg;
	atomic_bool away; /* set by the thread, cleared by the reactor */
};

/* Zeroed, and kept until the reactors have stopped, which may have a ping of it. */
struct watchdog {
	struct reactor_group *group;
	uint64_t period_ms; /* between two rounds of pings: a quarter of what is allowed */
	int stop_fd;        /* eventfd */
	pthread_t thread;
	bool running;
	struct watchdog_ping pings[REACTOR_MAX];
};

/*
 * Begins if $WATCHDOG_USEC asks for it (and $WATCHDOG_PID, if it is there, means this process);
 * what is no number there is passed over. Control thread, after the reactors have started. 0 or
 * -errno, logged.
 */
int watchdog_start(struct watchdog *w, struct reactor_group *group);

/* Before the reactors stop; also if it never began. Control thread. */
void watchdog_stop(struct watchdog *w);

#endif
