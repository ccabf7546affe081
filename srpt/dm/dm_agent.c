/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/dm_agent.h"
#include "base/bytes.h"
#include "base/thread.h"
#include "dm/dm_priv.h"

#include <endian.h>
#include <errno.h>
#include <infiniband/umad.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 1000u /* between two looks at the ports, and the longest wait */

/* Q_Key of the general services, which answers go to: IBTA volume 1, 3.5.3 */
#define GSI_QKEY 0x80010000u

const char *dm_port_state_name(unsigned state)
{
	static const char *const names[] = { "unknown", "Down", "Initialize", "Armed", "Active" };

	return names[state < ARRAY_SIZE(names) ? state : 0];
}

/* ---- MADs ---- */

static void port_count(struct dm_agent *a, struct agent_port *p, enum dm_result result)
{
	pthread_mutex_lock(&a->lock);
	p->info.counts[result]++;
	pthread_mutex_unlock(&a->lock);
}

/* The address is the sender's, as it was received; only the Q_Key is to be set. */
static void answer_send(struct dm_agent *a, struct agent_port *p)
{
	int rc;

	umad_get_mad_addr(a->umad)->qkey = htobe32(GSI_QKEY);
	rc = umad_send(p->fd, p->id, a->umad, DM_MAD_SIZE, 0, 0);
	if (!rc)
		return;
	port_count(a, p, DM_UNSENT);
	log_warn_limited(&p->limit, "%s/%u: cannot send an answer: error %d", p->info.port.device,
			 p->info.port.num, rc);
}

static void mad_take(struct dm_agent *a, struct agent_port *p, int len)
{
	const struct dm_port *port = &p->info.port;
	unsigned at = umad_get_mad_addr(a->umad)->pkey_index;
	enum dm_result result;

	if (umad_status(a->umad)) { /* one of our answers comes back */
		port_count(a, p, DM_UNSENT);
		return;
	}
	pthread_mutex_lock(&a->lock);
	result = dm_mad_answer(a->table, port, at < port->n_pkeys ? port->pkeys[at] : 0,
			       umad_get_mad(a->umad), len > 0 ? (size_t)len : 0);
	p->info.counts[result]++;
	pthread_mutex_unlock(&a->lock);
	if (result == DM_ANSWERED || result == DM_REFUSED)
		answer_send(a, p);
}

static void port_receive(struct dm_agent *a, struct agent_port *p)
{
	int len = DM_RECEIVE_SIZE, rc;

	errno = 0;
	rc = umad_recv(p->fd, a->umad, &len, 0);
	if (rc >= 0)
		mad_take(a, p, len);
	else if (rc != -EAGAIN && rc != -EINTR && rc != -ETIMEDOUT)
		dm_port_close(a, p, "its umad device failed");
}

/* ---- the thread ---- */

/* What comes in within this time, unless the owner wants something before that. */
static void ports_serve(struct dm_agent *a, int wait_ms)
{
	struct agent_port *ports[DM_AGENT_PORTS_MAX + 1];
	struct pollfd fds[DM_AGENT_PORTS_MAX + 1] = { { .fd = a->wake, .events = POLLIN } };
	eventfd_t times;
	nfds_t n = 1;

	for (unsigned i = 0; i < a->n_ports; i++) {
		if (a->ports[i].fd < 0)
			continue;
		ports[n] = &a->ports[i];
		fds[n++] = (struct pollfd){ .fd = a->ports[i].fd, .events = POLLIN };
	}
	if (poll(fds, n, wait_ms) <= 0)
		return;
	if (fds[0].revents)
		eventfd_read(a->wake, &times);
	for (nfds_t i = 1; i < n; i++) {
		if (fds[i].revents & POLLIN)
			port_receive(a, ports[i]);
		else if (fds[i].revents)
			dm_port_close(a, ports[i], "its umad device failed");
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void *agent_thread(void *arg)
{
	struct dm_agent *a = arg;
	uint64_t next = 0, now = now_ms();

	pthread_setname_np(pthread_self(), "ib-dm");
	for (; !atomic_load(&a->stop); now = now_ms()) {
		if (atomic_exchange(&a->look, false) || now >= next) {
			dm_ports_look(a);
			next = now + LOOK_MS;
		}
		ports_serve(a, (int)min_u64(next - now, LOOK_MS));
	}
	dm_ports_close(a);
	return NULL;
}

static void agent_free(struct dm_agent *a)
{
	dm_table_free(a->table);
	pthread_mutex_destroy(&a->lock);
	if (a->wake >= 0)
		close(a->wake);
	free(a->umad);
	free(a);
}

/* ---- for its owner ---- */

int dm_agent_start(struct dm_table *table, struct dm_agent **out)
{
	struct dm_agent *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->umad = calloc(1, sizeof(struct ib_user_mad) + DM_RECEIVE_SIZE);
	pthread_mutex_init(&a->lock, NULL);
	umad_init(); /* which cannot fail; each port tells what is wrong with it */
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = a->wake < 0 ? -errno : a->umad ? 0 : -ENOMEM;
	if (!rc) {
		a->table = table;
		rc = thread_start(&a->thread, agent_thread, a);
	}
	if (rc) {
		a->table = NULL; /* the caller's still */
		agent_free(a);
	} else {
		*out = a;
	}
	return rc;
}

void dm_agent_publish(struct dm_agent *a, struct dm_table *table)
{
	struct dm_table *before;

	pthread_mutex_lock(&a->lock);
	before = a->table;
	a->table = table;
	pthread_mutex_unlock(&a->lock);
	atomic_store(&a->look, true);
	eventfd_write(a->wake, 1);
	dm_table_free(before);
}

const struct dm_table *dm_agent_table(const struct dm_agent *a)
{
	return a->table;
}

void dm_agent_end(struct dm_agent *a)
{
	atomic_store(&a->stop, true);
	eventfd_write(a->wake, 1);
}

void dm_agent_stop(struct dm_agent *a)
{
	if (!a)
		return;
	dm_agent_end(a);
	pthread_join(a->thread, NULL);
	umad_done();
	agent_free(a);
}

void dm_agent_for_each_port(struct dm_agent *a,
			    void (*fn)(void *arg, const struct dm_port_info *port,
				       const struct dm_table *table),
			    void *arg)
{
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < a->n_ports; i++)
		fn(arg, &a->ports[i].info, a->table);
	pthread_mutex_unlock(&a->lock);
}
