/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/dm_model.h"
#include "base/bytes.h"
#include "base/log.h"
#include "dm/dm_agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RDMA READs at once per channel, as many as transport/verbs.c has. */
#define RDMA_READS 16

STATIC_ASSERT((int)DM_PORTALS_MAX >= (int)CONF_PORTALS_MAX);
STATIC_ASSERT((int)DM_NAME_MAX > (int)CONF_NAME_MAX);

/* ---- from what is in force ---- */

/* False: nobody can log in to it over native InfiniBand. */
static bool target_get(const struct live *live, const struct target *t, struct dm_target *out)
{
	if (!t->srp || !srp_target_enabled(t->srp))
		return false;
	*out = (struct dm_target){ .ioc_guid = t->ioc_guid, .id_ext = t->id_ext };
	memcpy(out->name, t->conf->name, strlen(t->conf->name) + 1);
	out->n_portals = (unsigned)conf_target_ib_portals(t->conf, live->conf->driver.rdma_cm_port,
							  out->portals);
	return out->n_portals;
}

/* In the order of the configuration, which live.targets has not. NULL: no memory. */
static struct dm_target *targets_get(const struct live *live, size_t *n)
{
	const struct conf *conf = live->conf;
	struct dm_target *list = calloc(conf->n_targets + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < conf->n_targets; i++) {
		const struct target *t = live_target_find(live, conf->targets[i].name);

		if (t && target_get(live, t, &list[*n]))
			++*n;
	}
	return list;
}

/* NULL: no memory. */
static struct dm_table *table_make(const struct dm_model *m, const struct live *live,
				   const struct dm_target *targets, size_t n)
{
	const struct dm_profile profile = {
		.send_size = live->conf->driver.srp_max_req_size,
		.rdma_size = live->conf->driver.srp_max_rdma_size,
		.send_depth = m->send_depth,
		.rdma_reads = RDMA_READS,
	};
	struct dm_table *t;
	size_t left_out;

	/* After a restart it is another one, in case there is a change that nobody has seen. */
	if (dm_table_make(targets, n, &profile, m->agent ? dm_agent_table(m->agent) : NULL,
			  (uint16_t)time(NULL), &t, &left_out))
		return NULL;
	if (left_out)
		log_warn("srp_daemon sees %d targets; %zu are left out", DM_SLOTS_MAX, left_out);
	return t;
}

static void table_tell(struct dm_model *m, struct dm_table *t)
{
	int rc;

	if (m->agent) {
		dm_agent_publish(m->agent, t);
		return;
	}
	rc = dm_agent_start(t, &m->agent);
	if (!rc)
		return;
	m->agent = NULL;
	dm_table_free(t);
	log_err("srp_daemon will not find this target: no thread for it: %s", strerror(-rc));
}

void dm_model_update(struct dm_model *m, const struct live *live)
{
	size_t n;
	struct dm_target *targets;
	struct dm_table *t = NULL;

	if (m->ended)
		return;
	targets = targets_get(live, &n);
	if (targets && !n) {
		dm_model_stop(m);
		free(targets);
		return;
	}
	if (targets)
		t = table_make(m, live, targets, n);
	free(targets);
	if (t)
		table_tell(m, t);
	else
		log_err("no memory for what srp_daemon asks: it sees targets as they were");
}

void dm_model_end(struct dm_model *m)
{
	m->ended = true;
	if (m->agent)
		dm_agent_end(m->agent);
}

void dm_model_stop(struct dm_model *m)
{
	dm_agent_stop(m->agent);
	m->agent = NULL;
}

/* ---- for srptctl status ---- */

static const struct column port_columns[] = {
	{ "ib_port", "IB PORT", COLUMN_TEXT },
	{ "port_state", "STATE", COLUMN_TEXT },
	{ "lid", "LID", COLUMN_NUMBER },
	{ "gid", "GID", COLUMN_TEXT },
	{ "is_dm", "VISIBLE", COLUMN_BOOL },
	{ "answering", "ANSWERING", COLUMN_BOOL },
	{ "change_id", "CHANGE", COLUMN_NUMBER },
	{ "answered", "ANSWERED", COLUMN_NUMBER },
	{ "refused", "REFUSED", COLUMN_NUMBER },
	{ "unasked", "UNASKED", COLUMN_NUMBER },
	{ "malformed", "MALFORMED", COLUMN_NUMBER },
	{ "unsent", "UNSENT", COLUMN_NUMBER },
};

static void port_row(void *arg, const struct dm_port_info *p, const struct dm_table *t)
{
	char gid[IB_GID_TEXT_MAX];
	struct report *r = arg;

	report_printf(r, "%s/%u", p->port.device, p->port.num);
	report_text(r, p->present ? dm_port_state_name(p->state) : "gone");
	report_uint(r, p->lid);
	report_text(r, ib_gid_text(p->port.gid, gid));
	report_bool(r, p->is_dm);
	report_bool(r, p->answering);
	report_uint(r, (uint16_t)(t->change_id + p->port.changes));
	for (unsigned i = 0; i < DM_RESULTS; i++)
		report_uint(r, p->counts[i]);
}

void dm_model_report(struct report *r, struct dm_model *m)
{
	REPORT_BEGIN(r, "ib_ports", REPORT_TABLE, port_columns);
	if (m->agent)
		dm_agent_for_each_port(m->agent, port_row, r);
}

struct hints {
	struct report *r;
	const struct dm_port *port;
};

static void problem_begin(struct report *r, const struct dm_port *port)
{
	report_text(r, "IB port");
	report_printf(r, "%s/%u", port->device, port->num);
}

static void hint_row(void *arg, const struct dm_target *target, const struct ib_portal *portal,
		     uint16_t pkey)
{
	struct hints *h = arg;
	char login[DM_LOGIN_MAX];

	problem_begin(h->r, h->port);
	report_printf(h->r, "srp_daemon does not see it: it lacks IsDeviceManagementSupported, "
		      "which the kernel module srpt_isdm sets; write to add_target: %s",
		      dm_login_text(target, portal, h->port, pkey, login));
}

static void problem_rows(void *arg, const struct dm_port_info *p, const struct dm_table *t)
{
	struct report *r = arg;
	struct hints h = { .r = r, .port = &p->port };

	if (!p->wanted)
		return;
	if (p->error[0]) {
		problem_begin(r, &p->port);
		report_printf(r, "srp_daemon gets no answer: %s", p->error);
	}
	if (p->answering && !p->is_dm)
		dm_port_for_each_login(t, &p->port, hint_row, &h);
}

void dm_model_problems(struct report *r, struct dm_model *m)
{
	if (m->agent)
		dm_agent_for_each_port(m->agent, problem_rows, r);
}
