/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration parser against arbitrary bytes: it must neither crash nor leak, an accepted
 * text must survive being written and read back, and messages are printable.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/conf_priv.h"
#include "fuzz.h"

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_diags(const struct conf_diag_list *diags)
{
	char line[8192];

	for (size_t i = 0; i < diags->count; i++) {
		size_t left, len;

		conf_diag_format(diags, i, line, sizeof(line));
		for (left = strlen(line); left; left -= len) {
			len = conf_utf8_len(line + strlen(line) - left, left);
			check(len);
		}
	}
}

static void check_round_trip(const struct conf *conf)
{
	struct conf_diag_list diags = { 0 };
	struct conf *again;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	check(f && !conf_write(conf, f));
	fclose(f);
	check(!conf_parse("again", text, len, &again, &diags));
	check(conf_equal(conf, again));
	for (size_t i = 0; i < conf->n_targets; i++)
		conf_target_map(&conf->targets[i], "fe80:0000:0000:0000:0002:c903:0005:00b1");
	conf_free(again);
	conf_diag_free(&diags);
	free(text);
}

/* Every target is of this node or of another; groups know those of this one only. */
static void check_node(struct conf *conf, struct conf_diag_list *diags)
{
	size_t n = conf->n_targets;
	int rc = conf_localize(conf, "node1", diags);

	check(!rc == !diags->errors && conf->n_targets + conf->n_others == n);
	check_diags(diags);
	for (size_t i = 0; i < conf->n_device_groups; i++) {
		const struct conf_device_group *dg = &conf->device_groups[i];

		check(rc || !conf_group_clustered(dg) || conf_local_group(dg));
		for (size_t j = 0; j < dg->n_groups; j++)
			for (size_t k = 0; k < dg->groups[j].n_targets; k++) {
				const struct conf_group_target *t = &dg->groups[j].targets[k];

				check(t->target == conf_target_find(conf, t->name));
			}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf;
	int rc = conf_parse("fuzz", (const char *)data, size, &conf, &diags);

	check(!rc == !!conf && !rc == !diags.errors);
	check_diags(&diags);
	if (conf) {
		check_round_trip(conf);
		check_node(conf, &diags);
	}
	conf_free(conf);
	conf_diag_free(&diags);
	return 0;
}
