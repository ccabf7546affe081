/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_store.h"

#include <assert.h>
#include <string.h>

static void fake_save(struct lu_store *s, const char *key, const void *data, size_t len,
		      void (*done)(void *arg, int status), void *arg)
{
	struct fake_store *f = (struct fake_store *)s;

	assert(!f->done && key[0]);
	f->data = data;
	f->len = len;
	f->done = done;
	f->arg = arg;
	f->saves++;
}

void fake_store_init(struct fake_store *f)
{
	memset(f, 0, sizeof(*f));
	f->store.save = fake_save;
}

void fake_store_finish(struct fake_store *f, int status)
{
	void (*done)(void *arg, int status) = f->done;

	assert(done && f->len <= sizeof(f->kept));
	f->done = NULL;
	if (!status) {
		memcpy(f->kept, f->data, f->len);
		f->kept_len = f->len;
	}
	done(f->arg, status);
}
