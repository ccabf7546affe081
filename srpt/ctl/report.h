/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer made of rows: filled once, printed as aligned text for people or as JSON for
 * programs. Columns are constant tables, so both forms tell the same.
 */
#ifndef SRPT_CTL_REPORT_H
#define SRPT_CTL_REPORT_H

#include "ctl/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_BOOL };

struct column {
	const char *key;   /* JSON member */
	const char *title; /* heading in text; NULL: in JSON only */
	enum column_kind kind;
};

enum report_style {
	REPORT_RECORD, /* one row; text has a line per column, JSON members of the object */
	REPORT_TABLE,  /* text has a line per row; JSON has an array of objects */
};

#define REPORT_SECTIONS 6

struct report_section {
	const char *key; /* JSON member when there is more than one section */
	const struct column *columns;
	size_t n_columns;
	enum report_style style;
	size_t *cells; /* offsets into the values + 1, 0: no value */
	size_t n_cells;
	size_t size;
};

/* Zero-initialise before use. */
struct report {
	struct report_section sections[REPORT_SECTIONS];
	unsigned n_sections;
	struct text values; /* all cells, NUL-terminated */
	bool failed;
};

/* Start a section; the cells that follow fill its rows in the order of the columns. */
void report_begin(struct report *r, const char *key, enum report_style style,
		  const struct column *columns, size_t n_columns);
/* One cell each. NULL: no value (JSON null, "-" in text). Numbers keep their digits. */
void report_text(struct report *r, const char *value);
void report_printf(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_uint(struct report *r, uint64_t value);
void report_bool(struct report *r, bool value);

/* Full rows of the section that was begun last. */
size_t report_rows(const struct report *r);

/*
 * Print to @out: JSON is one array for one table, else one object. False when memory ran out.
 * Cells of a half-filled last row are left out.
 */
bool report_print(const struct report *r, bool json, struct text *out);
void report_free(struct report *r);

/* Columns of a table given as an array. */
#define REPORT_BEGIN(r, key, style, columns) \
	report_begin((r), (key), (style), (columns), sizeof(columns) / sizeof((columns)[0]))

#endif
