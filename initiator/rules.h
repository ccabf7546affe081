/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be wrong with the settings of an initiator: one table. A rule is about one kind of
 * subject and looks at each of these.
 */
#ifndef SRPT_INITIATOR_RULES_H
#define SRPT_INITIATOR_RULES_H

#include "ctl/text.h"
#include "initiator/settings.h"

/* One thing that is wrong. The texts are the finding's, freed by findings_free. */
struct finding {
	const char *rule;
	const char *subject;
	const char *why;
	struct text what, fix;
};

struct findings {
	struct finding *list;
	size_t n, size;
};

/* Applies all rules, in the order of the table. 0 or -ENOMEM. */
int rules_apply(const struct settings *s, struct findings *found);
void findings_free(struct findings *found);

/* The rules, for the list of --rules and for tests: NULL behind the last. */
const char *rule_name(size_t i);
const char *rule_why(size_t i);

#endif
