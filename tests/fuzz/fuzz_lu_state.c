/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a store gives back, from arbitrary bytes; what was taken over is kept with equal meaning. */
#include "fuzz.h"

#include "../unit/fake_backend.h"
#include "scsi/lu_state.h"
#include "scsi/mode.h"
#include "scsi/pr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t kept[1u << 20];
static size_t kept_len;

static void must(bool cond)
{
	if (!cond)
		abort();
}

static void keep(struct lu_store *s, const char *key, const void *data, size_t len,
		 void (*done)(void *arg, int status), void *arg)
{
	(void)s;
	must(key[0] && len <= sizeof(kept));
	memcpy(kept, data, len);
	kept_len = len;
	done(arg, 0);
}

static void saved(void *arg, int status)
{
	(void)arg;
	must(!status);
}

/* As much of an LU as its state needs. */
static struct lu *lu_new(struct backend *be)
{
	static struct lu_store store = { .save = keep };
	struct lu *lu = aligned_alloc(CACHE_LINE, sizeof(*lu));

	must(lu);
	memset(lu, 0, sizeof(*lu));
	lu->be = be;
	lu->info = &be->info;
	lu->pr = &pr_none;
	lu->store = &store;
	list_init(&lu->itls);
	mode_init(lu);
	return lu;
}

static void lu_end(struct lu *lu)
{
	pr_free(lu->pr);
	free(lu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[sizeof(kept)];
	struct backend be;
	struct lu *lu, *back;
	size_t len;
	int rc;

	fake_backend_init(&be);
	lu = lu_new(&be);
	back = lu_new(&be);
	rc = lu_state_load(lu, data, size);
	must(!rc || rc == -EINVAL || rc == -ENOMEM);
	if (!rc) {
		lu_state_save(lu, saved, NULL);
		len = kept_len;
		memcpy(first, kept, len);
		must(!lu_state_load(back, first, len));
		lu_state_save(back, saved, NULL);
		must(kept_len == len && !memcmp(kept, first, len));
	}
	lu_end(lu);
	lu_end(back);
	fake_backend_fini(&be);
	return 0;
}
