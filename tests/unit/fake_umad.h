/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libibumad as the device-management agent uses it: one device with one port, which a test changes,
 * takes away and sends MADs to. What the agent's thread calls is under one lock.
 */
#ifndef TESTS_UNIT_FAKE_UMAD_H
#define TESTS_UNIT_FAKE_UMAD_H

#include <stdbool.h>
#include <stdint.h>

struct fake_umad {
	bool absent;        /* there is no device */
	const char *layer;  /* NULL: InfiniBand */
	bool is_dm;
	unsigned lid;
	uint64_t guid;      /* of the port */
	uint16_t pkeys[2];
	int open_errno;     /* umad_open_port() fails */
	bool taken;         /* umad_register() fails */
	bool send_fails;
	bool stuck;         /* who looks for devices waits, 10 s at most */
};

/* Everything as at the beginning: a port that is Active, with LID 3 and P_Key ffff. */
void fake_umad_reset(void);
/* What holds from now on. */
void fake_umad_set(const struct fake_umad *f);

/* Opened so often and still open. */
unsigned fake_umad_opened(void);
bool fake_umad_is_open(void);
/* Somebody looks for devices and waits. */
bool fake_umad_is_stuck(void);
/* The methods registered, those below 64. */
uint64_t fake_umad_methods(void);

/* A MAD comes in, or an answer of ours comes back (@status not 0). */
void fake_umad_deliver(const uint8_t *mad, int len, uint16_t pkey_index, int status);
/* What was sent last, once: false when there is nothing in 5 s. */
bool fake_umad_sent(uint8_t mad[256], uint32_t *qpn, uint32_t *qkey);
/* The device fails: what is open reports an error. */
void fake_umad_break(void);

#endif
