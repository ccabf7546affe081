/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of an LU's state from arbitrary bytes, as they are and with a CRC that is right. */
#include "fuzz.h"
#include "ctl/state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY "6002"

static int check(const uint8_t *file, size_t size)
{
	uint64_t sequence = 0;
	size_t len = 0;
	int rc = state_file_check(file, size, KEY, &sequence, &len);

	if (rc && rc != -EBADMSG && rc != -EPROTONOSUPPORT)
		abort();
	if (!rc && (!sequence || len != size - STATE_FILE_HEADER))
		abort();
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	int rc = check(data, size);

	if (size < STATE_FILE_HEADER)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	state_file_seal(copy, size);
	/* What was right stays so; what was not may only be right now. */
	if (rc != -EBADMSG && check(copy, size) != rc)
		abort();
	check(copy, size);
	free(copy);
	return 0;
}
