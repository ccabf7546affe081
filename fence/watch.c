/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/watch.h"

#include "fence/ask.h"
#include "fence/lock.h"

#include <crm/cib.h>
#include <errno.h>
#include <stdbool.h>

#define CALL_TIMEOUT_S 10
#define BURST_MS 50 /* changes come in bursts, and each reading costs as much as ten of them */

static struct {
	cib_t *cib;
	bool told;    /* changes are */
	bool changed;
	bool lost;
} watch;

static void cib_changed(const char *event, xmlNode *msg)
{
	(void)event;
	(void)msg;
	watch.changed = true;
}

static void cib_lost(gpointer arg)
{
	(void)arg;
	watch.lost = true;
}

int watch_open(const char *client, bool changes)
{
	int rc;

	crm_xml_init();
	watch.cib = cib_new();
	if (!watch.cib)
		return -ENOMEM;
	rc = watch.cib->cmds->signon(watch.cib, client, cib_command);
	if (rc) {
		cib_delete(watch.cib);
		watch.cib = NULL;
		return rc;
	}
	watch.cib->call_timeout = CALL_TIMEOUT_S;
	watch.lost = false;
	watch.cib->cmds->set_connection_dnotify(watch.cib, cib_lost);
	watch.told = changes && !watch.cib->cmds->add_notify_callback(watch.cib, T_CIB_DIFF_NOTIFY,
							   cib_changed);
	return 0;
}

int watch_close(void)
{
	int rc;

	if (!watch.cib)
		return 0;
	watch.cib->cmds->set_connection_dnotify(watch.cib, NULL);
	rc = watch.cib->cmds->signoff(watch.cib);
	cib_delete(watch.cib);
	watch.cib = NULL;
	return rc;
}

static xmlNode *read_part(const char *xpath, int options)
{
	xmlNode *found = NULL;

	watch.changed = false;
	if (watch.cib->cmds->query(watch.cib, xpath, &found, cib_sync_call | options)) {
		watch_free(found);
		return NULL;
	}
	return found;
}

xmlNode *watch_read(void)
{
	return read_part(NULL, 0);
}

xmlNode *watch_read_state(const char *node)
{
	char xpath[FENCE_NAME_MAX + 64];

	snprintf(xpath, sizeof(xpath), "/cib/status/node_state[@uname='%s']", node);
	return read_part(xpath, cib_xpath | cib_no_children);
}

void watch_free(xmlNode *root)
{
	if (root)
		free_xml(root);
}

/* ---- waiting ---- */

static gboolean time_over(gpointer arg)
{
	*(bool *)arg = true;
	return G_SOURCE_REMOVE;
}

/* Until @until, or until *@enough. */
static void events_handle(uint64_t until, const bool *enough)
{
	uint64_t now = now_ms();
	bool over = until <= now;
	guint timer = over ? 0 : g_timeout_add((guint)(until - now), time_over, &over);

	while (!over && !*enough && !watch.lost)
		g_main_context_iteration(NULL, TRUE);
	if (!over)
		g_source_remove(timer);
}

int watch_wait(uint64_t until)
{
	static const bool never = false;

	if (!watch.told)
		return -ENOTSUP;
	events_handle(until, &watch.changed);
	if (watch.changed)
		events_handle(now_ms() + BURST_MS, &never);
	if (watch.lost)
		return -ENOTCONN;
	return watch.changed ? 0 : -ETIMEDOUT;
}

int watch_constrain(xmlNode *constraint)
{
	return watch.cib->cmds->create(watch.cib, "constraints", constraint, cib_sync_call);
}
