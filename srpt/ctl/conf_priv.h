/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the conf*.c files share among themselves. */
#ifndef SRPT_CTL_CONF_PRIV_H
#define SRPT_CTL_CONF_PRIV_H

#include "ctl/conf.h"

/* ---- conf_diag.c ---- */

/*
 * Adds a message; bytes that are no printable UTF-8 are replaced. Errors and warnings beyond
 * CONF_DIAGS_MAX, and those for which there is no memory, are only counted.
 */
void conf_diag_add(struct conf_diag_list *list, enum conf_severity severity, struct conf_pos pos,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* By line and column; messages of one place stay in the order they were added. */
void conf_diag_sort(struct conf_diag_list *list);
/* Bytes of the UTF-8 character that starts at p, of n left; 0 = invalid or a control character. */
size_t conf_utf8_len(const char *p, size_t n);

#define conf_error(list, pos, ...) conf_diag_add(list, CONF_ERROR, pos, __VA_ARGS__)
#define conf_warn(list, pos, ...) conf_diag_add(list, CONF_WARNING, pos, __VA_ARGS__)

/* ---- conf_lex.c ---- */

enum conf_token {
	CONF_TOK_WORD,
	CONF_TOK_BAD,		/* a word with a fault that has been reported */
	CONF_TOK_OPEN,
	CONF_TOK_CLOSE,
	CONF_TOK_EOL,
	CONF_TOK_END,
};

struct conf_lex {
	const char *p, *end;
	struct conf_pos here;		/* of p */
	struct conf_diag_list *diags;
	bool aborted;			/* no text file: told once, the rest is not looked at */
	bool pushed_back;		/* the last token is to be delivered again */
	/* The last token: */
	enum conf_token token;
	struct conf_pos pos;
	size_t len;
	char word[CONF_WORD_MAX + 1];
};

void conf_lex_init(struct conf_lex *lex, const char *text, size_t len,
		   struct conf_diag_list *diags);
enum conf_token conf_lex_next(struct conf_lex *lex);
void conf_lex_push_back(struct conf_lex *lex);

/* ---- conf_stmt.c ---- */

enum { CONF_STMT_WORDS = 3 };	/* what is kept; more are counted */

enum conf_stmt_kind {
	CONF_STMT_WORD,		/* words, perhaps with a block */
	CONF_STMT_BAD,		/* the same, a fault in it has been reported */
	CONF_STMT_CLOSE,	/* the block ends */
	CONF_STMT_END,		/* the text ends */
};

/* One line of the file: words, and whether a block follows (its '{' is consumed). */
struct conf_stmt {
	enum conf_stmt_kind kind;
	struct conf_pos pos;		/* of the first word or of '}' */
	size_t count;			/* words on the line */
	bool block;
	struct conf_pos block_pos;	/* of '{' */
	struct conf_pos word_pos[CONF_STMT_WORDS];
	char words[CONF_STMT_WORDS][CONF_WORD_MAX + 1];
};

void conf_stmt_read(struct conf_lex *lex, struct conf_stmt *stmt);
/*
 * Skips to the end of the block just opened at depth. names, if not NULL, is called for each
 * "word name" statement that stands directly in it.
 */
void conf_stmt_skip(struct conf_lex *lex, struct conf_stmt *stmt, int depth,
		    void (*seen)(void *arg, const struct conf_stmt *stmt), void *arg);

/* ---- conf_keys.c ---- */

/* All keys of a block, for a structure of that block. NULL if it has none. */
const struct conf_key *conf_block_keys(enum conf_block block, size_t *count);
uint64_t conf_key_bit(const struct conf_key *key);

/* ---- conf_value.c ---- */

/*
 * Converts text into the field of base. 0, -ENOMEM, or -EINVAL with a sentence in why that says
 * what is wrong and what is allowed. The field is untouched unless 0.
 */
int conf_value_set(const struct conf_key *key, void *base, const char *text, char *why,
		   size_t size);
/* Sets every field of the block to its default. 0 or -ENOMEM. */
int conf_values_init(enum conf_block block, void *base);
/* Repeatable: the values are in an array that conf_value_set() and its like do not know. */
bool conf_key_is_list(const struct conf_key *key);
void conf_values_free(enum conf_block block, void *base);
bool conf_values_equal(enum conf_block block, const void *a, const void *b);
/* The same, but those that may change while in use are passed over. */
bool conf_values_alike(enum conf_block block, const void *a, const void *b);
/* The value as it would be written, without line end; quoted where needed. */
void conf_value_print(const struct conf_key *key, const void *base, FILE *f);
/* A word, quoted if it must be. */
void conf_word_print(const char *word, FILE *f);
/* Printable ASCII only, 1..max characters; with strict neither blanks, quotes nor slashes. */
bool conf_name_valid(const char *text, size_t max, bool strict);
/* A port number, 1..65535, in decimal digits. */
bool conf_port_parse(const char *text, uint16_t *port);
/*
 * Cuts *addr before ":PORT" and returns the text of the port, NULL if there is none. Brackets round
 * the address go, and more than one colon without them is an address without port.
 */
char *conf_port_split(char **addr);
/* What is behind "ib:", which is changed; as conf_portal_parse(). */
bool conf_portal_ib_parse(char *text, struct conf_portal *p, const char **why);

/* ---- conf_identity.c ---- */

/* A version 8 (RFC 9562) UUID that depends on setup_id and name only. */
void conf_uuid_derive(uint32_t setup_id, const char *name, uint8_t uuid[16]);
/* A hash of 64 bits of what is added, in pieces of any size. */
uint64_t conf_hash_begin(void);
uint64_t conf_hash_add(uint64_t hash, const void *data, size_t len);
uint64_t conf_hash_end(uint64_t hash);
/* Whether text is an address or a GID; addr gets the IPv6 (or IPv4-mapped) form. */
bool conf_addr_parse(const char *text, uint8_t addr[16]);

/* ---- conf_distinct.c ---- */

/* One holder of a value that may not be the same twice. */
struct conf_holder {
	const void *value;
	size_t len;		/* bytes; 0 = text without regard to case */
	struct conf_pos pos;
	const char *name;	/* of the holder, for the message */
};

struct conf_holders {
	struct conf_holder *items;
	size_t count;
	bool no_memory;
};

void conf_holder_add(struct conf_holders *h, const void *value, size_t len, struct conf_pos pos,
		     const char *name);
/* Reports every holder but the first of a value, and empties the list. 0 or -ENOMEM. */
int conf_holders_check(struct conf_holders *h, const char *block, const char *what,
		       enum conf_severity severity, struct conf_diag_list *diags);
/* By line, then column. */
int conf_pos_compare(struct conf_pos a, struct conf_pos b);

/* ---- conf_check.c ---- */

/* Names defined in blocks that were skipped; longer ones than fit are not kept. */
struct conf_names {
	char (*names)[CONF_PORT_NAME_MAX + 1];
	size_t count;
};

struct conf_skipped {
	struct conf_names devices;
	struct conf_names targets;
};

/* While a configuration is checked. */
struct conf_checker {
	struct conf *conf;
	const struct conf_device **by_name;	/* n_devices of them, sorted */
	const struct conf_skipped *skipped;	/* sorted */
	struct conf_diag_list *diags;
};

/* The device of that name, NULL = there is none. */
const struct conf_device *conf_checker_device(const struct conf_checker *c, const char *name);
bool conf_is_skipped(const struct conf_names *list, const char *name);

/* Completes defaults that need the whole file and reports what contradicts. 0 or -ENOMEM. */
int conf_check(struct conf *conf, const struct conf_skipped *skipped,
	       struct conf_diag_list *diags);

/* ---- conf_groups.c ---- */

/*
 * Resolves and checks the device groups, when devices, maps and relative identifiers of targets are
 * complete. 0 or -ENOMEM.
 */
int conf_check_groups(struct conf_checker *c);
/* Marks the relative target port identifiers of targets of other nodes. 0 or -ENOMEM. */
int conf_groups_reserve(const struct conf *conf, bool *used);

/* ---- conf_cluster.c ---- */

/* Checks what holds for the device groups of a cluster on all nodes. 0 or -ENOMEM. */
int conf_check_cluster(struct conf *conf, struct conf_diag_list *diags);

/* ---- conf_array.c ---- */

/* Appends a zeroed element of size bytes to the array at *items; NULL if there is no memory. */
void *conf_array_add(void **items, size_t *count, size_t size);

#endif
