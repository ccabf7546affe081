/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many sessions at once, each of an initiator of its own: all log in, each says INQUIRY. */
#include "ping.h"

#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define WINDOW 64u       /* logins under way */
#define IU_LEN 320u      /* these sessions do little: small requests, little memory */
#define OP_INQUIRY 0x12
#define INQUIRY_LEN 96u

struct session {
	struct sessions *all;
	struct client_channel *ch; /* NULL: not there, or no longer */
	struct client_cmd cmd;
	uint64_t start_ns;
};

struct sessions {
	struct ping *p;
	struct session *s;
	uint32_t started, opening, open, inquired;
	bool ending;
	struct latency logins, inquiries;
};

static void inquiry_done(struct client_cmd *cmd)
{
	struct sessions *all = container_of(cmd, struct session, cmd)->all;
	char text[PING_TEXT_MAX];

	if (!cmd->result && !cmd->status) {
		all->inquired++;
		latency_record(&all->inquiries, cmd->end_ns - cmd->start_ns);
	} else if (cmd->result != -ECONNRESET) {
		ping_fail(all->p, PING_FAILED, "INQUIRY: %s",
			  client_status_text(cmd, text, sizeof(text)));
	}
}

static void inquiry_send(struct session *s)
{
	struct client_cmd *cmd = &s->cmd;

	cmd->cdb[0] = OP_INQUIRY;
	cmd->cdb[4] = INQUIRY_LEN;
	cmd->dir = CLIENT_READ;
	cmd->data.len = INQUIRY_LEN;
	cmd->done = inquiry_done;
	client_lun_encode(cmd->lun, s->all->p->o.lun < 0 ? 0 : (uint16_t)s->all->p->o.lun);
	client_submit(s->ch, cmd);
}

static void on_login(struct client_channel *ch, const struct client_login_result *r)
{
	struct session *s = client_context(ch);
	char text[PING_TEXT_MAX];

	s->all->opening--;
	if (r->status == CLIENT_LOGGED_IN) {
		s->all->open++;
		latency_record(&s->all->logins, clock_now_ns() - s->start_ns);
		inquiry_send(s);
		return;
	}
	s->ch = NULL;
	ping_fail(s->all->p, r->status == CLIENT_REJECTED ? PING_REJECTED : PING_UNREACHABLE,
		  "session %td: %s", s - s->all->s + 1, client_login_text(r, text, sizeof(text)));
}

static void on_closed(struct client_channel *ch, const char *why)
{
	struct session *s = client_context(ch);

	s->ch = NULL;
	s->all->open--;
	if (!s->all->ending)
		ping_fail(s->all->p, PING_LOST, "session %td was lost: %s", s - s->all->s + 1, why);
}

static const struct client_events events = { .login = on_login, .closed = on_closed };

/* The initiators' ids count upwards from that of the first. */
static int session_start(struct sessions *all, uint32_t i)
{
	struct ping *p = all->p;
	struct client_login l = p->login;
	struct session *s = &all->s[i];
	char err[PING_ERR_MAX];

	s->all = all;
	put_be64(l.initiator_port_id + 8, get_be64(l.initiator_port_id + 8) + i);
	if (iobuf_get(&client_reactor(p->c)->bufs, INQUIRY_LEN, &s->cmd.data))
		return ping_fail(p, PING_FAILED, "no memory for the buffers");
	s->start_ns = clock_now_ns();
	if (client_login(p->c, &l, &events, s, &s->ch, err, sizeof(err)))
		return ping_fail(p, PING_UNREACHABLE, "session %u: %s", i + 1, err);
	all->opening++;
	return PING_OK;
}

/* Until all are there and have their answer, or one fails. */
static void sessions_open(struct sessions *all)
{
	struct ping *p = all->p;
	uint32_t n = p->o.sessions;
	uint64_t heard = clock_now_ns();
	uint32_t before = 0;

	while (!p->status && !ping_stop && all->inquired < n) {
		while (all->started < n && all->opening < WINDOW && !p->status)
			session_start(all, all->started++);
		client_turn(p->c, 100);
		if (all->open + all->inquired != before)
			heard = clock_now_ns();
		before = all->open + all->inquired;
		/* The logins themselves have a timeout of their own. */
		if (!all->opening && clock_now_ns() - heard > p->o.timeout_ms * NS_PER_MS)
			ping_fail(p, PING_UNREACHABLE, "%u of %u sessions got no answer to INQUIRY "
				  "in time", all->open - all->inquired, n);
	}
}

static void sessions_hold(struct sessions *all)
{
	uint64_t until = clock_now_ns() + all->p->o.hold_s * NS_PER_S;

	if (!all->p->o.hold_s || all->p->status)
		return;
	ping_say(all->p, "staying logged in for %u s", all->p->o.hold_s);
	while (!ping_stop && !all->p->status && clock_now_ns() < until)
		client_turn(all->p->c, 100);
}

static void sessions_end(struct sessions *all)
{
	uint64_t until = clock_now_ns() + all->p->o.timeout_ms * NS_PER_MS;

	all->ending = true;
	for (uint32_t i = 0; i < all->started; i++)
		if (all->s[i].ch)
			client_logout(all->s[i].ch);
	while ((all->open || all->opening) && clock_now_ns() < until)
		client_turn(all->p->c, 100);
}

static void sessions_report(struct sessions *all, double seconds)
{
	struct ping *p = all->p;
	struct json *j = &p->json;
	char text[PING_TEXT_MAX];

	ping_say(p, "sessions: %u of %u logged in and answered INQUIRY in %.2f s", all->inquired,
		 p->o.sessions, seconds);
	ping_say(p, "login: latency %s", latency_summary(&all->logins, text, sizeof(text)));
	ping_say(p, "INQUIRY: latency %s", latency_summary(&all->inquiries, text, sizeof(text)));
	json_object_begin(j, "sessions");
	json_uint(j, "asked", p->o.sessions);
	json_uint(j, "answered", all->inquired);
	ping_json_number(j, "seconds", seconds);
	ping_json_latency(j, "login_us", &all->logins);
	ping_json_latency(j, "inquiry_us", &all->inquiries);
	json_object_end(j);
}

int ping_sessions_run(struct ping *p)
{
	static struct sessions all;
	uint64_t start = clock_now_ns();

	all = (struct sessions){ .p = p, .s = calloc(p->o.sessions, sizeof(*all.s)) };
	if (!all.s)
		return ping_fail(p, PING_FAILED, "no memory for %u sessions", p->o.sessions);
	p->login.it_iu_len = p->o.iu_len ? p->o.iu_len : IU_LEN;
	p->login.queue_depth = 1;
	p->login.multi = false;
	sessions_open(&all);
	sessions_report(&all, (double)(clock_now_ns() - start) / 1e9);
	sessions_hold(&all);
	sessions_end(&all);
	/* What did not end may still call back. */
	if (!all.open && !all.opening)
		free(all.s);
	return p->status;
}
