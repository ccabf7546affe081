/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The initiator's decoders against arbitrary bytes: they must not read beyond
 * them, and what is accepted must be what it says.
 */
#include "client/client_iu.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
	if (!condition)
		abort();
}

static void message(const uint8_t *data, size_t size)
{
	volatile uint8_t sum = 0;
	struct client_iu iu;
	const char *wrong = client_iu_decode(data, (uint32_t)size, &iu);

	check(wrong || size >= 16);
	if (size >= 16)
		check(iu.opcode == data[0] && !memcmp(&iu.tag, data + 8, 8));
	if (wrong || !iu.sense)
		return;
	check(iu.opcode == SRP_RSP && iu.sense >= data + 36);
	check(iu.sense_len <= size - (size_t)(iu.sense - data));
	for (uint32_t i = 0; i < iu.sense_len; i++)
		sum ^= iu.sense[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_login_result r = { 0 };
	uint32_t reason = 0;

	message(data, size);
	if (!client_iu_login_rsp(data, size, &r))
		check(size >= 52 && data[0] == SRP_LOGIN_RSP && r.multichan <= 3);
	if (!client_iu_login_rej(data, size, &reason))
		check(size >= 32 && data[0] == SRP_LOGIN_REJ && client_iu_rej_name(reason));
	return 0;
}
