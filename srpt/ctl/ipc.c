/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ipc.h"
#include "base/log.h"
#include "ctl/ops.h"

#include <errno.h>
#include <grp.h>
#include <qb/qbipcs.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 32u

struct ipc_server {
	struct daemon *d;
	qb_ipcs_service_t *service;
	gid_t group; /* of IPC_GROUP, -1: none */
	unsigned clients;
	int lock; /* a bound socket: one daemon per name */
};

/* One connection. Outlives it while a command runs. */
struct ipc_client {
	qb_ipcs_connection_t *conn; /* NULL: gone */
	bool running;               /* a command has not answered yet */
	bool answering;             /* answer holds one, up to sent is with the client */
	uint32_t status;
	size_t out_len, sent;
	struct text answer;
};

/* libqb's callbacks of the event loop have no argument; there is one service in a process. */
static struct ipc_server *the_server;

/* ---- who may connect ---- */

static int32_t client_accept(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
	static struct log_limit limit;
	struct ipc_server *s = the_server;
	bool own = uid == 0 || uid == geteuid();

	if (!ipc_peer_check(uid, gid, s->group)) {
		log_warn_limited(&limit, "control connection of user %u refused: neither root nor "
				 "in the group " IPC_GROUP, (unsigned)uid);
		return -EACCES;
	}
	/* libqb lets the client choose how much shared memory we make. */
	if (qb_ipcs_connection_get_buffer_size(c) != (int32_t)IPC_MESSAGE_MAX) {
		log_warn_limited(&limit, "control connection refused: it wants messages of another "
				 "size than %u bytes", IPC_MESSAGE_MAX);
		return -EMSGSIZE;
	}
	if (s->clients >= CLIENTS_MAX) {
		log_warn_limited(&limit, "control connection refused: there are %u", s->clients);
		return -EAGAIN;
	}
	/* The shared memory stays ours: without privileges it cannot be given away. */
	qb_ipcs_connection_auth_set(c, geteuid(), own ? getegid() : s->group, own ? 0600 : 0660);
	return 0;
}

/* ---- answers ---- */

static void client_free(struct ipc_client *cl)
{
	text_free(&cl->answer);
	free(cl);
	the_server->clients--;
}

static void client_send_error(struct ipc_client *cl, int error)
{
	struct ipc_response rsp = {
		.hdr = { .id = 0, .size = sizeof(rsp), .error = error },
		.version = IPC_VERSION,
	};

	qb_ipcs_response_send(cl->conn, &rsp, sizeof(rsp));
}

/* The next piece of the answer; after the last one it is forgotten. */
static void client_send(struct ipc_client *cl)
{
	size_t len = cl->answer.len - cl->sent;
	struct ipc_response rsp = { .version = IPC_VERSION, .status = cl->status };
	struct iovec iov[2];

	if (len > IPC_CHUNK)
		len = IPC_CHUNK;
	rsp.out_len = cl->out_len;
	rsp.err_len = cl->answer.len - cl->out_len;
	rsp.len = (uint32_t)len;
	rsp.hdr.size = (int32_t)(offsetof(struct ipc_response, data) + len);
	iov[0].iov_base = &rsp;
	iov[0].iov_len = offsetof(struct ipc_response, data);
	iov[1].iov_base = cl->answer.data + cl->sent;
	iov[1].iov_len = len;
	if (qb_ipcs_response_sendv(cl->conn, iov, len ? 2 : 1) < 0) {
		log_warn("an answer to srptctl was lost");
		cl->sent = cl->answer.len;
	}
	cl->sent += len;
	if (cl->sent >= cl->answer.len) {
		text_free(&cl->answer);
		cl->answering = false;
	}
}

static void command_done(void *arg, struct ops_reply *reply)
{
	struct ipc_client *cl = arg;

	cl->running = false;
	if (!cl->conn) {
		client_free(cl);
		return;
	}
	cl->status = reply->status;
	cl->out_len = reply->out.len;
	cl->sent = 0;
	cl->answer = reply->out;
	reply->out = (struct text){ 0 };
	text_add(&cl->answer, text_string(&reply->err), reply->err.len);
	if (cl->answer.failed) {
		text_free(&cl->answer);
		client_send_error(cl, -ENOMEM);
		return;
	}
	cl->answering = true;
	client_send(cl);
}

/* ---- requests ---- */

static void client_call(struct ipc_client *cl, const void *data, size_t size)
{
	struct ipc_call call;
	int rc;

	if (cl->running) {
		client_send_error(cl, -EBUSY);
		return;
	}
	rc = ipc_call_decode(data, size, &call);
	if (rc) {
		client_send_error(cl, rc);
		return;
	}
	text_free(&cl->answer);
	cl->answering = false;
	cl->running = true;
	ops_run(the_server->d, &call, command_done, cl);
}

static int32_t client_message(qb_ipcs_connection_t *c, void *data, size_t size)
{
	struct ipc_client *cl = qb_ipcs_context_get(c);

	if (!cl)
		return 0;
	switch (ipc_request_id(data, size)) {
	case IPC_CALL:
		client_call(cl, data, size);
		break;
	case IPC_MORE:
		if (cl->answering)
			client_send(cl);
		else
			client_send_error(cl, -EINVAL);
		break;
	default:
		client_send_error(cl, -EINVAL);
	}
	return 0;
}

static void client_created(qb_ipcs_connection_t *c)
{
	struct ipc_client *cl = calloc(1, sizeof(*cl));

	if (!cl) {
		log_err("no memory for a control connection");
		return;
	}
	cl->conn = c;
	the_server->clients++;
	qb_ipcs_context_set(c, cl);
}

static int32_t client_closed(qb_ipcs_connection_t *c)
{
	struct ipc_client *cl = qb_ipcs_context_get(c);

	if (!cl)
		return 0;
	qb_ipcs_context_set(c, NULL);
	cl->conn = NULL;
	if (!cl->running)
		client_free(cl);
	return 0;
}

/* ---- the service ---- */

static int32_t poll_add(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_add(the_server->d->loop, p, fd, events, data, fn);
}

static int32_t poll_mod(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_mod(the_server->d->loop, p, fd, events, data, fn);
}

static int32_t poll_del(int32_t fd)
{
	return qb_loop_poll_del(the_server->d->loop, fd);
}

static int32_t job_add(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
	return qb_loop_job_add(the_server->d->loop, p, data, fn);
}

/*
 * libqb replaces the socket of a running service where it keeps sockets in the file system. A
 * name in the abstract namespace cannot be taken twice and goes away with the process.
 */
static int lock_take(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n, rc;

	if (fd < 0)
		return -errno;
	n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "srptd-lock-%s", name);
	if (bind(fd, (struct sockaddr *)&un,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int service_run(struct ipc_server *s, const char *name)
{
	static struct qb_ipcs_service_handlers handlers = {
		.connection_accept = client_accept,
		.connection_created = client_created,
		.msg_process = client_message,
		.connection_closed = client_closed,
	};
	static struct qb_ipcs_poll_handlers poll = {
		.job_add = job_add, .dispatch_add = poll_add, .dispatch_mod = poll_mod,
		.dispatch_del = poll_del,
	};

	s->service = qb_ipcs_create(name, 0, QB_IPC_SHM, &handlers);
	if (!s->service)
		return -ENOMEM;
	qb_ipcs_enforce_buffer_size(s->service, IPC_MESSAGE_MAX);
	qb_ipcs_poll_handlers_set(s->service, &poll);
	return qb_ipcs_run(s->service);
}

int ipc_server_start(struct daemon *d, const char *name)
{
	struct ipc_server *s = calloc(1, sizeof(*s));
	const struct group *gr = getgrnam(IPC_GROUP);
	int rc;

	if (!s)
		return -ENOMEM;
	s->d = d;
	s->group = gr ? gr->gr_gid : (gid_t)-1;
	s->lock = lock_take(name);
	if (s->lock < 0) {
		rc = s->lock;
		if (rc == -EADDRINUSE)
			log_err("another srptd serves the control socket %s", name);
		else
			log_err("control socket %s: %s", name, strerror(-rc));
		free(s);
		return rc;
	}
	the_server = s;
	rc = service_run(s, name);
	if (rc) {
		log_err("control socket %s: %s", name, strerror(-rc));
		close(s->lock);
		the_server = NULL;
		free(s);
		return rc;
	}
	d->ipc = s;
	return 0;
}

void ipc_server_stop(struct ipc_server *s)
{
	if (!s)
		return;
	qb_ipcs_destroy(s->service);
	close(s->lock);
	s->d->ipc = NULL;
	/* A command may still run for a client that is gone: its end needs the server. */
	if (!s->clients)
		free(s);
}
