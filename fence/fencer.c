/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/fencer.h"

#include <crm/crm.h>
#include <crm/stonith-ng.h>

#define TIMEOUT_S 60 /* as stonith-timeout of the recipes */
#define CONNECT_TRIES 3

const char *fencer_reboot(const char *node, unsigned delay)
{
	stonith_t *st = stonith_api_new();
	int rc;

	if (!st)
		return "no memory";
	rc = stonith_api_connect_retry(st, "srp-fence-node", CONNECT_TRIES);
	if (!rc) {
		rc = st->cmds->fence_with_delay(st, st_opt_sync_call, node, "reboot", TIMEOUT_S, 0,
						(int)delay);
		st->cmds->disconnect(st);
	}
	stonith_api_delete(st);
	return rc ? pcmk_strerror(rc) : NULL;
}
