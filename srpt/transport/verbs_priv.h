/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the verbs transport. Who may touch what:
 *
 *   verbs, verbs_id, verbs_device   control thread only
 *   verbs_poller                    one device on one reactor; its upper part
 *                                   belongs to that reactor, its lower part to
 *                                   the control thread (marked), counters atomic
 *   verbs_conn                      control thread until it is sent to the
 *                                   reactor, the reactor's afterwards
 *
 * The two threads talk by messages embedded in the connection; verbs.c has the
 * page on lifetimes. In a process that connects there is no loop and they are one
 * thread, that of the group's only reactor; the messages remain.
 */
#ifndef SRPT_TRANSPORT_VERBS_PRIV_H
#define SRPT_TRANSPORT_VERBS_PRIV_H

#include "base/bytes.h"
#include "transport/transport.h"
#include "transport/verbs_wr.h"

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <semaphore.h>
#include <stdatomic.h>

#define VERBS_INLINE 64u          /* bytes: a response without sense; every device has it */
#define VERBS_MAX_READS 16u       /* RDMA READs outstanding per connection at most */
#define VERBS_POLL_BATCH 32
#define VERBS_QP_BUCKETS 256u     /* power of two */
#define VERBS_PD_MAX 256u         /* private data of any CM message, bytes */
#define VERBS_CQ_INITIAL 8192u    /* completion queue entries besides the shared receives */

struct verbs_arena;
struct verbs_conn;
struct verbs_device;
struct verbs_id;
struct verbs_poller;

/*
 * A descriptor the control thread watches, see verbs_watch.c. ready() handles some
 * of what can be read and returns how many events; it is called again while there
 * is more.
 */
struct verbs_watch;
typedef int (*verbs_watch_fn)(struct verbs_watch *w);
struct verbs_watch {
	struct reactor_source source; /* without a loop */
	struct verbs *v;
	verbs_watch_fn ready;
	bool woken;
	uint64_t looked_ns;
};

/* One shot, on the control thread. */
struct verbs_timer {
	struct reactor_timer timer; /* without a loop */
	struct verbs *v;
	void (*fn)(struct verbs_timer *t);
	uint64_t handle; /* of the loop */
	bool running;
};

/* A receive slot. wr_id of its work request is its address. */
struct verbs_rx {
	struct rx rx;          /* first */
	struct verbs_rx *next; /* in a verbs_rxq */
	uint32_t lkey;
} __attribute__((aligned(CACHE_LINE)));

/* Slots to be given to the device at the end of the round. */
struct verbs_rxq {
	struct verbs_rx *first;
};

/* Receive memory: slots whose byte imm_offset is page aligned. Never moves or shrinks. */
struct verbs_arena {
	struct verbs_arena *next; /* of a poller, control thread */
	struct verbs_arena *fresh; /* of poller.fresh */
	uint8_t *mem;
	size_t len;
	struct ibv_mr *mr;
	int region;               /* < 0: the reactor has no number left for it */
	uint32_t n;
	struct verbs_rx *rx;
};

/* Without a shared receive queue: the slots of one connection. Reused when not busy. */
struct verbs_block {
	struct verbs_block *next;
	struct verbs_rx *rx;
	uint32_t n;
	atomic_bool busy; /* set by the control thread, cleared by the reactor */
};

/* A device on one reactor. */
struct verbs_poller {
	/* reactor */
	struct reactor_source source;
	struct ibv_cq *cq;
	struct ibv_srq *srq; /* NULL: receives are the connections' own */
	struct reactor *reactor;
	const struct transport_upcalls *up;
	struct verbs_rxq repost; /* for srq */
	uint32_t wrs_out;        /* send queue entries outstanding, all connections */
	uint32_t conns;          /* attached and not closed */
	uint32_t max_recv;
	unsigned unacked;        /* completion channel events */
	bool armed;
	bool started;  /* polled; keys are valid for keys_gen */
	bool stopping;
	struct reactor_deferred refill;
	struct verbs_keys keys;
	unsigned keys_gen; /* reactor->regions_gen that keys stand for */
	struct verbs_conn *qps[VERBS_QP_BUCKETS];
	struct verbs_chain chain;
	struct ibv_recv_wr rwr[VERBS_POLL_BATCH];
	struct ibv_sge rsge[VERBS_POLL_BATCH];

	/* both */
	atomic_uint depth_used; /* receives promised to connections */
	atomic_uint cqe_used;   /* completion queue entries promised */
	_Atomic(struct verbs_arena *) fresh; /* made by control, not yet seen by the reactor */
	struct msg msg;         /* stop and its answer */
	bool stop_waited;       /* post stopped instead of the answer */
	sem_t stopped;

	/* control thread */
	struct verbs_device *dev;
	struct ibv_comp_channel *channel;
	struct verbs_arena *arenas;
	struct verbs_block *blocks;
	uint32_t slots;    /* receives that exist */
	uint32_t srq_size;
	uint32_t cq_size;
	struct iobuf_region mr_of[IOBUF_REGIONS]; /* what mr[] stands for */
	struct ibv_mr *mr[IOBUF_REGIONS];

	/* reactor: regions the peers of connections we opened may access */
	struct iobuf_region exposed_of[IOBUF_REGIONS];
	struct ibv_mr *exposed[IOBUF_REGIONS];
};

/* An RDMA device in use. Control thread. */
struct verbs_device {
	struct list_node link;
	struct verbs *v;
	struct ibv_context *ctx; /* the RDMA CM's; valid while one of its ids is on the device */
	struct ibv_pd *pd;
	struct ibv_device_attr attr;
	struct verbs_watch async;
	const char *name;
	bool iwarp;
	bool dead;       /* removed or failed: takes no connection any more */
	bool listed;     /* sysfs had it when it was new */
	bool removed;    /* the kernel waits for us to let it go */
	uint32_t max_silent; /* of its send queues */
	unsigned conns;  /* accepted and not yet drained */
	unsigned stops;  /* pollers that have not stopped yet; 0 when dead = not begun */
	struct verbs_poller *pollers[REACTOR_MAX];
};

enum verbs_conn_state {
	CONN_ATTACHED, /* may receive, or soon; the handshake is not known to be over */
	CONN_LIVE,
	CONN_DYING,    /* waits for the control thread to fail the QP */
	CONN_FLUSHING, /* the QP is in error state, the marker is posted */
	CONN_DRAINED,  /* waits for the control thread to destroy the QP */
	CONN_GONE,     /* no QP any more; waits for slots SRP still holds */
};

struct verbs_conn {
	struct conn base; /* first */

	_Alignas(CACHE_LINE) struct verbs_sq sq;
	struct ibv_qp *qp;
	struct verbs_poller *p;
	struct verbs_conn *next; /* in its bucket of p->qps */
	struct reactor_deferred run;
	struct verbs_rxq repost; /* without a shared receive queue */
	uint32_t qpn;
	uint32_t rx_held;  /* messages SRP has not put back */
	uint8_t state;     /* enum verbs_conn_state, reactor */
	bool want_close;   /* transport_disconnect() was called */
	bool went_live;
	uint8_t linger;    /* steps waited for the last receive */

	/* cold */
	struct reactor_timer timer;
	struct msg life;  /* attach ↔ attached, down → drained → gone: strictly alternating */
	struct msg live;  /* control → reactor: ESTABLISHED */
	struct msg disc;  /* reactor → control: wants to disconnect */
	struct verbs_id *id;         /* control thread */
	struct verbs_block *block;   /* own receives */
	uint32_t depth;              /* receives promised */
	uint32_t cqe;                /* completion queue entries promised */
	const char *down_why;        /* control → reactor with life */
	atomic_bool last_wqe;        /* the device says: no receive comes any more */
	struct iobuf_region regions[IOBUF_REGIONS]; /* attach: to be registered */
	struct verbs_keys keys;                     /* attached: their keys */
	unsigned regions_gen;
	bool registered;           /* keys are those of regions */
	bool register_failed;
	uint8_t pd[VERBS_PD_MAX]; /* ours to be sent; of one we open then the answer */
	uint8_t pd_len;
	uint32_t max_xfers;

	/* of one we open */
	bool outgoing;
	uint8_t reply_len;       /* the peer's answer, in pd */
	uint32_t timeout_ms;
	uint8_t serves;          /* RDMA READs of the peer at once */
	int failure;             /* why it does not come to be, -errno; 0: it may */
	struct list_node early;  /* messages that came before connected() */
};

enum verbs_id_state {
	ID_LISTENING,
	ID_LISTENER_DOWN, /* its device went away; tried again by the tick */
	ID_REQUESTED,
	ID_RESOLVING,     /* of one we open: address and route, there is no QP yet */
	ID_ATTACHING,     /* the reactor has the connection, the handshake comes next */
	ID_ACCEPTED,      /* rdma_accept() or rdma_connect() was called */
	ID_DOWN,          /* QP in error state, the reactor drains it */
	ID_LINGERING,     /* only the goodbye of the CM is left */
	ID_ANCHOR,        /* keeps the context of a device open, hears of its removal */
};

/* A CM id: a listener or a connection. Control thread. */
struct verbs_id {
	struct transport_listener listener; /* first; of a listener */
	struct list_node link;              /* verbs.ids */
	struct verbs *v;
	struct rdma_cm_id *cm;
	enum verbs_id_state state;
	struct verbs_conn *conn;    /* NULL: listener or lingering */
	struct verbs_device *dev;   /* from accept on, or when the route is known */
	const char *doomed;         /* why, learned while attaching */
	bool said_goodbye;          /* DISCONNECTED came */
	uint16_t lid;               /* of our port when the QP was made; 0 but on InfiniBand */
	unsigned ticks;             /* of lingering */
	struct sockaddr_storage sa; /* of a listener */
	socklen_t sa_len;
};

struct verbs {
	struct transport base; /* first */
	struct rdma_event_channel *ec; /* NULL until there is a device */
	struct verbs_watch cm;         /* of ec */
	struct verbs_watch uevents;    /* started: v is set */
	struct list_node ids;
	struct list_node devices;
	struct verbs_timer tick;
};

/* ---- verbs_watch.c ---- */

/* Makes @fd non-blocking and calls ready() when it can be read. 0 or -errno. */
int verbs_watch_start(struct verbs *v, struct verbs_watch *w, int fd, verbs_watch_fn ready);
void verbs_watch_stop(struct verbs_watch *w);

void verbs_timer_init(struct verbs_timer *t, struct verbs *v, void (*fn)(struct verbs_timer *t));
/* One that runs goes on as it is. */
void verbs_timer_start(struct verbs_timer *t, uint64_t delay_ns);
void verbs_timer_stop(struct verbs_timer *t);

/* ---- verbs_conn.c: a connection on its reactor ---- */

void verbs_conn_attach(struct msg *m);     /* life; answers verbs_id_register or _attached */
void verbs_conn_established(struct msg *m); /* live */
void verbs_conn_down(struct msg *m);       /* life: QP is in error; answers verbs_id_drained */
void verbs_conn_gone(struct msg *m);       /* life: QP is destroyed */
void verbs_conn_live(struct verbs_conn *c);
void verbs_conn_die(struct verbs_conn *c, const char *why);
void verbs_conn_marker_done(struct verbs_conn *c);
/* Hand what is waiting back with -ECONNRESET and finish if nothing is left. */
void verbs_conn_wind_up(struct verbs_conn *c);
struct verbs_conn *verbs_conn_find(struct verbs_poller *p, uint32_t qpn);
void verbs_poller_stop(struct msg *m);     /* msg; answers verbs_device_poller_stopped */

/* ---- verbs_qp.c: the hot path ---- */

int verbs_poll(struct reactor_source *s);
bool verbs_arm(struct reactor_source *s);
void verbs_wake(struct reactor_source *s);
bool verbs_busy(struct reactor_source *s);
void verbs_conn_run(struct reactor_deferred *d);
void verbs_poller_refill(struct reactor_deferred *d);
void verbs_xfer_end(struct verbs_conn *c, struct xfer *x, int status);
void verbs_rx_put(struct conn *base, struct rx *rx);
void verbs_pull(struct conn *base, struct xfer *x);
void verbs_push(struct conn *base, struct xfer *x);
void verbs_disconnect(struct conn *base);
/* Post the receives of @q to the shared queue, or to @c's. 0 or -errno. */
int verbs_recv_post(struct verbs_poller *p, struct verbs_conn *c, struct verbs_rxq *q);

static inline void verbs_rxq_add(struct verbs_rxq *q, struct verbs_rx *rx)
{
	rx->next = q->first;
	q->first = rx;
}

/* ---- verbs_mr.c: pollers, memory, admission; control thread ---- */

/* Register memory, or say why not and return NULL. */
struct ibv_mr *verbs_mr_register(struct verbs_device *dev, void *mem, size_t len, int access);
int verbs_poller_create(struct verbs_device *dev, struct reactor *r, struct verbs_poller **out);
/* Its reactor part must be stopped. */
void verbs_poller_destroy(struct verbs_poller *p);
/* Promise @c receives and completion queue entries. 0 or -ENOMEM. */
int verbs_poller_admit(struct verbs_poller *p, struct verbs_conn *c, uint32_t sq_cap);
/* Take the promise back; any thread. */
void verbs_poller_release(struct verbs_conn *c);
/* Register c->regions with the device and fill c->keys. */
void verbs_poller_register(struct verbs_poller *p, struct verbs_conn *c);

/* ---- verbs_device.c: devices; control thread ---- */

/*
 * The device of @cm, known from now on: its events are heard, and when it is removed its
 * context, which the RDMA CM library opened for @cm, is let go. NULL: failed, logged.
 */
struct verbs_device *verbs_device_see(struct verbs *v, struct rdma_cm_id *cm);
/* The same for one more connection. 0 or -errno, logged. */
int verbs_device_get(struct verbs *v, struct rdma_cm_id *cm, struct verbs_device **out);
struct verbs_poller *verbs_device_poller(struct verbs_device *dev, struct reactor *r);
/* A connection of it is drained; the last one frees a dead device. */
void verbs_device_put(struct verbs_device *dev);
void verbs_device_kill(struct verbs_device *dev, const char *why);
void verbs_device_removed(struct verbs_device *dev);
void verbs_device_poller_stopped(struct msg *m);
/* All at once, at the end: waits for the reactors. */
void verbs_device_destroy(struct verbs_device *dev);

/* ---- verbs_event.c: what becomes of the events of devices; control thread ---- */

int verbs_async_ready(struct verbs_watch *w); /* verbs_device.async can be read */
/* Call transport.ports_changed. */
void verbs_ports_tell(struct verbs *v);
/* An event of the RDMA CM about the device of @id; false: it is about something else. */
bool verbs_cm_device_event(struct verbs_id *id, enum rdma_cm_event_type type);
/* Look at the devices whenever the kernel says that one of any kind came or went. */
void verbs_uevents_start(struct verbs *v);
void verbs_uevents_stop(struct verbs *v);

/* ---- verbs.c ---- */

/* Open the event channel if it is not. 0 or -errno; -ENODEV: no device on this host. */
int verbs_channel_open(struct verbs *v);
/* What to do about the -errno @rc of that, one line. */
void verbs_channel_explain(int rc, char *err, size_t errlen);

/* ---- verbs_listen.c ---- */

int verbs_listen(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		 struct transport_listener **out, char *err, size_t errlen);
void verbs_unlisten(struct transport_listener *l);
/* It listens no more, because of @why; the tick tries again. */
void verbs_listener_lost(struct verbs_id *l, const char *why);
/* Try to listen again. */
void verbs_listener_retry(struct verbs_id *l);
/*
 * @buf: "10.0.0.1:5555", "[fd00::1]:5555"; without port when @port is false. A struct
 * ib_portal as it is configured, "ib:*:5555".
 */
void verbs_addr_text(const struct sockaddr *sa, bool port, char *buf, size_t len);

/* ---- verbs_ib.c: native InfiniBand; control thread ---- */

/* Whether @l listens on a struct ib_portal. */
bool verbs_ib_is(const struct verbs_id *l);
/* Bind and listen, or share the id of another portal with this service id. 0 or -errno. */
int verbs_ib_listen(struct verbs_id *l);
/* @l goes: whoever shares its id takes it. */
void verbs_ib_hand_over(struct verbs_id *l);
/* conn.info of a connection between GIDs. */
void verbs_ib_describe(struct verbs_id *id);
/* What rdma_resolve_addr() takes to get to @p. */
void verbs_ib_peer(const struct ib_portal *p, struct sockaddr_storage *sa);
/* What rdma_bind_addr() takes to get any port at the GID @sa has. */
void verbs_ib_any_port(struct sockaddr_storage *sa);

/* ---- verbs_cm.c: a connection on the control thread ---- */

int verbs_cm_ready(struct verbs_watch *w); /* the event channel can be read */
/* Both halves of a connection, the id in the list of the transport. NULL: no memory. */
struct verbs_id *verbs_id_new(struct verbs *v, enum verbs_id_state state);
/* Free both, of a connection without QP. */
void verbs_id_drop(struct verbs_id *id);
/* Say in conn.info where it leads. */
void verbs_id_describe(struct verbs_id *id);
/* The device and what id->conn needs of it on @r, for its depth and max_xfers. 0 or -errno. */
int verbs_id_equip(struct verbs_id *id, struct reactor *r);
/* Let the reactor have it; verbs_id_attached() follows. */
void verbs_id_attach(struct verbs_id *id);
/* A receive that is missing for once costs a millisecond, not 0.65 s. QP in RTS. */
void verbs_rnr_timer_set(struct verbs_conn *c);
int verbs_accept(struct conn *base, const struct accept_params *p);
void verbs_reject(struct conn *base, const void *pd, uint8_t len);
void verbs_id_register(struct msg *m);
void verbs_id_attached(struct msg *m);
void verbs_id_disconnect(struct msg *m);
void verbs_id_drained(struct msg *m);
/* The connection cannot go on, for a reason known on the control thread. */
void verbs_id_down(struct verbs_id *id, const char *why);
/* The connection ended, or never came to be. */
void verbs_id_ended(struct verbs_id *id, const char *why);
/* Destroy the CM id and the struct; nothing may refer to it. */
void verbs_id_free(struct verbs_id *id);
/* The timer of all that waits for time to pass: verbs.tick. */
void verbs_tick(struct verbs_timer *t);
void verbs_tick_start(struct verbs *v);

/* ---- verbs_connect.c: connections we open; one thread ---- */

int verbs_connect(struct transport *t, struct reactor *r, const struct connect_params *p,
		  struct conn **out, char *err, size_t errlen);
/* An event of one that is not live yet. @pd: the private data. */
void verbs_connect_event(struct verbs_conn *c, const struct rdma_cm_event *ev, const uint8_t *pd);
/* It is attached: begin the handshake. 0 or -errno. */
int verbs_connect_start(struct verbs_conn *c);
/* The handshake is over: tell who wanted it, hand over what came early. */
void verbs_connect_done(struct verbs_conn *c);
/* It does not come to be; the first reason counts. connected() follows, maybe in here. */
void verbs_connect_fail(struct verbs_conn *c, int status, const char *why);
/* Its QP is gone: connected() with the reason. */
void verbs_connect_failed(struct verbs_conn *c);

/* ---- verbs_expose.c: memory for the peers of connections we opened ---- */

int verbs_expose(struct conn *base, const struct iobuf *b, unsigned access, struct exposure *e);
void verbs_unexpose(struct conn *base, struct exposure *e);
/* Take back what the peers of @p may access. */
void verbs_exposed_forget(struct verbs_poller *p);

static inline struct verbs *verbs_of(struct transport *t)
{
	return container_of(t, struct verbs, base);
}

static inline struct verbs_conn *verbs_conn_of(struct conn *base)
{
	return container_of(base, struct verbs_conn, base);
}

#endif
