/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "ctl/offload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backend {
	struct backend_info info;
	char name[64];
	char handler[16];
	bool parked;
};

struct lu {
	char name[64];
	struct backend *be;
	struct alua_group *group;
};

struct alua_group {
	char text[512]; /* as in the events */
	struct alua_target_group groups[ALUA_GROUPS_MAX];
	unsigned n;
};

/* An operation that has not ended yet. */
struct operation {
	void (*done)(void *arg);
	void (*attached)(void *arg, struct lu *lu, int status);
	void (*ended)(void *arg, int status);
	void *arg;
	struct lu *lu;
	int status;
};

char fake_events[4096];
const char *fake_missing = "";
int fake_attach_status;
int fake_create_status;
int fake_backends, fake_lus, fake_targets, fake_groups, fake_released;
int fake_group_status;
const char *fake_suspect = "";
int fake_exchange_status;
const char *fake_unsure = "";
uint64_t fake_path_size;
struct srp_session_info fake_sessions[FAKE_SESSIONS];
unsigned fake_n_sessions;

#define event fake_event

static struct operation *operations;
static size_t n_operations, first_operation;
static struct srp_target *targets;

void fake_event(const char *what, const char *name)
{
	size_t len = strlen(fake_events);

	snprintf(fake_events + len, sizeof(fake_events) - len, "%s%s:%s", len ? " " : "", what,
		 name);
}

void fake_reset(void)
{
	fake_events[0] = 0;
	fake_missing = "";
	fake_attach_status = 0;
	fake_create_status = 0;
	fake_group_status = 0;
	fake_suspect = "";
	fake_exchange_status = 0;
	fake_unsure = "";
	fake_path_size = 1 << 20;
	fake_released = 0;
	fake_n_sessions = 0;
	fake_listens[0] = 0;
	fake_listen_status = 0;
	fake_crc = -1;
	fake_verbs_opens = 0;
	fake_rdma = false;
	fake_vectors = 0;
	free(operations);
	operations = NULL;
	n_operations = first_operation = 0;
}

static void operation_add(struct operation o)
{
	operations = reallocarray(operations, n_operations + 1, sizeof(*operations));
	assert_non_null(operations);
	operations[n_operations++] = o;
}

bool fake_step(void)
{
	struct operation o;

	if (first_operation == n_operations)
		return false;
	o = operations[first_operation++];
	if (o.attached)
		o.attached(o.arg, o.lu, o.lu ? 0 : fake_attach_status);
	else if (o.ended)
		o.ended(o.arg, o.status);
	else if (o.done)
		o.done(o.arg);
	return true;
}

void fake_later(void (*done)(void *arg), void *arg)
{
	operation_add((struct operation){ .done = done, .arg = arg });
}

void fake_later_status(void (*ended)(void *arg, int status), void *arg, int status)
{
	operation_add((struct operation){ .ended = ended, .arg = arg, .status = status });
}

void fake_run(void)
{
	while (fake_step())
		;
}

struct conf *fake_conf(const char *text)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;

	if (conf_parse("test", text, strlen(text), &conf, &diags)) {
		conf_diag_print(&diags, stderr);
		fail_msg("the configuration of the test is wrong");
	}
	conf_diag_free(&diags);
	return conf;
}

/* ---- backend ---- */

int backend_open(const struct backend_params *p, struct backend **out, char *err, size_t errlen)
{
	const char *name = p->filename ? p->filename : "/null";
	struct backend *be;

	event(p->parked ? "park" : "open", name + 1);
	if (*fake_missing && strstr(name, fake_missing)) {
		snprintf(err, errlen, "%s: No such file", name);
		return -ENOENT;
	}
	be = calloc(1, sizeof(*be));
	assert_non_null(be);
	snprintf(be->name, sizeof(be->name), "%s", name + 1);
	be->info.size = p->size ? p->size : 1 << 20;
	be->info.block_size = p->block_size;
	be->info.read_only = p->read_only;
	be->parked = p->parked;
	fake_backends++;
	*out = be;
	return 0;
}

void backend_close(struct backend *be)
{
	fake_backends--;
	free(be);
}

const struct backend_info *backend_info(const struct backend *be)
{
	return &be->info;
}

void backend_change(struct backend *be, const struct backend_params *p)
{
	char what[64];

	(void)be;
	snprintf(what, sizeof(what), "%u,%d,%u,%llu+%llu,%u,%d", p->fault.ops, p->fault.error,
		 p->fault.every, (unsigned long long)p->fault.off,
		 (unsigned long long)p->fault.len, p->fault.delay_ms, p->fault.hang);
	event("change", what);
}

void backend_release(struct backend *be)
{
	(void)be;
	fake_released++;
}

bool backend_is_parked(const struct backend *be)
{
	return be->parked;
}

bool backend_can_exchange(const struct backend *be)
{
	return strcmp(be->name, "null") != 0;
}

bool backend_suspect(struct backend *be)
{
	return *fake_suspect && strstr(be->name, fake_suspect);
}

struct backend_known backend_known(const struct backend *be)
{
	return (struct backend_known){ .info = be->info };
}

bool backend_unsure(const struct backend *be)
{
	return *fake_unsure && strstr(be->name, fake_unsure);
}

int backend_look(const struct backend_params *p, struct backend_known *known)
{
	event("look", p->filename + 1);
	memset(known, 0, sizeof(*known));
	return *fake_missing && strstr(p->filename, fake_missing) ? -ENOENT : 0;
}

void backend_learn(struct backend *be, const struct backend_known *known)
{
	(void)known;
	event("learn", be->name);
	fake_unsure = "";
}

int backend_path_size(const char *path, uint64_t *size)
{
	(void)path;
	*size = fake_path_size;
	return *size ? 0 : -ENOENT;
}

/* ---- scsi ---- */

void lu_state_key(const uint8_t naa[16], char key[LU_STATE_KEY_SIZE])
{
	snprintf(key, LU_STATE_KEY_SIZE, "naa-%02x", naa[15]);
}

int lu_create(struct scsi_device *d, const struct lu_params *p, struct backend *be,
	      void (*done)(void *arg, struct lu *lu, int status), void *arg)
{
	struct lu *lu = NULL;

	(void)d;
	if (fake_create_status)
		return fake_create_status;
	event("lu", p->name);
	if (p->state_len) {
		char text[64];

		snprintf(text, sizeof(text), "%.*s", (int)p->state_len, (const char *)p->state);
		event("kept", text);
	}
	if (!fake_attach_status) {
		lu = calloc(1, sizeof(*lu));
		assert_non_null(lu);
		snprintf(lu->name, sizeof(lu->name), "%s", p->name);
		lu->be = be;
		fake_lus++;
	}
	operation_add((struct operation){ .attached = done, .arg = arg, .lu = lu });
	return 0;
}

void lu_destroy(struct lu *lu, void (*done)(void *arg), void *arg)
{
	event("gone", lu->name);
	backend_close(lu->be);
	free(lu);
	fake_lus--;
	operation_add((struct operation){ .done = done, .arg = arg });
}

const char *lu_name(const struct lu *lu)
{
	return lu->name;
}

struct backend *lu_backend(struct lu *lu)
{
	return lu->be;
}

void lu_stats(const struct lu *lu, struct lu_stats *s)
{
	(void)lu;
	*s = (struct lu_stats){ .commands = 42, .read_bytes = 4096 };
}

/* "a" has two registrants, "b" is reserved by RESERVE. */
void lu_reservation(const struct lu *lu, struct lu_reservation *r)
{
	memset(r, 0, sizeof(*r));
	if (!strcmp(lu->name, "a"))
		*r = (struct lu_reservation){ .generation = 5, .registrants = 2,
					      .type = "Write Exclusive", .kept = true };
	else if (!strcmp(lu->name, "b"))
		r->reserver = "host-b";
}

void lu_registrant(const struct lu *lu, unsigned i, struct lu_registrant *r)
{
	(void)lu;
	*r = (struct lu_registrant){ .initiator_port_id = { 0xfe, [15] = (uint8_t)i },
				     .rel_tgt_id = (uint16_t)(i + 3), .key = 0xa0 + i,
				     .holder = i, .session = i ? NULL : "host-a" };
}

int lu_resync(struct lu *lu)
{
	event("resync", lu->name);
	return 1;
}

int lu_take_size(struct lu *lu)
{
	event("size", lu->name);
	return 1;
}

/* "60s lu7 256=0p[3,9] 257=2[1]" */
static void group_print(const struct alua_params *p, char *text, size_t size)
{
	int len = snprintf(text, size, "%us lu%u", p->transition_time, p->lu_group);

	for (unsigned i = 0; i < p->n_groups; i++) {
		const struct alua_target_group *g = &p->groups[i];

		len += snprintf(text + len, size - (size_t)len, " %u=%x%s", g->id, g->state,
				g->preferred ? "p" : "");
		for (unsigned j = 0; j < g->n_ports; j++)
			len += snprintf(text + len, size - (size_t)len, "%c%u", j ? ',' : '[',
					g->ports[j]);
		len += snprintf(text + len, size - (size_t)len, "]");
	}
}

static int group_fill(struct alua_group *g, const struct alua_params *p, const char *what)
{
	char text[sizeof(g->text)];

	if (fake_group_status)
		return fake_group_status;
	group_print(p, text, sizeof(text));
	/* As the real one, which tells nobody of what did not change. */
	if (strcmp(text, g->text))
		event(what, text);
	strcpy(g->text, text);
	memcpy(g->groups, p->groups, p->n_groups * sizeof(g->groups[0]));
	g->n = p->n_groups;
	return 0;
}

int alua_group_create(struct scsi_device *d, const struct alua_params *p, struct alua_group **out)
{
	struct alua_group *g = calloc(1, sizeof(*g));
	int rc;

	(void)d;
	assert_non_null(g);
	rc = group_fill(g, p, "group");
	if (rc) {
		free(g);
		return rc;
	}
	fake_groups++;
	*out = g;
	return 0;
}

int alua_group_change(struct alua_group *g, const struct alua_params *p)
{
	return group_fill(g, p, "regroup");
}

void alua_group_destroy(struct alua_group *g)
{
	event("ungroup", g->text);
	fake_groups--;
	free(g);
}

static struct alua_target_group *group_find(struct alua_group *g, uint16_t id)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->groups[i].id == id)
			return &g->groups[i];
	fail_msg("no target port group %u", id);
	return NULL;
}

int alua_group_set_state(struct alua_group *g, uint16_t id, enum alua_state state, bool failed)
{
	char what[64];

	if (fake_group_status)
		return fake_group_status;
	snprintf(what, sizeof(what), "%u=%x%s", id, state, failed ? "failed" : "");
	event("state", what);
	group_find(g, id)->state = state;
	return 0;
}

enum alua_state alua_group_state(const struct alua_group *g, uint16_t id)
{
	return group_find((struct alua_group *)(uintptr_t)g, id)->state;
}

void lu_set_alua_group(struct lu *lu, struct alua_group *g)
{
	if (lu->group == g)
		return;
	lu->group = g;
	event(g ? "join" : "part", lu->name);
}

void lu_set_read_only(struct lu *lu, bool read_only)
{
	if (lu->be->info.read_only == read_only)
		return;
	event(read_only ? "ro" : "rw", lu->name);
	lu->be->info.read_only = read_only;
}

int lu_exchange(struct lu *lu, struct backend *fresh, char *err, size_t errlen)
{
	bool parked;

	assert_ptr_not_equal(lu->be, fresh);
	event("exchange", lu->name);
	if (fake_exchange_status) {
		snprintf(err, errlen, "another file");
		return fake_exchange_status;
	}
	parked = lu->be->parked;
	lu->be->parked = fresh->parked;
	fresh->parked = parked;
	return 0;
}

void lus_refresh(struct lu *const *lus, unsigned n, void (*done)(void *arg), void *arg)
{
	assert_non_null(lus[n - 1]);
	operation_add((struct operation){ .done = done, .arg = arg });
}

/* ---- the thread of ctl/offload: runs at once, ends when the test lets it ---- */

static void offload_over(void *arg)
{
	struct offload_job *j = arg;

	j->done(j);
}

int offload_create(const char *name, struct mailbox *control, struct offload **out)
{
	(void)name;
	(void)control;
	*out = NULL;
	return 0;
}

void offload_destroy(struct offload *o)
{
	(void)o;
	fake_run();
}

void offload_run(struct offload *o, struct offload_job *j)
{
	(void)o;
	j->run(j);
	operation_add((struct operation){ .done = offload_over, .arg = j });
}

unsigned nexus_lun_count(const struct nexus *n)
{
	(void)n;
	return 3;
}

/* ---- srp ---- */

int srp_target_create(struct srp_server *s, const struct srp_target_params *p,
		      struct srp_target **out)
{
	struct srp_target *t = calloc(1, sizeof(*t));

	(void)s;
	assert_non_null(t);
	event("target", p->name);
	snprintf(t->name, sizeof(t->name), "%s", p->name);
	t->next = targets;
	targets = t;
	fake_targets++;
	*out = t;
	return 0;
}

void srp_target_set_map(struct srp_target *t, srp_map_fn fn, void *arg)
{
	t->map = fn;
	t->map_arg = arg;
}

void srp_target_set_reach(struct srp_target *t, srp_reach_fn fn, void *arg)
{
	(void)t;
	(void)fn;
	(void)arg;
}

int srp_target_remap(struct srp_target *t, void (*done)(void *arg), void *arg)
{
	char what[256];

	snprintf(what, sizeof(what), "%s(%s)", t->name, fake_map(t->name, "any"));
	event("remap", what);
	operation_add((struct operation){ .done = done, .arg = arg });
	return 0;
}

void srp_target_enable(struct srp_target *t)
{
	event("enable", t->name);
	t->enabled = true;
}

void srp_target_disable(struct srp_target *t, void (*done)(void *arg), void *arg)
{
	event("disable", t->name);
	t->enabled = false;
	operation_add((struct operation){ .done = done, .arg = arg });
}

bool srp_target_enabled(const struct srp_target *t)
{
	return t->enabled;
}

void srp_target_destroy(struct srp_target *t)
{
	struct srp_target **at = &targets;

	event("destroy", t->name);
	assert_false(t->enabled);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
	fake_targets--;
}

struct srp_target *fake_target(const char *name)
{
	struct srp_target *t = targets;

	while (t && strcmp(t->name, name))
		t = t->next;
	return t;
}

const char *fake_map(const char *target, const char *session)
{
	static char text[512];
	struct lun_entry map[16];
	struct srp_target *t = fake_target(target);
	int n = t->map(t->map_arg, session, map, 16);
	size_t len = 0;

	if (n == -EACCES)
		return "refused";
	text[0] = 0;
	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u:%s%s", i ? " " : "",
					map[i].lun, map[i].lu->name, map[i].read_only ? "ro" : "");
	return text;
}

void srp_for_each_session(struct srp_server *s,
			  void (*fn)(void *arg, const struct srp_session_info *i), void *arg)
{
	(void)s;
	for (unsigned i = 0; i < fake_n_sessions; i++)
		fn(arg, &fake_sessions[i]);
}

void srp_for_each_channel(struct srp_server *s, uint64_t session_id,
			  void (*fn)(void *arg, const struct srp_channel_info *i), void *arg)
{
	const struct srp_channel_info i = {
		.session_id = session_id, .reactor = 1, .state = "live", .local = "192.0.2.1:5555",
		.peer = "192.0.2.9", .device = "rxe0/1", .req_lim = 128, .imm_data = true,
	};

	(void)s;
	fn(arg, &i);
}

int srp_session_close(struct srp_server *s, uint64_t id)
{
	(void)s;
	for (unsigned i = 0; i < fake_n_sessions; i++)
		if (fake_sessions[i].id == id)
			return 0;
	return -ENOENT;
}
