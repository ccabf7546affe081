/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/fencer.h"

#include <crm/crm.h>
#include <crm/stonith-ng.h>
#include <errno.h>

#define TIMEOUT_S 60 /* as stonith-timeout of the recipes */

static stonith_t *fencer;
static const char *client_name;

const char *fencer_open(const char *client, int tries)
{
	int rc;

	if (fencer)
		return NULL;
	fencer = stonith_api_new();
	if (!fencer)
		return "no memory";
	client_name = client;
	rc = stonith_api_connect_retry(fencer, client, tries);
	if (!rc)
		return NULL;
	stonith_api_delete(fencer);
	fencer = NULL;
	return pcmk_strerror(rc);
}

void fencer_close(void)
{
	if (!fencer)
		return;
	fencer->cmds->disconnect(fencer);
	stonith_api_delete(fencer);
	fencer = NULL;
}

static int reboot(const char *node, unsigned delay)
{
	return fencer->cmds->fence_with_delay(fencer, st_opt_sync_call, node, "reboot", TIMEOUT_S,
					      0, (int)delay);
}

const char *fencer_reboot(const char *node, unsigned delay)
{
	int rc = reboot(node, delay);

	if (rc == -ENOTCONN) {
		fencer_close();
		if (!fencer_open(client_name, 1))
			rc = reboot(node, delay);
	}
	return rc ? pcmk_strerror(rc) : NULL;
}
