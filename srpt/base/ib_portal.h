/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of native InfiniBand: a port by its GID, a service id, a partition. Pure.
 * A struct ib_portal stands where transport.h has a sockaddr. To listen it says
 * which requests are meant: those for its service id that came in where it says.
 * To connect it is the peer, then device and port_num are not looked at.
 */
#ifndef SRPT_BASE_IB_PORTAL_H
#define SRPT_BASE_IB_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * The RDMA connection manager gives programs the service ids that begin with this
 * (its port space "IB"); the last 16 bits are a port number, not 0.
 */
#define IB_SERVICE_ID_BASE 0x00000000013f0000ull

#define IB_GID_TEXT_MAX 40      /* with the terminator */
#define IB_DEVICE_TEXT_MAX 64   /* the kernel's IB_DEVICE_NAME_MAX */
#define IB_PORTAL_TEXT_MAX 96

struct ib_portal {
	sa_family_t family;     /* AF_IB; first, as in any sockaddr */
	uint16_t port;          /* last 16 bits of the service id, host order, not 0 */
	uint16_t pkey;          /* host order; 0: that at index 0 of the port's table */
	uint8_t port_num;       /* with device: 1..; 0: any */
	uint8_t gid[16];        /* network order; all zero: any */
	char device[IB_DEVICE_TEXT_MAX]; /* RDMA device, e.g. mlx5_0; "": any */
};

/* Where a request came in, from the connection manager. */
struct ib_arrival {
	char device[IB_DEVICE_TEXT_MAX]; /* "": it did not come over native InfiniBand */
	uint8_t port_num;
	uint8_t gid[16];        /* ours */
	uint16_t pkey;          /* host order, as the peer asked */
	uint16_t pkey0;         /* host order, at index 0 of the table of the port; 0: unknown */
	uint16_t port;          /* last 16 bits of the service id, host order */
};

/* Host order. */
uint64_t ib_portal_service_id(const struct ib_portal *p);

/*
 * Two P_Keys are of one partition: all bits but the one of the membership (IBTA
 * 10.9.3; of that the device takes care). 0x0000 and 0x8000 are of none.
 */
bool ib_pkey_same(uint16_t a, uint16_t b);

/* Whether a request that came in like @a is for @p. */
bool ib_portal_takes(const struct ib_portal *p, const struct ib_arrival *a);

/* Whether @gid is all zero. */
bool ib_gid_is_any(const uint8_t gid[16]);

/*
 * As SCST names ports: eight groups of four digits, fe80:0000:0000:0000:0002:c903:00a1:b2c3.
 * Returns @buf.
 */
const char *ib_gid_text(const uint8_t gid[16], char buf[IB_GID_TEXT_MAX]);

/*
 * As it is written in the configuration: ib:WHERE:PORT,pkey=PKEY, where WHERE is *,
 * DEVICE, DEVICE/PORT or [GID]; what is 0 is left out. Returns @buf.
 */
const char *ib_portal_text(const struct ib_portal *p, char buf[IB_PORTAL_TEXT_MAX]);

#endif
