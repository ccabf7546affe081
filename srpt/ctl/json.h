/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON (RFC 8259). Commas, nesting and escapes are the writer's; the caller opens and
 * closes in pairs and gives a key inside objects only.
 */
#ifndef SRPT_CTL_JSON_H
#define SRPT_CTL_JSON_H

#include "ctl/text.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
	struct text *out; /* borrowed */
	unsigned depth;
	bool comma; /* something stands before in this object or array */
};

void json_init(struct json *j, struct text *out);
/* @key: the member's name, NULL inside arrays and at the top. Failure: see text.failed. */
void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);
/*
 * NULL becomes null. Bytes that are no UTF-8 become U+FFFD: names of files may hold anything,
 * the output must always parse.
 */
void json_string(struct json *j, const char *key, const char *value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* A value that is JSON text already, such as a number kept as digits. */
void json_raw(struct json *j, const char *key, const char *value);

#endif
