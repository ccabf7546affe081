/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ib-sa DEVICE: the subnet administrator of the lab's emulated fabric, on port 1 of DEVICE, which
 * has the LID of the subnet manager. It says "serving" and ends on SIGTERM.
 *
 * Its subnet is what sysfs shows at the time of each question: the first port of each InfiniBand
 * device of this machine. It answers Get and GetTable of ClassPortInfo, NodeRecord, PortInfoRecord
 * and PathRecord (IBA 1.4, 15.2.5), so far as ib_srp, librdmacm and srp_daemon ask for them. There
 * is a path between two ports that are up, in a partition that both are in, one as full member.
 */
#include "base/bytes.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <infiniband/umad.h>
#include <infiniband/umad_sa.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PORTS = 8, MAX_PKEYS = 4, MAX_TABLE = 1024, POLL_MS = 500, QKEY = (int)0x80010000 };
enum { ATTR_CLASS_PORT_INFO = 0x01, ATTR_NODE = 0x11, ATTR_PORT_INFO = 0x12, ATTR_PATH = 0x35 };
enum { STATUS_UNSUPPORTED = 0x000c, STATUS_NO_RECORDS = 0x0300, STATUS_TOO_MANY = 0x0400 };

/* Offsets in an SA MAD (15.2.1.1). */
enum { M_METHOD = 3, M_STATUS = 4, M_ATTR = 16, M_MODIFIER = 20, M_RMPP = 24, M_OFFSET = 44,
       M_MASK = 48, M_DATA = 56, MAD_LEN = 256 };

/* Sizes of records, in units of 8 bytes as the attribute offset has them. */
enum { NODE_UNITS = 14, PORT_INFO_UNITS = 8, PATH_UNITS = 8 };
enum { RMPP_DATA = 1 };

struct port {
	uint8_t gid[16];
	uint64_t node_guid;
	uint32_t cap_mask;
	uint16_t lid;
	uint16_t pkeys[MAX_PKEYS];
	bool active;
};

static struct port fabric[MAX_PORTS];
static unsigned int n_ports;
static volatile sig_atomic_t stop;

/* ---- the fabric, as sysfs shows it ---- */

/* The first line of a device's file; "" if there is none. */
static void read_line(const char *device, const char *file, char *line, int size)
{
	char path[512];
	FILE *f;

	line[0] = 0;
	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/%s", device, file);
	f = fopen(path, "r");
	if (!f)
		return;
	if (!fgets(line, size, f))
		line[0] = 0;
	fclose(f);
}

static unsigned long read_number(const char *device, const char *file)
{
	char line[64];

	read_line(device, file, line, sizeof(line));
	return strtoul(line, NULL, 0);
}

/* Colons between groups of four digits, as sysfs prints GUIDs and GIDs. */
static void read_groups(const char *device, const char *file, uint8_t *out, int groups)
{
	char line[64], *p = line;

	read_line(device, file, line, sizeof(line));
	for (int i = 0; i < groups; i++) {
		put_be16(out + 2 * i, (uint16_t)strtoul(p, &p, 16));
		p += *p == ':';
	}
}

static void read_port(const char *device)
{
	struct port *port = &fabric[n_ports];
	char file[32], line[64];
	uint8_t guid[8];

	read_line(device, "ports/1/link_layer", line, sizeof(line));
	if (strncmp(line, "InfiniBand", 10) != 0 || n_ports == MAX_PORTS)
		return;
	memset(port, 0, sizeof(*port));
	read_groups(device, "ports/1/gids/0", port->gid, 8);
	read_groups(device, "node_guid", guid, 4);
	port->node_guid = get_be64(guid);
	port->cap_mask = (uint32_t)read_number(device, "ports/1/cap_mask");
	port->lid = (uint16_t)read_number(device, "ports/1/lid");
	port->active = read_number(device, "ports/1/state") == 4;
	for (int i = 0; i < MAX_PKEYS; i++) {
		snprintf(file, sizeof(file), "ports/1/pkeys/%d", i);
		port->pkeys[i] = (uint16_t)read_number(device, file);
	}
	n_ports += port->lid != 0;
}

static void read_fabric(void)
{
	DIR *dir = opendir("/sys/class/infiniband");
	struct dirent *entry;

	n_ports = 0;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			read_port(entry->d_name);
	if (dir)
		closedir(dir);
}

static const struct port *port_by_lid(uint16_t lid)
{
	for (unsigned int i = 0; i < n_ports; i++)
		if (fabric[i].lid == lid)
			return &fabric[i];
	return NULL;
}

static const struct port *port_by_gid(const uint8_t *gid)
{
	for (unsigned int i = 0; i < n_ports; i++)
		if (!memcmp(fabric[i].gid, gid, sizeof(fabric[i].gid)))
			return &fabric[i];
	return NULL;
}

/* ---- records ---- */

static bool has_pkey(const struct port *port, uint16_t pkey, bool full)
{
	for (int i = 0; i < MAX_PKEYS; i++)
		if ((port->pkeys[i] & 0x7fff) == (pkey & 0x7fff) && (pkey & 0x7fff) &&
		    (!full || (port->pkeys[i] & 0x8000)))
			return true;
	return false;
}

static bool share(const struct port *a, const struct port *b, uint16_t pkey)
{
	return (has_pkey(a, pkey, true) && has_pkey(b, pkey, false)) ||
	       (has_pkey(a, pkey, false) && has_pkey(b, pkey, true));
}

/* The first P_Key of a that lets it talk to b; 0 if there is none. */
static uint16_t shared_pkey(const struct port *a, const struct port *b)
{
	for (int i = 0; i < MAX_PKEYS; i++)
		if (share(a, b, a->pkeys[i]))
			return a->pkeys[i];
	return 0;
}

/* One record about a port, if the question (data and component mask of the MAD) is about it. */
typedef bool fill_fn(const struct port *port, const uint8_t *mad, uint8_t *out);

/* NodeRecord and the NodeInfo in it: 15.2.5.2, 14.2.5.3. */
static bool fill_node(const struct port *port, const uint8_t *mad, uint8_t *out)
{
	if ((get_be64(mad + M_MASK) & 1) && get_be16(mad + M_DATA) != port->lid)
		return false;
	put_be16(out, port->lid);
	out[4] = 1;
	out[5] = 1;
	out[6] = 1;		/* channel adapter */
	out[7] = 1;
	put_be64(out + 8, port->node_guid);
	put_be64(out + 16, port->node_guid);
	memcpy(out + 24, port->gid + 8, 8);
	put_be16(out + 32, MAX_PKEYS);
	out[40] = 1;
	snprintf((char *)out + 44, 64, "lab port %u", port->lid);
	return true;
}

/*
 * PortInfoRecord: 15.2.5.3, 14.2.5.6. With bit 31 of the modifier, CapabilityMask matches every
 * port that has all its bits.
 */
static bool fill_port_info(const struct port *port, const uint8_t *mad, uint8_t *out)
{
	uint64_t mask = get_be64(mad + M_MASK);
	uint32_t cap = get_be32(mad + M_DATA + 24);
	bool subset = get_be32(mad + M_MODIFIER) & 0x80000000;

	if (((mask & 1) && get_be16(mad + M_DATA) != port->lid) ||
	    ((mask & 1 << 7) && (subset ? port->cap_mask & cap : port->cap_mask) != cap))
		return false;
	put_be16(out, port->lid);
	out[2] = 1;
	memcpy(out + 12, port->gid, 8);
	put_be16(out + 20, port->lid);
	put_be16(out + 22, 1);
	put_be32(out + 24, port->cap_mask);
	return true;
}

/* PathRecord: 15.2.5.16. From and to are the question's, by GID or by LID. */
static bool fill_path(const struct port *to, const uint8_t *mad, uint8_t *out)
{
	const uint8_t *q = mad + M_DATA;
	uint64_t mask = get_be64(mad + M_MASK);
	const struct port *from = NULL;
	uint16_t pkey;

	if (mask & 1 << 3)
		from = port_by_gid(q + 24);
	else if (mask & 1 << 5)
		from = port_by_lid(get_be16(q + 42));
	if (!from || !from->active || !to->active ||
	    ((mask & 1 << 2) && memcmp(q + 8, to->gid, sizeof(to->gid)) != 0) ||
	    ((mask & 1 << 4) && get_be16(q + 40) != to->lid))
		return false;
	pkey = mask & 1 << 13 ? get_be16(q + 50) : shared_pkey(from, to);
	if (!share(from, to, pkey))
		return false;
	memcpy(out, q, 8);		/* service id */
	memcpy(out + 8, to->gid, sizeof(to->gid));
	memcpy(out + 24, from->gid, sizeof(from->gid));
	put_be16(out + 40, to->lid);
	put_be16(out + 42, from->lid);
	out[49] = 0x81;			/* reversible, one path */
	put_be16(out + 50, pkey);
	out[54] = 0x83;			/* MTU exactly 1024 */
	out[55] = 0x87;			/* 40 Gb/s */
	out[56] = 0x92;			/* 2^18 * 4.096 us */
	return true;
}

static const struct record {
	fill_fn *fill;
	uint16_t attr, units;
} records[] = {
	{ fill_node, ATTR_NODE, NODE_UNITS },
	{ fill_port_info, ATTR_PORT_INFO, PORT_INFO_UNITS },
	{ fill_path, ATTR_PATH, PATH_UNITS },
};

/* Makes the question in mad the answer; out has room for MAX_TABLE bytes. Returns its length. */
static int answer_records(const struct record *rec, uint8_t *mad, uint8_t *out)
{
	bool table = mad[M_METHOD] == UMAD_SA_METHOD_GET_TABLE;
	unsigned int n = 0, len = rec->units * 8u;

	memset(out, 0, MAX_TABLE);
	for (unsigned int i = 0; i < n_ports; i++)
		n += rec->fill(&fabric[i], mad, out + n * len);
	memset(mad + M_DATA, 0, MAX_TABLE);
	memcpy(mad + M_DATA, out, n * len);
	if (table) {
		mad[M_METHOD] = UMAD_SA_METHOD_GET_TABLE_RESP;
		memset(mad + M_RMPP, 0, 12);
		mad[M_RMPP] = UMAD_RMPP_VERSION;
		mad[M_RMPP + 1] = RMPP_DATA;
		mad[M_RMPP + 2] = UMAD_RMPP_FLAG_ACTIVE;
		put_be16(mad + M_OFFSET, n ? rec->units : 0);
		return (int)(M_DATA + n * len);
	}
	mad[M_METHOD] = UMAD_METHOD_GET_RESP;
	if (n != 1)
		put_be16(mad + M_STATUS, n ? STATUS_TOO_MANY : STATUS_NO_RECORDS);
	return MAD_LEN;
}

static int answer(uint8_t *mad, uint8_t *out)
{
	uint16_t attr = get_be16(mad + M_ATTR);

	put_be16(mad + M_STATUS, 0);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		if (records[i].attr == attr)
			return answer_records(&records[i], mad, out);
	mad[M_METHOD] = UMAD_METHOD_GET_RESP;
	memset(mad + M_DATA, 0, MAD_LEN - M_DATA);
	if (attr == ATTR_CLASS_PORT_INFO) {
		mad[M_DATA] = 1;
		mad[M_DATA + 1] = UMAD_SA_CLASS_VERSION;
		put_be16(mad + M_DATA + 2, 1 << 13);	/* CapabilityMask can be matched */
	} else {
		put_be16(mad + M_STATUS, STATUS_UNSUPPORTED);
	}
	return MAD_LEN;
}

/* ---- */

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void serve(int fd)
{
	static uint8_t out[MAX_TABLE];
	void *umad = calloc(1, umad_size() + M_DATA + MAX_TABLE);
	int agent, len;

	while (umad && !stop) {
		uint8_t *mad = umad_get_mad(umad);

		len = MAD_LEN;
		agent = umad_recv(fd, umad, &len, POLL_MS);
		if (agent < 0 || len < MAD_LEN || umad_status(umad))
			continue;
		read_fabric();
		printf("attribute %04x method %02x from LID %u\n", get_be16(mad + M_ATTR),
		       mad[M_METHOD], ntohs(umad_get_mad_addr(umad)->lid));
		len = answer(mad, out);
		umad_get_mad_addr(umad)->qkey = htobe32(QKEY);
		if (umad_send(fd, agent, umad, len, 0, 0))
			fprintf(stderr, "ib-sa: umad_send: %s\n", strerror(errno));
	}
	free(umad);
}

int main(int argc, char **argv)
{
	long methods[16 / sizeof(long)] = { 1 << UMAD_METHOD_GET | 1 << UMAD_SA_METHOD_GET_TABLE };
	struct sigaction action = { .sa_handler = on_signal };
	int fd;

	if (argc != 2) {
		fprintf(stderr, "Usage: ib-sa DEVICE\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	fd = umad_open_port(argv[1], 1);
	if (fd < 0 || umad_register(fd, UMAD_CLASS_SUBN_ADM, UMAD_SA_CLASS_VERSION,
				    UMAD_RMPP_VERSION, methods) < 0) {
		fprintf(stderr, "ib-sa: no agent on %s\n", argv[1]);
		return 1;
	}
	printf("serving\n");
	serve(fd);
	umad_close_port(fd);
	return 0;
}
