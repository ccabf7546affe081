/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arbitrary bytes as a message, and as a value of one: what was understood is written as it was. */
#include "ctl/ha_msg.h"
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ha_msg m, back;
static struct ha_out o;

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_number(const struct ha_msg_field *f)
{
	uint64_t n;

	if (!ha_msg_get_u64(&m, f->key, UINT16_MAX, &n))
		return;
	check(n <= UINT16_MAX && n == strtoull(f->value, NULL, 10));
}

static void again(size_t size)
{
	ha_out_begin(&o, m.verb);
	for (unsigned i = 0; i < m.n; i++) {
		check(ha_msg_get(&m, m.fields[i].key) == m.fields[i].value);
		check_number(&m.fields[i]);
		ha_out_add(&o, m.fields[i].key, m.fields[i].value);
	}
	check(!o.overflow && o.len <= size);
	check(!ha_msg_decode(&back, o.text, o.len));
	check(!strcmp(back.verb, m.verb) && back.n == m.n);
	for (unsigned i = 0; i < m.n; i++)
		check(!strcmp(back.fields[i].key, m.fields[i].key) &&
		      !strcmp(back.fields[i].value, m.fields[i].value));
}

static void as_value(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1);

	check(!!value);
	if (size)
		memcpy(value, data, size);
	value[size] = 0;
	ha_out_begin(&o, "verb");
	ha_out_add(&o, "key", value);
	if (!o.overflow) {
		check(!ha_msg_decode(&back, o.text, o.len));
		check(!strcmp(ha_msg_get(&back, "key"), value));
	}
	free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int rc = ha_msg_decode(&m, data, size);

	check(!rc || rc == -EINVAL || rc == -EMSGSIZE);
	if (!rc)
		again(size);
	as_value(data, size);
	return 0;
}
