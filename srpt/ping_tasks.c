/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task management with commands in flight: what does the target say, what becomes of them? */
#include "ping.h"

#include "base/bytes.h"
#include "srp/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TASKS_MAX 64u
#define NS_PER_MS 1000000ull

struct task {
	struct client_cmd cmd;
	struct client_tmf tmf;
	struct tasks *all;
};

struct tasks {
	struct ping *p;
	struct task task[TASKS_MAX];
	uint32_t ncmds, ntmfs;
	uint32_t left;               /* not called back */
	uint32_t aborted, answered;  /* commands */
	uint32_t complete;           /* functions */
	uint8_t bad_code;
	bool bad;
	struct latency latency;      /* of the functions */
	uint64_t start_ns;
};

static const char *code_name(uint8_t code)
{
	switch (code) {
	case SRP_RSP_CODE_COMPLETE:
		return "function complete";
	case SRP_RSP_CODE_FIELDS_INVALID:
		return "invalid request";
	case SRP_RSP_CODE_NOT_SUPPORTED:
		return "function not supported";
	case SRP_RSP_CODE_FAILED:
		return "function failed";
	}
	return "unknown answer";
}

static void task_cmd_done(struct client_cmd *cmd)
{
	struct tasks *t = container_of(cmd, struct task, cmd)->all;

	t->left--;
	if (cmd->result == -ECANCELED)
		t->aborted++;
	else if (!cmd->result)
		t->answered++;
}

static void task_tmf_done(struct client_tmf *tmf)
{
	struct tasks *t = container_of(tmf, struct task, tmf)->all;

	t->left--;
	if (tmf->result)
		return;
	latency_record(&t->latency, clock_now_ns() - t->start_ns);
	if (tmf->response == SRP_RSP_CODE_COMPLETE) {
		t->complete++;
	} else {
		t->bad = true;
		t->bad_code = tmf->response;
	}
}

static void tasks_submit(struct tasks *t, uint16_t lun, const struct ping_range *r)
{
	struct iobuf_pool *bufs = &client_reactor(t->p->c)->bufs;

	for (uint32_t i = 0; i < min_u32(t->p->o.queue_depth, TASKS_MAX); i++) {
		struct task *k = &t->task[i];
		uint64_t from = i % r->ncmds * r->per_cmd;
		uint32_t blocks = (uint32_t)min_u64(r->per_cmd, r->blocks - from);

		if (iobuf_get(bufs, blocks * r->block_size, &k->cmd.data))
			break;
		k->all = t;
		k->cmd.done = task_cmd_done;
		client_lun_encode(k->cmd.lun, lun);
		ping_rw_cdb(&k->cmd, false, r->lba + from, blocks);
		t->ncmds++;
		t->left++;
		client_submit(t->p->ch[0], &k->cmd);
	}
}

static void tmf_submit(struct tasks *t, uint32_t i, uint16_t lun, uint8_t function)
{
	struct client_tmf *tmf = &t->task[i].tmf;

	t->task[i].all = t;
	tmf->function = function;
	tmf->done = task_tmf_done;
	tmf->task = function == SRP_TSK_ABORT_TASK ? &t->task[i].cmd : NULL;
	client_lun_encode(tmf->lun, lun);
	t->ntmfs++;
	t->left++;
	client_task_mgmt(t->p->ch[0], tmf);
}

static void tasks_wait(struct tasks *t, const char *name)
{
	uint64_t until = clock_now_ns() + t->p->o.timeout_ms * NS_PER_MS;

	while (t->left) {
		client_turn(t->p->c, 100);
		if (clock_now_ns() < until)
			continue;
		ping_fail(t->p, PING_UNREACHABLE, "%s: %u of %u requests got no answer in time",
			  name, t->left, t->ncmds + t->ntmfs);
		client_drop(t->p->ch[0]);
		until = UINT64_MAX;
	}
}

static void tasks_report(struct tasks *t, const char *name)
{
	struct json *j = &t->p->json;
	char text[LATENCY_TEXT_MAX];

	ping_say(t->p, "%s: %u of %u complete, at most %s; of %u commands %u aborted, %u answered",
		 name, t->complete, t->ntmfs, latency_text(t->latency.max_ns, text, sizeof(text)),
		 t->ncmds, t->aborted, t->answered);
	json_object_begin(j, NULL);
	json_string(j, "function", name);
	json_uint(j, "requests", t->ntmfs);
	json_uint(j, "complete", t->complete);
	json_uint(j, "commands", t->ncmds);
	json_uint(j, "aborted", t->aborted);
	json_uint(j, "answered", t->answered);
	ping_json_latency(j, "latency_us", &t->latency);
	json_object_end(j);
}

/* One kind of function: @each command has its own, or one for all. */
static int function_run(struct ping *p, uint16_t lun, const struct ping_range *r, uint8_t function,
			bool each, const char *name)
{
	static struct tasks t;

	memset(&t, 0, sizeof(t));
	t.p = p;
	tasks_submit(&t, lun, r);
	t.start_ns = clock_now_ns();
	for (uint32_t i = 0; i < (each ? t.ncmds : 1); i++)
		tmf_submit(&t, i, lun, function);
	tasks_wait(&t, name);
	for (uint32_t i = 0; i < t.ncmds; i++)
		iobuf_put(&client_reactor(p->c)->bufs, &t.task[i].cmd.data);
	tasks_report(&t, name);
	if (t.bad)
		return ping_fail(p, PING_FAILED, "%s: %s", name, code_name(t.bad_code));
	return t.complete == t.ntmfs ? p->status : ping_fail_lost(p);
}

/* Does the LUN still answer? */
static int tasks_after(struct ping *p, uint16_t lun)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	char text[PING_TEXT_MAX];
	int rc;

	client_lun_encode(cmd.lun, lun);
	rc = client_sync_cmd(p->ch[0], &cmd, p->o.timeout_ms);
	if (!rc && !cmd.status)
		return PING_OK;
	snprintf(text, sizeof(text), "after task management: ");
	client_status_text(&cmd, text + strlen(text), sizeof(text) - strlen(text));
	return ping_fail_errno(p, rc ? rc : -EIO, text);
}

int ping_tasks_run(struct ping *p, uint16_t lun, const struct client_disk *d)
{
	struct ping_range r;
	int rc = ping_range_get(p, lun, d, &r);

	if (rc)
		return rc;
	json_array_begin(&p->json, "tasks");
	if (p->o.abort)
		rc = function_run(p, lun, &r, SRP_TSK_ABORT_TASK, true, "ABORT TASK");
	if (!rc && p->o.lun_reset)
		rc = function_run(p, lun, &r, SRP_TSK_LUN_RESET, false, "LUN RESET");
	json_array_end(&p->json);
	return rc ? rc : tasks_after(p, lun);
}
