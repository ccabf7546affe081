/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/constraint.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "drbd-fence-by-handler"

/* The resource's name is added unless the prefix ends with it: so does the stock handler. */
static bool prefix_has(const char *resource)
{
	size_t prefix = strlen(PREFIX), len = strlen(resource);

	return len < prefix && PREFIX[prefix - len - 1] == '-' &&
	       !strcmp(&PREFIX[prefix - len], resource);
}

void constraint_id(char id[CONSTRAINT_ID_MAX], const struct ask *a, const char *part,
		   const char *clone)
{
	bool has = prefix_has(a->resource);

	snprintf(id, CONSTRAINT_ID_MAX, PREFIX "%s%s-%s%s", has ? "" : "-",
		 has ? "" : a->resource, part, clone);
}

static bool add(xmlNode *node, const char *name, const char *value)
{
	return xmlNewProp(node, BAD_CAST name, BAD_CAST value) != NULL;
}

static bool add_id(xmlNode *node, const struct ask *a, const char *part, const char *clone)
{
	char id[CONSTRAINT_ID_MAX];

	constraint_id(id, a, part, clone);
	return add(node, "id", id);
}

static bool add_rule(xmlNode *location, const struct ask *a, const char *clone)
{
	xmlNode *rule = xmlNewChild(location, NULL, BAD_CAST "rule", NULL);
	xmlNode *expr = rule ? xmlNewChild(rule, NULL, BAD_CAST "expression", NULL) : NULL;

	return expr && add(rule, "role", "Master") && add(rule, "score", "-INFINITY") &&
	       add_id(rule, a, "rule-", clone) && add(expr, "attribute", "#uname") &&
	       add(expr, "operation", "ne") && add(expr, "value", a->node) &&
	       add_id(expr, a, "expr-", clone);
}

xmlNode *constraint_make(const struct ask *a, const char *clone)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNode *location = doc ? xmlNewDocNode(doc, NULL, BAD_CAST "rsc_location", NULL) : NULL;

	if (location)
		xmlDocSetRootElement(doc, location);
	if (location && add(location, "rsc", clone) && add_id(location, a, "", clone) &&
	    add_rule(location, a, clone))
		return location;
	xmlFreeDoc(doc);
	return NULL;
}
