/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client_sync.h"

#include "base/bytes.h"
#include "client/client_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000ull
#define TURN_MS 100
#define END_MS 2000u
#define UA_RETRIES 10
#define SENSE_UNIT_ATTENTION 0x06
#define STATUS_CHECK_CONDITION 0x02

#define OP_INQUIRY 0x12
#define OP_MODE_SENSE_6 0x1a
#define OP_SERVICE_ACTION_IN 0x9e
#define SA_READ_CAPACITY_16 0x10
#define OP_REPORT_LUNS 0xa0
#define TYPE_DISK 0x00
#define INQUIRY_NO_LUN 0x7f

/* ---- login and end ---- */

static uint64_t deadline(uint32_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

/* Turn for what is left until @until; false: the time is up. */
static bool turn_until(struct client *c, uint64_t until)
{
	uint64_t now = clock_now_ns(), ms;

	if (now >= until)
		return false;
	ms = (until - now + NS_PER_MS - 1) / NS_PER_MS;
	client_turn(c, (int)min_u64(ms, TURN_MS));
	return true;
}

static void sync_login(struct client_channel *ch, const struct client_login_result *r)
{
	(void)ch;
	(void)r;
}

static void sync_closed(struct client_channel *ch, const char *why)
{
	(void)ch;
	(void)why;
}

/* What happened is found in the channel. */
static const struct client_events sync_events = { .login = sync_login, .closed = sync_closed };

static void end_wait(struct client_channel *ch)
{
	uint64_t until = deadline(END_MS);

	while (!ch->gone && turn_until(ch->c, until))
		;
}

/* The caller is through with it; if it is not gone it frees itself when it is. */
static void channel_forget(struct client_channel *ch)
{
	if (ch->gone)
		client_channel_free(ch);
	else
		ch->kept = false;
}

static int status_errno(const struct client_login_result *r)
{
	switch (r->status) {
	case CLIENT_LOGGED_IN:
		return 0;
	case CLIENT_REJECTED:
	case CLIENT_REFUSED:
		return -ECONNREFUSED;
	case CLIENT_TIMED_OUT:
		return -ETIMEDOUT;
	case CLIENT_PROTOCOL:
		return -EPROTO;
	case CLIENT_UNREACHABLE:
		break;
	}
	return r->err ? r->err : -EHOSTUNREACH;
}

int client_sync_login(struct client *c, const struct client_login *l, struct client_channel **out,
		      struct client_login_result *r, char *err, size_t errlen)
{
	struct client_channel *ch;
	uint64_t until;
	int rc;

	*out = NULL;
	*r = (struct client_login_result){ .status = CLIENT_UNREACHABLE };
	rc = client_login(c, l, &sync_events, NULL, &ch, err, errlen);
	if (rc) {
		r->err = rc;
		return rc;
	}
	ch->kept = true;
	/* The transport keeps the time; this is for one that does not. */
	until = deadline(l->timeout_ms) + END_MS * NS_PER_MS;
	while (!ch->logged_in && !ch->gone && turn_until(c, until))
		;
	if (!ch->logged_in && !ch->gone)
		client_drop(ch);
	*r = ch->result;
	if (ch->logged_in) {
		*out = ch;
		return 0;
	}
	if (r->status == CLIENT_PROTOCOL && ch->why)
		snprintf(err, errlen, "%s", ch->why);
	else
		client_login_text(r, err, errlen);
	channel_forget(ch);
	return status_errno(r);
}

bool client_sync_closed(struct client_channel *ch, const char **why)
{
	if (!ch->gone)
		client_turn(ch->c, 0);
	if (ch->state >= CHANNEL_ENDING)
		end_wait(ch);
	if (!ch->gone)
		return false;
	*why = ch->why ? ch->why : "closed";
	client_channel_free(ch);
	return true;
}

void client_sync_logout(struct client_channel *ch)
{
	if (!ch->gone) {
		client_logout(ch);
		end_wait(ch);
	}
	channel_forget(ch);
}

/* ---- commands ---- */

/* done is called once, so it can say so itself. */
static void sync_cmd_done(struct client_cmd *cmd)
{
	cmd->done = NULL;
}

static void sync_tmf_done(struct client_tmf *tmf)
{
	tmf->done = NULL;
}

static int cmd_once(struct client_channel *ch, struct client_cmd *cmd, uint32_t timeout_ms)
{
	uint64_t until = deadline(timeout_ms);

	cmd->done = sync_cmd_done;
	client_submit(ch, cmd);
	while (cmd->done && turn_until(ch->c, until))
		;
	if (!cmd->done)
		return cmd->result;
	client_drop(ch);
	/* It comes back with the end of the channel, which needs no peer. */
	while (cmd->done)
		client_turn(ch->c, TURN_MS);
	return -ETIMEDOUT;
}

int client_sync_cmd(struct client_channel *ch, struct client_cmd *cmd, uint32_t timeout_ms)
{
	int rc = -ECONNRESET;

	for (int i = 0; i <= UA_RETRIES; i++) {
		if (ch->gone)
			return -ECONNRESET;
		rc = cmd_once(ch, cmd, timeout_ms);
		if (rc || client_sense(cmd) >> 16 != SENSE_UNIT_ATTENTION)
			break;
	}
	return rc;
}

int client_sync_tmf(struct client_channel *ch, struct client_tmf *tmf, uint32_t timeout_ms)
{
	uint64_t until = deadline(timeout_ms);

	if (ch->gone)
		return -ECONNRESET;
	tmf->done = sync_tmf_done;
	client_task_mgmt(ch, tmf);
	while (tmf->done && turn_until(ch->c, until))
		;
	if (!tmf->done)
		return tmf->result;
	client_drop(ch);
	while (tmf->done)
		client_turn(ch->c, TURN_MS);
	return -ETIMEDOUT;
}

/* ---- words ---- */

const char *client_login_text(const struct client_login_result *r, char *buf, size_t len)
{
	switch (r->status) {
	case CLIENT_LOGGED_IN:
		snprintf(buf, len, "logged in");
		break;
	case CLIENT_REJECTED:
		snprintf(buf, len, "login rejected: %s (reason 0x%08" PRIx32 ")",
			 client_iu_rej_name(r->reason), r->reason);
		break;
	case CLIENT_REFUSED:
		snprintf(buf, len, "refused: nobody listens there, or it gives no reason");
		break;
	case CLIENT_TIMED_OUT:
		snprintf(buf, len, "no answer in time");
		break;
	case CLIENT_UNREACHABLE:
		snprintf(buf, len, "cannot be reached: %s", r->err == -ENODEV ?
			 "no RDMA device leads there" :
			 strerror(r->err ? -r->err : EHOSTUNREACH));
		break;
	case CLIENT_PROTOCOL:
		snprintf(buf, len, "what answers there does not speak the protocol");
		break;
	}
	return buf;
}

uint32_t client_sense(const struct client_cmd *cmd)
{
	const uint8_t *s = cmd->sense;
	uint8_t format;

	if (cmd->status != STATUS_CHECK_CONDITION || !cmd->sense_len)
		return 0;
	format = s[0] & 0x7f;
	if ((format == 0x72 || format == 0x73) && cmd->sense_len >= 4)
		return (uint32_t)(s[1] & 0x0f) << 16 | get_be16(s + 2);
	if ((format == 0x70 || format == 0x71) && cmd->sense_len >= 14)
		return (uint32_t)(s[2] & 0x0f) << 16 | get_be16(s + 12);
	return 0;
}

static const char *status_name(uint8_t status)
{
	static const struct {
		uint8_t status;
		const char *name;
	} rows[] = {
		{ 0x00, "GOOD" },
		{ STATUS_CHECK_CONDITION, "CHECK CONDITION" },
		{ 0x04, "CONDITION MET" },
		{ 0x08, "BUSY" },
		{ 0x18, "RESERVATION CONFLICT" },
		{ 0x28, "TASK SET FULL" },
		{ 0x30, "ACA ACTIVE" },
		{ 0x40, "TASK ABORTED" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return rows[i].name;
	return NULL;
}

const char *client_status_text(const struct client_cmd *cmd, char *buf, size_t len)
{
	const char *name = status_name(cmd->status);
	uint32_t sense = client_sense(cmd);

	if (cmd->result == -ECONNRESET)
		snprintf(buf, len, "the connection was lost");
	else if (cmd->result == -ECANCELED)
		snprintf(buf, len, "aborted");
	else if (cmd->result == -EPROTO)
		snprintf(buf, len, "the target did not understand the request");
	else if (cmd->result)
		snprintf(buf, len, "not sent: %s", strerror(-cmd->result));
	else if (sense)
		snprintf(buf, len, "%s, %02x/%02x/%02x", name, sense >> 16, sense >> 8 & 0xff,
			 sense & 0xff);
	else if (name)
		snprintf(buf, len, "%s", name);
	else
		snprintf(buf, len, "status %02x", cmd->status);
	return buf;
}

/* ---- what is there ---- */

/* A command with DATA-IN, filled with zeros before. Bytes received, or -errno with @err. */
static int64_t data_in(struct client_channel *ch, struct client_cmd *cmd, const char *what,
		       uint32_t timeout_ms, char *err, size_t errlen)
{
	char text[80];
	int rc;

	cmd->dir = CLIENT_READ;
	memset(cmd->data.addr, 0, cmd->data.len);
	rc = client_sync_cmd(ch, cmd, timeout_ms);
	if (rc == -ETIMEDOUT)
		snprintf(err, errlen, "%s: no answer in time", what);
	else if (rc || cmd->status)
		snprintf(err, errlen, "%s: %s", what, client_status_text(cmd, text, sizeof(text)));
	if (rc)
		return rc;
	if (cmd->status)
		return -EIO;
	return cmd->data.len - (cmd->overflow ? 0 : cmd->residual);
}

static void text_copy(char *to, const uint8_t *from, size_t len)
{
	size_t n = len;

	while (n && (from[n - 1] == ' ' || !from[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? (char)from[i] : '?';
	to[n] = '\0';
}

static int inquiry(struct client_channel *ch, struct client_cmd *cmd, struct client_disk *d,
		   uint32_t timeout_ms, char *err, size_t errlen)
{
	const uint8_t *data = cmd->data.addr;
	int64_t n;

	memset(cmd->cdb, 0, sizeof(cmd->cdb));
	cmd->cdb[0] = OP_INQUIRY;
	cmd->cdb[4] = 96;
	cmd->data.len = 96;
	n = data_in(ch, cmd, "INQUIRY", timeout_ms, err, errlen);
	if (n < 0)
		return (int)n;
	d->type = data[0];
	if (n < 36 || data[0] == INQUIRY_NO_LUN) {
		snprintf(err, errlen, n < 36 ? "INQUIRY: data too short" : "there is no such LUN");
		return n < 36 ? -EPROTO : -ENXIO;
	}
	text_copy(d->vendor, data + 8, 8);
	text_copy(d->product, data + 16, 16);
	text_copy(d->revision, data + 32, 4);
	return 0;
}

static int capacity(struct client_channel *ch, struct client_cmd *cmd, struct client_disk *d,
		    uint32_t timeout_ms, char *err, size_t errlen)
{
	const uint8_t *data = cmd->data.addr;
	int64_t n;

	memset(cmd->cdb, 0, sizeof(cmd->cdb));
	cmd->cdb[0] = OP_SERVICE_ACTION_IN;
	cmd->cdb[1] = SA_READ_CAPACITY_16;
	put_be32(cmd->cdb + 10, 32);
	cmd->data.len = 32;
	n = data_in(ch, cmd, "READ CAPACITY", timeout_ms, err, errlen);
	if (n < 0)
		return (int)n;
	d->blocks = get_be64(data) + 1;
	d->block_size = get_be32(data + 8);
	if (n >= 12 && d->blocks && d->block_size)
		return 0;
	snprintf(err, errlen, "READ CAPACITY: the answer makes no sense");
	return -EPROTO;
}

/* Whether it is write protected; those without mode pages are not. */
static int protection(struct client_channel *ch, struct client_cmd *cmd, struct client_disk *d,
		      uint32_t timeout_ms, char *err, size_t errlen)
{
	int64_t n;

	memset(cmd->cdb, 0, sizeof(cmd->cdb));
	cmd->cdb[0] = OP_MODE_SENSE_6;
	cmd->cdb[2] = 0x3f;
	cmd->cdb[4] = 192;
	cmd->data.len = 192;
	n = data_in(ch, cmd, "MODE SENSE", timeout_ms, err, errlen);
	d->read_only = n >= 4 && cmd->data.addr[2] & 0x80;
	return n < 0 && n != -EIO ? (int)n : 0;
}

int client_sync_disk(struct client_channel *ch, uint16_t lun, struct client_disk *d,
		     uint32_t timeout_ms, char *err, size_t errlen)
{
	struct iobuf_pool *bufs = &ch->c->r->bufs;
	struct client_cmd cmd = { .desc = CLIENT_DIRECT };
	int rc = iobuf_get(bufs, IOBUF_MIN_SIZE, &cmd.data);

	*d = (struct client_disk){ 0 };
	if (rc) {
		snprintf(err, errlen, "no data buffer is free");
		return rc;
	}
	client_lun_encode(cmd.lun, lun);
	rc = inquiry(ch, &cmd, d, timeout_ms, err, errlen);
	if (!rc && d->type == TYPE_DISK)
		rc = capacity(ch, &cmd, d, timeout_ms, err, errlen);
	if (!rc && d->type == TYPE_DISK)
		rc = protection(ch, &cmd, d, timeout_ms, err, errlen);
	iobuf_put(bufs, &cmd.data);
	return rc;
}

int client_sync_luns(struct client_channel *ch, uint16_t *luns, unsigned max,
		     uint32_t timeout_ms, char *err, size_t errlen)
{
	struct iobuf_pool *bufs = &ch->c->r->bufs;
	struct client_cmd cmd = { .cdb = { OP_REPORT_LUNS }, .desc = CLIENT_DIRECT };
	uint32_t len = 8 + 8 * min_u32(max, 16384), count;
	int64_t n = iobuf_get(bufs, len < 16 ? 16 : len, &cmd.data);

	if (n) {
		snprintf(err, errlen, "no data buffer is free");
		return (int)n;
	}
	put_be32(cmd.cdb + 6, cmd.data.len);
	n = data_in(ch, &cmd, "REPORT LUNS", timeout_ms, err, errlen);
	if (n >= 0 && n < 8) {
		snprintf(err, errlen, "REPORT LUNS: data too short");
		n = -EPROTO;
	}
	if (n >= 0) {
		count = get_be32(cmd.data.addr) / 8;
		for (uint32_t i = 0; i < count && i < max && 16 + 8 * (int64_t)i <= n; i++)
			luns[i] = client_lun_decode(cmd.data.addr + 8 + (size_t)8 * i);
		/* More than could be received is not believed. */
		n = min_u32(count, n == cmd.data.len ? 16384 : ((uint32_t)n - 8) / 8);
	}
	iobuf_put(bufs, &cmd.data);
	return (int)n;
}
