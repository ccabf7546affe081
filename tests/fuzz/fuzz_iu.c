/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IU decoder against arbitrary bytes, without and with immediate data: it
 * must not read beyond them, and what it accepts must be what it says.
 */
#include "fuzz.h"
#include "srp/iu.h"

#include <stdlib.h>
#include <string.h>

#define IMM_OFFSET 68

static void check(int condition)
{
	if (!condition)
		abort();
}

/* All of [p, p + len) lies in the IU; reads it. */
static void check_inside(const uint8_t *iu, size_t size, const uint8_t *p, size_t len)
{
	volatile uint8_t sum = 0;

	check(p >= iu && len <= size && (size_t)(p - iu) <= size - len);
	for (size_t i = 0; i < len; i++)
		sum ^= p[i];
}

static uint64_t segs_bytes(const struct xfer_seg *segs, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		check(segs[i].len && segs[i].addr + (segs[i].len - 1) >= segs[i].addr);
		sum += segs[i].len;
	}
	return sum;
}

static void check_data(const uint8_t *iu, size_t size, const struct srp_req *req)
{
	struct xfer_seg segs[255];
	uint32_t len = req->data_in_len | req->data_out_len;

	check(!req->data_in_len || !req->data_out_len);
	check(req->ndescs <= 255);
	check_inside(iu, size, req->descs ? req->descs : iu, req->ndescs * 16);
	if (req->imm) {
		check(req->data_out_len && !req->ndescs && req->imm == iu + IMM_OFFSET);
		check_inside(iu, size, req->imm, req->data_out_len);
	} else if (req->table.len) {
		check(req->table.len % 16 == 0 && req->table.len / 16 <= IU_TABLE_MAX);
		check(req->ndescs < req->table.len / 16);
	} else {
		uint32_t n = iu_descs_convert(req->descs, req->ndescs, segs);

		check(n <= req->ndescs && segs_bytes(segs, n) >= len);
	}
}

static void decode(const uint8_t *data, size_t size, uint32_t imm_offset)
{
	enum iu_result result;
	struct srp_req req;

	result = iu_decode(data, (uint32_t)size, imm_offset, &req);
	check((result == IU_TOO_SHORT) == (size < 16));
	if (size >= 16)
		check(req.opcode == data[0] && !memcmp(&req.tag, data + 8, 8));
	if (result != IU_OK)
		return;
	if (req.opcode == SRP_TSK_MGMT)
		check_inside(data, size, req.lun, 8);
	if (req.opcode != SRP_CMD)
		return;
	check_inside(data, size, req.lun, 8);
	check(req.cdb_len >= 16 && req.cdb_len <= IU_CDB_MAX);
	check_inside(data, size, req.cdb, req.cdb_len);
	check(imm_offset || !req.imm);
	check_data(data, size, &req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(data, size, 0);
	decode(data, size, IMM_OFFSET);
	return 0;
}
