/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ibsim and its clients say to each other, as sim.h of ibsim 0.10 to 0.12 has it: datagrams
 * on sockets of the abstract namespace, in the byte order of the host unless said otherwise.
 */
#ifndef TESTS_IBSIM_SIM_H
#define TESTS_IBSIM_SIM_H

#include <stdint.h>

#define SIM_MAGIC 0xdeadbeefu
#define SIM_CLIENTS 64 /* more than ibsim lets in */
#define SIM_PKEYS 32   /* in a SIM_CTL_GET_PKEYS */

/* struct sim_ctl.type; 0 in an answer is an error. */
enum sim_ctl_type {
	SIM_CTL_CONNECT = 1,
	SIM_CTL_DISCONNECT = 2,
	SIM_CTL_GET_GID = 7,
	SIM_CTL_GET_PORTINFO = 8,
	SIM_CTL_SET_ISSM = 9,
	SIM_CTL_GET_PKEYS = 10,
};

/* On <name>:ctl; the answer has the same form. */
struct sim_ctl {
	uint32_t magic;
	uint32_t clientid;
	uint32_t type;
	uint32_t len; /* bytes of data in use */
	char data[64];
};

/* Data of a SIM_CTL_CONNECT. */
struct sim_client_info {
	uint32_t id; /* the answer has the clientid of all later requests */
	uint32_t qp; /* which queue pair's MADs to get; 0: those of the general services */
	uint32_t issm;
	char node[32];
};

/* A MAD, on <name>:in<clientid> and <name>:out<clientid>. */
struct sim_mad {
	uint32_t dlid, slid, dqp, sqp; /* big endian */
	uint32_t status; /* not 0: a request of ours that could not be delivered */
	uint64_t length; /* big endian */
	uint8_t mad[256];
};

/* The MAD header: IBTA volume 1, 13.4.2. */
enum mad_at {
	MAD_CLASS = 1,
	MAD_METHOD = 3,
	MAD_HOPS = 7, /* of a directed route */
	MAD_TID = 8,
	MAD_ATTRIBUTE = 16,
	MAD_RESERVED = 18,
	MAD_SMP_DATA = 64, /* of subnet management */
	MAD_ROUTE = 128,   /* directed */
};

enum mad_value {
	MAD_CLASS_SMP = 0x01,
	MAD_CLASS_SA = 0x03,
	MAD_CLASS_DM = 0x06,
	MAD_CLASS_SMP_DIRECT = 0x81,
	MAD_SET = 0x02,
	MAD_RESPONSE = 0x80, /* of a method */
	MAD_GET_RESP = 0x81,
	MAD_SWITCH_INFO = 0x12,
	MAD_PORT_INFO = 0x15,
};

/* PortInfo: IBTA volume 1, 14.2.5.6. */
enum port_info_at {
	PORT_LID = 16,
	PORT_SM_LID = 18,
	PORT_CAPABILITIES = 20,
	PORT_STATE = 32,    /* low 4 bits */
	PORT_PHYSICAL = 33, /* high 4 bits */
};

enum port_info_value {
	STATE_DOWN = 1,
	PHYSICAL_POLLING = 2,
	PHYSICAL_DISABLED = 3,
	PHYSICAL_LINK_UP = 5,
	CAP_IS_SM = 1 << 1,
	CAP_IS_DM = 1 << 19, /* IsDeviceManagementSupported */
};

#endif
