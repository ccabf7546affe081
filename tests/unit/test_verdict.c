/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is made of a CIB: that of a cluster whose node2 was fenced, as Pacemaker 2.1.5 has it, and
 * the same with one thing changed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "fence/verdict.h"

#define DRBD_ATTRIBUTES \
	"<instance_attributes id='d-ia'>" \
	"<nvpair name='drbd_resource' value='r0' id='d-ia-r'/></instance_attributes>"
#define DRBD_CLONE \
	"<clone id='drbd-clone'><meta_attributes id='dc-meta'>" \
	"<nvpair name='promotable' value='true' id='dc-meta-p'/></meta_attributes>" \
	"<primitive id='drbd' class='ocf' provider='linbit' type='drbd'>" \
	DRBD_ATTRIBUTES "</primitive></clone>"
#define STATE1 \
	"<node_state id='1' uname='node1' in_ccm='true' crmd='online' join='member'" \
	" expected='member'/>"
#define STATE2_FENCED "in_ccm='false' crmd='offline' join='down' expected='down'"
#define STATE2 "<node_state id='2' uname='node2' " STATE2_FENCED "/>"
#define LOCATION(id) "<constraints><rsc_location id='" id "' rsc='drbd-clone'/>"

static const char fenced[] =
	"<cib validate-with='pacemaker-3.0' epoch='9' num_updates='3' admin_epoch='0'"
	" have-quorum='1' dc-uuid='1'>"
	"<configuration><crm_config><cluster_property_set id='b'>"
	"<nvpair id='b-s' name='stonith-enabled' value='true'/>"
	"<nvpair id='b-q' name='no-quorum-policy' value='stop'/></cluster_property_set>"
	"</crm_config>"
	"<nodes><node id='1' uname='node1'/><node id='2' uname='node2'/></nodes>"
	"<resources>" DRBD_CLONE
	"<clone id='srpt-clone'><primitive id='srpt' class='ocf' provider='srp' type='target'>"
	"<instance_attributes id='s-ia'><nvpair name='drbd_wait' value='60' id='s-ia-w'/>"
	"</instance_attributes></primitive></clone></resources>"
	"<constraints><rsc_location id='other' rsc='srpt-clone' node='node1' score='1'/>"
	"</constraints></configuration><status>" STATE1 STATE2 "</status></cib>";

static const struct row {
	const char *what, *from, *to; /* the first @from becomes @to */
	enum verdict verdict;
} rows[] = {
	{ "fenced", "", "", VERDICT_FENCED },
	{ "no property", "<nvpair id='b-s' name='stonith-enabled' value='true'/>", "",
	  VERDICT_FENCED },
	{ "another word for true", "value='true'", "value='Yes'", VERDICT_FENCED },
	{ "stonith disabled", "value='true'", "value='false'", VERDICT_UNSURE },
	{ "stonith disabled, another word", "value='true'", "value='0'", VERDICT_UNSURE },
	{ "stonith neither", "value='true'", "value='maybe'", VERDICT_UNSURE },
	{ "stonith without a value", "name='stonith-enabled' value='true'",
	  "name='stonith-enabled'", VERDICT_UNSURE },
	{ "stonith disabled in the other spelling", "'stonith-enabled' value='true'",
	  "'stonith_enabled' value='off'", VERDICT_UNSURE },
	{ "stonith disabled in another set", "</cluster_property_set>",
	  "</cluster_property_set><cluster_property_set id='c'>"
	  "<nvpair id='c-s' name='stonith-enabled' value='false'/></cluster_property_set>",
	  VERDICT_UNSURE },
	{ "no quorum", "have-quorum='1'", "have-quorum='0'", VERDICT_UNSURE },
	{ "quorum not known", " have-quorum='1'", "", VERDICT_UNSURE },
	{ "quorum in words", "have-quorum='1'", "have-quorum='true'", VERDICT_FENCED },

	{ "the old element of a clone", DRBD_CLONE,
	  "<master id='drbd-clone'><primitive id='drbd'>" DRBD_ATTRIBUTES "</primitive></master>",
	  VERDICT_FENCED },
	{ "no clone", DRBD_CLONE, "", VERDICT_UNSURE },
	{ "another resource", "value='r0'", "value='r1'", VERDICT_UNSURE },
	{ "a longer resource", "value='r0'", "value='r00'", VERDICT_UNSURE },
	{ "not in a clone", DRBD_CLONE, "<primitive id='drbd'>" DRBD_ATTRIBUTES "</primitive>",
	  VERDICT_UNSURE },
	{ "in a group", DRBD_CLONE,
	  "<clone id='drbd-clone'><group id='g'><primitive id='drbd'>" DRBD_ATTRIBUTES
	  "</primitive></group></clone>", VERDICT_UNSURE },
	{ "two clones", "<clone id='srpt-clone'>",
	  "<clone id='c2'><primitive id='d2'><instance_attributes id='d2-ia'>"
	  "<nvpair name='drbd_resource' value='r0' id='d2-r'/></instance_attributes></primitive>"
	  "</clone><clone id='srpt-clone'>", VERDICT_UNSURE },
	{ "a clone and a master", "<clone id='srpt-clone'>",
	  "<master id='c2'><primitive id='d2'><instance_attributes id='d2-ia'>"
	  "<nvpair name='drbd_resource' value='r0' id='d2-r'/></instance_attributes></primitive>"
	  "</master><clone id='srpt-clone'>", VERDICT_UNSURE },
	{ "a clone without id", "<clone id='drbd-clone'>", "<clone>", VERDICT_UNSURE },
	{ "a clone with a hostile id", "'drbd-clone'", "'x&quot;/&gt;'", VERDICT_UNSURE },

	{ "the constraint is there", "<constraints>",
	  LOCATION("drbd-fence-by-handler-r0-drbd-clone"), VERDICT_UNSURE },
	{ "that of another resource", "<constraints>",
	  LOCATION("drbd-fence-by-handler-r1-drbd-clone"), VERDICT_FENCED },
	{ "no constraints", "<constraints><rsc_location id='other' rsc='srpt-clone' node='node1' "
	  "score='1'/></constraints>", "", VERDICT_FENCED },

	{ "not noticed yet", STATE2_FENCED,
	  "in_ccm='true' crmd='online' join='member' expected='member'", VERDICT_ONLINE },
	{ "online though expected down", STATE2_FENCED,
	  "in_ccm='true' crmd='online' join='member' expected='down'", VERDICT_ONLINE },
	{ "left, not fenced", STATE2_FENCED,
	  "in_ccm='false' crmd='offline' join='down' expected='member'", VERDICT_LOST },
	{ "left, Pacemaker not noticed", STATE2_FENCED,
	  "in_ccm='false' crmd='online' join='member' expected='member'", VERDICT_LOST },
	{ "fenced, Pacemaker not noticed", STATE2_FENCED,
	  "in_ccm='false' crmd='online' join='down' expected='down'", VERDICT_LOST },
	{ "member without Pacemaker", STATE2_FENCED,
	  "in_ccm='true' crmd='offline' join='down' expected='down'", VERDICT_LOST },
	{ "nothing expected", " expected='down'", "", VERDICT_LOST },
	{ "times: fenced", STATE2_FENCED, "in_ccm='0' crmd='0' join='down' expected='down'",
	  VERDICT_FENCED },
	{ "times: left", STATE2_FENCED,
	  "in_ccm='0' crmd='1700000000' join='member' expected='member'", VERDICT_LOST },
	{ "times: online", STATE2_FENCED,
	  "in_ccm='1700000000' crmd='1700000001' join='member' expected='member'", VERDICT_ONLINE },
	{ "no membership", " in_ccm='false'", "", VERDICT_UNSURE },
	{ "an empty membership", "in_ccm='false'", "in_ccm=''", VERDICT_UNSURE },
	{ "another membership", "in_ccm='false'", "in_ccm='no'", VERDICT_UNSURE },
	{ "a negative time", "in_ccm='false'", "in_ccm='-1'", VERDICT_UNSURE },
	{ "a time with zeros", "in_ccm='false'", "in_ccm='00'", VERDICT_UNSURE },
	{ "no Pacemaker's state", " crmd='offline'", "", VERDICT_UNSURE },
	{ "banned", "crmd='offline'", "crmd='banned'", VERDICT_UNSURE },
	{ "a remote node", "crmd='offline'", "crmd='offline' remote_node='true'", VERDICT_UNSURE },

	{ "unknown peer", "uname='node2' in_ccm", "uname='node3' in_ccm", VERDICT_UNSURE },
	{ "no state of the peer", STATE2, "", VERDICT_UNSURE },
	{ "two states of the peer", STATE2,
	  STATE2 "<node_state id='3' uname='node2' in_ccm='true'/>", VERDICT_UNSURE },
	{ "no node", "<node id='2' uname='node2'/>", "", VERDICT_UNSURE },
	{ "a ping node", "<node id='2' uname='node2'/>", "<node id='2' uname='node2' type='ping'/>",
	  VERDICT_UNSURE },
	{ "a member", "<node id='2' uname='node2'/>", "<node id='2' uname='node2' type='member'/>",
	  VERDICT_FENCED },
	{ "a state elsewhere", "</status>", "</status><status>" STATE2 "</status>",
	  VERDICT_FENCED },
	{ "text and comments between", "<status>", "<status>x<!-- y -->\n", VERDICT_FENCED },
};

static const struct ask ask = { .resource = "r0", .peer = "node2", .node = "node1" };

/* @text with the first @from as @to; to be freed. */
static char *changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	size_t before, len = strlen(text) + strlen(to) + 1;
	char *out = malloc(len);

	if (!at)
		fail_msg("there is no %s", from);
	assert_non_null(out);
	before = (size_t)(at - text);
	memcpy(out, text, before);
	snprintf(out + before, len - before, "%s%s", to, at + strlen(from));
	return out;
}

static void judge(const char *text, struct opinion *o)
{
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);

	if (!doc)
		fail_msg("no XML: %s", text);
	verdict_find(xmlDocGetRootElement(doc), &ask, o);
	xmlFreeDoc(doc);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		char *text = changed(fenced, r->from, r->to);
		struct opinion o;

		judge(text, &o);
		free(text);
		if (o.verdict != r->verdict)
			fail_msg("%s: %d, %s", r->what, o.verdict, o.reason);
		assert_string_equal(o.clone, o.verdict == VERDICT_UNSURE ? "" : "drbd-clone");
		assert_true(!o.reason == (o.verdict == VERDICT_FENCED));
	}
}

static void test_no_cib(void **state)
{
	static const char *const texts[] = {
		"<cib/>", "<cib have-quorum='1'/>", "<x/>", "<cib><configuration/></cib>",
		"<cib have-quorum='1'><configuration><resources/></configuration><status/></cib>",
	};
	struct opinion o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		judge(texts[i], &o);
		assert_int_equal(o.verdict, VERDICT_UNSURE);
		assert_non_null(o.reason);
	}
}

/* Whether Pacemaker will fence node2, which was lost a moment ago. */
#define STATE2_LOST "in_ccm='true' crmd='online' join='member' expected='member'"
#define QUORUM_POLICY "<nvpair id='b-q' name='no-quorum-policy' value='stop'/>"

static const struct fencing_row {
	const char *what, *from, *to, *objection;
} fencing_rows[] = {
	{ "as it is", "", "", NULL },
	{ "it is offline", "in_ccm='true' crmd='online' join='member' expected='member'/></status>",
	  "in_ccm='false' crmd='offline' join='down' expected='member'/></status>", NULL },
	{ "shut down", STATE2_LOST "/></status>", STATE2_FENCED "/></status>",
	  "it was shut down in order, or is fenced already" },
	{ "no property", "<nvpair id='b-s' name='stonith-enabled' value='true'/>", "", NULL },
	{ "stonith disabled", "value='true'", "value='off'", "stonith-enabled is not true" },
	{ "the usual action", QUORUM_POLICY,
	  "<nvpair id='b-a' name='stonith-action' value='reboot'/>", NULL },
	{ "another action", QUORUM_POLICY,
	  "<nvpair id='b-a' name='stonith-action' value='off'/>", "stonith-action is not reboot" },
	{ "an action without a value", QUORUM_POLICY,
	  "<nvpair id='b-a' name='stonith-action'/>", "stonith-action is not reboot" },
	{ "no maintenance", QUORUM_POLICY,
	  "<nvpair id='b-m' name='maintenance-mode' value='false'/>", NULL },
	{ "maintenance", QUORUM_POLICY, "<nvpair id='b-m' name='maintenance-mode' value='true'/>",
	  "maintenance-mode is true" },
	{ "no quorum", "have-quorum='1'", "have-quorum='0'", "there is no quorum" },
	{ "an unknown node", "<node id='2' uname='node2'/>", "",
	  "Pacemaker does not know the node" },
	{ "a remote node", "<node id='2' uname='node2'/>",
	  "<node id='2' uname='node2' type='remote'/>", "Pacemaker does not know the node" },
	{ "no state", "<node_state id='2' uname='node2'", "<node_state id='2' uname='node4'",
	  "Pacemaker does not know the node" },
};

static void test_fencing_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fencing_rows); i++) {
		const struct fencing_row *f = &fencing_rows[i];
		char *lost = changed(fenced, STATE2_FENCED, STATE2_LOST);
		char *text = changed(lost, f->from, f->to);
		xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
		const char *objection;

		assert_non_null(doc);
		objection = verdict_fencing(xmlDocGetRootElement(doc), "node2");
		if (!objection != !f->objection || (objection && strcmp(objection, f->objection)))
			fail_msg("%s: %s", f->what, objection ? objection : "none");
		xmlFreeDoc(doc);
		free(text);
		free(lost);
	}
}

/* Of the peer's state alone: whether there is still nothing to be done. */
static const struct waiting_row {
	const char *what, *state;
	bool waiting;
	enum verdict verdict;
} waiting_rows[] = {
	{ "online", "<node_state in_ccm='true' crmd='online' expected='member'/>", true,
	  VERDICT_ONLINE },
	{ "lost", "<node_state in_ccm='false' crmd='offline' expected='member'/>", true,
	  VERDICT_LOST },
	{ "fenced", "<node_state in_ccm='false' crmd='offline' expected='down'/>", false,
	  VERDICT_ONLINE },
	{ "not usual", "<node_state in_ccm='maybe' crmd='offline' expected='down'/>", false,
	  VERDICT_ONLINE },
	{ "remote", "<node_state in_ccm='true' crmd='online' remote_node='true'/>", false,
	  VERDICT_ONLINE },
	{ "several", "<xpath-query><node_state in_ccm='true' crmd='online'/></xpath-query>", false,
	  VERDICT_ONLINE },
};

static void test_waiting_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waiting_rows); i++) {
		const struct waiting_row *w = &waiting_rows[i];
		struct opinion o = { .verdict = VERDICT_ONLINE, .clone = "c" };
		xmlDoc *doc = xmlReadMemory(w->state, (int)strlen(w->state), NULL, NULL,
					    XML_PARSE_NONET);

		if (verdict_waiting(xmlDocGetRootElement(doc), &o) != w->waiting ||
		    o.verdict != w->verdict || !o.reason != !w->waiting)
			fail_msg("%s: verdict %d", w->what, o.verdict);
		assert_string_equal(o.clone, "c");
		xmlFreeDoc(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_cib),
		cmocka_unit_test(test_fencing_rows),
		cmocka_unit_test(test_waiting_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
