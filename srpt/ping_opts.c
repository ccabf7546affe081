/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"
#include "ping.h"

#include "base/bytes.h"
#include "client/size.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: srp-ping [OPTION]... ADDRESS[:PORT]\n"
	"       srp-ping [OPTION]... --target LOGIN\n"
	"Log in to an SRP target from user space, show what it offers, test it.\n"
	"The port is " PING_PORT " if it is not given.\n\n"
	"The target:\n"
	"  -t, --target LOGIN   a line of 'srptctl login-info', as add_target takes it:\n"
	"                       id_ext=…,ioc_guid=…,dest=ADDRESS:PORT or, of native\n"
	"                       InfiniBand, dgid=GID,pkey=PKEY,service_id=ID\n"
	"      --id-ext HEX     with ADDRESS: first half of the target's id\n"
	"      --ioc-guid HEX   second half (default: as --id-ext)\n"
	"      --transport T    iwarp: over TCP (default), verbs: an RDMA device\n"
	"      --crc WHEN       auto, on or off: checksums of iWARP (default auto)\n"
	"      --mpa-revision N 1 or 2: how iWARP connects (default 2)\n"
	"      --initiator-id HEX   our port id, 32 digits (default: made up)\n"
	"      --initiator-ext HEX  its first half only, 16 digits\n"
	"      --channels N     RDMA channels of the session (default 1)\n"
	"      --sessions N     only log in N sessions at once, each says INQUIRY\n"
	"      --iu-length N    longest request, bytes (default 8260)\n"
	"      --timeout SEC    for the login and for each command (default 10)\n\n"
	"What is done:\n"
	"  -c, --count N        ask N times whether the LUN is ready\n"
	"  -i, --interval SEC   between these (default 1)\n"
	"  -l, --lun N          this LUN only; needed for what writes\n"
	"      --read           read\n"
	"      --write          write a pattern: overwrites the LUN\n"
	"      --verify         write a pattern, read and compare: overwrites the LUN\n"
	"      --check          read and compare with what was written before\n"
	"      --abort          abort commands in flight, with ABORT TASK\n"
	"      --lun-reset      reset the LUN with commands in flight\n"
	"      --hold SEC       stay logged in\n\n"
	"How it reads and writes:\n"
	"  -s, --size N         bytes in all (default 64M, or what there is)\n"
	"  -o, --offset N       where it starts (default 0)\n"
	"  -b, --block-size N   bytes of a command (default 64K)\n"
	"  -q, --queue-depth N  commands in flight per channel (default 16)\n"
	"      --iodepth N      the same\n"
	"      --random         in mixed order\n"
	"      --sequential     in order (default)\n"
	"      --runtime SEC    again and again, so long\n"
	"      --pattern SEED   a number that chooses the pattern (default 1)\n"
	"      --desc KIND      direct, indirect or immediate (default direct)\n"
	"      --pieces N       indirect: descriptors of a command (default 8)\n\n"
	"Output:\n"
	"      --histogram      of the latencies too\n"
	"  -j, --json           one JSON object\n"
	"      --quiet          errors only\n"
	"  -h, --help           show this help\n"
	"  -V, --version        show the version\n\n"
	"Sizes may end in K, M, G or T.\n"
	"Exit status: 0 fine, 1 data differ or a command failed, 2 usage, 3 the target\n"
	"rejects the login, 4 nobody answers in time, 5 the connection was lost.\n";

enum opt {
	OPT_HELP = 'h', OPT_VERSION = 'V', OPT_TARGET = 't', OPT_COUNT = 'c', OPT_INTERVAL = 'i',
	OPT_LUN = 'l', OPT_SIZE = 's', OPT_OFFSET = 'o', OPT_BLOCK = 'b', OPT_DEPTH = 'q',
	OPT_JSON = 'j',
	OPT_LONG = 256,
	OPT_ID_EXT, OPT_IOC_GUID, OPT_TRANSPORT, OPT_CRC, OPT_MPA, OPT_INITIATOR_ID,
	OPT_INITIATOR_EXT, OPT_CHANNELS, OPT_SESSIONS, OPT_IU_LENGTH, OPT_TIMEOUT, OPT_READ,
	OPT_WRITE, OPT_VERIFY, OPT_CHECK, OPT_ABORT, OPT_LUN_RESET, OPT_HOLD, OPT_RANDOM,
	OPT_SEQUENTIAL, OPT_RUNTIME, OPT_PATTERN, OPT_DESC, OPT_PIECES, OPT_HISTOGRAM, OPT_QUIET,
};

static const struct option options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "target", required_argument, NULL, OPT_TARGET },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "lun", required_argument, NULL, OPT_LUN },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "offset", required_argument, NULL, OPT_OFFSET },
	{ "block-size", required_argument, NULL, OPT_BLOCK },
	{ "queue-depth", required_argument, NULL, OPT_DEPTH },
	{ "iodepth", required_argument, NULL, OPT_DEPTH },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "id-ext", required_argument, NULL, OPT_ID_EXT },
	{ "ioc-guid", required_argument, NULL, OPT_IOC_GUID },
	{ "transport", required_argument, NULL, OPT_TRANSPORT },
	{ "crc", required_argument, NULL, OPT_CRC },
	{ "mpa-revision", required_argument, NULL, OPT_MPA },
	{ "initiator-id", required_argument, NULL, OPT_INITIATOR_ID },
	{ "initiator-ext", required_argument, NULL, OPT_INITIATOR_EXT },
	{ "channels", required_argument, NULL, OPT_CHANNELS },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "iu-length", required_argument, NULL, OPT_IU_LENGTH },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "read", no_argument, NULL, OPT_READ },
	{ "write", no_argument, NULL, OPT_WRITE },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "abort", no_argument, NULL, OPT_ABORT },
	{ "lun-reset", no_argument, NULL, OPT_LUN_RESET },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "random", no_argument, NULL, OPT_RANDOM },
	{ "sequential", no_argument, NULL, OPT_SEQUENTIAL },
	{ "runtime", required_argument, NULL, OPT_RUNTIME },
	{ "pattern", required_argument, NULL, OPT_PATTERN },
	{ "desc", required_argument, NULL, OPT_DESC },
	{ "pieces", required_argument, NULL, OPT_PIECES },
	{ "histogram", no_argument, NULL, OPT_HISTOGRAM },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ NULL, 0, NULL, 0 },
};

/* ---- values ---- */

static int parse_uint(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*out = strtoull(s, &end, 0);
	return errno || *end || *out < min || *out > max ? -EINVAL : 0;
}

static int parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (parse_uint(s, min, max, &v))
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

/* Seconds with a fraction into milliseconds. */
static int parse_ms(const char *s, uint32_t *out)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return -EINVAL;
	v = strtod(s, &end);
	if (*end || !(v >= 0.001 && v <= 86400.0))
		return -EINVAL;
	*out = (uint32_t)(v * 1000.0 + 0.5);
	return 0;
}

static int parse_hex64(const char *s, uint64_t *out)
{
	char *end;

	if (!strncmp(s, "0x", 2))
		s += 2;
	if (!isxdigit((unsigned char)*s) || strlen(s) > 16)
		return -EINVAL;
	*out = strtoull(s, &end, 16);
	return *end ? -EINVAL : 0;
}

/* 32 hexadecimal digits, with 0x or with colons between if you like. */
int ping_parse_port_id(const char *s, uint8_t id[16])
{
	unsigned n = 0;

	memset(id, 0, 16);
	if (!strncmp(s, "0x", 2))
		s += 2;
	for (; *s; s++) {
		unsigned digit = (unsigned)*s;

		if (*s == ':')
			continue;
		if (!isxdigit((unsigned char)*s) || n == 32)
			return -EINVAL;
		digit = isdigit((unsigned char)*s) ? digit - '0' :
						     (unsigned)tolower((int)digit) - 'a' + 10;
		id[n / 2] = (uint8_t)(id[n / 2] << 4 | digit);
		n++;
	}
	return n == 32 ? 0 : -EINVAL;
}

/* One of @words; its place, or -EINVAL. */
static int parse_word(const char *s, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], s))
			return i;
	return -EINVAL;
}

/* ---- the target ---- */

static int copy_part(char *to, size_t size, const char *from, size_t len)
{
	if (!len || len >= size)
		return -EINVAL;
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

/* ADDRESS, ADDRESS:PORT, [ADDRESS], [ADDRESS]:PORT; more than one colon: IPv6 alone. */
int ping_parse_address(const char *s, struct ping_opts *o, char *err, size_t errlen)
{
	const char *port = NULL, *end = s + strlen(s);
	const char *host = s;

	if (*s == '[') {
		host++;
		end = strchr(host, ']');
		if (end && end[1] == ':')
			port = end + 2;
		else if (end && end[1])
			end = NULL;
	} else if (strchr(s, ':') && strchr(s, ':') == strrchr(s, ':')) {
		end = strchr(s, ':');
		port = end + 1;
	}
	if (!end || copy_part(o->host, sizeof(o->host), host, (size_t)(end - host)) ||
	    copy_part(o->port, sizeof(o->port), port ? port : PING_PORT,
		      strlen(port ? port : PING_PORT))) {
		snprintf(err, errlen, "'%s' is no address", s);
		return -EINVAL;
	}
	return 0;
}

/* Of service_id=: one that the RDMA connection manager can ask for. */
static int parse_service_id(const char *s, uint16_t *port)
{
	uint64_t sid;

	if (parse_hex64(s, &sid) || sid >> 16 != IB_SERVICE_ID_BASE >> 16 || !(sid & 0xffff))
		return -EINVAL;
	*port = (uint16_t)sid;
	return 0;
}

static int parse_pkey(const char *s, uint16_t *pkey)
{
	uint64_t v;

	if (parse_hex64(s, &v) || v > 0xffff || !(v & 0x7fff))
		return -EINVAL;
	*pkey = (uint16_t)v;
	return 0;
}

/* Where native InfiniBand leads to. 1: not one of these. */
static int login_pair_ib(const char *key, const char *value, struct ib_portal *ib)
{
	if (!strcmp(key, "dgid"))
		return ping_parse_port_id(value, ib->gid);
	if (!strcmp(key, "pkey"))
		return parse_pkey(value, &ib->pkey);
	if (!strcmp(key, "service_id"))
		return parse_service_id(value, &ib->port);
	return 1;
}

/* One key=value of a login string. */
static int login_pair(const char *key, const char *value, struct ping_opts *o, char *err,
		      size_t errlen)
{
	uint64_t ext = 0;
	int rc;

	if (!strcmp(key, "dest"))
		return ping_parse_address(value, o, err, errlen);
	rc = login_pair_ib(key, value, &o->ib);
	if (rc > 0)
		rc = 0;
	if (!strcmp(key, "id_ext")) {
		rc = parse_hex64(value, &o->id_ext);
		o->has_id_ext = true;
	} else if (!strcmp(key, "ioc_guid")) {
		rc = parse_hex64(value, &o->ioc_guid);
		o->has_ioc_guid = true;
	} else if (!strcmp(key, "initiator_ext")) {
		rc = parse_hex64(value, &ext);
		put_be64(o->initiator, ext);
	} else if (!strcmp(key, "queue_size")) {
		rc = parse_u32(value, 1, 4096, &o->queue_depth);
	} else if (!strcmp(key, "ch_count")) {
		rc = parse_u32(value, 1, PING_CHANNELS_MAX, &o->channels);
	} else if (!strcmp(key, "max_it_iu_size")) {
		rc = parse_u32(value, 64, 131072, &o->iu_len);
	}
	if (rc)
		snprintf(err, errlen, "login string: '%s' is no value of %s", value, key);
	return rc;
}

/* A login string without dest=: what is missing, or NULL. */
static const char *login_ib(struct ping_opts *o)
{
	if (ib_gid_is_any(o->ib.gid))
		return o->ib.port ? "dgid=" : "dest= (or dgid= and service_id=)";
	if (!o->ib.port)
		return "service_id=";
	o->ib.family = AF_IB;
	inet_ntop(AF_INET6, o->ib.gid, o->host, sizeof(o->host));
	snprintf(o->port, sizeof(o->port), "%u", o->ib.port);
	return NULL;
}

int ping_parse_login(const char *s, struct ping_opts *o, char *err, size_t errlen)
{
	char buf[512], *pair, *rest = buf;
	bool dest = false;
	const char *missing;

	if (copy_part(buf, sizeof(buf), s, strlen(s))) {
		snprintf(err, errlen, "login string: empty or too long");
		return -EINVAL;
	}
	while ((pair = strsep(&rest, ",\n"))) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (!value) {
			snprintf(err, errlen, "login string: '%s' has no value", pair);
			return -EINVAL;
		}
		*value++ = '\0';
		if (login_pair(pair, value, o, err, errlen))
			return -EINVAL;
		dest = dest || !strcmp(pair, "dest");
	}
	missing = dest ? NULL : login_ib(o);
	if (!missing && !o->has_id_ext)
		missing = "id_ext=";
	else if (!missing && !o->has_ioc_guid)
		missing = "ioc_guid=";
	if (!missing)
		return 0;
	snprintf(err, errlen, "login string: %s is missing", missing);
	return -EINVAL;
}

/* ---- options ---- */

static int opt_ext(const char *arg, struct ping_opts *o)
{
	uint64_t ext;
	int rc = parse_hex64(arg, &ext);

	put_be64(o->initiator, ext);
	return rc;
}

static int opt_block(const char *arg, struct ping_opts *o)
{
	uint64_t v;

	if (size_parse(arg, &v) || !v || v > IOBUF_MAX_SIZE)
		return -EINVAL;
	o->block_size = (uint32_t)v;
	return 0;
}

/* Options that say who and where. 1: not one of them. */
static int opt_target(int opt, const char *arg, struct ping_opts *o, char *err, size_t errlen)
{
	static const char *const transports[] = { "iwarp", "verbs", NULL };
	static const char *const crcs[] = { "auto", "on", "off", NULL };
	uint32_t v = 0;
	int rc;

	switch (opt) {
	case OPT_TARGET:
		return ping_parse_login(arg, o, err, errlen);
	case OPT_ID_EXT:
		o->has_id_ext = true;
		return parse_hex64(arg, &o->id_ext);
	case OPT_IOC_GUID:
		o->has_ioc_guid = true;
		return parse_hex64(arg, &o->ioc_guid);
	case OPT_TRANSPORT:
		rc = parse_word(arg, transports);
		o->transport = rc == 1 ? CLIENT_VERBS : CLIENT_IWARP;
		return rc < 0 ? rc : 0;
	case OPT_CRC:
		rc = parse_word(arg, crcs);
		o->crc = rc < 0 ? IWARP_CRC_AUTO : (enum iwarp_crc)rc;
		return rc < 0 ? rc : 0;
	case OPT_MPA:
		rc = parse_u32(arg, 1, 2, &v);
		o->mpa_revision = (uint8_t)v;
		return rc;
	case OPT_INITIATOR_ID:
		o->has_initiator = true;
		return ping_parse_port_id(arg, o->initiator);
	case OPT_INITIATOR_EXT:
		return opt_ext(arg, o);
	case OPT_CHANNELS:
		return parse_u32(arg, 1, PING_CHANNELS_MAX, &o->channels);
	case OPT_SESSIONS:
		return parse_u32(arg, 1, PING_SESSIONS_MAX, &o->sessions);
	case OPT_IU_LENGTH:
		return parse_u32(arg, 64, 131072, &o->iu_len);
	case OPT_TIMEOUT:
		return parse_ms(arg, &o->timeout_ms);
	}
	return 1;
}

/* Options with a value that say what is done and how. 1: not one of them. */
static int opt_work(int opt, const char *arg, struct ping_opts *o)
{
	static const char *const descs[] = { "direct", "indirect", "immediate", NULL };
	uint64_t v = 0;
	int rc;

	switch (opt) {
	case OPT_COUNT:
		return parse_uint(arg, 1, UINT64_MAX, &o->count);
	case OPT_INTERVAL:
		return parse_ms(arg, &o->interval_ms);
	case OPT_LUN:
		rc = parse_uint(arg, 0, 16383, &v);
		o->lun = (int32_t)v;
		return rc;
	case OPT_HOLD:
		return parse_u32(arg, 1, 1000000, &o->hold_s);
	case OPT_SIZE:
		rc = size_parse(arg, &o->size);
		return rc || !o->size ? -EINVAL : 0;
	case OPT_OFFSET:
		return size_parse(arg, &o->offset);
	case OPT_BLOCK:
		return opt_block(arg, o);
	case OPT_DEPTH:
		return parse_u32(arg, 1, 1024, &o->queue_depth);
	case OPT_RUNTIME:
		return parse_u32(arg, 1, 1000000, &o->runtime_s);
	case OPT_PATTERN:
		return parse_uint(arg, 0, UINT64_MAX, &o->seed);
	case OPT_DESC:
		rc = parse_word(arg, descs);
		o->desc = rc < 0 ? CLIENT_DIRECT : (enum client_desc)rc;
		return rc < 0 ? rc : 0;
	case OPT_PIECES:
		return parse_u32(arg, 1, 255, &o->pieces);
	}
	return 1;
}

/* Options without a value. */
static void opt_flag(int opt, struct ping_opts *o)
{
	const struct {
		int opt;
		bool *flag;
		bool value;
	} rows[] = {
		{ OPT_READ, &o->read, true },           { OPT_WRITE, &o->write, true },
		{ OPT_VERIFY, &o->verify, true },       { OPT_CHECK, &o->check, true },
		{ OPT_ABORT, &o->abort, true },         { OPT_LUN_RESET, &o->lun_reset, true },
		{ OPT_RANDOM, &o->random, true },       { OPT_SEQUENTIAL, &o->random, false },
		{ OPT_HISTOGRAM, &o->histogram, true }, { OPT_JSON, &o->json, true },
		{ OPT_QUIET, &o->quiet, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].opt == opt)
			*rows[i].flag = rows[i].value;
}

static int usage_error(const char *what)
{
	fprintf(stderr, "srp-ping: %s\nTry 'srp-ping --help'.\n", what);
	return PING_USAGE;
}

static const char *option_name(int opt)
{
	for (size_t i = 0; options[i].name; i++)
		if (options[i].val == opt)
			return options[i].name;
	return "";
}

/* What does not go together. NULL: fine. */
static const char *opts_check(const struct ping_opts *o)
{
	bool io = o->read || o->write || o->verify || o->check;

	if (!*o->host)
		return "an address or --target is missing";
	if ((o->write || o->verify) && o->lun < 0)
		return "--write and --verify overwrite a LUN: say which, with --lun";
	if (o->lun_reset && o->lun < 0)
		return "--lun-reset disturbs others who use the LUN: say which, with --lun";
	if (o->sessions && (io || o->abort || o->lun_reset || o->channels > 1 || o->count))
		return "--sessions only logs in; it goes with --hold, but with no test";
	if (o->desc == CLIENT_INDIRECT && o->iu_len && o->iu_len < 68)
		return "--desc indirect needs requests of at least 68 bytes";
	return NULL;
}

static const struct ping_opts defaults = {
	.mpa_revision = 2,
	.channels = 1,
	.queue_depth = 16,
	.lun = -1,
	.interval_ms = 1000,
	.block_size = 65536,
	.seed = 1,
	.pieces = 8,
	.timeout_ms = 10000,
};

/* -1: go on. */
static int option_take(int opt, const char *arg, struct ping_opts *o)
{
	char err[PING_ERR_MAX] = "";
	int rc;

	switch (opt) {
	case OPT_HELP:
		fputs(help, stdout);
		return PING_OK;
	case OPT_VERSION:
		puts("srp-ping " PACKAGE_VERSION);
		return PING_OK;
	case '?':
		fputs("Try 'srp-ping --help'.\n", stderr);
		return PING_USAGE;
	}
	rc = opt_target(opt, arg, o, err, sizeof(err));
	if (rc > 0)
		rc = opt_work(opt, arg, o);
	if (rc > 0)
		opt_flag(opt, o);
	if (rc >= 0)
		return -1;
	if (!*err)
		snprintf(err, sizeof(err), "'%s' is no value for --%s", arg, option_name(opt));
	return usage_error(err);
}

int ping_opts_parse(int argc, char **argv, struct ping_opts *o)
{
	char err[PING_ERR_MAX];
	const char *wrong;
	int opt, rc;

	*o = defaults;
	while ((opt = getopt_long(argc, argv, "hVt:c:i:l:s:o:b:q:j", options, NULL)) != -1) {
		rc = option_take(opt, optarg, o);
		if (rc >= 0)
			return rc;
	}
	if (optind < argc && *o->host)
		return usage_error("an address and --target: one is enough");
	if (argc - optind > 1)
		return usage_error("more than one address");
	if (optind < argc && ping_parse_address(argv[optind], o, err, sizeof(err)))
		return usage_error(err);
	if (!o->has_ioc_guid)
		o->ioc_guid = o->id_ext;
	if (o->ib.family) /* wherever --transport stood */
		o->transport = CLIENT_VERBS;
	wrong = opts_check(o);
	return wrong ? usage_error(wrong) : -1;
}
