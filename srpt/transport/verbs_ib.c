/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Native InfiniBand through the RDMA CM (address family AF_IB). Control thread.
 *
 * The kernel takes one listener for a service id, and does not look at GID and
 * P_Key of a request. So it is given a wildcard, once for all portals with the same
 * service id, and who may log in where is decided by what conn_info.ib says. The
 * wildcard covers devices that come later, and GIDs and partitions that change.
 */
#include "transport/verbs_priv.h"

#include <endian.h>
#include <errno.h>
#include <infiniband/ib.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG 1024
#define PORT_MASK 0xffffu
#define PKEY_DEFAULT 0xffff
#define SID_MASK_ALL UINT64_MAX

static const struct ib_portal *portal_of(const struct verbs_id *l)
{
	return (const struct ib_portal *)(const void *)&l->sa;
}

bool verbs_ib_is(const struct verbs_id *l)
{
	return l->sa.ss_family == AF_IB;
}

/* Another portal that has, or shares, the id of @l's service id. */
static struct verbs_id *other_portal(const struct verbs_id *l, bool with_id)
{
	struct verbs_id *id;

	list_for_each(id, &l->v->ids, link)
		if (id != l && id->state == ID_LISTENING && verbs_ib_is(id) &&
		    portal_of(id)->port == portal_of(l)->port && (!with_id || id->cm))
			return id;
	return NULL;
}

int verbs_ib_listen(struct verbs_id *l)
{
	struct sockaddr_ib sib = {
		.sib_family = AF_IB,
		.sib_pkey = htobe16(PKEY_DEFAULT),
		.sib_sid = htobe64(ib_portal_service_id(portal_of(l))),
		.sib_sid_mask = htobe64(SID_MASK_ALL),
	};
	int rc;

	if (other_portal(l, true))
		return 0;
	if (rdma_create_id(l->v->ec, &l->cm, l, RDMA_PS_IB))
		return -errno;
	if (!rdma_bind_addr(l->cm, (struct sockaddr *)&sib) && !rdma_listen(l->cm, BACKLOG))
		return 0;
	rc = -errno;
	rdma_destroy_id(l->cm);
	l->cm = NULL;
	return rc;
}

void verbs_ib_hand_over(struct verbs_id *l)
{
	struct verbs_id *heir = l->cm ? other_portal(l, false) : NULL;

	if (!heir)
		return;
	heir->cm = l->cm;
	heir->cm->context = heir;
	l->cm = NULL;
}

/* ---- connections ---- */

static uint16_t sid_port(const struct sockaddr_ib *sib)
{
	return be64toh(sib->sib_sid) & PORT_MASK;
}

static uint16_t pkey_first(const struct rdma_cm_id *cm)
{
	__be16 pkey;

	return ibv_query_pkey(cm->verbs, cm->port_num, 0, &pkey) ? 0 : be16toh(pkey);
}

void verbs_ib_describe(struct verbs_id *id)
{
	const struct sockaddr_ib *peer = (void *)rdma_get_peer_addr(id->cm);
	const struct sockaddr_ib *ours = (void *)rdma_get_local_addr(id->cm);
	struct conn_info *info = &id->conn->base.info;
	struct ib_portal local = { .family = AF_IB };
	struct ib_arrival *at = &info->ib;
	char text[IB_PORTAL_TEXT_MAX];

	info->layout = LOGIN_LAYOUT_IB_CM;
	snprintf(at->device, sizeof(at->device), "%s", ibv_get_device_name(id->cm->verbs->device));
	at->port_num = id->cm->port_num;
	at->port = sid_port(ours);
	at->pkey = be16toh(ours->sib_pkey);
	at->pkey0 = pkey_first(id->cm);
	memcpy(at->gid, &ours->sib_addr, sizeof(at->gid));
	ib_gid_text((const void *)&peer->sib_addr, info->peer);
	memcpy(local.gid, at->gid, sizeof(local.gid));
	local.port = at->port;
	local.pkey = at->pkey;
	snprintf(info->local, sizeof(info->local), "%s", ib_portal_text(&local, text));
}

void verbs_ib_peer(const struct ib_portal *p, struct sockaddr_storage *sa)
{
	struct sockaddr_ib *sib = (struct sockaddr_ib *)sa;

	sib->sib_family = AF_IB;
	sib->sib_pkey = htobe16(p->pkey ? p->pkey : PKEY_DEFAULT);
	memcpy(&sib->sib_addr, p->gid, sizeof(p->gid));
	sib->sib_sid = htobe64(ib_portal_service_id(p));
	sib->sib_sid_mask = htobe64(SID_MASK_ALL);
}

void verbs_ib_any_port(struct sockaddr_storage *sa)
{
	struct sockaddr_ib *sib = (struct sockaddr_ib *)sa;

	sib->sib_sid = htobe64(IB_SERVICE_ID_BASE);
	sib->sib_sid_mask = htobe64(SID_MASK_ALL);
}
