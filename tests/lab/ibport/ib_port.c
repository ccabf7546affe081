// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lab's InfiniBand port. With the calls that the script edits puts into it, the rxe driver of
 * Debian's kernel source answers as InfiniBand adapter with one port instead of as soft-RoCE.
 *
 * All its devices in one machine are the ports of one fabric. LIDs are given in the order in which
 * the devices are made, from 1; the subnet manager is at LID 1. A packet goes where its address
 * vector's LID says and never leaves the machine. One for an unknown LID, or from or to a port
 * that is down, is lost. There is no QP 0. The P_Key of each packet is checked as the standard says
 * (IBA 1.4, 10.9); a new device gets its P_Key table from the module parameter pkeys.
 *
 * Inside, packets have rxe's IPv6 header with the ports' GIDs as addresses, and a hop limit of 0
 * when there is no global route header.
 */
#include <linux/ipv6.h>
#include <linux/moduleparam.h>

#include "rxe.h"
#include "rxe_loc.h"

#define IB_PORT_MAX	8
#define IB_PORT_PKEYS	4
#define IB_PORT_SM_LID	1

static struct {
	struct rxe_dev *rxe;
	u16 pkeys[IB_PORT_PKEYS];
} fabric[IB_PORT_MAX];		/* by LID - 1 */
static DEFINE_SPINLOCK(fabric_lock);

static ushort pkeys[IB_PORT_PKEYS] = { IB_DEFAULT_PKEY_FULL };
module_param_array(pkeys, ushort, NULL, 0644);
MODULE_PARM_DESC(pkeys, "P_Key table of devices that are made from now on");

static void set_gid(const struct rxe_dev *rxe, union ib_gid *gid)
{
	gid->global.subnet_prefix = rxe->port.subnet_prefix;
	gid->global.interface_id = rxe->port.port_guid;
}

void ib_port_join(struct rxe_dev *rxe)
{
	struct ib_port_attr *attr = &rxe->port.attr;
	int i = 0;

	attr->gid_tbl_len = 1;
	attr->pkey_tbl_len = IB_PORT_PKEYS;
	attr->sm_lid = IB_PORT_SM_LID;
	attr->subnet_timeout = 18;
	attr->active_width = IB_WIDTH_4X;
	attr->active_speed = IB_SPEED_EDR;
	spin_lock_bh(&fabric_lock);
	while (i < IB_PORT_MAX && fabric[i].rxe)
		i++;
	if (i < IB_PORT_MAX) {
		fabric[i].rxe = rxe;
		memcpy(fabric[i].pkeys, pkeys, sizeof(pkeys));
		attr->lid = i + 1;
	}
	spin_unlock_bh(&fabric_lock);
}

void ib_port_leave(struct rxe_dev *rxe)
{
	int i = rxe->port.attr.lid - 1;

	spin_lock_bh(&fabric_lock);
	if (i >= 0 && fabric[i].rxe == rxe)
		fabric[i].rxe = NULL;
	spin_unlock_bh(&fabric_lock);
}

static const u16 *pkeys_of(const struct rxe_dev *rxe)
{
	static const u16 none[IB_PORT_PKEYS];
	int i = rxe->port.attr.lid - 1;

	return i < 0 ? none : fabric[i].pkeys;
}

int ib_port_query_pkey(struct ib_device *dev, u32 port_num, u16 index, u16 *pkey)
{
	if (index >= IB_PORT_PKEYS)
		return -EINVAL;
	*pkey = pkeys_of(to_rdev(dev))[index];
	return 0;
}

int ib_port_query_gid(struct ib_device *dev, u32 port_num, int index, union ib_gid *gid)
{
	if (index)
		return -EINVAL;
	set_gid(to_rdev(dev), gid);
	return 0;
}

/* The GID of the port with this LID; none, which is no port's, if there is no such port. */
static void gid_of_lid(u32 lid, union ib_gid *gid)
{
	memset(gid, 0, sizeof(*gid));
	spin_lock_bh(&fabric_lock);
	if (lid && lid <= IB_PORT_MAX && fabric[lid - 1].rxe)
		set_gid(fabric[lid - 1].rxe, gid);
	spin_unlock_bh(&fabric_lock);
}

/* The LID of the port with this GID or 0. The caller holds fabric_lock. */
static u16 lid_of_gid(const void *gid)
{
	union ib_gid port;
	u16 lid;

	for (lid = 1; lid <= IB_PORT_MAX; lid++) {
		if (!fabric[lid - 1].rxe)
			continue;
		set_gid(fabric[lid - 1].rxe, &port);
		if (!memcmp(port.raw, gid, sizeof(port)))
			return lid;
	}
	return 0;
}

static u16 lid_of(const void *gid)
{
	u16 lid;

	spin_lock_bh(&fabric_lock);
	lid = lid_of_gid(gid);
	spin_unlock_bh(&fabric_lock);
	return lid;
}

int rxe_av_chk_attr(struct rxe_dev *rxe, struct rdma_ah_attr *attr)
{
	bool grh = rdma_ah_get_ah_flags(attr) & IB_AH_GRH;

	return attr->type != RDMA_AH_ATTR_TYPE_IB || (grh && attr->grh.sgid_index) ? -EINVAL : 0;
}

void ib_port_init_av(struct rxe_dev *rxe, struct rdma_ah_attr *attr, struct rxe_av *av)
{
	union ib_gid sgid, dgid;

	rxe_av_from_attr(rdma_ah_get_port_num(attr), av, attr);
	if (!(rdma_ah_get_ah_flags(attr) & IB_AH_GRH))
		av->grh.hop_limit = 0;
	else if (!av->grh.hop_limit)
		av->grh.hop_limit = 1;
	set_gid(rxe, &sgid);
	gid_of_lid(rdma_ah_get_dlid(attr), &dgid);
	memcpy(av->grh.dgid.raw, dgid.raw, sizeof(dgid));
	rdma_gid2ip((struct sockaddr *)&av->sgid_addr, &sgid);
	rdma_gid2ip((struct sockaddr *)&av->dgid_addr, &dgid);
	av->network_type = RXE_NETWORK_TYPE_IPV6;
}

void rxe_av_to_attr(struct rxe_av *av, struct rdma_ah_attr *attr)
{
	attr->type = RDMA_AH_ATTR_TYPE_IB;
	rdma_ah_set_dlid(attr, lid_of(av->grh.dgid.raw));
	rdma_ah_set_port_num(attr, av->port_num);
	if (av->grh.hop_limit) {
		union ib_gid dgid;

		memcpy(dgid.raw, av->grh.dgid.raw, sizeof(dgid));
		rdma_ah_set_grh(attr, &dgid, av->grh.flow_label, 0, av->grh.hop_limit,
				av->grh.traffic_class);
	}
}

u16 ib_port_pkey(struct rxe_qp *qp, const struct rxe_send_wr *wr)
{
	unsigned int index = qp->attr.pkey_index;

	if (wr && qp_type(qp) == IB_QPT_GSI)
		index = wr->wr.ud.pkey_index;
	return index < IB_PORT_PKEYS ? pkeys_of(to_rdev(qp->ibqp.device))[index] : 0;
}

bool ib_port_takes(struct rxe_qp *qp, struct rxe_pkt_info *pkt, u16 pkey)
{
	const u16 *table = pkeys_of(to_rdev(qp->ibqp.device));
	int i;

	for (i = 0; i < IB_PORT_PKEYS; i++) {
		if (qp_type(qp) != IB_QPT_GSI && i != qp->attr.pkey_index)
			continue;
		if (pkey_match(table[i], pkey)) {
			pkt->pkey_index = i;
			return true;
		}
	}
	return false;
}

bool ib_port_route(struct sk_buff *skb)
{
	struct rxe_pkt_info *pkt = SKB_TO_PKT(skb);
	struct rxe_dev *to = NULL;
	u16 lid;

	if (pkt->rxe->port.attr.state != IB_PORT_ACTIVE)
		return false;
	spin_lock_bh(&fabric_lock);
	lid = lid_of_gid(&ipv6_hdr(skb)->daddr);
	if (lid)
		to = fabric[lid - 1].rxe;
	if (to && (to->port.attr.state != IB_PORT_ACTIVE || !ib_device_try_get(&to->ib_dev)))
		to = NULL;
	spin_unlock_bh(&fabric_lock);
	if (!to)
		return false;
	pkt->rxe = to;
	skb->dev = to->ndev;
	return true;
}

u16 ib_port_slid(struct rxe_pkt_info *pkt)
{
	return lid_of(&ipv6_hdr(PKT_TO_SKB(pkt))->saddr);
}

int ib_port_wc_flags(struct rxe_pkt_info *pkt)
{
	return ipv6_hdr(PKT_TO_SKB(pkt))->hop_limit ? IB_WC_GRH : 0;
}
