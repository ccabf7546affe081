/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iwarp_fake.h"

#include "base/crc32c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake *fake_of(struct iwarp_conn *c)
{
	return container_of(c, struct fake, c);
}

/* ---- what the data path calls ---- */

struct iwarp_slot *iwarp_slot_get(struct iwarp_conn *c)
{
	struct iwarp_slots *all = &c->p->slots;
	struct iwarp_slot *s = all->free;

	if (!s)
		return NULL;
	all->free = s->next;
	c->rx_held++;
	return s;
}

void iwarp_slot_put(struct iwarp_conn *c, struct iwarp_slot *s)
{
	c->rx_held--;
	s->next = c->p->slots.free;
	c->p->slots.free = s;
}

void iwarp_poller_want_write(struct iwarp_conn *c, bool want)
{
	fake_of(c)->want_write = want;
}

void iwarp_poller_heat(struct iwarp_conn *c)
{
	fake_of(c)->hot = true;
}

void iwarp_poller_cool(struct iwarp_conn *c)
{
	fake_of(c)->hot = false;
}

static void fake_end(struct fake *f, const uint8_t *body, uint32_t len)
{
	f->c.state = IWARP_CLOSING;
	iwarp_rx_stop(&f->c);
	iwarp_tx_abort(&f->c, body, len);
}

void iwarp_conn_terminate(struct iwarp_conn *c, uint16_t code, uint16_t ulpdu_len,
			  const uint8_t *head, const uint8_t *read)
{
	uint8_t body[RDMAP_TERMINATE_MAX];
	struct fake *f = fake_of(c);

	if (c->state != IWARP_LIVE)
		return;
	f->terminates++;
	f->code = code;
	f->quoted_len = ulpdu_len;
	f->quoted = head;
	f->quoted_read = read;
	fake_end(f, body, rdmap_terminate_encode(body, code, ulpdu_len, head, read));
}

void iwarp_conn_die(struct iwarp_conn *c, const char *why)
{
	struct fake *f = fake_of(c);

	if (c->state != IWARP_LIVE)
		return;
	f->deaths++;
	f->why = why;
	fake_end(f, NULL, 0);
}

void iwarp_conn_watch(struct iwarp_conn *c)
{
	(void)c;
}

void iwarp_conn_flushed(struct iwarp_conn *c)
{
	fake_of(c)->flushes++;
}

/* ---- upcalls ---- */

static void up_recv(struct conn *base, struct rx *rx)
{
	struct fake *f = fake_of(iwarp_conn_of(base));

	if (f->messages >= FAKE_MESSAGES || rx->len > FAKE_RECV)
		abort();
	f->message_len = rx->len;
	memcpy(f->message, rx->data, rx->len);
	f->held[f->messages++] = rx;
	if (!f->keep)
		iwarp_slot_put(&f->c, container_of(rx, struct iwarp_slot, rx));
	if (f->on_recv)
		f->on_recv(f);
}

static void xfer_ended(struct xfer *x, int status)
{
	struct fake *f = fake_of(iwarp_conn_of(x->conn));

	if (status && status != -ECONNRESET)
		abort();
	f->resets += status != 0;
	if (f->ended < FAKE_MESSAGES)
		f->order[f->ended] = x;
	f->ended++;
	if (f->on_end)
		f->on_end(f);
}

static void up_pulled(struct xfer *x, int status)
{
	fake_of(iwarp_conn_of(x->conn))->pulled += !status;
	xfer_ended(x, status);
}

static void up_sent(struct xfer *x, int status)
{
	fake_of(iwarp_conn_of(x->conn))->sent += !status;
	xfer_ended(x, status);
}

/* ---- life ---- */

static void slots_make(struct fake *f)
{
	for (int i = FAKE_SLOTS; i--;) {
		struct iwarp_slot *s = &f->slots[i];

		/* Each its own allocation, so that a byte too many is seen. */
		s->rx.data = malloc(FAKE_RECV);
		if (!s->rx.data)
			abort();
		s->next = f->poller.slots.free;
		f->poller.slots.free = s;
	}
}

void fake_open(struct fake *f, uint32_t mss)
{
	int fds[2];

	memset(f, 0, sizeof(*f));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
	f->up = (struct transport_upcalls){ .recv = up_recv, .pulled = up_pulled,
					    .sent = up_sent };
	f->t.base = (struct transport){ .up = &f->up, .params = { .max_recv = FAKE_RECV } };
	for (int i = 0; i < STAGE_COUNT; i++)
		list_init(&f->reactor.deferred[i]);
	f->poller.stage = malloc(IWARP_STAGE);
	slots_make(f);
	f->peer = fds[1];
	f->c.base = (struct conn){ .t = &f->t.base, .reactor = &f->reactor,
				   .info = { .peer = "the test" } };
	f->c.fd = fds[0];
	f->c.p = &f->poller;
	f->c.state = IWARP_LIVE;
	f->c.active = true;
	f->c.ord = f->c.ird = FAKE_READS;
	f->c.run.stage = STAGE_TRANSPORT;
	list_init(&f->c.run.link);
	if (!f->poller.stage || iwarp_stags_init(&f->c.stags, FAKE_EXPOSED))
		abort();
	iwarp_rx_init(&f->c);
	iwarp_tx_init(&f->c, mss);
}

void fake_close(struct fake *f)
{
	if (f->c.state == IWARP_LIVE)
		fake_end(f, NULL, 0);
	iwarp_tx_free(&f->c);
	iwarp_stags_free(&f->c.stags);
	for (int i = 0; i < FAKE_SLOTS; i++)
		free(f->slots[i].rx.data);
	free(f->poller.stage);
	close(f->c.fd);
	close(f->peer);
}

void fake_run(struct fake *f)
{
	list_del(&f->c.run.link);
	iwarp_tx_run(&f->c);
}

void fake_read(struct fake *f)
{
	while (f->c.state == IWARP_LIVE && iwarp_rx_ready(&f->c))
		;
}

/* In pieces that a socket takes. */
void fake_feed(struct fake *f, const void *p, size_t len)
{
	const uint8_t *bytes = p;

	while (len) {
		ssize_t n = send(f->peer, bytes, len < 65536 ? len : 65536, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			abort();
		fake_read(f);
		if (f->c.state != IWARP_LIVE)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

/* ---- FPDUs ---- */

static size_t fpdu_finish(uint8_t *p, size_t ulpdu_len, bool crc)
{
	size_t n = 2 + ulpdu_len;
	uint32_t v = 0;

	put_be16(p, (uint16_t)ulpdu_len);
	while (n % 4)
		p[n++] = 0;
	if (crc)
		v = crc32c(0, p, n);
	for (int i = 0; i < 4; i++)
		p[n++] = (uint8_t)(v >> 8 * i);
	return n;
}

size_t fake_tagged(uint8_t *p, uint8_t control, uint8_t opcode, uint32_t stag, uint64_t to,
		   const void *payload, uint32_t len, bool crc)
{
	p[2] = control;
	p[3] = R_VERSION | opcode;
	put_be32(p + 4, stag);
	put_be64(p + 8, to);
	if (len)
		memcpy(p + 16, payload, len);
	return fpdu_finish(p, 14 + len, crc);
}

size_t fake_untagged(uint8_t *p, uint8_t control, uint8_t opcode, uint32_t stag, uint32_t qn,
		     uint32_t msn, uint32_t mo, const void *payload, uint32_t len, bool crc)
{
	p[2] = control;
	p[3] = R_VERSION | opcode;
	put_be32(p + 4, stag);
	put_be32(p + 8, qn);
	put_be32(p + 12, msn);
	put_be32(p + 16, mo);
	if (len)
		memcpy(p + 20, payload, len);
	return fpdu_finish(p, 18 + len, crc);
}

size_t fake_read_request(uint8_t *p, uint32_t msn, uint32_t len, uint32_t stag, uint64_t to,
			 uint64_t sink_to, bool crc)
{
	uint8_t body[28];

	put_be32(body, 0x5151);
	put_be64(body + 4, sink_to);
	put_be32(body + 12, len);
	put_be32(body + 16, stag);
	put_be64(body + 20, to);
	return fake_untagged(p, D_UNTAGGED, 1, 0, 1, msn, 0, body, sizeof(body), crc);
}

size_t fake_peer_read(struct fake *f, uint8_t *buf, size_t max)
{
	size_t have = 0;
	ssize_t n;

	while (have < max) {
		n = recv(f->peer, buf + have, max - have, MSG_DONTWAIT);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return have;
}

size_t fake_parse(const uint8_t *p, size_t len, struct fake_fpdu *out)
{
	size_t ulpdu, head, padded;
	uint32_t sent;

	memset(out, 0, sizeof(*out));
	if (len < 2)
		return 0;
	ulpdu = get_be16(p);
	padded = (2 + ulpdu + 3) / 4 * 4;
	if (len < padded + 4)
		return 0;
	out->control = p[2];
	out->opcode = p[3] & 0xf;
	out->stag = get_be32(p + 4);
	head = p[2] & 0x80 ? 14 : 18;
	if (head == 14)
		out->to = get_be64(p + 8);
	if (head == 18) {
		out->qn = get_be32(p + 8);
		out->msn = get_be32(p + 12);
		out->mo = get_be32(p + 16);
	}
	out->payload = p + 2 + head;
	out->len = (uint32_t)(ulpdu - head);
	sent = (uint32_t)p[padded] | (uint32_t)p[padded + 1] << 8 |
	       (uint32_t)p[padded + 2] << 16 | (uint32_t)p[padded + 3] << 24;
	out->crc_zero = !sent;
	out->crc_right = sent == crc32c(0, p, padded);
	return padded + 4;
}

void fake_pattern(uint8_t *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + seed);
}
