/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text messages of doc/ha.md: a verb and key=value fields, separated by tabs. Between srptd
 * and srp-replicatord, and among replicators. No memory is allocated. Any thread.
 */
#ifndef SRPT_CTL_HA_MSG_H
#define SRPT_CTL_HA_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_MSG_MAX 8192    /* bytes of a message */
#define HA_MSG_FIELDS 16
#define HA_MSG_VERSION 1

struct ha_msg_field {
	const char *key, *value; /* into buf, decoded, terminated */
};

struct ha_msg {
	const char *verb;
	unsigned n;
	struct ha_msg_field fields[HA_MSG_FIELDS];
	char buf[HA_MSG_MAX + 1];
};

/* @len bytes came from a peer and may hold anything. 0, -EMSGSIZE or -EINVAL. */
int ha_msg_decode(struct ha_msg *m, const void *data, size_t len);
const char *ha_msg_get(const struct ha_msg *m, const char *key); /* NULL: there is no such field */
/* Decimal; false: no such field, or no number, or above @max. */
bool ha_msg_get_u64(const struct ha_msg *m, const char *key, uint64_t max, uint64_t *value);

/* A message being written: begin, add fields, then text and len may be sent. */
struct ha_out {
	size_t len;
	bool overflow; /* it did not fit: not to be sent */
	char text[HA_MSG_MAX + 1];
};
void ha_out_begin(struct ha_out *o, const char *verb);
void ha_out_add(struct ha_out *o, const char *key, const char *value);
void ha_out_add_u64(struct ha_out *o, const char *key, uint64_t value);

#endif
