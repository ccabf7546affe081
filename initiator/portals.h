/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The logins to SRP targets that DNS knows under a name. srp_daemon finds targets by InfiniBand's
 * device management only; over RoCE and iWARP this takes its place.
 *
 *   _srp._tcp.NAME  SRV  priority weight port HOST      one for each portal      (RFC 2782)
 *   _srp._tcp.HOST  TXT  "id_ext=…,ioc_guid=…"          what else a login needs
 *   HOST            A, or AAAA where there is no A
 */
#ifndef SRPT_INITIATOR_PORTALS_H
#define SRPT_INITIATOR_PORTALS_H

#include <resolv.h>
#include <stdbool.h>
#include <stddef.h>

#define PORTALS_MAX 64	     /* of one name; more are ignored */
#define PORTALS_LOGIN_MAX 512 /* bytes of a login, with its NUL */

struct portal {
	char host[NS_MAXDNAME];
	unsigned priority, weight; /* 0 … 65535, of the SRV record */
	unsigned port;		   /* 1 … 65535 */
	char login[PORTALS_LOGIN_MAX];
};

/*
 * Asks the name servers of @res, which the caller has initialised, and fills @found with up to
 * PORTALS_MAX portals, the lowest priority first. Those whose records cannot be used are left
 * out, each with one line on standard error. The number found, -ENOENT when the name has no SRV
 * records, -EAGAIN when no name server answers. Blocks, as long as the resolver's options say.
 */
int portals_find(struct __res_state *res, const char *name, struct portal *found);

/*
 * True when @text can be part of a login: characters that sysfs and a shell take as they are,
 * with id_ext and ioc_guid and without an address.
 */
bool portals_params_ok(const char *text);

#endif
