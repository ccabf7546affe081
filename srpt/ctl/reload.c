/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/reload.h"
#include "base/log.h"
#include "ctl/ha_link.h"
#include "ctl/ha_live.h"
#include "ctl/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool value_differs(const struct conf_key *key, const void *a, const void *b)
{
	const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;

	if (key->type == CONF_T_ID || key->type == CONF_T_NAME)
		return strcmp(x, y) != 0;
	if (key->type != CONF_T_PATH && key->type != CONF_T_TEXT)
		return memcmp(x, y, key->width) != 0;
	x = *(char *const *)(const void *)x;
	y = *(char *const *)(const void *)y;
	return strcmp(x ? x : "", y ? y : "") != 0;
}

static void warn_block(enum conf_block block, const void *now, const void *next,
		       struct text *messages)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct conf_key *k = &keys[i];

		if (k->block != block || k->type == CONF_T_NONE || k->live)
			continue;
		if (!value_differs(k, now, next))
			continue;
		log_warn("%s takes effect after a restart", k->name);
		text_printf(messages, "warning: %s takes effect after a restart\n", k->name);
	}
}

void reload_warn_restart(const struct conf *now, const struct conf *next, struct text *messages)
{
	warn_block(CONF_DAEMON, &now->daemon, &next->daemon, messages);
	warn_block(CONF_TARGET_DRIVER, &now->driver, &next->driver, messages);
}

struct reload {
	struct daemon *d;
	struct text messages;
	reload_done_fn done;
	void *arg;
};

static void diags_tell(const struct conf_diag_list *diags, struct text *messages)
{
	for (size_t i = 0; i < diags->count; i++) {
		const struct conf_diag *diag = &diags->diags[i];
		char line[1024];

		conf_diag_format(diags, i, line, sizeof(line));
		text_printf(messages, "%s\n", line);
		/* The log says itself how bad a line is. */
		conf_diag_place(diags, i, line, sizeof(line));
		if (diag->severity == CONF_ERROR)
			log_err("%s: %s", line, diag->text);
		else
			log_warn("%s: %s", line, diag->text);
	}
}

static void reload_finish(struct reload *r, bool applied, bool clean)
{
	struct daemon *d = r->d;

	d->reloads--;
	if (!d->reloads && !d->starting && !d->stopping)
		notify_send("READY=1");
	if (r->done)
		r->done(r->arg, applied, clean, &r->messages);
	text_free(&r->messages);
	free(r);
	if (d->reload_again && !d->reloads && !d->stopping) {
		d->reload_again = false;
		reload(d, NULL, NULL);
	}
}

static void reload_applied(void *arg, const struct apply_result *result)
{
	struct reload *r = arg;

	text_add(&r->messages, text_string(&result->errors), result->errors.len);
	if (!r->d->stopping && !result->refused) {
		listeners_update(&r->d->listeners, r->d->live.conf, ha_target_here,
				 &r->d->live);
		dm_model_update(&r->d->dm, &r->d->live);
		ha_link_update(r->d);
	}
	reload_finish(r, !result->refused, !result->errors.len);
}

static struct conf *reload_parse(struct daemon *d, struct text *messages)
{
	struct conf_diag_list diags = { 0 };
	struct conf *next = NULL;

	conf_load(d->conf_path, d->node, &next, &diags);
	diags_tell(&diags, messages);
	conf_diag_free(&diags);
	return next;
}

void reload(struct daemon *d, reload_done_fn done, void *arg)
{
	struct reload *r = calloc(1, sizeof(*r));
	struct conf *next;

	if (!r) {
		log_err("reload: no memory");
		if (done)
			done(arg, false, false, &(struct text){ 0 });
		return;
	}
	*r = (struct reload){ .d = d, .done = done, .arg = arg };
	d->reloads++;
	if (!d->starting)
		notify_reloading();
	next = reload_parse(d, &r->messages);
	if (!next) {
		log_err("%s was not applied: nothing changed", d->conf_path);
		reload_finish(r, false, false);
		return;
	}
	reload_warn_restart(d->live.conf, next, &r->messages);
	log_set_level((int)next->daemon.log_level + 3); /* LOG_ERR is 3 */
	if (apply_submit(&d->live, next, reload_applied, r)) {
		conf_free(next);
		text_puts(&r->messages, "no memory\n");
		reload_finish(r, false, false);
	}
}
