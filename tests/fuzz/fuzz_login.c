/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both layouts of a login request against arbitrary bytes, and the answers to what came out. */
#include "fuzz.h"
#include "srp/login.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
	if (!condition)
		abort();
}

static void decode(enum login_layout layout, const uint8_t *data, size_t size, size_t needs)
{
	uint8_t rej[sizeof(struct srp_login_rej)], rsp[sizeof(struct srp_login_rsp)];
	struct login_answer a = { .req_lim = 64 };
	struct login_req req;
	int reason = login_decode(layout, data, size, &req);

	check(size >= needs || reason == SRP_REJ_UNABLE_ESTABLISH_CHANNEL);
	if (!reason)
		reason = login_check_length(&req, 8260);
	if (!reason)
		reason = login_check_formats(&req);
	if (reason) {
		check(login_encode_rej(rej, req.tag, (enum srp_login_rej_reason)reason) == 32);
		check(rej[0] == SRP_LOGIN_REJ && !memcmp(rej + 8, &req.tag, 8));
		return;
	}
	check(req.it_iu_len >= 64 && req.it_iu_len <= 8260);
	a.tag = req.tag;
	a.max_it_iu_len = req.it_iu_len;
	a.imm_data = login_grants_imm(&req, 68);
	check(!a.imm_data || req.imm_offset == 68);
	check(login_encode_rsp(rsp, &a) == 52);
	check(rsp[0] == SRP_LOGIN_RSP && !memcmp(rsp + 8, &req.tag, 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(LOGIN_LAYOUT_RDMA_CM, data, size, 56);
	decode(LOGIN_LAYOUT_IB_CM, data, size, 64);
	return 0;
}
