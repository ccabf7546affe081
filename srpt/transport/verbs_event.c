/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of the events of devices: those of verbs, those of the RDMA CM that are about
 * a device and not about a connection, and those of the kernel's device model. Control thread.
 *
 * Verbs tells them of a device as long as that is in use, which it is from the first request
 * on, or as soon as a portal has an address of it. Before there is nothing to be done for it:
 * who wants to know whether its ports are up reads sysfs (ha_ports.c), wildcard listeners are
 * the kernel's business.
 */
#include "transport/verbs_priv.h"

#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#define UEVENTS_PER_WAKE 64
#define UEVENT_GROUP 1u /* what the kernel says; 2 is what udev made of it */

/* ---- one connection ---- */

static struct verbs_conn *event_conn(const struct ibv_async_event *ev)
{
	return ev->element.qp->qp_context;
}

static void qp_failed(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	(void)dev;
	verbs_id_down(event_conn(ev)->id, "queue pair failed");
}

static void qp_last_wqe(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	(void)dev;
	atomic_store(&event_conn(ev)->last_wqe, true);
}

/* The first message overtook the last step of the handshake. */
static void qp_established(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	(void)dev;
	rdma_notify(event_conn(ev)->id->cm, ev->event_type);
}

/* ---- the connections of a port ---- */

/* NULL: the connection can go on; else why it cannot. */
typedef const char *(*conn_check)(const struct verbs_id *id, const struct ibv_port_attr *port);

static void port_conns_check(struct verbs_device *dev, uint8_t port_num, conn_check check)
{
	struct ibv_port_attr port = { .lid = 0 };
	struct verbs_id *id, *next;

	if (ibv_query_port(dev->ctx, port_num, &port))
		return;
	list_for_each_safe(id, next, &dev->v->ids, link) {
		const char *why = NULL;

		if (id->dev == dev && id->conn && id->cm->port_num == port_num)
			why = check(id, &port);
		if (why)
			verbs_id_down(id, why);
	}
}

/* The peer sends to the old one, and takes nothing from the new one. */
static const char *check_lid(const struct verbs_id *id, const struct ibv_port_attr *port)
{
	return id->lid == port->lid ? NULL : "LID of our port changed";
}

static void lid_changed(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	port_conns_check(dev, (uint8_t)ev->element.port_num, check_lid);
}

static const char *check_pkey(const struct verbs_id *id, const struct ibv_port_attr *port)
{
	uint16_t want = id->conn->base.info.ib.pkey;
	__be16 pkey;

	if (id->conn->base.info.layout != LOGIN_LAYOUT_IB_CM)
		return NULL;
	for (int i = 0; i < port->pkey_tbl_len; i++)
		if (ibv_query_pkey(id->cm->verbs, id->cm->port_num, i, &pkey) ||
		    ib_pkey_same(be16toh(pkey), want))
			return NULL; /* if it cannot be read, the device knows better */
	return "our port left its partition";
}

static void pkeys_changed(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	port_conns_check(dev, (uint8_t)ev->element.port_num, check_pkey);
}

/* ---- all of a device ---- */

static void device_failed(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	(void)ev;
	verbs_device_kill(dev, "RDMA device failed");
}

/* ---- events of verbs ---- */

enum about { OF_DEVICE, OF_PORT, OF_QP };

struct rule {
	const char *what; /* for the log; NULL: nothing is logged */
	void (*act)(struct verbs_device *dev, const struct ibv_async_event *ev);
	enum about about;
	int level;        /* of the log */
	bool ports;       /* transport.ports_changed is called */
};

static const struct rule rules[] = {
	[IBV_EVENT_CQ_ERR] = { "a completion queue failed", device_failed, OF_DEVICE, LOG_ERR,
			       false },
	[IBV_EVENT_QP_FATAL] = { "queue pair failed", qp_failed, OF_QP, LOG_WARNING, false },
	[IBV_EVENT_QP_REQ_ERR] = { "invalid request", qp_failed, OF_QP, LOG_WARNING, false },
	[IBV_EVENT_QP_ACCESS_ERR] = { "access violation", qp_failed, OF_QP, LOG_WARNING, false },
	[IBV_EVENT_COMM_EST] = { NULL, qp_established, OF_QP, LOG_DEBUG, false },
	[IBV_EVENT_SQ_DRAINED] = { "send queue drained", NULL, OF_QP, LOG_DEBUG, false },
	[IBV_EVENT_PATH_MIG] = { "path migrated", NULL, OF_QP, LOG_INFO, false },
	[IBV_EVENT_PATH_MIG_ERR] = { "path did not migrate", NULL, OF_QP, LOG_INFO, false },
	[IBV_EVENT_DEVICE_FATAL] = { "the device failed", device_failed, OF_DEVICE, LOG_ERR,
				     true },
	[IBV_EVENT_PORT_ACTIVE] = { "is up", NULL, OF_PORT, LOG_NOTICE, true },
	[IBV_EVENT_PORT_ERR] = { "is down", NULL, OF_PORT, LOG_WARNING, true },
	[IBV_EVENT_LID_CHANGE] = { "has another LID", lid_changed, OF_PORT, LOG_NOTICE, true },
	[IBV_EVENT_PKEY_CHANGE] = { "is in other partitions", pkeys_changed, OF_PORT, LOG_NOTICE,
				    true },
	[IBV_EVENT_SM_CHANGE] = { "has another subnet manager", NULL, OF_PORT, LOG_INFO, false },
	[IBV_EVENT_SRQ_ERR] = { "a shared receive queue failed", device_failed, OF_DEVICE,
				LOG_ERR, false },
	[IBV_EVENT_SRQ_LIMIT_REACHED] = { "few receives are left", NULL, OF_DEVICE, LOG_DEBUG,
					  false },
	[IBV_EVENT_QP_LAST_WQE_REACHED] = { NULL, qp_last_wqe, OF_QP, LOG_DEBUG, false },
	[IBV_EVENT_CLIENT_REREGISTER] = { "is to be registered with the subnet anew", NULL,
					  OF_PORT, LOG_INFO, true },
	[IBV_EVENT_GID_CHANGE] = { "has other GIDs", NULL, OF_PORT, LOG_INFO, true },
};

static void event_log(const struct rule *rule, const struct verbs_device *dev,
		      const struct ibv_async_event *ev)
{
	if (rule->about == OF_PORT)
		log_at(rule->level, "%s: port %d %s", dev->name, ev->element.port_num,
			rule->what);
	else if (rule->about == OF_QP)
		log_at(rule->level, "%s: %s: %s", dev->name, event_conn(ev)->base.info.peer,
			rule->what);
	else
		log_at(rule->level, "%s: %s", dev->name, rule->what);
}

void verbs_ports_tell(struct verbs *v)
{
	if (v->base.ports_changed)
		v->base.ports_changed(v->base.ports_arg);
}

static void event_handle(struct verbs_device *dev, const struct ibv_async_event *ev)
{
	unsigned type = (unsigned)ev->event_type;
	const struct rule *rule = type < ARRAY_SIZE(rules) ? &rules[type] : NULL;
	struct verbs *v = dev->v;

	if (!rule || (!rule->what && !rule->act)) {
		log_info("%s: %s", dev->name, ibv_event_type_str(ev->event_type));
		return;
	}
	if (rule->what)
		event_log(rule, dev, ev);
	if (rule->act)
		rule->act(dev, ev); /* the device may be gone after it */
	if (rule->ports)
		verbs_ports_tell(v);
}

/*
 * The event is acknowledged last: until then a queue pair it is about stays. What an
 * action begins to take down ends in other rounds of the loop, or in none but ours for a
 * device without connections, which has no queue pair.
 */
int verbs_async_ready(struct verbs_watch *w)
{
	struct verbs_device *dev = container_of(w, struct verbs_device, async);
	struct ibv_async_event ev;

	if (ibv_get_async_event(dev->ctx, &ev))
		return 0;
	event_handle(dev, &ev);
	ibv_ack_async_event(&ev);
	return 1;
}

/* ---- events of the RDMA CM ---- */

static void removed(struct verbs_id *id)
{
	struct verbs *v = id->v;

	if (id->state == ID_LISTENING)
		verbs_listener_lost(id, "the RDMA device of this listener is gone");
	else if (id->dev)
		verbs_device_removed(id->dev);
	else if (id->state == ID_RESOLVING)
		verbs_connect_fail(id->conn, -ENODEV, "RDMA device removed");
	else
		verbs_id_ended(id, "RDMA device removed");
	verbs_ports_tell(v);
}

/* A bond failed over: connections live or die by themselves, a listener stays where it was. */
static void address_changed(struct verbs_id *id)
{
	if (id->state != ID_LISTENING)
		return;
	verbs_listener_lost(id, "its address has moved to another port");
	verbs_listener_retry(id);
	if (id->state != ID_LISTENING)
		verbs_ports_tell(id->v);
}

static const struct {
	enum rdma_cm_event_type type;
	void (*act)(struct verbs_id *id);
} cm_rules[] = {
	{ RDMA_CM_EVENT_DEVICE_REMOVAL, removed },
	{ RDMA_CM_EVENT_ADDR_CHANGE, address_changed },
};

bool verbs_cm_device_event(struct verbs_id *id, enum rdma_cm_event_type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(cm_rules); i++) {
		if (cm_rules[i].type != type)
			continue;
		cm_rules[i].act(id);
		return true;
	}
	return false;
}

/* ---- events of the kernel's device model ---- */

/*
 * A driver that cannot take a device from its users (soft-RoCE) has the kernel wait until
 * all have closed it, and it may begin to wait before the RDMA CM is asked to say a word:
 * which of the two comes first depends on which module was loaded first. By then the device
 * is gone from sysfs, and that is told to whoever listens.
 */
static bool device_unlisted(const struct verbs_device *dev)
{
	return dev->listed && !dev->removed && access(dev->ctx->device->dev_path, F_OK) &&
	       errno == ENOENT;
}

/* What was said does not matter, nor whether some of it was lost. */
static int uevents_ready(struct verbs_watch *w)
{
	struct verbs_device *dev, *next;
	struct verbs *v = w->v;
	bool any = false;
	char byte;
	int n = 0;

	while (n < UEVENTS_PER_WAKE && recv(w->source.fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		n++;
	list_for_each_safe(dev, next, &v->devices, link) {
		if (!device_unlisted(dev))
			continue;
		verbs_device_removed(dev);
		any = true;
	}
	if (any)
		verbs_ports_tell(v);
	return n;
}

/* Without it the other events must do. */
void verbs_uevents_start(struct verbs *v)
{
	const struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return;
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) ||
	    verbs_watch_start(v, &v->uevents, fd, uevents_ready)) {
		v->uevents.v = NULL;
		close(fd);
	}
}

void verbs_uevents_stop(struct verbs *v)
{
	if (!v->uevents.v)
		return;
	verbs_watch_stop(&v->uevents);
	close(v->uevents.source.fd);
	v->uevents.v = NULL;
}
