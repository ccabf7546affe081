/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ipc_client.h"
#include "ctl/ipc_proto.h"

#include <errno.h>
#include <poll.h>
#include <qb/qbipcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* libqb notices that the daemon has ended only after it has waited in vain. */
#define LOOK_MS 500
/* A daemon that runs takes a connection at once, however long the command lasts. */
#define CONNECT_S 5

static bool nothing_came(ssize_t n)
{
	return n == -EAGAIN || n == -ETIMEDOUT;
}

static ssize_t response_wait(qb_ipcc_connection_t *c, int timeout_s, struct ipc_response *rsp,
			     size_t max)
{
	ssize_t n = -EAGAIN;

	for (int left = timeout_s * 1000; left > 0 && nothing_came(n); left -= LOOK_MS)
		n = qb_ipcc_recv(c, rsp, max, left < LOOK_MS ? left : LOOK_MS);
	return n;
}

/* One request, one response of @max bytes at most. Bytes received or -errno. */
static int exchange(qb_ipcc_connection_t *c, const struct ipc_request *req, int timeout_s,
		    struct ipc_response *rsp, size_t max)
{
	ssize_t n = qb_ipcc_send(c, req, (size_t)req->hdr.size);

	if (n >= 0)
		n = response_wait(c, timeout_s, rsp, max);
	if (n < 0)
		return nothing_came(n) ? -ETIMEDOUT : (int)n;
	if ((size_t)n < offsetof(struct ipc_response, data))
		return -EPROTO;
	if (rsp->version != IPC_VERSION)
		return -EPROTONOSUPPORT;
	if (rsp->hdr.error)
		return rsp->hdr.error < 0 ? rsp->hdr.error : -EPROTO;
	if (rsp->len > (size_t)n - offsetof(struct ipc_response, data))
		return -EPROTO;
	return (int)n;
}

/* Appends a piece: the first out_len bytes of all are for out, the rest for err. */
static int piece_take(struct ipc_answer *a, const struct ipc_response *rsp)
{
	size_t have = a->out.len + a->err.len, left = rsp->len, out;

	if (rsp->out_len > TEXT_MAX || rsp->err_len > TEXT_MAX ||
	    left > rsp->out_len + rsp->err_len - have)
		return -EPROTO;
	out = rsp->out_len > have ? rsp->out_len - have : 0;
	out = out < left ? out : left;
	text_add(&a->out, rsp->data, out);
	text_add(&a->err, rsp->data + out, left - out);
	a->status = rsp->status;
	return a->out.failed || a->err.failed ? -ENOMEM : 0;
}

static int answer_fetch(qb_ipcc_connection_t *c, struct ipc_request *req, int timeout_s,
			struct ipc_answer *answer)
{
	struct ipc_response *rsp = malloc(IPC_MESSAGE_MAX);
	int rc = rsp ? 0 : -ENOMEM;
	bool more = true;

	while (!rc && more) {
		rc = exchange(c, req, timeout_s, rsp, IPC_MESSAGE_MAX);
		if (rc > 0)
			rc = piece_take(answer, rsp);
		if (rc)
			break;
		more = answer->out.len + answer->err.len < rsp->out_len + rsp->err_len;
		if (more && !rsp->len)
			rc = -EPROTO;
		req->hdr.id = IPC_MORE;
	}
	free(rsp);
	return rc;
}

/* NULL: errno says why; ETIME: the daemon is frozen. */
static qb_ipcc_connection_t *connect_within(const char *name, int timeout_s)
{
	int seconds = timeout_s < CONNECT_S ? timeout_s : CONNECT_S, fd, n, rc;
	qb_ipcc_connection_t *c = qb_ipcc_connect_async(name, IPC_MESSAGE_MAX, &fd);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!c)
		return NULL;
	n = poll(&p, 1, seconds * 1000);
	if (n <= 0)
		shutdown(fd, SHUT_RDWR); /* so that to continue is to fail, which frees it */
	rc = qb_ipcc_connect_continue(c);
	if (!rc)
		return c;
	errno = n ? -rc : ETIME;
	return NULL;
}

int ipc_client_call(const char *name, bool json, int argc, const char *const *argv, int timeout_s,
		    struct ipc_answer *answer)
{
	qb_ipcc_connection_t *c;
	struct ipc_request req;
	int rc = ipc_call_encode(&req, json, argc, argv);

	memset(answer, 0, sizeof(*answer));
	if (rc < 0)
		return rc;
	errno = 0;
	c = connect_within(name, timeout_s);
	if (!c)
		return errno ? -errno : -ECONNREFUSED;
	rc = answer_fetch(c, &req, timeout_s, answer);
	qb_ipcc_disconnect(c);
	return rc;
}

void ipc_answer_free(struct ipc_answer *answer)
{
	text_free(&answer->out);
	text_free(&answer->err);
}

bool ipc_client_no_daemon(int rc)
{
	return rc == -ECONNREFUSED || rc == -ENOENT;
}

void ipc_client_explain(int rc, const char *name, int timeout_s, char *text, size_t size)
{
	if (ipc_client_no_daemon(rc))
		snprintf(text, size, "srptd is not running (control socket %s): start it with "
			 "systemctl start srptd", name);
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(text, size, "not allowed: be root or a member of the group srpt");
	else if (rc == -ETIMEDOUT)
		snprintf(text, size, "srptd did not answer within %d s; it may still do it",
			 timeout_s);
	else if (rc == -ETIME)
		snprintf(text, size, "srptd runs, but takes no connection: it hangs or is frozen");
	else if (rc == -EPROTONOSUPPORT || rc == -EPROTO)
		snprintf(text, size, "srptd is of another version than srptctl: restart srptd");
	else if (rc == -ENOTCONN || rc == -ECONNRESET || rc == -ESHUTDOWN)
		snprintf(text, size, "srptd ended before it answered");
	else
		snprintf(text, size, "cannot talk to srptd (control socket %s): %s", name,
			 strerror(-rc));
}
