/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"
#include "ctl/json.h"
#include "initiator/recipe.h"
#include "initiator/rules.h"
#include "initiator/settings.h"
#include "initiator/tree.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUDGET_DEFAULT 60 /* s */

enum status { STATUS_FINE, STATUS_FOUND, STATUS_CANNOT };

static const char help[] =
	"Usage: srp-doctor [OPTION]...\n"
	"       srp-doctor --generate --output DIR [OPTION]... TARGET...\n"
	"Look at how this initiator of SRP targets is set, and say what is wrong and how\n"
	"it is made right. Nothing is changed. multipath's settings need root.\n\n"
	"  -b, --budget SEC     how long a failover may take (default 60)\n"
	"  -j, --json           one JSON object\n"
	"  -q, --quiet          say nothing, only the exit status\n"
	"  -r, --root DIR       look at a tree that --save made, not at this host\n"
	"  -s, --save DIR       copy all that is looked at to DIR\n"
	"      --rules          list what is looked for\n"
	"  -h, --help           show this help\n"
	"  -V, --version        show the version\n\n"
	"Settings for logins to TARGETs, lines of 'srptctl login-info' or names in DNS:\n"
	"  -g, --generate       write them\n"
	"  -o, --output DIR     below DIR, as etc/…; files that differ are kept as .old\n"
	"  -n, --name NAME      for srp-login@NAME (default srpt)\n"
	"      --recipes DIR    what they are made of (default " PKGDATADIR "/initiator)\n\n"
	"Exit status: 0 nothing is wrong, 1 something is, 2 it could not look: usage,\n"
	"ib_srp is not loaded, a file that cannot be written.\n";

enum { OPT_RULES = 256, OPT_RECIPES };

static const struct option options[] = {
	{ "budget", required_argument, NULL, 'b' },
	{ "generate", no_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "name", required_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "recipes", required_argument, NULL, OPT_RECIPES },
	{ "root", required_argument, NULL, 'r' },
	{ "rules", no_argument, NULL, OPT_RULES },
	{ "save", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct opts {
	int budget;
	bool json, quiet, rules, generate;
	struct tree tree;
	struct recipe recipe;
};

static enum status usage(const char *what)
{
	fprintf(stderr, "srp-doctor: %s\nTry 'srp-doctor --help'.\n", what);
	return STATUS_CANNOT;
}

/* ---- the report ---- */

static void report_json(const struct settings *s, const struct findings *found, struct text *out)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j, NULL);
	json_uint(&j, "logins", (uint64_t)s->n_logins);
	json_uint(&j, "disks", (uint64_t)s->n_disks);
	json_uint(&j, "maps", (uint64_t)s->n_maps);
	json_uint(&j, "mirrors", (uint64_t)s->n_mirrors);
	json_array_begin(&j, "findings");
	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->list[i];

		json_object_begin(&j, NULL);
		json_string(&j, "rule", f->rule);
		json_string(&j, "subject", f->subject);
		json_string(&j, "what", text_string(&f->what));
		json_string(&j, "why", f->why);
		json_string(&j, "fix", text_string(&f->fix));
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	text_putc(out, '\n');
}

static void put_count(struct text *out, int n, const char *one, const char *behind)
{
	text_printf(out, "%d %s%s%s", n, one, n == 1 ? "" : "s", behind);
}

static void report_text(const struct settings *s, const struct findings *found, struct text *out)
{
	put_count(out, s->n_logins, "login", ", ");
	put_count(out, s->n_disks, "disk", ", ");
	put_count(out, s->n_maps, "multipath map", ", ");
	put_count(out, s->n_mirrors, "mirror", "\n");
	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->list[i];

		text_printf(out, "\n%s: %s [%s]\n  why: %s\n  fix: %s\n", f->subject,
			    text_string(&f->what), f->rule, f->why, text_string(&f->fix));
	}
	if (found->n)
		text_printf(out, "\n%zu wrong\n", found->n);
	else
		text_puts(out, "nothing is wrong\n");
}

static enum status look(const struct opts *o)
{
	struct settings *s = settings_gather(&o->tree);
	struct findings found = { 0 };
	struct text out = { 0 };
	enum status status;

	if (!s)
		return STATUS_CANNOT;
	s->budget = o->budget;
	if (rules_apply(s, &found)) {
		status = usage("no memory");
	} else {
		if (o->json)
			report_json(s, &found, &out);
		else if (!o->quiet)
			report_text(s, &found, &out);
		fputs(text_string(&out), stdout);
		status = found.n ? STATUS_FOUND : STATUS_FINE;
	}
	text_free(&out);
	findings_free(&found);
	settings_free(s);
	return status;
}

/* ---- the rest ---- */

static enum status list_rules(void)
{
	for (size_t i = 0; rule_name(i); i++)
		printf("%-20s %s\n", rule_name(i), rule_why(i));
	return STATUS_FINE;
}

static enum status generate(const struct opts *o, char *const targets[], int n)
{
	struct text said = { 0 };
	int rc;

	if (!o->recipe.to)
		return usage("--generate needs --output");
	if (!n)
		return usage("--generate needs a target");
	rc = recipe_write(&o->recipe, targets, n, &said);
	if (!rc && !o->quiet)
		fputs(text_string(&said), stdout);
	text_free(&said);
	return rc ? STATUS_CANNOT : STATUS_FINE;
}

/* False: no number of seconds. */
static bool budget_set(const char *text, int *budget)
{
	*budget = settings_number(text);
	return *budget >= 1 && *budget <= 86400;
}

/* -1: go on; else the program ends with this. */
static int option_take(int opt, struct opts *o)
{
	switch (opt) {
	case 'b':
		return budget_set(optarg, &o->budget) ? -1 :
			(int)usage("--budget wants seconds, 1 to 86400");
	case 'g': o->generate = true; return -1;
	case 'j': o->json = true; return -1;
	case 'n': o->recipe.name = optarg; return -1;
	case 'o': o->recipe.to = strcmp(optarg, "/") ? optarg : ""; return -1;
	case 'q': o->quiet = true; return -1;
	case 'r': o->tree.root = *optarg ? optarg : "/"; return -1;
	case 's': o->tree.save = optarg; return -1;
	case OPT_RULES: o->rules = true; return -1;
	case OPT_RECIPES: o->recipe.from = optarg; return -1;
	case 'h':
		fputs(help, stdout);
		return STATUS_FINE;
	case 'V':
		puts("srp-doctor " PACKAGE_VERSION);
		return STATUS_FINE;
	}
	fputs("Try 'srp-doctor --help'.\n", stderr);
	return STATUS_CANNOT;
}

int main(int argc, char **argv)
{
	struct opts o = {
		.budget = BUDGET_DEFAULT,
		.tree = { .root = "" },
		.recipe = { .from = PKGDATADIR "/initiator", .name = "srpt" },
	};
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "b:ghjn:o:qr:s:V", options, NULL)) != -1) {
		rc = option_take(opt, &o);
		if (rc >= 0)
			return rc;
	}
	if (o.rules)
		return (int)list_rules();
	if (o.generate)
		return (int)generate(&o, argv + optind, argc - optind);
	if (optind < argc)
		return (int)usage("a TARGET goes with --generate");
	return (int)look(&o);
}
