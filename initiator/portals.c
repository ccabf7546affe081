/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/portals.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A DNS message over TCP is no longer, RFC 1035 4.2.2. */
#define ANSWER_MAX 65535

struct answer {
	unsigned char bytes[ANSWER_MAX];
	ns_msg msg;
};

/* The number of records in the answer to one question; see portals_find. */
static int ask(struct __res_state *res, const char *name, ns_type type, struct answer *a)
{
	int len = res_nquery(res, name, ns_c_in, type, a->bytes, sizeof(a->bytes));

	if (len < 0)
		return res->res_h_errno == TRY_AGAIN ? -EAGAIN : -ENOENT;
	if (len > ANSWER_MAX || ns_initparse(a->bytes, len, &a->msg) < 0)
		return -EBADMSG;
	return ns_msg_count(a->msg, ns_s_an);
}

/* Record @i of the answer, if it is of this type; names in between (CNAME) are others. */
static bool record_get(struct answer *a, int i, ns_type type, ns_rr *rr)
{
	return ns_parserr(&a->msg, ns_s_an, i, rr) == 0 && ns_rr_type(*rr) == type;
}

static bool has_field(const char *text, const char *field)
{
	for (const char *at = text; (at = strstr(at, field)); at++)
		if (at == text || at[-1] == ',')
			return true;
	return false;
}

bool portals_params_ok(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_=.,-";

	return !text[strspn(text, allowed)] && has_field(text, "id_ext=") &&
	       has_field(text, "ioc_guid=") && !has_field(text, "dest=") &&
	       !has_field(text, "dgid=");
}

/* The strings of a TXT record, with commas between, to @out. */
static int txt_join(const ns_rr *rr, char *out, size_t size)
{
	const unsigned char *at = ns_rr_rdata(*rr), *end = at + ns_rr_rdlen(*rr);
	size_t used = 0;

	while (at < end) {
		size_t len = *at++;

		if (len > (size_t)(end - at) || used + len + 2 > size)
			return -EBADMSG;
		if (used && len)
			out[used++] = ',';
		memcpy(out + used, at, len);
		used += len;
		at += len;
	}
	out[used] = '\0';
	return strlen(out) == used ? 0 : -EBADMSG;
}

/* What a login to @host needs beside its address. */
static int params_find(struct __res_state *res, const char *host, char *out, size_t size,
		       struct answer *a)
{
	char name[NS_MAXDNAME + 16];
	ns_rr rr;
	int n;

	snprintf(name, sizeof(name), "_srp._tcp.%s", host);
	n = ask(res, name, ns_t_txt, a);
	for (int i = 0; i < n; i++)
		if (record_get(a, i, ns_t_txt, &rr) && !txt_join(&rr, out, size) &&
		    portals_params_ok(out))
			return 0;
	fprintf(stderr, "srp-portals: %s: no TXT record with id_ext=…,ioc_guid=…\n", name);
	return n < 0 ? n : -ENOENT;
}

static int address_find(struct __res_state *res, const char *host, char *out, size_t size,
			struct answer *a)
{
	static const struct {
		ns_type type;
		int family;
		uint16_t len;
	} kinds[] = { { ns_t_a, AF_INET, 4 }, { ns_t_aaaa, AF_INET6, 16 } };
	char text[INET6_ADDRSTRLEN];
	ns_rr rr;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		int n = ask(res, host, kinds[k].type, a);

		for (int i = 0; i < n; i++) {
			if (!record_get(a, i, kinds[k].type, &rr) ||
			    ns_rr_rdlen(rr) != kinds[k].len ||
			    !inet_ntop(kinds[k].family, ns_rr_rdata(rr), text, sizeof(text)))
				continue;
			snprintf(out, size, strchr(text, ':') ? "[%s]" : "%s", text);
			return 0;
		}
	}
	fprintf(stderr, "srp-portals: %s: no address\n", host);
	return -ENOENT;
}

/* RFC 2782: priority, weight, port, then the name of the host; "." is no host. */
static int srv_get(struct answer *a, const ns_rr *rr, struct portal *p)
{
	const unsigned char *data = ns_rr_rdata(*rr);

	if (ns_rr_rdlen(*rr) < 7)
		return -EBADMSG;
	p->priority = ns_get16(data);
	p->weight = ns_get16(data + 2);
	p->port = ns_get16(data + 4);
	if (ns_name_uncompress(ns_msg_base(a->msg), ns_msg_end(a->msg), data + 6, p->host,
			       sizeof(p->host)) < 0)
		return -EBADMSG;
	return p->port && *p->host && strcmp(p->host, ".") ? 0 : -ENOENT;
}

static int by_priority(const void *x, const void *y)
{
	const struct portal *a = x, *b = y;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return strcmp(a->host, b->host);
}

static int login_make(struct __res_state *res, struct portal *p, struct answer *a)
{
	char params[PORTALS_LOGIN_MAX], address[INET6_ADDRSTRLEN + 2];
	int len;

	if (params_find(res, p->host, params, sizeof(params), a) ||
	    address_find(res, p->host, address, sizeof(address), a))
		return -ENOENT;
	len = snprintf(p->login, sizeof(p->login), "%s,dest=%s:%u", params, address, p->port);
	return len < (int)sizeof(p->login) ? 0 : -ENOENT;
}

int portals_find(struct __res_state *res, const char *name, struct portal *found)
{
	struct answer *a = malloc(sizeof(*a));
	char service[NS_MAXDNAME + 16];
	int count, n = 0, used = 0;
	ns_rr rr;

	if (!a)
		return -ENOMEM;
	snprintf(service, sizeof(service), "_srp._tcp.%s", name);
	count = ask(res, service, ns_t_srv, a);
	for (int i = 0; i < count && n < PORTALS_MAX; i++)
		if (record_get(a, i, ns_t_srv, &rr) && !srv_get(a, &rr, &found[n]))
			n++;
	qsort(found, (size_t)n, sizeof(*found), by_priority);
	for (int i = 0; i < n; i++) {
		if (login_make(res, &found[i], a))
			continue;
		if (used != i)
			found[used] = found[i];
		used++;
	}
	free(a);
	return count < 0 ? count : n ? used : -ENOENT;
}
