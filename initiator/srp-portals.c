/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"
#include "initiator/portals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: srp-portals [OPTION]... NAME\n"
	"Print the logins to the SRP targets that DNS knows under NAME, one a line, as\n"
	"srp-login and ib_srp's add_target take them.\n\n"
	"  -s, --server A[:PORT]  ask the name server with this IPv4 address, not those of\n"
	"                         resolv.conf\n"
	"  -h, --help             show this help\n"
	"  -V, --version          show the version\n\n"
	"Exit status: 0 some were found, 1 none was, 2 usage, 3 no name server answers.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "server", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Seconds for one question to one server, and how often it is asked. */
#define ASK_SECONDS 2
#define ASK_TIMES 2

static int server_set(struct __res_state *res, const char *text)
{
	char address[INET_ADDRSTRLEN];
	const char *colon = strchrnul(text, ':');
	struct sockaddr_in *to = &res->nsaddr_list[0];
	unsigned long port = 53;
	char *end;

	if ((size_t)(colon - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	if (*colon) {
		port = strtoul(colon + 1, &end, 10);
		if (*end || !port || port > 65535)
			return -EINVAL;
	}
	memset(to, 0, sizeof(*to));
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)port);
	res->nscount = 1;
	return inet_pton(AF_INET, address, &to->sin_addr) == 1 ? 0 : -EINVAL;
}

static int usage(const char *what)
{
	fprintf(stderr, "srp-portals: %s\nTry 'srp-portals --help'.\n", what);
	return 2;
}

static int print(struct __res_state *res, const char *name)
{
	static struct portal found[PORTALS_MAX];
	int n = portals_find(res, name, found);

	if (n == -EAGAIN) {
		fprintf(stderr, "srp-portals: %s: no name server answers\n", name);
		return 3;
	}
	if (n == -ENOENT)
		fprintf(stderr, "srp-portals: there is no SRV record _srp._tcp.%s\n", name);
	else if (n < 0)
		fprintf(stderr, "srp-portals: %s: %s\n", name, strerror(-n));
	for (int i = 0; i < n; i++)
		puts(found[i].login);
	return n > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct __res_state res = { 0 };
	const char *server = NULL;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "hs:V", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 's':
			server = optarg;
			break;
		case 'V':
			puts("srp-portals " PACKAGE_VERSION);
			return 0;
		default:
			fputs("Try 'srp-portals --help'.\n", stderr);
			return 2;
		}
	}
	if (argc - optind != 1)
		return usage("one NAME is needed");
	if (strlen(argv[optind]) >= NS_MAXDNAME - 16)
		return usage("the NAME is too long");
	if (res_ninit(&res))
		return usage("the resolver cannot be set up");
	if (server && server_set(&res, server))
		return usage("--server wants an IPv4 address and perhaps a port");
	res.retrans = ASK_SECONDS;
	res.retry = ASK_TIMES;
	rc = print(&res, argv[optind]);
	res_nclose(&res);
	return rc;
}
