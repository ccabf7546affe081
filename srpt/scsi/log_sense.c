/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LOG SENSE, SPC-4 6.8 and 7.3: one builder for each page. They run on the control thread,
 * which has the results of self-tests. Nothing can be set or reset, so there is no LOG SELECT.
 */
#include "scsi/lu.h"
#include "scsi/ops.h"

#include <string.h>

#define PC_CUMULATIVE 1
#define SUBPAGE_ALL 0xff
#define SPF 0x40            /* page byte 0 */
#define LIST 0x23           /* parameter control byte: TSD, binary list */
#define COUNTER 0x22        /* TSD, unbounded counter */
#define TEMPERATURE_NONE 0xff
#define SCOPE_LU 0x01       /* resources of this LU alone */
#define SCOPE_SHARED 0x02
#define PAGE_PROVISIONING 0x0c

/* A page being built; parameters of codes below @from are left out. */
struct log_out {
	uint8_t *p;
	unsigned n;
	uint16_t from;
	const struct be_usage *usage; /* of page 0Ch */
};

struct log_page {
	uint8_t code, subpage;
	uint16_t last; /* parameter code; 0 for pages without parameters */
	void (*build)(const struct lu *lu, struct log_out *o);
	bool (*offered)(const struct lu *lu); /* NULL: on every LU */
};

/* Room for parameter @code, or NULL: it is not wanted. */
static uint8_t *log_add(struct log_out *o, uint16_t code, uint8_t control, uint8_t len)
{
	uint8_t *p = o->p + o->n;

	if (code < o->from)
		return NULL;
	put_be16(p, code);
	p[2] = control;
	p[3] = len;
	o->n += 4u + len;
	return p + 4;
}

static void log_add_counter(struct log_out *o, uint16_t code, uint64_t value)
{
	uint8_t *p = log_add(o, code, COUNTER, 8);

	if (p)
		put_be64(p, value);
}

static void build_pages(const struct lu *lu, struct log_out *o);
static void build_subpages(const struct lu *lu, struct log_out *o);

/* SPC-4 table 337: 5 bytes processed, 6 uncorrected errors. */
static void build_errors(struct log_out *o, uint64_t bytes, uint64_t errors)
{
	log_add_counter(o, 5, bytes);
	log_add_counter(o, 6, errors);
}

static void build_write_errors(const struct lu *lu, struct log_out *o)
{
	struct lu_stats s;

	lu_stats(lu, &s);
	build_errors(o, s.write_bytes, s.write_errors);
}

static void build_read_errors(const struct lu *lu, struct log_out *o)
{
	struct lu_stats s;

	lu_stats(lu, &s);
	build_errors(o, s.read_bytes, s.read_errors);
}

static bool usage_offered(const struct lu *lu)
{
	return lu->thin && lu->info->knows_usage;
}

/*
 * Resource count, SBC-3 6.4.5: in blocks, since there are no thresholds (VPD B2h), or as many
 * as the field can tell.
 */
static void add_resources(const struct lu *lu, struct log_out *o, uint16_t code, uint64_t bytes,
			  uint8_t scope)
{
	uint8_t *p = log_add(o, code, LIST, 8);

	if (!p)
		return;
	put_be32(p, (uint32_t)min_u64(bytes >> lu->block_shift, UINT32_MAX));
	p[4] = scope;
}

static void build_provisioning(const struct lu *lu, struct log_out *o)
{
	add_resources(lu, o, 1, o->usage->available, SCOPE_SHARED);
	add_resources(lu, o, 2, o->usage->used, SCOPE_LU);
}

/* Neither the temperature nor a reference for it is known. */
static void build_temperature(const struct lu *lu, struct log_out *o)
{
	(void)lu;
	for (uint16_t code = 0; code <= 1; code++) {
		uint8_t *p = log_add(o, code, LIST, 2);

		if (p)
			p[1] = TEMPERATURE_NONE;
	}
}

static void put_self_test(uint8_t *p, const struct self_test *t)
{
	p[0] = (uint8_t)(t->code << 5 | t->result);
	p[1] = t->segment;
	put_be16(p + 2, t->hours);
	put_be64(p + 4, t->lba);
	p[12] = t->key;
	p[13] = t->asc;
	p[14] = t->ascq;
}

/* The latest first; those that there were not are zeros. */
static void build_self_tests(const struct lu *lu, struct log_out *o)
{
	for (uint16_t i = 0; i < SELF_TESTS; i++) {
		const struct self_test *t = self_test_find(&lu->self_tests, i);
		uint8_t *p = log_add(o, (uint16_t)(i + 1), LIST, 16);

		if (p && t)
			put_self_test(p, t);
	}
}

/* No exception is pending, none ever is (mode page 1Ch: DEXCPT). */
static void build_exceptions(const struct lu *lu, struct log_out *o)
{
	uint8_t *p = log_add(o, 0, LIST, 4);

	(void)lu;
	if (p)
		p[2] = p[3] = TEMPERATURE_NONE; /* what it is, and by convention its limit */
}

/* Ascending by code and subpage: the lists have them in this order. */
static const struct log_page pages[] = {
	{ 0x00, 0x00, 0, build_pages, NULL },
	{ 0x00, SUBPAGE_ALL, 0, build_subpages, NULL },
	{ 0x02, 0x00, 6, build_write_errors, NULL },
	{ 0x03, 0x00, 6, build_read_errors, NULL },
	{ PAGE_PROVISIONING, 0x00, 2, build_provisioning, usage_offered },
	{ 0x0d, 0x00, 1, build_temperature, NULL },
	{ 0x10, 0x00, SELF_TESTS, build_self_tests, NULL },
	{ 0x2f, 0x00, 0, build_exceptions, NULL },
};

static bool page_offered(const struct lu *lu, const struct log_page *page)
{
	return !page->offered || page->offered(lu);
}

static void build_pages(const struct lu *lu, struct log_out *o)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		if (!pages[i].subpage && page_offered(lu, &pages[i]))
			o->p[o->n++] = pages[i].code;
}

static void build_subpages(const struct lu *lu, struct log_out *o)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!page_offered(lu, &pages[i]))
			continue;
		o->p[o->n++] = pages[i].code;
		o->p[o->n++] = pages[i].subpage;
	}
}

static const struct log_page *page_find(const struct scsi_cmd *cmd, bool *code_known)
{
	const uint8_t *cdb = cmd->cdb;

	*code_known = false;
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i].code != (cdb[2] & 0x3f) || !page_offered(cmd->lu, &pages[i]))
			continue;
		*code_known = true;
		if (pages[i].subpage == cdb[3])
			return &pages[i];
	}
	return NULL;
}

bool prep_log_sense(struct scsi_cmd *cmd)
{
	bool code_known;
	const struct log_page *page = page_find(cmd, &code_known);

	if (cmd->cdb[2] >> 6 != PC_CUMULATIVE)
		return cmd_bad_field(cmd, 2, 7);
	if (!page)
		return code_known ? cmd_bad_field(cmd, 3, -1) : cmd_bad_field(cmd, 2, 5);
	if (get_be16(cmd->cdb + 5) > page->last)
		return cmd_bad_field(cmd, 5, -1);
	if (page->code == PAGE_PROVISIONING)
		cmd->aux_len = sizeof(struct be_usage);
	return true;
}

static void log_reply(struct scsi_cmd *cmd)
{
	cmd_reply(cmd, cmd->arg);
}

/* Control thread. */
static void log_build(struct scsi_cmd *cmd)
{
	uint8_t *p = cmd->buf.addr;
	struct log_out o = {
		.p = p + 4, .from = get_be16(cmd->cdb + 5),
		.usage = (const struct be_usage *)(const void *)cmd->aux.addr,
	};
	bool code_known;
	const struct log_page *page = page_find(cmd, &code_known);

	page->build(cmd->lu, &o);
	p[0] = (uint8_t)(page->code | (page->subpage ? SPF : 0));
	p[1] = page->subpage;
	put_be16(p + 2, (uint16_t)o.n);
	cmd->arg = 4 + o.n;
	cmd_control_return(cmd, log_reply);
}

static void usage_found(struct scsi_cmd *cmd)
{
	if (cmd->io.result)
		cmd_fail_io(cmd);
	else
		cmd_control(cmd, log_build);
}

void op_log_sense(struct scsi_cmd *cmd)
{
	if (!cmd->aux_len) {
		cmd_control(cmd, log_build);
		return;
	}
	cmd->io.buf = cmd->aux;
	cmd->io.buf.len = cmd->aux_len;
	cmd_io(cmd, BE_USAGE, 0, 0, NULL, usage_found);
}
