/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration of multipath, and a table and a status of device mapper. */
#include "fuzz.h"

#include "initiator/dmtable.h"
#include "initiator/mpconf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct mp_conf *c;
	bool queues;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	c = mp_conf_parse(text);
	if (c)
		mp_conf_get(c, "no_path_retry", "3600a", "SCST_BIO", "disk01");
	mp_conf_free(c);
	dm_table_queues(text, "mapA", &queues);
	dm_status_failed(text, "mapA");
	free(text);
	return 0;
}
