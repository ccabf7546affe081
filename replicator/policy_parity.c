/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether both nodes have the same configuration: their srptds' hashes go with hello; when they
 * differ, all members are asked for their lists.
 */
#include "replicator/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the hashes ---- */

static bool member_differs(const struct policy *p, const struct member *m)
{
	if (!m->greeted)
		return false;
	return m->version != HA_MSG_VERSION ||
	       (m->hash[0] && p->hash[0] && strcmp(m->hash, p->hash) != 0);
}

static const struct member *first_different(const struct policy *p)
{
	for (unsigned i = 0; i < p->n_members; i++)
		if (member_differs(p, &p->members[i]))
			return &p->members[i];
	return NULL;
}

enum parity_view parity_look(const struct policy *p)
{
	enum parity_view view = PARITY_ALONE;

	if (!p->srptd_ready || !p->hash[0])
		return PARITY_UNKNOWN;
	if (first_different(p))
		return PARITY_DIFFERS;
	for (unsigned i = 0; i < p->n_members; i++)
		if (p->members[i].greeted && p->members[i].hash[0])
			view = PARITY_EQUAL;
	return view;
}

void parity_reason(struct policy *p, char *text, size_t size)
{
	const struct parity *y = &p->parity;
	const struct member *m = first_different(p);

	if (!m)
		text[0] = '\0';
	else if (m->version != HA_MSG_VERSION)
		snprintf(text, size, "the replicator of %s speaks version %llu, this one %d",
			 member_name(p, m->node), (unsigned long long)m->version, HA_MSG_VERSION);
	else if (!y->key)
		snprintf(text, size, "the configurations of this node and %s differ",
			 member_name(p, m->node));
	else
		snprintf(text, size, "the configurations differ: %.160s is %.120s here, %.120s "
			 "on %s", y->key, y->here ? y->here : "missing",
			 y->there ? y->there : "missing", member_name(p, m->node));
}

/* ---- the lists ---- */

static void key_forget(struct parity *y)
{
	free(y->key);
	free(y->here);
	free(y->there);
	y->key = y->here = y->there = NULL;
}

void parity_changed(struct policy *p)
{
	const struct member *m = first_different(p);
	struct parity *y = &p->parity;

	if (y->key && (!m || m->node != y->from))
		key_forget(y);
	if (!m || m->version != HA_MSG_VERSION || !p->srptd_ready) {
		y->asked = false;
		y->from = 0;
		return;
	}
	if (y->asked && y->from == m->node && !strcmp(y->peer_hash, m->hash) &&
	    !strcmp(y->own_hash, p->hash))
		return;
	key_forget(y);
	y->asked = true;
	y->from = m->node;
	memcpy(y->peer_hash, m->hash, sizeof(y->peer_hash));
	memcpy(y->own_hash, p->hash, sizeof(y->own_hash));
	out_begin(p, "parity-ask", NULL);
	out_multicast(p);
}

static void own_request(struct policy *p)
{
	p->parity.again = p->parity.joined = false;
	parity_list_begin(&p->parity.own);
	out_begin(p, "parity-request", NULL);
	out_srptd(p);
	ha_out_add(out_begin(p, "parity-begin", NULL), "hash", p->hash);
	out_multicast(p);
}

void parity_asked(struct policy *p)
{
	if (!p->srptd_ready)
		return;
	if (p->parity.own.open) /* who was there when it began hears it all */
		p->parity.again = p->parity.joined;
	else
		own_request(p);
}

void parity_member_joined(struct policy *p)
{
	p->parity.joined = true;
}

static char *text_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void compare(struct policy *p)
{
	struct parity *y = &p->parity;
	const char *key = NULL, *here = NULL, *there = NULL;
	char reason[REASON_MAX];

	if (!y->own.complete || !y->peer.complete || !first_different(p))
		return;
	key_forget(y);
	if (y->own.overflow || y->peer.overflow)
		key = "(the lists are too long to be compared)";
	else
		key = parity_first_difference(&y->own, &y->peer, &here, &there);
	y->key = text_or_null(key);
	y->here = text_or_null(here);
	y->there = text_or_null(there);
	parity_reason(p, reason, sizeof(reason));
	act_log(p, LOG_ERR, "%s", reason);
}

/* Of each item two lines. */
static void items_add(struct parity_list *l, const char *list)
{
	char text[HA_MSG_MAX + 1], *rest = text;
	const char *key, *value;

	snprintf(text, sizeof(text), "%s", list);
	while ((key = strsep(&rest, "\n")) && (value = strsep(&rest, "\n")))
		parity_list_add(l, key, value);
}

/* All items are for the other nodes, too. */
void parity_own(struct policy *p, const struct ha_msg *m)
{
	struct parity *y = &p->parity;
	bool end = !strcmp(m->verb, "parity-end");
	const char *list = ha_msg_get(m, "list");
	struct ha_out *o;

	if (!y->own.open || (!end && !list))
		return;
	o = out_begin(p, m->verb, NULL);
	if (end) {
		ha_out_add(o, "hash", p->hash);
	} else {
		items_add(&y->own, list);
		ha_out_add(o, "list", list);
	}
	out_multicast(p);
	if (!end)
		return;
	parity_list_end(&y->own);
	compare(p);
	if (y->again)
		own_request(p);
}

void parity_peer(struct policy *p, uint32_t node, const struct ha_msg *m)
{
	const char *list = ha_msg_get(m, "list");
	struct parity *y = &p->parity;

	if (node == p->self || node != y->from)
		return;
	if (!strcmp(m->verb, "parity-begin")) {
		parity_list_begin(&y->peer);
	} else if (!strcmp(m->verb, "parity-items")) {
		items_add(&y->peer, list ? list : "");
	} else {
		parity_list_end(&y->peer);
		compare(p);
	}
}

void parity_own_gone(struct policy *p)
{
	parity_list_begin(&p->parity.own);
	p->parity.own.open = p->parity.again = false;
	p->parity.asked = false;
}

void parity_free(struct policy *p)
{
	key_forget(&p->parity);
	parity_list_free(&p->parity.own);
	parity_list_free(&p->parity.peer);
}
