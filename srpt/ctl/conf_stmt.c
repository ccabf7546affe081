/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens to statements: the words of one line and whether a block follows them. */
#include <string.h>

#include "ctl/conf_priv.h"

static void stmt_add_word(struct conf_stmt *stmt, const struct conf_lex *lex)
{
	if (lex->token == CONF_TOK_BAD)
		stmt->kind = CONF_STMT_BAD;
	if (stmt->count < CONF_STMT_WORDS) {
		memcpy(stmt->words[stmt->count], lex->word, lex->len + 1);
		stmt->word_pos[stmt->count] = lex->pos;
	}
	stmt->count++;
}

static void stmt_open_block(struct conf_stmt *stmt, const struct conf_lex *lex)
{
	stmt->block = true;
	stmt->block_pos = lex->pos;
}

/* The '{' of a block may stand on one of the next lines. */
static void stmt_end_line(struct conf_lex *lex, struct conf_stmt *stmt)
{
	while (conf_lex_next(lex) == CONF_TOK_EOL)
		;
	if (lex->token == CONF_TOK_OPEN)
		stmt_open_block(stmt, lex);
	else
		conf_lex_push_back(lex);
}

static void stmt_read_words(struct conf_lex *lex, struct conf_stmt *stmt)
{
	for (;;) {
		switch (lex->token) {
		case CONF_TOK_WORD:
		case CONF_TOK_BAD:
			stmt_add_word(stmt, lex);
			break;
		case CONF_TOK_OPEN:
			stmt_open_block(stmt, lex);
			return;
		case CONF_TOK_EOL:
			stmt_end_line(lex, stmt);
			return;
		default:
			conf_lex_push_back(lex);
			return;
		}
		conf_lex_next(lex);
	}
}

void conf_stmt_read(struct conf_lex *lex, struct conf_stmt *stmt)
{
	stmt->count = 0;
	stmt->block = false;
	while (conf_lex_next(lex) == CONF_TOK_EOL)
		;
	stmt->pos = lex->pos;
	switch (lex->token) {
	case CONF_TOK_END:
		stmt->kind = CONF_STMT_END;
		return;
	case CONF_TOK_CLOSE:
		stmt->kind = CONF_STMT_CLOSE;
		return;
	case CONF_TOK_OPEN:
		stmt->kind = CONF_STMT_BAD;
		stmt_open_block(stmt, lex);
		conf_error(lex->diags, lex->pos, "'{' without a word before it that opens a block");
		return;
	default:
		stmt->kind = CONF_STMT_WORD;
		stmt_read_words(lex, stmt);
	}
}

static void stmt_missing_close(struct conf_lex *lex, struct conf_pos open)
{
	if (!lex->aborted)
		conf_error(lex->diags, open, "the block opened here is not closed by '}'");
}

void conf_stmt_skip(struct conf_lex *lex, struct conf_stmt *stmt, int depth,
		    void (*seen)(void *arg, const struct conf_stmt *stmt), void *arg)
{
	struct conf_pos open = stmt->block_pos;
	int level = depth;

	for (;;) {
		conf_stmt_read(lex, stmt);
		if (stmt->kind == CONF_STMT_END) {
			stmt_missing_close(lex, open);
			return;
		}
		if (stmt->kind == CONF_STMT_CLOSE) {
			if (level-- == depth)
				return;
			continue;
		}
		if (level == depth && seen && stmt->kind == CONF_STMT_WORD)
			seen(arg, stmt);
		if (!stmt->block)
			continue;
		if (++level == CONF_DEPTH_MAX + 1)
			conf_error(lex->diags, stmt->block_pos,
				   "blocks are nested too deeply: at most %d levels are allowed",
				   CONF_DEPTH_MAX);
	}
}
