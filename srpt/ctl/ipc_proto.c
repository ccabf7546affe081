/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ipc_proto.h"

#include <errno.h>
#include <string.h>

#define HEAD_LEN offsetof(struct ipc_request, args)

int ipc_call_encode(struct ipc_request *req, bool json, int argc, const char *const *argv)
{
	size_t used = 0;

	memset(req, 0, sizeof(*req));
	if (argc < 1 || argc > IPC_ARGS_MAX)
		return -E2BIG;
	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;

		if (len > sizeof(req->args) - used)
			return -E2BIG;
		memcpy(req->args + used, argv[i], len);
		used += len;
	}
	req->hdr.id = IPC_CALL;
	req->hdr.size = (int32_t)(HEAD_LEN + used);
	req->version = IPC_VERSION;
	req->json = json;
	req->args_len = (uint32_t)used;
	return req->hdr.size;
}

/* A copy: the message may lie unaligned, in memory the peer can still write to. */
static bool request_copy(struct ipc_request *req, const void *data, size_t size)
{
	if (size < HEAD_LEN || size > sizeof(*req))
		return false;
	memcpy(req, data, size);
	return true;
}

int ipc_request_id(const void *data, size_t size)
{
	struct ipc_request req;

	if (!request_copy(&req, data, size))
		return 0;
	return req.hdr.id == IPC_CALL || req.hdr.id == IPC_MORE ? req.hdr.id : 0;
}

static int words_split(struct ipc_call *call, size_t len)
{
	for (size_t at = 0; at < len; at += strlen(call->args + at) + 1) {
		if (call->argc == IPC_ARGS_MAX)
			return -EINVAL;
		call->argv[call->argc++] = call->args + at;
	}
	return call->argc ? 0 : -EINVAL;
}

int ipc_call_decode(const void *data, size_t size, struct ipc_call *call)
{
	struct ipc_request req;

	memset(call, 0, sizeof(*call));
	if (!request_copy(&req, data, size) || req.hdr.id != IPC_CALL)
		return -EINVAL;
	if (req.version != IPC_VERSION)
		return -EPROTONOSUPPORT;
	if (!req.args_len || req.args_len > sizeof(call->args) || req.args_len > size - HEAD_LEN)
		return -EINVAL;
	memcpy(call->args, req.args, req.args_len);
	if (call->args[req.args_len - 1])
		return -EINVAL;
	call->json = req.json == 1;
	return words_split(call, req.args_len);
}
