/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/report.h"
#include "ctl/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_WIDTHS 32 /* columns of a table at most */

void report_begin(struct report *r, const char *key, enum report_style style,
		  const struct column *columns, size_t n_columns)
{
	if (r->n_sections == REPORT_SECTIONS || n_columns > REPORT_WIDTHS) {
		r->failed = true;
		return;
	}
	r->sections[r->n_sections++] = (struct report_section){
		.key = key, .style = style, .columns = columns, .n_columns = n_columns,
	};
}

/* The cell whose value starts at @offset - 1 of the values, 0: no value. */
static void cell_add(struct report *r, size_t offset)
{
	struct report_section *s;

	if (!r->n_sections || r->failed)
		return;
	s = &r->sections[r->n_sections - 1];
	if (s->n_cells == s->size) {
		size_t size = s->size ? 2 * s->size : 64;
		size_t *cells = reallocarray(s->cells, size, sizeof(*cells));

		if (!cells) {
			r->failed = true;
			return;
		}
		s->cells = cells;
		s->size = size;
	}
	s->cells[s->n_cells++] = offset;
}

void report_text(struct report *r, const char *value)
{
	size_t offset = r->values.len;

	if (!value) {
		cell_add(r, 0);
		return;
	}
	text_add(&r->values, value, strlen(value) + 1);
	cell_add(r, offset + 1);
}

void report_printf(struct report *r, const char *fmt, ...)
{
	size_t offset = r->values.len;
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&r->values, fmt, ap);
	va_end(ap);
	text_putc(&r->values, 0);
	cell_add(r, offset + 1);
}

void report_uint(struct report *r, uint64_t value)
{
	report_printf(r, "%" PRIu64, value);
}

void report_bool(struct report *r, bool value)
{
	report_text(r, value ? "true" : "false");
}

static size_t section_rows(const struct report_section *s)
{
	return s->n_columns ? s->n_cells / s->n_columns : 0;
}

size_t report_rows(const struct report *r)
{
	return r->n_sections ? section_rows(&r->sections[r->n_sections - 1]) : 0;
}

static const char *cell_get(const struct report *r, const struct report_section *s, size_t row,
			    size_t col)
{
	size_t offset = s->cells[row * s->n_columns + col];

	return offset ? r->values.data + offset - 1 : NULL;
}

/* ---- text ---- */

static const char *cell_shown(const struct report *r, const struct report_section *s, size_t row,
			      size_t col)
{
	const char *v = cell_get(r, s, row, col);

	if (!v || !*v)
		return "-";
	if (s->columns[col].kind == COLUMN_BOOL)
		return *v == 't' ? "yes" : "no";
	return v;
}

/* Characters of UTF-8 text, about what it takes on a terminal. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_record(const struct report *r, const struct report_section *s, struct text *out)
{
	size_t width = 0;

	for (size_t c = 0; c < s->n_columns; c++)
		if (s->columns[c].title && text_width(s->columns[c].title) > width)
			width = text_width(s->columns[c].title);
	for (size_t c = 0; c < s->n_columns && section_rows(s); c++) {
		if (!s->columns[c].title)
			continue;
		text_printf(out, "%s:", s->columns[c].title);
		text_fill(out, ' ', width - text_width(s->columns[c].title) + 1);
		text_printf(out, "%s\n", cell_shown(r, s, 0, c));
	}
}

static void print_cell(struct text *out, const char *value, size_t width, bool right, bool last)
{
	size_t pad = width - text_width(value);

	if (right)
		text_fill(out, ' ', pad);
	text_puts(out, value);
	if (last)
		text_putc(out, '\n');
	else
		text_fill(out, ' ', right ? 2 : pad + 2);
}

/* A table with one untitled column is a list of lines. */
static bool has_heading(const struct report_section *s)
{
	for (size_t c = 0; c < s->n_columns; c++)
		if (s->columns[c].title && *s->columns[c].title)
			return true;
	return false;
}

static size_t last_shown(const struct report_section *s)
{
	size_t last = 0;

	for (size_t c = 0; c < s->n_columns; c++)
		if (s->columns[c].title)
			last = c;
	return last;
}

static void print_table(const struct report *r, const struct report_section *s, struct text *out)
{
	size_t widths[REPORT_WIDTHS] = { 0 }, rows = section_rows(s), last = last_shown(s);

	for (size_t c = 0; c < s->n_columns; c++) {
		if (!s->columns[c].title)
			continue;
		widths[c] = text_width(s->columns[c].title);
		for (size_t row = 0; row < rows; row++) {
			size_t w = text_width(cell_shown(r, s, row, c));

			widths[c] = w > widths[c] ? w : widths[c];
		}
	}
	for (size_t line = has_heading(s) ? 0 : 1; line < rows + 1; line++) {
		for (size_t c = 0; c < s->n_columns; c++) {
			const char *title = s->columns[c].title;

			if (title)
				print_cell(out, line ? cell_shown(r, s, line - 1, c) : title,
					   widths[c], s->columns[c].kind == COLUMN_NUMBER,
					   c == last);
		}
	}
}

static void print_text(const struct report *r, struct text *out)
{
	for (unsigned i = 0; i < r->n_sections; i++) {
		const struct report_section *s = &r->sections[i];

		if (r->n_sections > 1 && s->style == REPORT_TABLE && !section_rows(s))
			continue;
		if (i)
			text_putc(out, '\n');
		if (s->style == REPORT_RECORD)
			print_record(r, s, out);
		else
			print_table(r, s, out);
	}
}

/* ---- JSON ---- */

static void print_members(const struct report *r, const struct report_section *s, size_t row,
			  struct json *j)
{
	for (size_t c = 0; c < s->n_columns; c++) {
		const char *v = cell_get(r, s, row, c);

		if (v && s->columns[c].kind != COLUMN_TEXT)
			json_raw(j, s->columns[c].key, v);
		else
			json_string(j, s->columns[c].key, v);
	}
}

static void print_array(const struct report *r, const struct report_section *s, const char *key,
			struct json *j)
{
	json_array_begin(j, key);
	for (size_t row = 0; row < section_rows(s); row++) {
		json_object_begin(j, NULL);
		print_members(r, s, row, j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void print_json(const struct report *r, struct text *out)
{
	struct json j;

	json_init(&j, out);
	if (r->n_sections == 1 && r->sections[0].style == REPORT_TABLE) {
		print_array(r, &r->sections[0], NULL, &j);
		return;
	}
	json_object_begin(&j, NULL);
	for (unsigned i = 0; i < r->n_sections; i++) {
		const struct report_section *s = &r->sections[i];

		if (s->style == REPORT_TABLE)
			print_array(r, s, s->key, &j);
		else if (section_rows(s))
			print_members(r, s, 0, &j);
	}
	json_object_end(&j);
}

bool report_print(const struct report *r, bool json, struct text *out)
{
	if (r->failed || r->values.failed)
		return false;
	if (json)
		print_json(r, out);
	else
		print_text(r, out);
	return !out->failed;
}

void report_free(struct report *r)
{
	for (unsigned i = 0; i < r->n_sections; i++)
		free(r->sections[i].cells);
	text_free(&r->values);
	*r = (struct report){ 0 };
}
