/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srptctl: asks srptd, or the configuration file where that is enough. */
#include "config.h"
#include "base/bytes.h"
#include "ctl/identity.h"
#include "ctl/ipc_client.h"
#include "ctl/ipc_proto.h"
#include "ctl/login_info.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONFIG SYSCONFDIR "/srpt/srpt.conf"
#define TIMEOUT_S 60
#define MONITOR_TIMEOUT_S 5
#define TIMEOUT_MAX_S 86400
#define MARGIN_S 10 /* more than the seconds that a promote or demote was given */
#define COMMAND_WIDTH 23 /* of the help: a command and its arguments */

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 7 };

/* Options before or after the command. */
struct settings {
	const char *config;
	const char *socket; /* NULL: as the configuration says */
	const char *node;   /* whose targets are meant; NULL: this one's */
	bool json;
	int timeout_s;      /* for the daemon's answer; 0: as the command has it */
};

struct command {
	const char *name;
	const char *args; /* as shown in help, "" if none */
	int min_args, max_args;
	const char *help; /* one line */
	const char *more; /* further lines for its own help, "" if none */
	int (*run)(const struct settings *s, int argc, const char *const *argv);
};

static int run_in_daemon(const struct settings *s, int argc, const char *const *argv);
static int run_clustered(const struct settings *s, int argc, const char *const *argv);
static int run_check_config(const struct settings *s, int argc, const char *const *argv);
static int run_login_info(const struct settings *s, int argc, const char *const *argv);
static int run_version(const struct settings *s, int argc, const char *const *argv);

#define ROLE_EXIT "Exit status: 0 done, 1 failed, 2 usage, 3 no such group,\n" \
	"4 the write gate is closed, 5 DRBD is not Primary,\n" \
	"6 the nodes have different configurations, 7 srptd is not running, 10 another\n" \
	"promote or demote is under way, 11 not done in time.\n"

static const struct command commands[] = {
	{ "channels", "[SESSION]", 0, 1, "list RDMA connections, of all sessions or of one",
	  "SESSION is an id that 'srptctl sessions' shows.\n", run_in_daemon },
	{ "check-config", "[FILE]", 0, 1, "check a configuration file; needs no daemon",
	  "FILE is that of --config if it is not given. Errors and warnings are printed as\n"
	  "FILE:LINE:COLUMN: and the exit status is 1 after an error.\n", run_check_config },
	{ "close-session", "SESSION", 1, 1, "disconnect a session; the initiator may come back",
	  "SESSION is an id that 'srptctl sessions' shows.\n", run_in_daemon },
	{ "demote", "[GROUP [SECONDS]]", 0, 2, "let a cluster's device group cease to serve",
	  "GROUP is a DEVICE_GROUP with a drbd_resource; all of them without. Done when\n"
	  "nothing of it is open any more; after SECONDS (10) it goes on by itself.\n" ROLE_EXIT,
	  run_clustered },
	{ "devices", "", 0, 0, "list the devices and their state", "", run_in_daemon },
	{ "disable", "TARGET", 1, 1, "end the sessions of a target and refuse logins",
	  "Done when the last connection is closed. The next reload or start does what the\n"
	  "configuration says.\n", run_in_daemon },
	{ "enable", "TARGET", 1, 1, "let initiators log in to a target",
	  "The next reload or start does what the configuration says.\n", run_in_daemon },
	{ "groups", "", 0, 0, "list device groups, their target groups, ports and devices", "",
	  run_in_daemon },
	{ "login-info", "", 0, 0, "print what to write to add_target of an initiator",
	  "Without a daemon it is computed from the configuration file.\n", run_login_info },
	{ "luns", "", 0, 0, "list the LUNs of all targets and groups", "", run_in_daemon },
	{ "monitor", "[GROUP]", 0, 1, "tell by the exit status how a cluster's group does",
	  "Of one device group or all: 0 standby, 8 promoted and serving, 9 promoted but\n"
	  "not serving, 1 failed, 7 srptd is not running. What is wrong is printed.\n",
	  run_clustered },
	{ "parity", "", 0, 0, "list what the nodes of a cluster must agree on",
	  "Keys and values, of all device groups with a drbd_resource. A node is promoted only if\n"
	  "its list is that of the others. Exit status 7: srptd is not running.\n", run_clustered },
	{ "promote", "[GROUP [SECONDS [DRBD]]]", 0, 3,
	  "let a cluster's device group serve on this node",
	  "GROUP is a DEVICE_GROUP with a drbd_resource; all of them without. It is\n"
	  "undone when it has not succeeded after SECONDS (20). For DRBD seconds of these (3)\n"
	  "its resource may be Secondary still; told a number, srp-replicatord changes its role\n"
	  "when the node that has it is standby.\n" ROLE_EXIT, run_clustered },
	{ "reload", "", 0, 0, "read the configuration again and apply what differs",
	  "With an error in the file nothing is changed and the exit status is 1. It is also 1\n"
	  "when something in the file could not be made, such as a device without its file.\n",
	  run_in_daemon },
	{ "reservations", "[DEVICE]", 0, 1, "list who is registered and holds a reservation",
	  "Of all devices or of one, the persistent reservations and those by RESERVE.\n",
	  run_in_daemon },
	{ "resync", "DEVICE", 1, 1, "look after a device now: its size, if it can be opened", "",
	  run_in_daemon },
	{ "role", "[GROUP]", 0, 1, "show the roles of a cluster's device groups", "",
	  run_clustered },
	{ "sessions", "", 0, 0, "list the sessions of initiators", "", run_in_daemon },
	{ "set-state", "GROUP STATE [failed]", 2, 3, "set the access state of a target group",
	  "GROUP is DEVICE_GROUP/TARGET_GROUP, or TARGET_GROUP alone where no other device group\n"
	  "has one of that name. STATE is active, nonoptimized, standby, unavailable, offline or\n"
	  "transitioning. With \"failed\" behind it initiators hear that a transition has failed.\n"
	  "It stays until a reload finds another state in the configuration than before.\n",
	  run_in_daemon },
	{ "stats", "", 0, 0, "show counters of devices, sessions and reactors", "",
	  run_in_daemon },
	{ "status", "", 0, 0, "show how the daemon does, its listeners and problems", "",
	  run_in_daemon },
	{ "targets", "", 0, 0, "list the targets", "", run_in_daemon },
	{ "version", "", 0, 0, "show the version of srptctl; needs no daemon", "", run_version },
};

static const char options_help[] =
	"  -c, --config FILE  configuration (default " DEFAULT_CONFIG ")\n"
	"  -h, --help         show this help, or that of a command\n"
	"  -j, --json         print JSON\n"
	"  -n, --node NAME    node that a configuration file is read for (default: uname -n)\n"
	"  -s, --socket NAME  control socket of srptd (default: as the configuration says)\n"
	"  -t, --timeout SECONDS  wait so long for srptd (default 60; monitor: 5)\n"
	"  -V, --version      show the version\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "node", required_argument, NULL, 'n' },
	{ "socket", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* ---- help ---- */

/* One that is too long for its column has its text in the next line. */
static void command_line_print(const struct command *c)
{
	int n = printf("  %s%s%s", c->name, *c->args ? " " : "", c->args);

	if (n > COMMAND_WIDTH) {
		putchar('\n');
		n = 0;
	}
	printf("%*s  %s\n", COMMAND_WIDTH - n, "", c->help);
}

static void help_print(void)
{
	fputs("Usage: srptctl [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Ask and control srptd, the SRP target daemon.\n\nCommands:\n", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		command_line_print(&commands[i]);
	printf("\nOptions:\n%s\n"
	       "Exit status: 0 done, 1 refused or failed (standard error tells why), 2 usage;\n"
	       "more of promote, demote and monitor, see their help.\n",
	       options_help);
}

static void command_help_print(const struct command *c)
{
	printf("Usage: srptctl [OPTION]... %s%s%s\n%s\n", c->name, *c->args ? " " : "", c->args,
	       c->help);
	if (*c->more)
		printf("\n%s", c->more);
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "srptctl: %s%s%s\nTry 'srptctl --help'.\n", what, *word ? " " : "", word);
	return EXIT_USAGE;
}

/* ---- commands for the daemon ---- */

/* The daemon's name as its configuration says; the default if that cannot be read. */
static void socket_name_get(const struct settings *s, char *name, size_t size)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;

	if (!s->socket && !access(s->config, R_OK))
		conf_load(s->config, s->node, &conf, &diags);
	snprintf(name, size, "%s", s->socket ? s->socket : conf ? conf->daemon.control_socket :
		 IPC_DEFAULT_NAME);
	conf_diag_free(&diags);
	conf_free(conf);
}

static int timeout_of(const struct settings *s, int argc, const char *const *argv)
{
	bool role = !strcmp(argv[0], "promote") || !strcmp(argv[0], "demote");
	long given = role && argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	if (s->timeout_s)
		return s->timeout_s;
	if (!strcmp(argv[0], "monitor"))
		return MONITOR_TIMEOUT_S;
	return given > TIMEOUT_S - MARGIN_S && given < TIMEOUT_MAX_S ? (int)given + MARGIN_S :
	       TIMEOUT_S;
}

/* Exit status, or -errno of the connection with @why. */
static int daemon_call(const struct settings *s, int argc, const char *const *argv, char *why,
		       size_t size)
{
	char name[CONF_NAME_MAX + 1];
	struct ipc_answer a;
	int timeout_s = timeout_of(s, argc, argv), rc;

	socket_name_get(s, name, sizeof(name));
	rc = ipc_client_call(name, s->json, argc, argv, timeout_s, &a);
	if (rc) {
		ipc_client_explain(rc, name, timeout_s, why, size);
	} else {
		fwrite(text_string(&a.out), 1, a.out.len, stdout);
		fwrite(text_string(&a.err), 1, a.err.len, stderr);
		rc = (int)a.status;
	}
	ipc_answer_free(&a);
	return rc;
}

/* @none: the exit status without a daemon. */
static int run_or(const struct settings *s, int argc, const char *const *argv, int none)
{
	char why[256];
	int rc = daemon_call(s, argc, argv, why, sizeof(why));

	if (rc >= 0)
		return rc;
	fprintf(stderr, "srptctl: %s\n", why);
	return ipc_client_no_daemon(rc) ? none : EXIT_FAILED;
}

static int run_in_daemon(const struct settings *s, int argc, const char *const *argv)
{
	return run_or(s, argc, argv, EXIT_FAILED);
}

/* Those for a cluster's agents tell by their exit status that there is no daemon. */
static int run_clustered(const struct settings *s, int argc, const char *const *argv)
{
	return run_or(s, argc, argv, EXIT_NO_DAEMON);
}

/* ---- commands that need none ---- */

static int run_version(const struct settings *s, int argc, const char *const *argv)
{
	(void)argc;
	(void)argv;
	printf(s->json ? "{ \"version\": \"%s\" }\n" : "srptctl %s\n", PACKAGE_VERSION);
	return EXIT_DONE;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int run_check_config(const struct settings *s, int argc, const char *const *argv)
{
	struct conf_diag_list diags = { 0 };
	const char *path = argc > 1 ? argv[1] : s->config;
	struct conf *conf = NULL;
	int rc = conf_load(path, s->node, &conf, &diags) ? EXIT_FAILED : EXIT_DONE;

	conf_diag_print(&diags, stderr);
	if (rc == EXIT_DONE && !s->json)
		printf("%s: %zu device%s, %zu target%s, %zu warning%s\n", path, conf->n_devices,
		       plural(conf->n_devices), conf->n_targets, plural(conf->n_targets),
		       diags.warnings, plural(diags.warnings));
	else if (s->json)
		printf("{ \"valid\": %s, \"errors\": %zu, \"warnings\": %zu }\n",
		       conf ? "true" : "false", diags.errors, diags.warnings);
	conf_diag_free(&diags);
	conf_free(conf);
	return rc;
}

static int login_info_print(const struct settings *s, const struct conf *conf)
{
	const struct identity_paths paths = {
		.state_dir = conf->daemon.state_dir,
		.infiniband = IDENTITY_INFINIBAND,
		.machine_id = IDENTITY_MACHINE_ID,
	};
	struct text out = { 0 }, notes = { 0 };
	struct login_addrs addrs;
	struct report r = { 0 };
	enum guid_source source;
	uint64_t guid = 0;
	int rc = identity_ioc_guid(conf->driver.ioc_guid, &paths, &guid, &source);

	if (!rc)
		rc = login_addrs_get("/sys", &addrs);
	if (rc) {
		fprintf(stderr, "srptctl: cannot compute it: %s\n", strerror(-rc));
		return EXIT_FAILED;
	}
	login_info_report(&r, conf, guid, &addrs, &notes);
	if (notes.len)
		fprintf(stderr, "srptctl: %s", text_string(&notes));
	rc = report_print(&r, s->json, &out) ? EXIT_DONE : EXIT_FAILED;
	fputs(text_string(&out), stdout);
	text_free(&out);
	text_free(&notes);
	report_free(&r);
	login_addrs_free(&addrs);
	return rc;
}

static int run_login_info(const struct settings *s, int argc, const char *const *argv)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;
	char why[256];
	int rc = daemon_call(s, argc, argv, why, sizeof(why));

	if (rc >= 0)
		return rc;
	fprintf(stderr, "srptctl: %s\n", why);
	if (!ipc_client_no_daemon(rc))
		return EXIT_FAILED;
	if (conf_load(s->config, s->node, &conf, &diags)) {
		conf_diag_print(&diags, stderr);
		rc = EXIT_FAILED;
	} else {
		fprintf(stderr, "srptctl: what follows is computed from %s\n", s->config);
		rc = login_info_print(s, conf);
	}
	conf_diag_free(&diags);
	conf_free(conf);
	return rc;
}

/* ---- the command line ---- */

static bool seconds_parse(const char *text, int *seconds)
{
	char *end;
	long n = strtol(text, &end, 10);

	*seconds = (int)n;
	return *text >= '0' && *text <= '9' && !*end && n > 0 && n <= TIMEOUT_MAX_S;
}

/* -1: go on; else the exit status. */
static int settings_parse(int argc, char **argv, struct settings *s, bool *help)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:hjn:s:t:V", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			s->config = optarg;
			break;
		case 'h':
			*help = true;
			break;
		case 'j':
			s->json = true;
			break;
		case 'n':
			s->node = optarg;
			break;
		case 's':
			s->socket = optarg;
			break;
		case 't':
			if (!seconds_parse(optarg, &s->timeout_s))
				return usage_error("no number of seconds:", optarg);
			break;
		case 'V':
			return run_version(&(struct settings){ 0 }, 0, NULL);
		default:
			fputs("Try 'srptctl --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct settings s = { .config = DEFAULT_CONFIG };
	const struct command *c;
	bool help = false;
	int rc = settings_parse(argc, argv, &s, &help), n = argc - optind;

	if (rc >= 0)
		return rc;
	if (!n && help) {
		help_print();
		return EXIT_DONE;
	}
	if (!n)
		return usage_error("a command is missing", "");
	c = command_find(argv[optind]);
	if (!c)
		return usage_error("unknown command", argv[optind]);
	if (help) {
		command_help_print(c);
		return EXIT_DONE;
	}
	if (n - 1 < c->min_args)
		return usage_error("an argument is missing:", c->args);
	if (n - 1 > c->max_args)
		return usage_error("too many arguments for", c->name);
	return c->run(&s, n, (const char *const *)argv + optind);
}
