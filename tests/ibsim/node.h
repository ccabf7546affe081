/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What node.so offers to verbs.so, which is loaded with it. */
#ifndef TESTS_IBSIM_NODE_H
#define TESTS_IBSIM_NODE_H

#include "tests/ibsim/sim.h"

#include <stddef.h>

/* Queue pair of our own connection to ibsim, to which MADs for it come. */
uint32_t node_qpn(void);
/* Socket of MADs, struct sim_mad; made by the first call of any of these functions. */
int node_mads(void);
/* One of ibsim's requests; @data goes out and comes back. 0 or -1. */
int node_ask(enum sim_ctl_type type, void *data, size_t len);
/* The P_Keys of our port, host order. 0 or -1. */
int node_pkeys(uint16_t pkeys[SIM_PKEYS]);
/* Its index, with the membership or without; -1: there is none. */
int node_pkey_index(uint16_t pkey);

#endif
