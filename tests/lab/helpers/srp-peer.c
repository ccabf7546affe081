/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An SRP initiator that misbehaves in one chosen way and prints how the target took it:
 *   rejected 0x0001000N | rejected without reason | sense K/ASC/ASCQ | status NN | tmf NN |
 *   closed | silent
 * Usage: srp-peer ADDRESS PORT ID_EXT IOC_GUID KIND; without KIND it lists them.
 */
#include "base/bytes.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOGIN_LEN = 56,
	IU_MAX = 8260,
	RSP_MAX = 1024,
	N_RECV = 64,
	DATA_LEN = 65536,
	WAIT_MS = 8000,
	IMM_OFFSET = 68,
};

struct peer {
	struct rdma_event_channel *events;
	struct rdma_cm_id *id;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	uint8_t *mem;		/* N_RECV responses, then one IU, then data */
	uint8_t *iu, *data;
};

/* Offsets of the 56-byte login and of SRP_CMD, SRP revision 16a. */
enum { L_FMT = 8, L_FLAGS = 10, L_OP = 11, L_IU_LEN = 12, L_IPI = 16, L_TPI = 32, L_IMM = 48 };
enum { C_FMT = 5, C_OUT_CNT = 6, C_IN_CNT = 7, C_TAG = 8, C_LUN = 20, C_ADD = 31, C_CDB = 32,
       C_DESC = 48 };

static void die(const char *what)
{
	fprintf(stderr, "srp-peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put_desc(uint8_t *p, const struct peer *peer, uint32_t len)
{
	put_be64(p, (uintptr_t)peer->data);
	put_be32(p + 8, peer->mr->rkey);
	put_be32(p + 12, len);
}

/* ---- ways to log in ---- */

static void login_opcode(uint8_t *l) { l[L_OP] = 0x02; }
static void login_tiny_iu(uint8_t *l) { put_be32(l + L_IU_LEN, 32); }
static void login_huge_iu(uint8_t *l) { put_be32(l + L_IU_LEN, 1 << 24); }
static void login_format(uint8_t *l) { put_be16(l + L_FMT, 0x00f8); }
static void login_action(uint8_t *l) { l[L_FLAGS] |= 3; }
static void login_target(uint8_t *l) { l[L_TPI] ^= 0xff; }
static void login_imm_offset(uint8_t *l) { put_be16(l + L_IMM, 0xfff0); }

/* ---- information units to send; each fills peer->iu and returns its length ---- */

static size_t cmd(struct peer *p, uint8_t opcode)
{
	memset(p->iu, 0, IU_MAX);
	p->iu[0] = 0x02;
	put_be64(p->iu + C_TAG, 0x1122334455667788);
	p->iu[C_CDB] = opcode;
	return C_DESC;
}

static size_t iu_tur(struct peer *p) { return cmd(p, 0x00); }
static size_t iu_short(struct peer *p) { cmd(p, 0x00); return 8; }
static size_t iu_truncated(struct peer *p) { cmd(p, 0x00); return 40; }
static size_t iu_opcode(struct peer *p) { cmd(p, 0); p->iu[0] = 0x7f; return 48; }
static size_t iu_login(struct peer *p) { cmd(p, 0); p->iu[0] = 0x00; return 64; }
static size_t iu_response(struct peer *p) { cmd(p, 0); p->iu[0] = 0xc1; return 36; }
static size_t iu_logout(struct peer *p) { cmd(p, 0); p->iu[0] = 0x03; return 16; }
static size_t iu_add_cdb(struct peer *p) { cmd(p, 0); p->iu[C_ADD] = 0xfc; return 48; }
static size_t iu_cdb(struct peer *p) { return cmd(p, 0xc5); }
static size_t iu_lun(struct peer *p) { cmd(p, 0); p->iu[C_LUN + 1] = 99; return 48; }

static size_t iu_read(struct peer *p, uint8_t fmt)
{
	cmd(p, 0x28);
	p->iu[C_FMT] = fmt;
	p->iu[C_CDB + 8] = 8;
	return C_DESC;
}

static size_t iu_format(struct peer *p) { return iu_read(p, 0x07) + 16; }
static size_t iu_no_desc(struct peer *p) { return iu_read(p, 0x01); }
static size_t iu_bidi(struct peer *p)
{
	iu_read(p, 0x11);
	put_desc(p->iu + C_DESC, p, 4096);
	put_desc(p->iu + C_DESC + 16, p, 4096);
	return C_DESC + 32;
}

/* READ(10) of 8 blocks with an indirect table: table bytes, total, descriptors in the IU. */
static size_t iu_indirect(struct peer *p, uint32_t table, uint32_t total, uint8_t count)
{
	unsigned i;

	iu_read(p, 0x02);
	p->iu[C_IN_CNT] = count;
	put_desc(p->iu + C_DESC, p, table);
	put_be32(p->iu + C_DESC + 16, total);
	for (i = 0; i < 4; i++)
		put_desc(p->iu + C_DESC + 20 + 16 * i, p, 1024);
	return C_DESC + 20 + 16 * 4;
}

static size_t iu_table_ok(struct peer *p) { return iu_indirect(p, 64, 4096, 4); }
static size_t iu_table_count(struct peer *p) { return iu_indirect(p, 64, 4096, 200); }
static size_t iu_table_odd(struct peer *p) { return iu_indirect(p, 63, 4096, 4); }
static size_t iu_table_total(struct peer *p) { return iu_indirect(p, 64, 1 << 20, 4); }
static size_t iu_table_huge(struct peer *p) { return iu_indirect(p, 0xfffffff0, 4096, 4); }
static size_t iu_table_beyond(struct peer *p) { iu_indirect(p, 64, 4096, 4); return C_DESC + 36; }

static size_t iu_bad_key(struct peer *p)
{
	iu_read(p, 0x01);
	put_desc(p->iu + C_DESC, p, 4096);
	put_be32(p->iu + C_DESC + 8, 0x00bad000);
	return C_DESC + 16;
}

/* A WRITE that says its data comes from a key that does not exist. */
static size_t iu_bad_write_key(struct peer *p)
{
	iu_bad_key(p);
	p->iu[C_CDB] = 0x2a;
	p->iu[C_FMT] = 0x10;
	return C_DESC + 16;
}

static size_t iu_overflow(struct peer *p)
{
	iu_read(p, 0x01);
	put_be32(p->iu + C_CDB + 2, 0xfffffff0);
	put_desc(p->iu + C_DESC, p, 4096);
	return C_DESC + 16;
}

/* READ(16) of 4 GiB - 1 blocks into 4 KiB. */
static size_t iu_giant(struct peer *p)
{
	iu_read(p, 0x01);
	memset(p->iu + C_CDB, 0, 16);
	p->iu[C_CDB] = 0x88;
	put_be32(p->iu + C_CDB + 10, 0xffffffff);
	put_desc(p->iu + C_DESC, p, 4096);
	return C_DESC + 16;
}

static size_t iu_immediate(struct peer *p, uint32_t len, size_t sent)
{
	cmd(p, 0x2a);
	p->iu[C_FMT] = 0x30;
	p->iu[C_CDB + 8] = 1;
	put_be32(p->iu + C_DESC, len);
	return sent;
}

static size_t iu_imm_short(struct peer *p) { return iu_immediate(p, 512, IMM_OFFSET + 100); }
static size_t iu_imm_long(struct peer *p) { return iu_immediate(p, 0xffffffff, IMM_OFFSET + 512); }
static size_t iu_imm_none(struct peer *p) { return iu_immediate(p, 512, IMM_OFFSET - 20); }

static size_t iu_cred_rsp(struct peer *p) { cmd(p, 0); p->iu[0] = 0x41; return 16; }

static size_t tmf(struct peer *p, uint8_t function)
{
	memset(p->iu, 0, IU_MAX);
	p->iu[0] = 0x01;
	put_be64(p->iu + C_TAG, 0x80000001);
	p->iu[30] = function;
	return 48;
}

static size_t iu_tmf_function(struct peer *p) { return tmf(p, 0x77); }
static size_t iu_tmf_reset(struct peer *p) { return tmf(p, 0x08); }
static size_t iu_tmf_short(struct peer *p) { tmf(p, 0x08); return 30; }
static size_t iu_tmf_lun(struct peer *p) { tmf(p, 0x08); p->iu[C_LUN + 1] = 99; return 48; }

static const struct kind {
	const char *name;
	void (*login)(uint8_t *l);
	size_t (*iu)(struct peer *p);
	unsigned times;		/* how often to send, 0 = once */
} kinds[] = {
	{ "login-opcode", login_opcode, NULL, 0 },
	{ "login-tiny-iu", login_tiny_iu, NULL, 0 },
	{ "login-huge-iu", login_huge_iu, NULL, 0 },
	{ "login-format", login_format, NULL, 0 },
	{ "login-action", login_action, NULL, 0 },
	{ "login-target", login_target, NULL, 0 },
	{ "login-imm-offset", login_imm_offset, NULL, 0 },
	{ "tur", NULL, iu_tur, 0 },
	{ "short", NULL, iu_short, 0 },
	{ "truncated", NULL, iu_truncated, 0 },
	{ "opcode", NULL, iu_opcode, 0 },
	{ "login-again", NULL, iu_login, 0 },
	{ "response", NULL, iu_response, 0 },
	{ "logout", NULL, iu_logout, 0 },
	{ "add-cdb", NULL, iu_add_cdb, 0 },
	{ "cdb", NULL, iu_cdb, 0 },
	{ "lun", NULL, iu_lun, 0 },
	{ "format", NULL, iu_format, 0 },
	{ "no-descriptor", NULL, iu_no_desc, 0 },
	{ "bidirectional", NULL, iu_bidi, 0 },
	{ "table", NULL, iu_table_ok, 0 },
	{ "table-count", NULL, iu_table_count, 0 },
	{ "table-odd", NULL, iu_table_odd, 0 },
	{ "table-total", NULL, iu_table_total, 0 },
	{ "table-huge", NULL, iu_table_huge, 0 },
	{ "table-beyond", NULL, iu_table_beyond, 0 },
	{ "bad-key", NULL, iu_bad_key, 0 },
	{ "bad-write-key", NULL, iu_bad_write_key, 0 },
	{ "lba-range", NULL, iu_overflow, 0 },
	{ "giant", NULL, iu_giant, 0 },
	{ "imm-short", NULL, iu_imm_short, 0 },
	{ "imm-long", NULL, iu_imm_long, 0 },
	{ "imm-none", NULL, iu_imm_none, 0 },
	{ "cred-rsp", NULL, iu_cred_rsp, 0 },
	{ "tmf-function", NULL, iu_tmf_function, 0 },
	{ "tmf-reset", NULL, iu_tmf_reset, 0 },
	{ "tmf-short", NULL, iu_tmf_short, 0 },
	{ "tmf-lun", NULL, iu_tmf_lun, 0 },
	{ "over-credit", NULL, iu_tur, 1000 },
};

/* ---- the connection ---- */

/* The next CM event, or NULL after the time; what arrives is printed by the caller. */
static struct rdma_cm_event *next_event(struct peer *p, int ms)
{
	struct pollfd fd = { .fd = p->events->fd, .events = POLLIN };
	struct rdma_cm_event *e;

	if (poll(&fd, 1, ms) <= 0)
		return NULL;
	if (rdma_get_cm_event(p->events, &e))
		die("rdma_get_cm_event");
	return e;
}

static void expect_event(struct peer *p, enum rdma_cm_event_type type)
{
	struct rdma_cm_event *e = next_event(p, WAIT_MS);

	if (!e || e->event != type) {
		fprintf(stderr, "srp-peer: %s instead of %s\n",
			e ? rdma_event_str(e->event) : "nothing", rdma_event_str(type));
		exit(1);
	}
	rdma_ack_cm_event(e);
}

static void peer_resolve(struct peer *p, char *addr, char *port)
{
	struct rdma_addrinfo hints = { .ai_port_space = RDMA_PS_TCP }, *ai;

	p->events = rdma_create_event_channel();
	if (!p->events || rdma_create_id(p->events, &p->id, NULL, RDMA_PS_TCP))
		die("rdma_create_id");
	if (rdma_getaddrinfo(addr, port, &hints, &ai))
		die(addr);
	if (rdma_resolve_addr(p->id, NULL, ai->ai_dst_addr, 2000))
		die("rdma_resolve_addr");
	expect_event(p, RDMA_CM_EVENT_ADDR_RESOLVED);
	if (rdma_resolve_route(p->id, 2000))
		die("rdma_resolve_route");
	expect_event(p, RDMA_CM_EVENT_ROUTE_RESOLVED);
	rdma_freeaddrinfo(ai);
}

static void post_recv(struct peer *p, unsigned i)
{
	struct ibv_sge sge = { .addr = (uintptr_t)p->mem + i * RSP_MAX, .length = RSP_MAX,
			       .lkey = p->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = i, .sg_list = &sge, .num_sge = 1 }, *bad;

	if (ibv_post_recv(p->id->qp, &wr, &bad))
		die("ibv_post_recv");
}

static void peer_create_qp(struct peer *p)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 2048, .max_recv_wr = N_RECV, .max_send_sge = 1,
			 .max_recv_sge = 1 },
	};
	size_t size = N_RECV * RSP_MAX + IU_MAX + DATA_LEN;
	unsigned i;

	p->mem = calloc(1, size);
	p->iu = p->mem + N_RECV * RSP_MAX;
	p->data = p->iu + IU_MAX;
	p->cq = ibv_create_cq(p->id->verbs, 4096, NULL, NULL, 0);
	attr.recv_cq = p->cq;
	attr.send_cq = p->cq;
	if (!p->cq || rdma_create_qp(p->id, NULL, &attr))
		die("rdma_create_qp");
	p->mr = ibv_reg_mr(p->id->pd, p->mem, size, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
	if (!p->mr)
		die("ibv_reg_mr");
	for (i = 0; i < N_RECV; i++)
		post_recv(p, i);
}

static void fill_login(uint8_t *l, const char *id_ext, const char *ioc_guid)
{
	put_be16(l + L_FMT, 0x0006);
	l[L_FLAGS] = 0x80;
	put_be32(l + L_IU_LEN, IU_MAX);
	put_be64(l + L_IPI, 0xbad);
	put_be64(l + L_IPI + 8, getpid());
	put_be64(l + L_TPI, strtoull(id_ext, NULL, 16));
	put_be64(l + L_TPI + 8, strtoull(ioc_guid, NULL, 16));
	put_be16(l + L_IMM, IMM_OFFSET);
}

static void print_reject(const struct rdma_cm_event *e)
{
	const uint8_t *rej = e->param.conn.private_data;
	uint32_t reason;

	if (!rej || e->param.conn.private_data_len < 32 || rej[0] != 0xc2) {
		puts("rejected without reason");
		return;
	}
	memcpy(&reason, rej + 4, sizeof(reason));
	printf("rejected 0x%08x\n", be32toh(reason));
}

/* Connect with this login; false when it was rejected, which has then been printed. */
static bool peer_login(struct peer *p, const uint8_t *login)
{
	struct rdma_conn_param param = {
		.private_data = login, .private_data_len = LOGIN_LEN, .responder_resources = 4,
		.flow_control = 1, .retry_count = 6, .rnr_retry_count = 7,
	};
	struct rdma_cm_event *e;
	bool ok;

	if (rdma_connect(p->id, &param))
		die("rdma_connect");
	e = next_event(p, WAIT_MS);
	if (!e)
		die("no answer to the login");
	ok = e->event == RDMA_CM_EVENT_ESTABLISHED;
	if (e->event == RDMA_CM_EVENT_REJECTED)
		print_reject(e);
	else if (!ok)
		printf("%s\n", rdma_event_str(e->event));
	rdma_ack_cm_event(e);
	return ok;
}

static void peer_send(struct peer *p, size_t len, unsigned times)
{
	struct ibv_sge sge = { .addr = (uintptr_t)p->iu, .length = len, .lkey = p->mr->lkey };
	struct ibv_send_wr wr = { .wr_id = N_RECV, .sg_list = &sge, .num_sge = 1,
				  .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED }, *bad;

	do {
		if (ibv_post_send(p->id->qp, &wr, &bad))
			die("ibv_post_send");
	} while (times-- > 1);
}

static void print_response(const uint8_t *r, uint32_t len)
{
	const uint8_t *sense = r + 36;

	if (r[0] == 0xc1 && r[18] & 1)
		printf("tmf %02x\n", len >= 40 ? r[39] : 0xff);
	else if (r[0] == 0xc1 && r[18] & 2 && len >= 36 + 14)
		printf("sense %x/%02x/%02x\n", sense[2] & 15, sense[12], sense[13]);
	else if (r[0] == 0xc1)
		printf("status %02x\n", r[19]);
	else
		printf("opcode %02x\n", r[0]);
}

/* Print one line per response until @wanted came, the channel is closed, or silence. */
static void peer_listen(struct peer *p, unsigned wanted)
{
	struct pollfd fd = { .fd = p->events->fd, .events = POLLIN };
	struct ibv_wc wc;
	unsigned got = 0;
	int budget = WAIT_MS / 2;

	while (budget > 0 && got < wanted) {
		while (ibv_poll_cq(p->cq, 1, &wc) > 0) {
			if (wc.wr_id == N_RECV || wc.status != IBV_WC_SUCCESS)
				continue;
			if (p->mem[wc.wr_id * RSP_MAX] != 0x80 || wanted == 1)
				print_response(p->mem + wc.wr_id * RSP_MAX, wc.byte_len);
			post_recv(p, wc.wr_id);
			got++;
		}
		if (poll(&fd, 1, 2) > 0) {
			puts("closed");
			return;
		}
		budget -= 2;
	}
	if (!got)
		puts("silent");
}

/* The first command of a new session gets the power-on unit attention: not the one of interest. */
static void peer_clear_attention(struct peer *p)
{
	struct ibv_wc wc;
	int ms;

	peer_send(p, iu_tur(p), 1);
	for (ms = 0; ms < WAIT_MS; ms++) {
		while (ibv_poll_cq(p->cq, 1, &wc) > 0) {
			if (wc.wr_id == N_RECV)
				continue;
			post_recv(p, wc.wr_id);
			return;
		}
		usleep(1000);
	}
	die("no answer to the first command");
}

int main(int argc, char **argv)
{
	struct peer p = { 0 };
	uint8_t login[LOGIN_LEN] = { 0 };
	const struct kind *k = kinds, *end = kinds + sizeof(kinds) / sizeof(kinds[0]);

	setbuf(stdout, NULL);
	if (argc != 6) {
		for (; k < end; k++)
			puts(k->name);
		return 2;
	}
	while (k < end && strcmp(k->name, argv[5]))
		k++;
	if (k == end)
		return 2;
	peer_resolve(&p, argv[1], argv[2]);
	peer_create_qp(&p);
	fill_login(login, argv[3], argv[4]);
	if (k->login)
		k->login(login);
	if (!peer_login(&p, login))
		return 0;
	if (!k->iu) {
		puts("accepted");
		return 0;
	}
	if (k->iu != iu_tur)
		peer_clear_attention(&p);
	peer_send(&p, k->iu(&p), k->times);
	peer_listen(&p, k->times ? k->times : 1);
	return 0;
}
