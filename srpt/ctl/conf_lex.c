/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to tokens: words, braces and line ends.
 *
 * As scstadmin reads it: '{' and '}' outside quotes always stand for themselves, a backslash takes
 * the meaning from the next character, "..." makes one word of text with blanks, '#' begins a
 * comment. scstadmin drops the character before a '#' that follows a word directly; here that is
 * an error, because either reading of "filename /a#b" may export the wrong file.
 */
#include <string.h>

#include "ctl/conf_priv.h"

void conf_lex_init(struct conf_lex *lex, const char *text, size_t len,
		   struct conf_diag_list *diags)
{
	lex->p = text;
	lex->end = text + len;
	lex->here = (struct conf_pos){ 1, 1 };
	lex->diags = diags;
	lex->aborted = false;
	lex->pushed_back = false;
	lex->token = CONF_TOK_END;
	lex->len = 0;
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))	/* byte order mark */
		lex->p += 3;
}

void conf_lex_push_back(struct conf_lex *lex)
{
	lex->pushed_back = true;
}

static void lex_advance(struct conf_lex *lex, size_t n)
{
	lex->p += n;
	lex->here.col += (uint32_t)n;
}

static void lex_newline(struct conf_lex *lex)
{
	lex->p++;
	lex->here.line++;
	lex->here.col = 1;
}

/* A carriage return counts as blank only before a line feed. */
static bool lex_at_crlf(const struct conf_lex *lex)
{
	return *lex->p == '\r' && lex->end - lex->p >= 2 && lex->p[1] == '\n';
}

static void lex_skip_comment(struct conf_lex *lex)
{
	const char *nl = memchr(lex->p, '\n', (size_t)(lex->end - lex->p));
	const char *nul = memchr(lex->p, '\0', (size_t)((nl ? nl : lex->end) - lex->p));

	lex_advance(lex, (size_t)((nul ? nul : nl ? nl : lex->end) - lex->p));
}

static void lex_skip_blanks(struct conf_lex *lex)
{
	while (lex->p < lex->end) {
		if (*lex->p == ' ' || *lex->p == '\t' || lex_at_crlf(lex))
			lex_advance(lex, 1);
		else if (*lex->p == '#')
			lex_skip_comment(lex);
		else
			break;
	}
}

static enum conf_token lex_abort(struct conf_lex *lex, const char *what)
{
	conf_error(lex->diags, lex->here, "%s: this is not a configuration text", what);
	lex->p = lex->end;
	lex->aborted = true;
	return CONF_TOK_END;
}

static enum conf_token lex_bad(struct conf_lex *lex, struct conf_pos pos, const char *text)
{
	conf_error(lex->diags, pos, "%s", text);
	return CONF_TOK_BAD;
}

/* Appends the character at p to the word. */
static enum conf_token lex_take(struct conf_lex *lex)
{
	size_t n = conf_utf8_len(lex->p, (size_t)(lex->end - lex->p));

	if (!n)
		return lex_bad(lex, lex->here, (unsigned char)*lex->p < 0x80 ?
			       "control character in a word" : "a word is not printable UTF-8");
	if (lex->len + n > CONF_WORD_MAX) {
		conf_error(lex->diags, lex->pos, "word too long: at most %d bytes are allowed",
			   CONF_WORD_MAX);
		return CONF_TOK_BAD;
	}
	memcpy(lex->word + lex->len, lex->p, n);
	lex->len += n;
	lex_advance(lex, n);
	return CONF_TOK_WORD;
}

static bool lex_at_end_of_line(const struct conf_lex *lex)
{
	return lex->p == lex->end || *lex->p == '\n' || *lex->p == '\0' || lex_at_crlf(lex);
}

static bool lex_at_end_of_word(const struct conf_lex *lex)
{
	return lex_at_end_of_line(lex) || strchr(" \t{}", *lex->p);
}

/* Skips what is left of a faulty word, so that it is told once. */
static enum conf_token lex_word_bad(struct conf_lex *lex)
{
	while (!lex_at_end_of_word(lex))
		lex_advance(lex, 1);
	return CONF_TOK_BAD;
}

/* The same up to the closing quote: braces in the text must not be taken for blocks. */
static enum conf_token lex_quoted_bad(struct conf_lex *lex)
{
	while (!lex_at_end_of_line(lex) && *lex->p != '"')
		lex_advance(lex, *lex->p == '\\' && lex->end - lex->p >= 2 &&
			    !strchr("\r\n", lex->p[1]) ? 2 : 1);
	if (lex->p < lex->end && *lex->p == '"')
		lex_advance(lex, 1);
	return CONF_TOK_BAD;
}

static enum conf_token lex_quoted(struct conf_lex *lex)
{
	lex_advance(lex, 1);
	while (!lex_at_end_of_line(lex) && *lex->p != '"') {
		if (*lex->p == '\\') {
			lex_advance(lex, 1);
			if (lex_at_end_of_line(lex))
				break;
		}
		if (lex_take(lex) == CONF_TOK_BAD)
			return lex_quoted_bad(lex);
	}
	if (lex->p == lex->end || *lex->p != '"')
		return lex_bad(lex, lex->pos, "the closing '\"' is missing on this line");
	lex_advance(lex, 1);
	if (!lex_at_end_of_word(lex) && *lex->p != '#') {
		lex_bad(lex, lex->here, "a blank is needed after the closing '\"'");
		return lex_word_bad(lex);
	}
	return CONF_TOK_WORD;
}

static const char *lex_bare_fault(const struct conf_lex *lex)
{
	if (*lex->p == '#')
		return "'#' inside a word: put a blank before a comment, or write \\# for it";
	if (*lex->p == '"')
		return "'\"' inside a word: quote the whole word, or write \\\" for it";
	if (*lex->p == '\\' && (lex->end - lex->p < 2 || strchr("\r\n", lex->p[1])))
		return "'\\' at the end of a line: a line cannot be continued";
	return NULL;
}

static enum conf_token lex_bare(struct conf_lex *lex)
{
	const char *fault;

	while (!lex_at_end_of_word(lex)) {
		fault = lex_bare_fault(lex);
		if (fault) {
			lex_bad(lex, lex->here, fault);
			return lex_word_bad(lex);
		}
		if (*lex->p == '\\')
			lex_advance(lex, 1);
		if (lex_take(lex) == CONF_TOK_BAD)
			return lex_word_bad(lex);
	}
	return CONF_TOK_WORD;
}

static enum conf_token lex_scan(struct conf_lex *lex)
{
	lex->len = 0;
	lex_skip_blanks(lex);
	lex->pos = lex->here;
	if (lex->p == lex->end)
		return CONF_TOK_END;
	switch (*lex->p) {
	case '\0':
		return lex_abort(lex, "NUL byte");
	case '\n':
		lex_newline(lex);
		return CONF_TOK_EOL;
	case '{':
		lex_advance(lex, 1);
		return CONF_TOK_OPEN;
	case '}':
		lex_advance(lex, 1);
		return CONF_TOK_CLOSE;
	case '"':
		return lex_quoted(lex);
	default:
		return lex_bare(lex);
	}
}

enum conf_token conf_lex_next(struct conf_lex *lex)
{
	if (lex->pushed_back) {
		lex->pushed_back = false;
		return lex->token;
	}
	lex->token = lex_scan(lex);
	lex->word[lex->len] = '\0';
	return lex->token;
}
