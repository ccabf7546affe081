/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an administrator is told of the reservations of an LU. Control thread. */
#include "scsi/nexus.h"
#include "scsi/pr.h"

#include <string.h>

static const char *const types[] = {
	[PR_NONE] = NULL,
	[PR_WRITE_EXCLUSIVE] = "Write Exclusive",
	[PR_EXCLUSIVE_ACCESS] = "Exclusive Access",
	[PR_WRITE_EXCLUSIVE_RO] = "Write Exclusive, registrants only",
	[PR_EXCLUSIVE_ACCESS_RO] = "Exclusive Access, registrants only",
	[PR_WRITE_EXCLUSIVE_AR] = "Write Exclusive, all registrants",
	[PR_EXCLUSIVE_ACCESS_AR] = "Exclusive Access, all registrants",
};

void lu_reservation(const struct lu *lu, struct lu_reservation *r)
{
	*r = (struct lu_reservation){
		.generation = lu->pr->generation,
		.registrants = lu->pr->count,
		.type = types[lu->pr->type],
		.kept = lu->pr->aptpl,
		.reserver = lu->reserver ? lu->reserver->name : NULL,
	};
}

static const char *session_name(const struct lu *lu, const struct pr_nexus *of)
{
	struct pr_nexus n;
	struct itl *itl;

	list_for_each(itl, &lu->itls, lu_link) {
		pr_identify(itl->nexus, &n);
		if (n.port == of->port && !memcmp(n.id, of->id, PR_ID_SIZE))
			return itl->nexus->name;
	}
	return NULL;
}

void lu_registrant(const struct lu *lu, unsigned i, struct lu_registrant *r)
{
	const struct pr_registrant *of = &lu->pr->r[i];

	memcpy(r->initiator_port_id, of->nexus.id, PR_ID_SIZE);
	r->rel_tgt_id = of->nexus.port;
	r->key = of->key;
	r->holder = pr_is_holder(lu->pr, (int)i);
	r->session = session_name(lu, &of->nexus);
}
