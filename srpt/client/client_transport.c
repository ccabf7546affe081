/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client_priv.h"
#include "transport/verbs.h"

#define SQ_SIZE 256u

int client_transport_open(const struct client_params *p, const struct transport_upcalls *up,
			  struct reactor_group *g, struct transport **out, char *err,
			  size_t errlen)
{
	const struct transport_params tp = {
		.max_recv = CLIENT_MAX_RECV,
		.max_send = CLIENT_IT_IU_MAX,
		.sq_size = SQ_SIZE,
	};
	const struct iwarp_params ip = { .crc = p->crc, .revision = p->mpa_revision };

	if (p->transport == CLIENT_VERBS)
		return verbs_create(up, &tp, g, NULL, out, err, errlen);
	return iwarp_create(up, &tp, &ip, g, NULL, out, err, errlen);
}

void client_transport_close(enum client_transport kind, struct transport *t)
{
	if (kind == CLIENT_VERBS)
		verbs_destroy(t);
	else
		iwarp_destroy(t);
}
