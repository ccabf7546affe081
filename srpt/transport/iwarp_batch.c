/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FPDUs on their way to the socket: as vectors, many of them in one sendmsg(). */
#include "transport/iwarp_priv.h"

#include "base/crc32c.h"

#include <errno.h>
#include <string.h>

STATIC_ASSERT(IWARP_INLINE >= RDMAP_READ_REQUEST_LEN);

void iwarp_batch_init(struct iwarp_batch *b)
{
	b->start = b->queued = b->sent = 0;
	iwarp_batch_drop(b);
}

void iwarp_batch_drop(struct iwarp_batch *b)
{
	b->start = b->queued = b->sent;
	b->first = b->n = b->fpdus = b->used = 0;
}

/* The next @n bytes of @bytes are in use: part of the last vector if that ends there. */
static void bytes_use(struct iwarp_batch *b, uint32_t n)
{
	uint8_t *p = b->bytes + b->used;
	struct iovec *last = b->n ? &b->iov[b->n - 1] : NULL;

	b->used = (uint16_t)(b->used + n);
	if (last && (uint8_t *)last->iov_base + last->iov_len == p)
		last->iov_len += n;
	else
		b->iov[b->n++] = (struct iovec){ p, n };
}

static void payload_add(struct iwarp_batch *b, const uint8_t *p, uint32_t len)
{
	if (len > IWARP_INLINE) {
		b->iov[b->n++] = (struct iovec){ (void *)(uintptr_t)p, len };
	} else if (len) {
		memcpy(b->bytes + b->used, p, len);
		bytes_use(b, len);
	}
}

static void trailer_add(struct iwarp_batch *b, uint32_t pad, bool has_crc, uint32_t crc)
{
	uint8_t *p = b->bytes + b->used;

	memset(p, 0, pad);
	if (has_crc)
		crc = crc32c(crc, p, pad);
	for (int i = 0; i < 4; i++)
		p[pad + i] = (uint8_t)(crc >> 8 * i);
	bytes_use(b, pad + 4);
}

void iwarp_batch_add(struct iwarp_batch *b, const struct ddp_seg *seg, const uint8_t *p,
		     uint32_t len, bool has_crc)
{
	uint8_t *head = b->bytes + b->used;
	uint32_t head_len = ddp_encode(head + MPA_HEAD, seg);
	uint32_t ulpdu_len = head_len + len;
	uint32_t crc = 0;

	put_be16(head, (uint16_t)ulpdu_len);
	if (has_crc)
		crc = crc32c(crc32c(0, head, MPA_HEAD + head_len), p, len);
	bytes_use(b, MPA_HEAD + head_len);
	payload_add(b, p, len);
	trailer_add(b, mpa_pad(ulpdu_len), has_crc, crc);
	b->queued += mpa_fpdu_len(ulpdu_len);
	b->end[b->fpdus++] = b->queued;
}

static void batch_advance(struct iwarp_batch *b, size_t n)
{
	b->sent += (uint32_t)n;
	if (iwarp_batch_empty(b)) {
		iwarp_batch_drop(b);
		return;
	}
	while (n >= b->iov[b->first].iov_len)
		n -= b->iov[b->first++].iov_len;
	b->iov[b->first].iov_base = (uint8_t *)b->iov[b->first].iov_base + n;
	b->iov[b->first].iov_len -= n;
}

int iwarp_batch_send(struct iwarp_batch *b, int fd)
{
	while (!iwarp_batch_empty(b)) {
		struct msghdr mh = { .msg_iov = b->iov + b->first,
				     .msg_iovlen = (size_t)(b->n - b->first) };
		ssize_t n = sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		batch_advance(b, (size_t)n);
	}
	return 0;
}

uint32_t iwarp_batch_half(const struct iwarp_batch *b)
{
	uint32_t begin = b->start;

	for (unsigned i = 0; i < b->fpdus; begin = b->end[i++])
		if (!iwarp_batch_is_sent(b, b->end[i]))
			return b->sent == begin ? 0 : b->end[i] - b->sent;
	return 0;
}

void iwarp_batch_copy(const struct iwarp_batch *b, uint8_t *p, uint32_t len)
{
	for (unsigned i = b->first; len; i++) {
		uint32_t n = (uint32_t)min_u64(b->iov[i].iov_len, len);

		memcpy(p, b->iov[i].iov_base, n);
		p += n;
		len -= n;
	}
}
