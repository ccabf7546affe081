/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Portals: "ADDR", "ADDR:PORT", "[ADDR]:PORT" with IPv4 or IPv6 addresses; iwarp_port: "PORT".
 * Those of native InfiniBand, "ib:...", are in conf_portal_ib.c.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

bool conf_port_parse(const char *text, uint16_t *port)
{
	size_t len = strspn(text, "0123456789");
	unsigned long value;

	if (!len || len > 5 || text[len])
		return false;
	value = strtoul(text, NULL, 10);
	*port = (uint16_t)value;
	return value >= 1 && value <= 65535;
}

/* Splits off "%interface"; false if its name cannot be one. */
static bool scope_split(char *addr, char *scope, size_t size)
{
	char *percent = strchr(addr, '%');
	size_t len;

	if (!percent)
		return true;
	*percent++ = '\0';
	len = strlen(percent);
	if (!len || len >= size || !conf_name_valid(percent, len, true))
		return false;
	memcpy(scope, percent, len + 1);
	return true;
}

static bool addr_set(struct conf_portal *p, char *addr, const char **why)
{
	bool link_local;

	if (inet_pton(AF_INET, addr, p->addr) == 1) {
		p->family = AF_INET;
		return true;
	}
	if (!scope_split(addr, p->scope, sizeof(p->scope))) {
		*why = "allowed behind % is the name of an interface";
		return false;
	}
	p->family = AF_INET6;
	if (inet_pton(AF_INET6, addr, p->addr) != 1) {
		*why = "allowed are ADDRESS, ADDRESS:PORT and [IPv6-ADDRESS]:PORT, no host names";
		return false;
	}
	link_local = p->addr[0] == 0xfe && (p->addr[1] & 0xc0) == 0x80;
	if (link_local != (p->scope[0] != '\0')) {
		*why = "a link-local address, and no other, needs %INTERFACE";
		return false;
	}
	return true;
}

char *conf_port_split(char **addr)
{
	char *end, *colon = strchr(*addr, ':');

	if (**addr == '[') {
		end = strchr(*addr, ']');
		if (!end || (end[1] && end[1] != ':'))
			return NULL;	/* the bracket that stays makes the address invalid */
		(*addr)++;
		*end = '\0';
		return end[1] ? end + 2 : NULL;
	}
	if (!colon || strchr(colon + 1, ':'))
		return NULL;		/* IPv4 without port, or IPv6 without brackets */
	*colon = '\0';
	return colon + 1;
}

bool conf_portal_parse(const char *text, struct conf_portal *p, const char **why)
{
	char copy[IB_PORTAL_TEXT_MAX], *addr = copy, *port;

	*p = (struct conf_portal){ 0 };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy)) {
		*why = "too long for an address";
		return false;
	}
	if (!strncmp(copy, "ib:", 3))
		return conf_portal_ib_parse(copy + 3, p, why);
	port = conf_port_split(&addr);
	if (port && !conf_port_parse(port, &p->port)) {
		*why = "allowed are ports 1..65535";
		return false;
	}
	return addr_set(p, addr, why);
}

bool conf_iwarp_port_parse(const char *text, struct conf_portal *p, const char **why)
{
	*p = (struct conf_portal){ .family = AF_UNSPEC };
	if (text[strspn(text, "0123456789")]) {
		if (strchr(text, ':') && !conf_portal_parse(text, p, why))
			return false;
		*why = "allowed are PORT, ADDRESS:PORT and [IPv6-ADDRESS]:PORT";
		return p->port != 0 && p->family != AF_IB;
	}
	*why = "allowed are ports 1..65535";
	return conf_port_parse(text, &p->port);
}

size_t conf_iwarp_port_expand(const struct conf_portal *p, struct conf_portal out[2])
{
	out[0] = *p;
	if (p->family != AF_UNSPEC)
		return 1;
	out[1] = *p;
	out[0].family = AF_INET;
	inet_pton(AF_INET, "127.0.0.1", out[0].addr);
	out[1].family = AF_INET6;
	inet_pton(AF_INET6, "::1", out[1].addr);
	return 2;
}

bool conf_portal_is_any(const struct conf_portal *p)
{
	static const uint8_t any[sizeof(p->addr)];

	return p->family != AF_UNSPEC && !p->device[0] && !memcmp(p->addr, any, sizeof(any));
}

const char *conf_portal_format(const struct conf_portal *p, uint16_t default_port, char *buf,
			       size_t size)
{
	uint16_t port = p->port ? p->port : default_port;
	bool brackets = port && p->family == AF_INET6;
	char addr[INET6_ADDRSTRLEN] = "", text[IB_PORTAL_TEXT_MAX];
	struct ib_portal ib;

	if (p->family == AF_IB) {
		conf_portal_ib(p, default_port, &ib);
		snprintf(buf, size, "%s", ib_portal_text(&ib, text));
		return buf;
	}
	if (p->family == AF_UNSPEC) {
		snprintf(buf, size, "%u", port);
		return buf;
	}
	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	if (!port)
		snprintf(buf, size, "%s%s%s", addr, p->scope[0] ? "%" : "", p->scope);
	else
		snprintf(buf, size, "%s%s%s%s%s:%u", brackets ? "[" : "", addr,
			 p->scope[0] ? "%" : "", p->scope, brackets ? "]" : "", port);
	return buf;
}
