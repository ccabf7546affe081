/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srp-ping: is that SRP target up, as an initiator sees it? From user space. */
#include "ping.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <syslog.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define LUNS_MAX 16384u
#define BUFFERS_MAX (4ull << 30)
#define BUFFERS_SPARE (8ull << 20)
#define FILES_SPARE 64u

volatile sig_atomic_t ping_stop;

static void on_signal(int sig)
{
	(void)sig;
	ping_stop = 1;
}

/* ---- failures ---- */

int ping_fail(struct ping *p, int status, const char *fmt, ...)
{
	va_list ap;

	if (p->status)
		return p->status;
	p->status = status;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return status;
}

int ping_fail_lost(struct ping *p)
{
	const char *why;

	for (uint32_t i = 0; i < p->nchannels; i++) {
		if (!client_sync_closed(p->ch[i], &why))
			continue;
		p->ch[i] = p->ch[--p->nchannels];
		return ping_fail(p, PING_LOST, "the connection was lost: %s", why);
	}
	return p->status;
}

int ping_fail_errno(struct ping *p, int rc, const char *err)
{
	if (rc == -ETIMEDOUT)
		return ping_fail(p, PING_UNREACHABLE, "%s", err);
	if (rc == -ECONNRESET && ping_fail_lost(p))
		return p->status;
	return ping_fail(p, rc == -ECONNRESET ? PING_LOST : PING_FAILED, "%s", err);
}

/* ---- login ---- */

static int address_get(struct ping *p)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int rc;

	if (p->o.ib.family) {
		memcpy(&p->addrs[p->naddrs++], &p->o.ib, sizeof(p->o.ib));
		p->login.addr = p->addrs[0];
		return PING_OK;
	}
	rc = getaddrinfo(p->o.host, p->o.port, &hints, &list);
	if (rc)
		return ping_fail(p, PING_UNREACHABLE, "%s", gai_strerror(rc));
	for (struct addrinfo *a = list; a && p->naddrs < PING_ADDRS_MAX; a = a->ai_next)
		memcpy(&p->addrs[p->naddrs++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	p->login.addr = p->addrs[0];
	return PING_OK;
}

/* A port id of our own: that of another initiator would end his session. */
static int initiator_get(struct ping *p)
{
	uint8_t *id = p->login.initiator_port_id;

	memcpy(id, p->o.initiator, 16);
	if (p->o.has_initiator)
		return PING_OK;
	if (getrandom(id + 8, 8, 0) != 8)
		return ping_fail(p, PING_FAILED, "no random numbers: %s", strerror(errno));
	id[8] = (uint8_t)(id[8] & 0x7f); /* room to count up from here */
	return PING_OK;
}

/* Sockets for all; the limit is often 1024 only until one asks for more. */
static void files_raise(const struct ping *p)
{
	struct rlimit r;
	rlim_t want = (p->o.sessions ? p->o.sessions : p->o.channels) + FILES_SPARE;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want)
		return;
	r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int client_make(struct ping *p)
{
	const struct ping_opts *o = &p->o;
	uint64_t commands = o->sessions ? o->sessions : (uint64_t)o->channels * o->queue_depth;
	uint64_t each = IOBUF_MIN_SIZE;
	struct client_params cp = {
		.transport = o->transport,
		.poll_budget_us = 50,
		.cpu = -1,
		.max_channels = o->sessions ? o->sessions : o->channels,
		.crc = o->crc,
		.mpa_revision = o->mpa_revision,
	};
	char err[PING_ERR_MAX], text[32];

	/* Buffers are powers of two. */
	while (!o->sessions && each < o->block_size)
		each *= 2;
	if (commands * each > BUFFERS_MAX)
		return ping_fail(p, PING_USAGE, "channels, queue depth and block size need %s of "
				 "buffers", ping_size_text(commands * each, text, sizeof(text)));
	cp.buffer_size = commands * each + BUFFERS_SPARE;
	files_raise(p);
	if (client_create(&cp, &p->c, err, sizeof(err)))
		return ping_fail(p, PING_FAILED, "%s", err);
	return PING_OK;
}

static int login_prepare(struct ping *p)
{
	const struct ping_opts *o = &p->o;

	p->login.id_ext = o->id_ext;
	p->login.ioc_guid = o->ioc_guid;
	p->login.imm_data = true;
	p->login.it_iu_len = o->iu_len;
	p->login.queue_depth = o->queue_depth;
	p->login.timeout_ms = o->timeout_ms;
	if (address_get(p) || initiator_get(p))
		return p->status;
	return client_make(p);
}

static int login_failed(struct ping *p, const struct client_login_result *r, const char *err)
{
	const char *hint = "";

	if (r->status == CLIENT_REJECTED && !p->o.has_id_ext)
		hint = "; say which target: --target, or --id-ext and --ioc-guid";
	return ping_fail(p, r->status == CLIENT_REJECTED ? PING_REJECTED : PING_UNREACHABLE,
			 "%s%s", err, hint);
}

static void login_report(struct ping *p, uint64_t ns)
{
	const struct client_login_result *r = &p->result;
	struct json *j = &p->json;
	char text[LATENCY_TEXT_MAX], id[40];

	ping_say(p, "login: %u channel%s, credit %u, requests up to %u bytes, %simmediate data, %s",
		 p->nchannels, p->nchannels == 1 ? "" : "s", r->req_lim, r->max_it_iu_len,
		 r->imm_data ? "" : "no ", latency_text(ns, text, sizeof(text)));
	snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64,
		 get_be64(p->login.initiator_port_id), get_be64(p->login.initiator_port_id + 8));
	json_object_begin(j, "login");
	json_string(j, "initiator_id", id);
	json_uint(j, "channels", p->nchannels);
	json_uint(j, "credit", r->req_lim);
	json_uint(j, "max_request", r->max_it_iu_len);
	json_uint(j, "max_response", r->max_ti_iu_len);
	json_bool(j, "immediate_data", r->imm_data);
	json_bool(j, "replaced_session", r->multichan == 1);
	ping_json_number(j, "time_us", (double)ns / 1e3);
	json_object_end(j);
}

/* A name may have several addresses; the first one at which somebody answers is it. */
static int first_login(struct ping *p)
{
	struct client_login_result *r = &p->result;
	char err[PING_ERR_MAX] = "";

	for (unsigned i = 0; i < p->naddrs && !ping_stop; i++) {
		p->login.addr = p->addrs[i];
		if (!client_sync_login(p->c, &p->login, &p->ch[0], r, err, sizeof(err))) {
			p->nchannels = 1;
			return PING_OK;
		}
		if (r->status == CLIENT_REJECTED)
			break;
	}
	return login_failed(p, r, err);
}

static int channels_login(struct ping *p)
{
	uint64_t start = clock_now_ns();
	char err[PING_ERR_MAX];

	if (first_login(p))
		return p->status;
	p->login.multi = true;
	while (p->nchannels < p->o.channels) {
		struct client_login_result r;

		if (client_sync_login(p->c, &p->login, &p->ch[p->nchannels], &r, err, sizeof(err)))
			return login_failed(p, &r, err);
		p->nchannels++;
	}
	login_report(p, clock_now_ns() - start);
	return PING_OK;
}

/* ---- LUNs ---- */

static void disk_report(struct ping *p, uint16_t lun, const struct client_disk *d)
{
	struct json *j = &p->json;
	char size[32];

	if (d->block_size)
		ping_say(p, "LUN %u: %s %s %s, %s (%" PRIu64 " blocks of %u bytes)%s", lun,
			 d->vendor, d->product, d->revision,
			 ping_size_text(d->blocks * d->block_size, size, sizeof(size)), d->blocks,
			 d->block_size, d->read_only ? ", write protected" : "");
	else
		ping_say(p, "LUN %u: %s %s %s, device type 0x%02x", lun, d->vendor, d->product,
			 d->revision, d->type & 0x1f);
	json_object_begin(j, NULL);
	json_uint(j, "lun", lun);
	json_uint(j, "type", d->type & 0x1f);
	json_string(j, "vendor", d->vendor);
	json_string(j, "product", d->product);
	json_string(j, "revision", d->revision);
	json_uint(j, "blocks", d->blocks);
	json_uint(j, "block_size", d->block_size);
	json_bool(j, "read_only", d->read_only);
	json_object_end(j);
}

static int disk_get(struct ping *p, uint16_t lun, struct client_disk *d)
{
	char err[PING_ERR_MAX], text[PING_ERR_MAX + 16];
	int rc = client_sync_disk(p->ch[0], lun, d, p->o.timeout_ms, err, sizeof(err));

	if (!rc) {
		disk_report(p, lun, d);
		return PING_OK;
	}
	snprintf(text, sizeof(text), "LUN %u: %s", lun, err);
	return ping_fail_errno(p, rc, text);
}

/* Show all, or the one that was asked for; @first is for what comes next. -1: there is none. */
static int luns_show(struct ping *p, int *lun, struct client_disk *first)
{
	static uint16_t luns[LUNS_MAX];
	char err[PING_ERR_MAX];
	struct client_disk d;
	int n = 1, rc = PING_OK;

	*lun = -1;
	luns[0] = (uint16_t)p->o.lun;
	if (p->o.lun < 0)
		n = client_sync_luns(p->ch[0], luns, LUNS_MAX, p->o.timeout_ms, err, sizeof(err));
	if (n < 0)
		return ping_fail_errno(p, n, err);
	if (!n)
		ping_say(p, "no LUNs for this initiator");
	json_array_begin(&p->json, "luns");
	for (int i = 0; i < n && !rc && !ping_stop; i++) {
		rc = disk_get(p, luns[i], &d);
		if (!rc && *lun < 0) {
			*lun = luns[i];
			*first = d;
		}
	}
	json_array_end(&p->json);
	return rc;
}

/* ---- is it ready? ---- */

static void wait_ms(struct ping *p, uint64_t ms)
{
	uint64_t until = clock_now_ns() + ms * NS_PER_MS, now;

	while (!ping_stop && (now = clock_now_ns()) < until)
		client_turn(p->c, (int)min_u64((until - now) / NS_PER_MS + 1, 100));
}

static int ready_once(struct ping *p, uint16_t lun, uint64_t seq, struct latency *l)
{
	struct client_cmd cmd = { .dir = CLIENT_NONE };
	char text[PING_TEXT_MAX], err[PING_ERR_MAX];
	int rc;

	client_lun_encode(cmd.lun, lun);
	rc = client_sync_cmd(p->ch[0], &cmd, p->o.timeout_ms);
	if (rc || cmd.status) {
		snprintf(err, sizeof(err), "TEST UNIT READY of LUN %u: %s", lun,
			 rc == -ETIMEDOUT ? "no answer in time" :
					    client_status_text(&cmd, text, sizeof(text)));
		return ping_fail_errno(p, rc ? rc : -EIO, err);
	}
	latency_record(l, cmd.end_ns - cmd.start_ns);
	ping_say(p, "LUN %u is ready: seq=%" PRIu64 " time=%s", lun, seq,
		 latency_text(cmd.end_ns - cmd.start_ns, text, sizeof(text)));
	return PING_OK;
}

static int ready_run(struct ping *p, uint16_t lun)
{
	static struct latency l;
	char text[PING_TEXT_MAX];
	int rc = PING_OK;

	for (uint64_t i = 1; i <= p->o.count && !rc && !ping_stop; i++) {
		if (i > 1)
			wait_ms(p, p->o.interval_ms);
		rc = ping_stop ? PING_OK : ready_once(p, lun, i, &l);
	}
	ping_say(p, "%" PRIu64 " answers: %s", l.count, latency_summary(&l, text, sizeof(text)));
	ping_json_latency(&p->json, "ready_us", &l);
	return rc;
}

/* ---- the whole ---- */

static int hold(struct ping *p)
{
	uint64_t until = clock_now_ns() + p->o.hold_s * NS_PER_S;

	ping_say(p, "staying logged in for %u s", p->o.hold_s);
	while (!ping_stop && clock_now_ns() < until) {
		wait_ms(p, 100);
		if (ping_fail_lost(p))
			break;
	}
	return p->status;
}

static int tests_run(struct ping *p)
{
	const struct ping_opts *o = &p->o;
	bool io = o->read || o->write || o->verify || o->check, tasks = o->abort || o->lun_reset;
	struct client_disk d;
	int lun;

	if (luns_show(p, &lun, &d))
		return p->status;
	if (lun < 0 && (io || tasks || o->count))
		return ping_fail(p, PING_FAILED, "there is no LUN to test");
	if (o->count && ready_run(p, (uint16_t)lun))
		return p->status;
	if (io && !ping_stop && ping_io_run(p, (uint16_t)lun, &d))
		return p->status;
	if (tasks && !ping_stop && ping_tasks_run(p, (uint16_t)lun, &d))
		return p->status;
	return o->hold_s ? hold(p) : PING_OK;
}

static int ping_run(struct ping *p)
{
	if (login_prepare(p))
		return p->status;
	if (p->o.sessions)
		return ping_sessions_run(p);
	if (!channels_login(p))
		tests_run(p);
	while (p->nchannels)
		client_sync_logout(p->ch[--p->nchannels]);
	return p->status;
}

static void signals_catch(void)
{
	const struct sigaction stop = { .sa_handler = on_signal };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void end_report(struct ping *p)
{
	const char *colon = strchr(p->o.host, ':');

	if (p->status)
		fprintf(stderr, "srp-ping: %s%s%s:%s: %s\n", colon ? "[" : "", p->o.host,
			colon ? "]" : "", p->o.port, p->why);
	json_string(&p->json, "error", p->status ? p->why : NULL);
	json_uint(&p->json, "exit_status", (uint64_t)p->status);
	json_object_end(&p->json);
	if (p->o.json)
		printf("%s\n", text_string(&p->json_text));
	text_free(&p->json_text);
}

int main(int argc, char **argv)
{
	static struct ping p;
	int rc = ping_opts_parse(argc, argv, &p.o);

	if (rc >= 0)
		return rc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_ERR);
	signals_catch();
	json_init(&p.json, &p.json_text);
	json_object_begin(&p.json, NULL);
	json_string(&p.json, "host", p.o.host);
	json_string(&p.json, "port", p.o.port);
	rc = ping_run(&p);
	end_report(&p);
	if (p.c)
		client_destroy(p.c);
	return rc;
}
