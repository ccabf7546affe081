/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transports for the tests of ctl/. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl_fake.h"

#include "transport/iwarp.h"
#include "transport/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- transport: devices ---- */

unsigned fake_vectors;

int verbs_for_each_device(void (*fn)(void *arg, const struct verbs_device_info *d), void *arg)
{
	const struct verbs_device_info d = {
		.name = "mlx5_0", .ports = 1, .link_layer = "InfiniBand", .port_state = "ACTIVE",
		.vectors = fake_vectors,
	};

	if (fake_vectors)
		fn(arg, &d);
	return 0;
}

/* ---- transports that listen on paper ---- */

char fake_listens[1024];
int fake_listen_status;
int fake_transports;
int fake_crc = -1;

static void listened(char sign, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	char addr[INET6_ADDRSTRLEN];
	size_t len = strlen(fake_listens);

	inet_ntop(sa->sa_family, sa->sa_family == AF_INET ? (const void *)&in->sin_addr :
		  (const void *)&in6->sin6_addr, addr, sizeof(addr));
	snprintf(fake_listens + len, sizeof(fake_listens) - len, "%s%c%s/%u", len ? " " : "", sign,
		 addr, ntohs(sa->sa_family == AF_INET ? in->sin_port : in6->sin6_port));
}

struct fake_listener {
	struct transport_listener base;
	struct sockaddr_storage sa;
};

static int fake_listen(struct transport *t, const struct sockaddr *sa, socklen_t len, void *ctx,
		       struct transport_listener **out, char *err, size_t errlen)
{
	struct fake_listener *l;

	listened(fake_listen_status ? '!' : '+', sa);
	if (fake_listen_status) {
		snprintf(err, errlen, "%s", strerror(-fake_listen_status));
		return fake_listen_status;
	}
	l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->base.t = t;
	l->base.ctx = ctx;
	memcpy(&l->sa, sa, len);
	*out = &l->base;
	return 0;
}

static void fake_unlisten(struct transport_listener *base)
{
	struct fake_listener *l = container_of(base, struct fake_listener, base);

	listened('-', (const struct sockaddr *)&l->sa);
	free(l);
}

static struct transport *transport_make(const struct transport_upcalls *up,
					const struct transport_params *p, struct reactor_group *g,
					void *loop)
{
	static const struct transport_ops ops = { .name = "fake", .listen = fake_listen,
						  .unlisten = fake_unlisten };
	struct transport *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	*t = (struct transport){ .ops = &ops, .up = up, .params = *p, .group = g, .loop = loop };
	fake_transports++;
	return t;
}

int iwarp_create(const struct transport_upcalls *up, const struct transport_params *p,
		 const struct iwarp_params *ip, struct reactor_group *g, void *loop,
		 struct transport **out, char *err, size_t errlen)
{
	(void)err;
	(void)errlen;
	fake_crc = (int)ip->crc;
	*out = transport_make(up, p, g, loop);
	return 0;
}

void iwarp_set_crc(struct transport *t, enum iwarp_crc crc)
{
	(void)t;
	fake_crc = (int)crc;
}

void iwarp_destroy(struct transport *t)
{
	fake_transports--;
	free(t);
}

int fake_verbs_opens;
bool fake_rdma;

int verbs_create(const struct transport_upcalls *up, const struct transport_params *p,
		 struct reactor_group *g, void *loop, struct transport **out, char *err,
		 size_t errlen)
{
	fake_verbs_opens++;
	if (fake_rdma) {
		*out = transport_make(up, p, g, loop);
		return 0;
	}
	snprintf(err, errlen, "no RDMA connection manager");
	return -ENODEV;
}

void verbs_destroy(struct transport *t)
{
	iwarp_destroy(t);
}
