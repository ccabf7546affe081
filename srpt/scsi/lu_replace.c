/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of an LU is replaced by what another node has kept of it. */
#include "scsi/access.h"
#include "scsi/lu_state.h"
#include "scsi/mode.h"
#include "scsi/nexus.h"
#include "scsi/pr.h"

#include <errno.h>
#include <string.h>

/* What lu_state_load() changes. */
struct state {
	const struct pr *pr;
	mode_values modes, saved;
	bool sanitize_open, sanitize_ause;
	unsigned not_ready;
};

static struct state state_of(const struct lu *lu)
{
	return (struct state){
		.pr = lu->pr,
		.modes = mode_current(lu),
		.saved = mode_saved(lu),
		.sanitize_open = lu->sanitize_open,
		.sanitize_ause = lu->sanitize_ause,
		.not_ready = atomic_load_explicit(&lu->not_ready, memory_order_relaxed),
	};
}

static void state_put(struct lu *lu, const struct state *s)
{
	lu->pr = s->pr;
	mode_publish(lu, s->modes);
	lu->modes.keep = s->saved;
	atomic_store_explicit(&lu->modes.saved, s->saved, memory_order_relaxed);
	lu->sanitize_open = s->sanitize_open;
	lu->sanitize_ause = s->sanitize_ause;
	atomic_store_explicit(&lu->not_ready, s->not_ready, memory_order_relaxed);
}

static struct state state_new(const struct lu *lu)
{
	return (struct state){ .pr = &pr_none, .modes = mode_default(lu),
			       .saved = mode_default(lu) };
}

/* Types with one holder name it, others do not. */
static bool same_reservation(const struct pr *a, const struct pr *b)
{
	const struct pr_nexus *x = &a->r[a->holder].nexus, *y;

	if (a->type != b->type)
		return false;
	if (!a->type || pr_type_is(a->type, PR_TYPES_AR))
		return true;
	y = &b->r[b->holder].nexus;
	return x->port == y->port && !memcmp(x->id, y->id, sizeof(x->id));
}

/* UA_BIT()s for who was registered under @old. */
static unsigned pr_news(const struct itl *itl, const struct pr *old, const struct pr *now)
{
	struct pr_nexus id;
	int before, after;

	pr_identify(itl->nexus, &id);
	before = pr_find(old, &id);
	after = pr_find(now, &id);
	if (before < 0)
		return 0;
	if (after < 0)
		return UA_BIT(UA_REGISTRATIONS_PREEMPTED);
	if (!old->type || same_reservation(old, now))
		return 0;
	return pr_is_holder(old, before) && now->type ? UA_BIT(UA_PREEMPTED) :
							UA_BIT(UA_RELEASED);
}

static void publish(struct lu *lu, const struct state *old)
{
	unsigned modes = mode_current(lu) == old->modes ? 0 : UA_BIT(UA_MODE_CHANGED);
	struct itl *itl;

	lu->reserver = NULL;
	list_for_each(itl, &lu->itls, lu_link)
		access_publish_news(itl, modes | pr_news(itl, old->pr, lu->pr));
}

int lu_state_replace(struct lu *lu, const void *data, size_t len)
{
	struct state old = state_of(lu), fresh = state_new(lu);
	int rc;

	if (lu->change || !list_empty(&lu->changes) || lu->wipe)
		return -EBUSY;
	state_put(lu, &fresh);
	rc = lu_state_load(lu, data, len);
	if (rc) {
		pr_free(lu->pr);
		state_put(lu, &old);
		return rc;
	}
	publish(lu, &old);
	pr_free(old.pr);
	return 0;
}

void lu_set_store(struct lu *lu, struct lu_store *store)
{
	lu->store = store;
	if (store)
		atomic_store_explicit(&lu->keeps, true, memory_order_relaxed);
}
