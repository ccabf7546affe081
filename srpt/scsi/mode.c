/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi/mode.h"

#include <errno.h>
#include <string.h>

const struct mode_page mode_pages[] = {
	/* Read-write error recovery: AWRE, ARRE; what the storage does about it is its own. */
	{ 0x01, 0, 12, { 0x01, 10, 0xc0 } },
	/* Disconnect-reconnect: SRP has nothing to say there. */
	{ 0x02, 0, 16, { 0x02, 14 } },
	{ 0x08, 0, 20, { 0x08, 18 } },
	/* Control: GLTSD; QAM 1, unrestricted reordering; no limit of the busy time. */
	{ 0x0a, 0, 12, { 0x0a, 10, 0x02, 0x10, 0, 0, 0, 0, 0xff, 0xff } },
	/* Control extension: IALUAE, access states change by themselves. */
	{ 0x0a, 1, 32, { 0x4a, 1, 0, 28, 0x01, 0, SCSI_MAX_SENSE } },
	/* Informational exceptions: DEXCPT, none are reported. */
	{ 0x1c, 0, 12, { 0x1c, 10, 0x08 } },
};
const unsigned mode_pages_len = ARRAY_SIZE(mode_pages);

static const struct {
	uint8_t code, byte, shift, max;
} fields[MODE_FIELDS] = {
	[MODE_TAS] = { 0x0a, 5, 6, 1 },
	[MODE_SWP] = { 0x0a, 4, 3, 1 },
	[MODE_D_SENSE] = { 0x0a, 2, 2, 1 },
	[MODE_WCE] = { 0x08, 2, 2, 1 },
	[MODE_QERR] = { 0x0a, 3, 1, 3 },
};

#define QERR_RESERVED 2

static bool field_on(unsigned f, const struct mode_page *page)
{
	return fields[f].code == page->code && !page->subpage;
}

/* Without a volatile cache there is none to be switched on. */
static bool field_changeable(const struct lu *lu, unsigned f)
{
	return f != MODE_WCE || lu->info->write_cache;
}

static bool value_possible(unsigned f, unsigned value)
{
	return value <= fields[f].max && !(f == MODE_QERR && value == QERR_RESERVED);
}

/* ---- values ---- */

mode_values mode_default(const struct lu *lu)
{
	return mode_set(mode_set(0, MODE_TAS, 1), MODE_WCE, lu->info->write_cache);
}

mode_values mode_saved(const struct lu *lu)
{
	return atomic_load_explicit(&lu->modes.saved, memory_order_relaxed);
}

mode_values mode_current(const struct lu *lu)
{
	const struct lu_modes *m = &lu->modes;
	mode_values v = 0;

	v = mode_set(v, MODE_TAS, atomic_load_explicit(&m->tas, memory_order_relaxed));
	v = mode_set(v, MODE_SWP, atomic_load_explicit(&m->swp, memory_order_relaxed));
	v = mode_set(v, MODE_D_SENSE, atomic_load_explicit(&m->d_sense, memory_order_relaxed));
	v = mode_set(v, MODE_WCE, atomic_load_explicit(&m->wce, memory_order_relaxed));
	return mode_set(v, MODE_QERR, atomic_load_explicit(&m->qerr, memory_order_relaxed));
}

void mode_publish(struct lu *lu, mode_values v)
{
	struct lu_modes *m = &lu->modes;

	atomic_store_explicit(&m->tas, mode_get(v, MODE_TAS), memory_order_relaxed);
	atomic_store_explicit(&m->swp, mode_get(v, MODE_SWP), memory_order_relaxed);
	atomic_store_explicit(&m->d_sense, mode_get(v, MODE_D_SENSE), memory_order_relaxed);
	atomic_store_explicit(&m->wce, mode_get(v, MODE_WCE), memory_order_relaxed);
	atomic_store_explicit(&m->qerr, mode_get(v, MODE_QERR), memory_order_relaxed);
}

static void saved_set(struct lu *lu, mode_values v)
{
	lu->modes.keep = v;
	atomic_store_explicit(&lu->modes.saved, v, memory_order_relaxed);
	mode_publish(lu, v);
}

void mode_init(struct lu *lu)
{
	saved_set(lu, mode_default(lu));
}

bool mode_reset(struct lu *lu)
{
	mode_values old = mode_current(lu), new = mode_saved(lu);

	mode_publish(lu, new);
	return mode_wce_goes(old, new);
}

/* ---- pages ---- */

const struct mode_page *mode_page_find(uint8_t code, uint8_t subpage)
{
	for (unsigned i = 0; i < mode_pages_len; i++)
		if (mode_pages[i].code == code && mode_pages[i].subpage == subpage)
			return &mode_pages[i];
	return NULL;
}

void mode_page_build(const struct lu *lu, const struct mode_page *page, mode_values v, uint8_t *p)
{
	memcpy(p, page->bytes, page->len);
	for (unsigned f = 0; f < MODE_FIELDS; f++) {
		if (!field_on(f, page))
			continue;
		p[fields[f].byte] |= (uint8_t)(mode_get(v, f) << fields[f].shift);
		if (lu_keeps(lu))
			p[0] |= MODE_PS;
	}
}

void mode_page_mask(const struct lu *lu, const struct mode_page *page, uint8_t *p)
{
	unsigned header = mode_page_header(page);

	mode_page_build(lu, page, 0, p);
	memset(p + header, 0, page->len - header);
	for (unsigned f = 0; f < MODE_FIELDS; f++)
		if (field_on(f, page) && field_changeable(lu, f))
			p[fields[f].byte] |= (uint8_t)(fields[f].max << fields[f].shift);
}

/* ---- parameter lists ---- */

/* A list while it is read; @at: where the part that is looked at begins. */
struct mode_list {
	const struct lu *lu;
	const uint8_t *p;
	size_t len, at;
	struct mode_fault *fault;
};

static bool list_fault(const struct mode_list *l, size_t byte, int bit)
{
	*l->fault = (struct mode_fault){ SENSE_INVALID_FIELD_IN_LIST, (uint16_t)(l->at + byte),
					 (int8_t)bit };
	return false;
}

static bool list_truncated(const struct mode_list *l)
{
	*l->fault = (struct mode_fault){ SENSE_PARAMETER_LIST_LENGTH, 0, -1 };
	return false;
}

/* 0: as it is; all ones: as much as there is. */
static bool blocks_match(uint64_t told, uint64_t ones, uint64_t have)
{
	return !told || told == have || told == ones;
}

/* The format cannot be changed: a descriptor may only say what is. */
static bool list_descriptor(struct mode_list *l, size_t n)
{
	const uint8_t *d = l->p + l->at;
	uint32_t block = 1u << l->lu->block_shift;

	if (n > l->len - l->at)
		return list_truncated(l);
	if (n == 8) {
		if (!blocks_match(get_be32(d), UINT32_MAX, lu_nblocks(l->lu)))
			return list_fault(l, 0, -1);
		if (get_be24(d + 5) != block)
			return list_fault(l, 5, -1);
	} else if (n == 16) {
		if (!blocks_match(get_be64(d), UINT64_MAX, lu_nblocks(l->lu)))
			return list_fault(l, 0, -1);
		if (get_be32(d + 12) != block)
			return list_fault(l, 12, -1);
	}
	l->at += n;
	return true;
}

/* MODE DATA LENGTH is reserved here, WP and DPOFUA are not for the initiator to say. */
static bool list_header(struct mode_list *l, bool ten)
{
	size_t n = ten ? 8 : 4, descriptor, want = 8;

	if (l->len < n)
		return list_truncated(l);
	if (l->p[ten ? 2 : 1])
		return list_fault(l, ten ? 2 : 1, -1);
	if (ten && (l->p[4] & 0x01))
		want = 16;
	descriptor = ten ? get_be16(l->p + 6) : l->p[3];
	if (descriptor && descriptor != want)
		return list_fault(l, ten ? 6 : 3, -1);
	l->at = n;
	return list_descriptor(l, descriptor);
}

/* The page begins at l->at, all of it is there. */
static bool list_values(const struct mode_list *l, const struct mode_page *page, mode_values *v)
{
	const uint8_t *p = l->p + l->at;
	uint8_t now[MODE_PAGE_MAX], mask[MODE_PAGE_MAX];

	mode_page_build(l->lu, page, *v, now);
	mode_page_mask(l->lu, page, mask);
	for (unsigned i = mode_page_header(page); i < page->len; i++) {
		unsigned bad = (p[i] ^ now[i]) & ~mask[i] & 0xff;

		if (bad)
			return list_fault(l, i, 31 - __builtin_clz(bad));
	}
	for (unsigned f = 0; f < MODE_FIELDS; f++) {
		unsigned value;

		if (!field_on(f, page))
			continue;
		value = p[fields[f].byte] >> fields[f].shift & fields[f].max;
		if (!value_possible(f, value))
			return list_fault(l, fields[f].byte,
					  fields[f].shift + 31 - __builtin_clz(fields[f].max));
		*v = mode_set(*v, f, value);
	}
	return true;
}

/* PS is reserved in MODE SELECT, and initiators send back what they were told. */
static bool list_page(struct mode_list *l, mode_values *v)
{
	const uint8_t *p = l->p + l->at;
	size_t left = l->len - l->at, header = p[0] & MODE_SPF ? 4 : 2, len;
	const struct mode_page *page;

	if (left < header)
		return list_truncated(l);
	len = header + (header == 4 ? get_be16(p + 2) : p[1]);
	page = mode_page_find(p[0] & 0x3f, header == 4 ? p[1] : 0);
	if (!page)
		return mode_page_find(p[0] & 0x3f, 0) ? list_fault(l, 1, -1) :
							list_fault(l, 0, 5);
	if (mode_page_header(page) != header)
		return list_fault(l, 0, 6);
	if (len != page->len)
		return list_fault(l, header - (header == 4 ? 2 : 1), -1);
	if (left < len)
		return list_truncated(l);
	if (!list_values(l, page, v))
		return false;
	l->at += len;
	return true;
}

bool mode_list_apply(const struct lu *lu, const uint8_t *list, size_t len, bool ten,
		     mode_values *v, struct mode_fault *fault)
{
	struct mode_list l = { .lu = lu, .p = list, .len = len, .fault = fault };

	if (!list_header(&l, ten))
		return false;
	while (l.at < l.len)
		if (!list_page(&l, v))
			return false;
	return true;
}

/* ---- what is kept ---- */

size_t mode_state_encode(const struct lu *lu, uint8_t *p, size_t room)
{
	mode_values other = mode_default(lu);
	size_t n = 0;

	if (room < 2u * MODE_FIELDS)
		return 0;
	for (unsigned f = 0; f < MODE_FIELDS; f++) {
		unsigned value = mode_get(lu->modes.keep, f);

		if (value == mode_get(other, f))
			continue;
		p[n++] = (uint8_t)f;
		p[n++] = (uint8_t)value;
	}
	return n;
}

int mode_state_decode(struct lu *lu, const uint8_t *p, size_t len)
{
	mode_values v = mode_default(lu);
	unsigned seen = 0;

	if (!len || len % 2)
		return -EINVAL;
	for (; len; p += 2, len -= 2) {
		unsigned f = p[0], value = p[1];

		if (f >= MODE_FIELDS || (seen & 1u << f) || !value_possible(f, value))
			return -EINVAL;
		seen |= 1u << f;
		/* The volatile cache may be gone since. */
		if (field_changeable(lu, f))
			v = mode_set(v, f, value);
	}
	saved_set(lu, v);
	return 0;
}
