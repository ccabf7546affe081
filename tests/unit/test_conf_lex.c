/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens and their places; statements and where a block may begin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

static struct conf_lex lex;
static struct conf_stmt stmt;

/* Tokens as "line:col kind[word] ..." */
static void assert_tokens(const char *text, size_t len, size_t errors, const char *want)
{
	static const char kinds[] = "wb{}ne";
	struct conf_diag_list diags = { 0 };
	char got[1024];
	size_t n = 0;

	conf_lex_init(&lex, text, len, &diags);
	got[0] = '\0';
	do {
		conf_lex_next(&lex);
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%u:%u%c", lex.pos.line,
				      lex.pos.col, kinds[lex.token]);
		if (lex.token == CONF_TOK_WORD)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%s]", lex.word);
		n += (size_t)snprintf(got + n, sizeof(got) - n, " ");
	} while (lex.token != CONF_TOK_END);
	assert_string_equal(got, want);
	assert_int_equal(diags.errors, errors);
	conf_diag_free(&diags);
}

static void test_tokens(void **state)
{
	static const struct {
		const char *text;
		size_t errors;
		const char *want;
	} rows[] = {
		{ "", 0, "1:1e " },
		{ "a  b\n c", 0, "1:1w[a] 1:4w[b] 1:5n 2:2w[c] 2:3e " },
		{ "a{b}c", 0, "1:1w[a] 1:2{ 1:3w[b] 1:4} 1:5w[c] 1:6e " },
		{ "\"a {b}\" c", 0, "1:1w[a {b}] 1:9w[c] 1:10e " },
		{ "\"\"", 0, "1:1w[] 1:3e " },
		{ "\"a\"{", 0, "1:1w[a] 1:4{ 1:5e " },
		{ "\"a\\\"\\\\\\x\"", 0, "1:1w[a\"\\x] 1:10e " },
		{ "a\\ \\{\\#\\\"b", 0, "1:1w[a {#\"b] 1:11e " },
		{ "# all\na # b\r\n", 0, "1:6n 2:1w[a] 2:7n 3:1e " },
		{ "}#x", 0, "1:1} 1:4e " },
		{ "a\r\nb\r", 1, "1:1w[a] 1:3n 2:1b 2:3e " },
		{ "a#b", 1, "1:1b 1:4e " },
		{ "a\"b", 1, "1:1b 1:4e " },
		{ "\"a", 1, "1:1b 1:3e " },
		{ "\"a\\", 1, "1:1b 1:4e " },
		{ "\"a\nb", 1, "1:1b 1:3n 2:1w[b] 2:2e " },
		{ "\"a\"b c", 1, "1:1b 1:6w[c] 1:7e " },
		{ "a\\\nb", 1, "1:1b 1:3n 2:1w[b] 2:2e " },
		{ "\"\x01 {\" b", 1, "1:1b 1:7w[b] 1:8e " },
		{ "\xc3\xa4", 0, "1:1w[\xc3\xa4] 1:3e " },
		{ "\xc3", 1, "1:1b 1:2e " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_tokens(rows[i].text, strlen(rows[i].text), rows[i].errors, rows[i].want);
}

static void test_nul_ends_everything(void **state)
{
	(void)state;
	assert_tokens("a \0 b", 5, 1, "1:1w[a] 1:3e ");
	assert_tokens("a\0b", 3, 1, "1:1w[a] 1:2e ");
	assert_tokens("\"a\0\"", 4, 2, "1:1b 1:3e ");
	assert_tokens("# \0\nb", 5, 1, "1:3e ");
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "a", 1 }, { " ", 1 }, { "~", 1 }, { "\x7f", 0 }, { "\x1f", 0 }, { "\x80", 0 },
		{ "\xc2\x80", 0 }, { "\xc2\xa0", 2 }, { "\xc0\x80", 0 }, { "\xc1\xbf", 0 },
		{ "\xdf\xbf", 2 }, { "\xe0\x9f\xbf", 0 }, { "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 }, { "\xed\xa0\x80", 0 }, { "\xed\xbf\xbf", 0 },
		{ "\xee\x80\x80", 3 }, { "\xef\xbf\xbd", 3 }, { "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 }, { "\xf4\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 }, { "\xe2\x82", 0 }, { "\xe2\x28\xa1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (conf_utf8_len(rows[i].text, strlen(rows[i].text)) != rows[i].len)
			fail_msg("row %zu", i);
	assert_int_equal(conf_utf8_len("\xe2\x82\xac", 2), 0);	/* cut off */
	assert_int_equal(conf_utf8_len("", 0), 0);
}

static void assert_stmt(enum conf_stmt_kind kind, size_t count, bool block)
{
	conf_stmt_read(&lex, &stmt);
	assert_int_equal(stmt.kind, kind);
	if (kind != CONF_STMT_WORD)
		return;
	assert_int_equal(stmt.count, count);
	assert_int_equal(stmt.block, block);
}

static void test_statements(void **state)
{
	static const char text[] = "a b\n\n# c\n{ d } e f g h i\n{j\n}\n";
	struct conf_diag_list diags = { 0 };

	(void)state;
	conf_lex_init(&lex, text, sizeof(text) - 1, &diags);
	assert_stmt(CONF_STMT_WORD, 2, true);
	assert_string_equal(stmt.words[1], "b");
	assert_int_equal(stmt.word_pos[1].col, 3);
	assert_int_equal(stmt.block_pos.line, 4);
	assert_stmt(CONF_STMT_WORD, 1, false);
	assert_string_equal(stmt.words[0], "d");
	assert_stmt(CONF_STMT_CLOSE, 0, false);
	assert_stmt(CONF_STMT_WORD, 5, true);		/* more words than are kept */
	assert_string_equal(stmt.words[CONF_STMT_WORDS - 1], "g");
	assert_stmt(CONF_STMT_WORD, 1, false);
	assert_stmt(CONF_STMT_CLOSE, 0, false);
	assert_stmt(CONF_STMT_END, 0, false);
	assert_stmt(CONF_STMT_END, 0, false);
	assert_int_equal(diags.errors, 0);
	conf_diag_free(&diags);
}

static void count_stmt(void *arg, const struct conf_stmt *s)
{
	(void)s;
	++*(int *)arg;
}

static void test_skip(void **state)
{
	static const char text[] = "x { a 1\n b { c\n d {} } e }\ny";
	struct conf_diag_list diags = { 0 };
	int seen = 0;

	(void)state;
	conf_lex_init(&lex, text, sizeof(text) - 1, &diags);
	assert_stmt(CONF_STMT_WORD, 1, true);
	conf_stmt_skip(&lex, &stmt, 1, count_stmt, &seen);
	assert_int_equal(seen, 3);			/* a, b, e */
	assert_stmt(CONF_STMT_WORD, 1, false);
	assert_string_equal(stmt.words[0], "y");
	assert_int_equal(diags.errors, 0);
	conf_diag_free(&diags);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_nul_ends_everything),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_skip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
