/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between srptctl and srptd over libqb IPC. A call is a list of words; the answer is an
 * exit status and two texts, for standard output and standard error. An answer longer than a
 * message is fetched in pieces: the client asks for each, so neither side queues anything.
 */
#ifndef SRPT_CTL_IPC_PROTO_H
#define SRPT_CTL_IPC_PROTO_H

#include <qb/qbipc_common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPC_DEFAULT_NAME "srptd"
#define IPC_VERSION 1u /* both sides must have the same */
#define IPC_ARGS_MAX 8
#define IPC_ARGS_BYTES 1024u
#define IPC_CHUNK (48u << 10)      /* bytes of text in a response */
#define IPC_MESSAGE_MAX (64u << 10) /* bytes of any message, headers included */

/* qb_ipc_request_header.id */
enum ipc_request_id {
	IPC_CALL = 1, /* run a command, get the first piece of the answer */
	IPC_MORE = 2, /* the next piece */
};

struct ipc_request {
	struct qb_ipc_request_header hdr;
	uint32_t version;
	uint32_t json;     /* 1: the answer as JSON */
	uint32_t args_len; /* bytes of args, IPC_CALL only */
	char args[IPC_ARGS_BYTES]; /* words, each with its NUL */
};

/* hdr.error: 0, or -errno when there is no answer (bad request, other version, no memory). */
struct ipc_response {
	struct qb_ipc_response_header hdr;
	uint32_t version;
	uint32_t status;  /* exit status of the command */
	uint64_t out_len; /* bytes of the whole standard output; standard error follows it */
	uint64_t err_len;
	uint32_t len;     /* bytes of data in this message */
	char data[];
};

/* A decoded call. */
struct ipc_call {
	bool json;
	int argc;
	const char *argv[IPC_ARGS_MAX]; /* into args */
	char args[IPC_ARGS_BYTES];
};

/* Bytes of the message, or -E2BIG. @req is filled. */
int ipc_call_encode(struct ipc_request *req, bool json, int argc, const char *const *argv);
/*
 * @size bytes came from a peer and may hold anything. 0, -EINVAL (malformed) or
 * -EPROTONOSUPPORT (another version).
 */
int ipc_call_decode(const void *data, size_t size, struct ipc_call *call);
/* Which request it is; 0: none that is valid. */
int ipc_request_id(const void *data, size_t size);

#endif
