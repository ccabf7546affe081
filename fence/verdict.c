/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/verdict.h"

#include "base/bytes.h"
#include "fence/constraint.h"

#include <string.h>
#include <strings.h>

/* ---- elements and attributes ---- */

static bool is_element(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name);
}

/* The next one of this name from @n on, which is a child; NULL: none. */
static const xmlNode *element_from(const xmlNode *n, const char *name)
{
	while (n && !is_element(n, name))
		n = n->next;
	return n;
}

static const xmlNode *child(const xmlNode *n, const char *name)
{
	return n ? element_from(n->children, name) : NULL;
}

#define for_each_child(n, parent, name) \
	for (n = child(parent, name); n; n = element_from(n->next, name))

/* "" is a value; NULL: there is no such attribute, or none that is plain text. */
static const char *attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a; a = a->next) {
		const xmlNode *text = a->children;

		if (strcmp((const char *)a->name, name))
			continue;
		if (!text)
			return "";
		return text->type == XML_TEXT_NODE && !text->next ? (const char *)text->content :
								    NULL;
	}
	return NULL;
}

static bool attribute_is(const xmlNode *n, const char *name, const char *value)
{
	const char *v = attribute(n, name);

	return v && !strcmp(v, value);
}

static bool is_one_of(const char *value, const char *const words[])
{
	while (*words && strcasecmp(*words, value))
		words++;
	return *words != NULL;
}

/* Words that Pacemaker takes for true. */
static bool is_true(const char *value)
{
	static const char *const words[] = { "1", "true", "yes", "on", "y", NULL };

	return value && is_one_of(value, words);
}

/* ---- properties of the cluster ---- */

/*
 * In whichever set, under either name (Pacemaker has two for some): whether it is anything but
 * @usual, which is "true", "false" or a word.
 */
static bool property_differs(const xmlNode *configuration, const char *name, const char *older,
			     const char *usual)
{
	const xmlNode *config = child(configuration, "crm_config"), *set, *pair;
	bool truth = is_true(usual) || !strcmp(usual, "false");

	for_each_child(set, config, "cluster_property_set")
		for_each_child(pair, set, "nvpair") {
			const char *value = attribute(pair, "value");

			if (!attribute_is(pair, "name", name) && !attribute_is(pair, "name", older))
				continue;
			if (truth ? is_true(value) != is_true(usual) :
				    !value || strcasecmp(value, usual))
				return true;
		}
	return false;
}

static bool stonith_is_on(const xmlNode *configuration)
{
	return !property_differs(configuration, "stonith-enabled", "stonith_enabled", "true");
}

/* ---- the clone ---- */

static bool is_drbd(const xmlNode *primitive, const char *resource)
{
	const xmlNode *set, *pair;

	for_each_child(set, primitive, "instance_attributes")
		for_each_child(pair, set, "nvpair")
			if (attribute_is(pair, "name", "drbd_resource") &&
			    attribute_is(pair, "value", resource))
				return true;
	return false;
}

/* Adds to *@n the clones of this kind that have the resource; *@clone is the last one. */
static void clones_find(const xmlNode *resources, const char *kind, const char *resource,
			const xmlNode **clone, size_t *n)
{
	const xmlNode *c, *primitive;

	for_each_child(c, resources, kind)
		for_each_child(primitive, c, "primitive")
			if (is_drbd(primitive, resource)) {
				*clone = c;
				(*n)++;
			}
}

/* NULL: out->clone is set. */
static const char *clone_name(const xmlNode *configuration, const char *resource,
			      struct opinion *out)
{
	const xmlNode *resources = child(configuration, "resources"), *clone = NULL;
	const char *id;
	size_t n = 0;

	clones_find(resources, "clone", resource, &clone, &n);
	clones_find(resources, "master", resource, &clone, &n);
	if (n != 1)
		return n ? "several clones have the DRBD resource" :
			   "no clone has the DRBD resource";
	id = attribute(clone, "id");
	if (!id || !name_is_legal(id))
		return "the id of the DRBD clone is not usual";
	memcpy(out->clone, id, strlen(id) + 1);
	return NULL;
}

static bool has_constraint(const xmlNode *configuration, const struct ask *a, const char *clone)
{
	const xmlNode *constraints = child(configuration, "constraints"), *location;
	char id[CONSTRAINT_ID_MAX];

	constraint_id(id, a, "", clone);
	for_each_child(location, constraints, "rsc_location")
		if (attribute_is(location, "id", id))
			return true;
	return false;
}

/* ---- the peer ---- */

/* The only one of its name among the children; NULL: none or several. */
static const xmlNode *the_one_named(const xmlNode *parent, const char *element, const char *uname)
{
	const xmlNode *n, *found = NULL;

	for_each_child(n, parent, element) {
		if (!attribute_is(n, "uname", uname))
			continue;
		if (found)
			return NULL;
		found = n;
	}
	return found;
}

static bool is_cluster_node(const xmlNode *configuration, const char *name)
{
	const xmlNode *n = the_one_named(child(configuration, "nodes"), "node", name);
	const char *type = n ? attribute(n, "type") : NULL;

	return n && (!type || !strcmp(type, "member") || !strcmp(type, "normal"));
}

enum presence { PRESENT, ABSENT, PRESENCE_UNKNOWN };

/* A word, or since Pacemaker 2.1.7 the time since when, 0 for never. */
static enum presence presence(const xmlNode *state, const char *name, const char *yes,
			      const char *no)
{
	const char *value = attribute(state, name);

	if (!value || !*value)
		return PRESENCE_UNKNOWN;
	if (!strcmp(value, yes))
		return PRESENT;
	if (!strcmp(value, no) || !strcmp(value, "0"))
		return ABSENT;
	return value[strspn(value, "0123456789")] || *value == '0' ? PRESENCE_UNKNOWN : PRESENT;
}

/* NULL: out->verdict is set, and out->reason unless it is fenced. */
static const char *peer_judge(const xmlNode *state, struct opinion *out)
{
	enum presence member = presence(state, "in_ccm", "true", "false");
	enum presence crmd = presence(state, "crmd", "online", "offline");

	if (member == PRESENCE_UNKNOWN || crmd == PRESENCE_UNKNOWN ||
	    is_true(attribute(state, "remote_node")))
		return "Pacemaker's state of the peer is not usual";
	if (member == PRESENT && crmd == PRESENT) {
		out->verdict = VERDICT_ONLINE;
		out->reason = "the peer is online";
	} else if (member == ABSENT && crmd == ABSENT && attribute_is(state, "expected", "down")) {
		out->verdict = VERDICT_FENCED;
	} else {
		out->verdict = VERDICT_LOST;
		out->reason = "the peer is not fenced";
	}
	return NULL;
}

static const char *doubt_find(const xmlNode *cib, const struct ask *a, struct opinion *out)
{
	const xmlNode *configuration = child(cib, "configuration");
	const xmlNode *state = the_one_named(child(cib, "status"), "node_state", a->peer);
	const char *doubt;

	if (!is_element(cib, "cib") || !configuration)
		return "there is no CIB";
	if (!stonith_is_on(configuration))
		return "stonith-enabled is not true";
	if (!is_true(attribute(cib, "have-quorum")))
		return "there is no quorum";
	doubt = clone_name(configuration, a->resource, out);
	if (doubt)
		return doubt;
	if (has_constraint(configuration, a, out->clone))
		return "there is a constraint already";
	if (!state || !is_cluster_node(configuration, a->peer))
		return "Pacemaker does not know the peer";
	return peer_judge(state, out);
}

void verdict_find(const xmlNode *cib, const struct ask *a, struct opinion *out)
{
	const char *doubt;

	*out = (struct opinion){ .verdict = VERDICT_UNSURE };
	doubt = doubt_find(cib, a, out);
	if (doubt)
		*out = (struct opinion){ .verdict = VERDICT_UNSURE, .reason = doubt };
}

bool verdict_waiting(const xmlNode *state, struct opinion *o)
{
	struct opinion now = { .verdict = VERDICT_UNSURE };

	if (!is_element(state, "node_state") || peer_judge(state, &now) ||
	    now.verdict == VERDICT_FENCED)
		return false;
	o->verdict = now.verdict;
	o->reason = now.reason;
	return true;
}

const char *verdict_fencing(const xmlNode *cib, const char *node)
{
	const xmlNode *configuration = child(cib, "configuration");
	const xmlNode *state = the_one_named(child(cib, "status"), "node_state", node);

	if (!is_element(cib, "cib") || !configuration)
		return "there is no CIB";
	if (!stonith_is_on(configuration))
		return "stonith-enabled is not true";
	if (property_differs(configuration, "stonith-action", "stonith_action", "reboot"))
		return "stonith-action is not reboot";
	if (property_differs(configuration, "maintenance-mode", "maintenance_mode", "false"))
		return "maintenance-mode is true";
	if (!is_true(attribute(cib, "have-quorum")))
		return "there is no quorum";
	if (!state || !is_cluster_node(configuration, node))
		return "Pacemaker does not know the node";
	return attribute_is(state, "expected", "member") ? NULL :
		       "it was shut down in order, or is fenced already";
}
