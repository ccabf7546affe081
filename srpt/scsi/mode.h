/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode pages, SPC-4 7.5 and SBC-3 6.5: one table of pages, one of the fields in them that
 * MODE SELECT can change. What commands look at is in lu.modes.
 */
#ifndef SRPT_SCSI_MODE_H
#define SRPT_SCSI_MODE_H

#include "scsi/lu.h"
#include "scsi/sense.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODE_PAGE_MAX 32u    /* bytes of the longest page */
#define MODE_PS 0x80         /* byte 0 of a page: it can be saved */
#define MODE_SPF 0x40        /* byte 0: the page has a subpage code */
#define MODE_ALL_PAGES 0x3f
#define MODE_ALL_SUBPAGES 0xff

/* The numbers are on disk (mode_state_encode()). */
enum mode_field {
	MODE_TAS = 0,
	MODE_SWP = 1,
	MODE_D_SENSE = 2,
	MODE_WCE = 3,
	MODE_QERR = 4,
	MODE_FIELDS,
};

/* The values of all fields: four bits for each, the first lowest. */
typedef uint32_t mode_values;

static inline unsigned mode_get(mode_values v, enum mode_field f)
{
	return v >> 4 * f & 0xf;
}

static inline mode_values mode_set(mode_values v, enum mode_field f, unsigned value)
{
	return (v & ~(0xfu << 4 * f)) | value << 4 * f;
}

/* Any thread. */
mode_values mode_current(const struct lu *lu);
mode_values mode_default(const struct lu *lu);
mode_values mode_saved(const struct lu *lu);

/* What a new LU begins with; after be and info. Control thread. */
void mode_init(struct lu *lu);

/* From now on commands find @v. Control thread. */
void mode_publish(struct lu *lu, mode_values v);

/* From @old to @new no write is answered from the cache any more: what is in it must be flushed. */
static inline bool mode_wce_goes(mode_values old, mode_values new)
{
	return mode_get(old, MODE_WCE) && !mode_get(new, MODE_WCE);
}

/*
 * LOGICAL UNIT RESET: the current values become the saved ones (SPC-4 6.11.1). True: the
 * caller must see to a flush. Control thread.
 */
bool mode_reset(struct lu *lu);

/* A page as it is told, less what can change; ascending by code and subpage. */
struct mode_page {
	uint8_t code, subpage;
	uint8_t len; /* with its header */
	uint8_t bytes[MODE_PAGE_MAX];
};
extern const struct mode_page mode_pages[];
extern const unsigned mode_pages_len;

/* Bytes of a page's header. */
static inline unsigned mode_page_header(const struct mode_page *page)
{
	return page->subpage ? 4 : 2;
}

/* NULL: there is none. */
const struct mode_page *mode_page_find(uint8_t code, uint8_t subpage);

/* @page with the fields' values @v, page->len bytes at @p. */
void mode_page_build(const struct lu *lu, const struct mode_page *page, mode_values v, uint8_t *p);

/* The page with ones where MODE SELECT may change it, zeros elsewhere behind the header. */
void mode_page_mask(const struct lu *lu, const struct mode_page *page, uint8_t *p);

/* What is wrong with a parameter list: @bit -1: all of the byte. */
struct mode_fault {
	enum scsi_sense sense;
	uint16_t byte;
	int8_t bit;
};

/*
 * The parameter list of MODE SELECT(6) or, with @ten, (10), @len ≥ 1 bytes: change *@v as it
 * asks. False: it may not, @fault says why, and *@v is of no use.
 */
bool mode_list_apply(const struct lu *lu, const uint8_t *list, size_t len, bool ten,
		     mode_values *v, struct mode_fault *fault);

/*
 * The section of lu_state: two bytes (field, value) for each saved value that is not the
 * default. Bytes written, 0: nothing to keep. Control thread.
 */
size_t mode_state_encode(const struct lu *lu, uint8_t *p, size_t room);

/* Take over saved values, which become the current ones. 0; -EINVAL: nothing was taken over. */
int mode_state_decode(struct lu *lu, const uint8_t *p, size_t len);

#endif
