/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab's InfiniBand port: what the edited rxe driver calls. See ib_port.c.
 */
#ifndef IB_PORT_H
#define IB_PORT_H

#define IB_PORT_CAPS	(RDMA_CORE_CAP_PROT_IB | RDMA_CORE_CAP_IB_MAD | RDMA_CORE_CAP_IB_CM | \
			 RDMA_CORE_CAP_IB_SA | RDMA_CORE_CAP_AF_IB)

/* A device joins the fabric and gets its LID, P_Key table and port attributes; and leaves it. */
void ib_port_join(struct rxe_dev *rxe);
void ib_port_leave(struct rxe_dev *rxe);

/* Verbs, in the place of rxe's own. */
int ib_port_query_pkey(struct ib_device *dev, u32 port_num, u16 index, u16 *pkey);
int ib_port_query_gid(struct ib_device *dev, u32 port_num, int index, union ib_gid *gid);

/* Address vectors: by LID, with a GRH or without. */
void ib_port_init_av(struct rxe_dev *rxe, struct rdma_ah_attr *attr, struct rxe_av *av);

/* P_Key of a packet that a queue pair sends; wr is NULL for an acknowledgement. */
u16 ib_port_pkey(struct rxe_qp *qp, const struct rxe_send_wr *wr);

/* May the queue pair have a packet of this P_Key? Sets the packet's P_Key index. */
bool ib_port_takes(struct rxe_qp *qp, struct rxe_pkt_info *pkt, u16 pkey);

/* Hand a packet to the device it is for, with a reference. False when it is lost on the way. */
bool ib_port_route(struct sk_buff *skb);

/* Of a received packet: LID of its sender, IB_WC_GRH if that used one. */
u16 ib_port_slid(struct rxe_pkt_info *pkt);
int ib_port_wc_flags(struct rxe_pkt_info *pkt);

/* For both kinds of completion, struct ib_wc and struct ib_uverbs_wc. */
#define ib_port_fill_wc(wc, pkt)				\
	do {							\
		(wc)->wc_flags = ib_port_wc_flags(pkt);		\
		(wc)->slid = ib_port_slid(pkt);			\
		(wc)->pkey_index = (pkt)->pkey_index;		\
	} while (0)

#endif /* IB_PORT_H */
