/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/ibport_options.h"

#include "base/bytes.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#define LINES_SIZE 65536 /* of all that Pacemaker says */
#define LONG_ONLY 256

enum kind { FLAG, TEXT, SECONDS, NUMBER, HEX };

/* What is not on the command line has no @option, what is not in the metadata no @text. */
struct row {
	const char *name; /* in a line */
	const char *option; /* long option */
	char letter; /* short one, or 0 */
	enum kind kind;
	size_t offset; /* in struct ibport_options */
	unsigned long min, max; /* SECONDS, NUMBER */
	const char *fallback; /* default, or NULL */
	const char *argument;
	const char *text;
	const char *attributes; /* of the element parameter */
	bool required;
};

#define AT(member) offsetof(struct ibport_options, member)

static const struct row rows[] = {
	{ "action", "action", 'o', TEXT, AT(action), 0, 0, "off", "ACTION",
	  "Fencing action: on, off, reboot (as off), status, monitor, list, list-status, "
	  "validate-all or metadata", "", true },
	{ "plug", "plug", 'n', TEXT, AT(plug), 0, 0, NULL, "NODE",
	  "The node: its name in guid_map, or GUIDs of its ports as they would be in there",
	  " obsoletes=\"port\"", true },
	{ "port", NULL, 'n', TEXT, AT(plug), 0, 0, NULL, "NODE",
	  "The node: its name in guid_map, or GUIDs of its ports as they would be in there",
	  " deprecated=\"1\"", true },
	{ "nodename", NULL, 0, TEXT, AT(nodename), 0, 0, NULL, NULL, NULL, NULL, false },
	{ "guid_map", "guid-map", 'm', TEXT, AT(guid_map), 0, 0, NULL, "MAP",
	  "Ports of each node: NODE:GUID[@SWITCH-GUID/PORT][,GUID...][;NODE:...]", "", false },
	{ "local_ports", "local-ports", 'l', TEXT, AT(local_ports), 0, 0, NULL, "PORTS",
	  "Ports of this machine to speak through, DEVICE:PORT[,...]; all that are up if not given",
	  "", false },
	{ "discovery_timeout", "discovery-timeout", 0, SECONDS, AT(discovery_timeout), 1, 600,
	  "20", "SECONDS", "Time in which all switches must have answered", "", false },
	{ "power_timeout", "power-timeout", 0, SECONDS, AT(power_timeout), 1, 600, "10", "SECONDS",
	  "Time in which all of the node's ports must be as wanted", "", false },
	{ "mad_timeout", "mad-timeout", 0, NUMBER, AT(mad_timeout), 10, 10000, "200", "MS",
	  "Time in which a question must be answered, in milliseconds", "", false },
	{ "mad_tries", "mad-tries", 0, NUMBER, AT(mad_tries), 1, 100, "5", "N",
	  "How often a question is asked that is not answered", "", false },
	{ "m_key", "m-key", 0, HEX, AT(m_key), 0, 0, "0x0", "KEY",
	  "M_Key of the subnet, if its subnet manager uses one", "", false },
	{ "delay", "delay", 0, SECONDS, AT(delay), 0, 600, "0", "SECONDS",
	  "Wait so long before fencing is started", "", false },
	{ "state_file", "state-file", 0, TEXT, AT(state_file), 0, 0,
	  LOCALSTATEDIR "/lib/fence_ibport/places", "FILE",
	  "Where it is kept which port of a switch each port was seen on", "", false },
	{ "separator", "separator", 'C', TEXT, AT(separator), 0, 0, ",", "CHAR",
	  "Separator in the output of list and list-status", "", false },
	{ "quiet", "quiet", 'q', FLAG, AT(quiet), 0, 0, NULL, NULL,
	  "Tell nothing on standard error, unless verbose is given", "", false },
	{ "verbose", "verbose", 'v', FLAG, AT(verbose), 0, 0, NULL, NULL,
	  "Tell on standard error what is found and done", "", false },
	{ "version", "version", 'V', FLAG, AT(version), 0, 0, NULL, NULL,
	  "Show the version", "", false },
	{ "help", "help", 'h', FLAG, AT(help), 0, 0, NULL, NULL, "Show a short help", "", false },
};

/* ---- values ---- */

static bool number_parse(const struct row *r, const char *text, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, r->kind == HEX ? 16 : 10);
	if (!*text || *text == '-' || *text == '+' || *text == ' ' || *end || errno)
		return false;
	return r->kind == HEX || (*out >= r->min && *out <= r->max);
}

static bool flag_parse(const char *text, bool *out)
{
	static const char *const yes[] = { "1", "on", "yes", "true" };

	*out = !text;
	for (size_t i = 0; text && i < ARRAY_SIZE(yes); i++)
		*out |= !strcasecmp(text, yes[i]);
	return true;
}

/* @text: NULL for a flag that is just there. */
static bool value_put(struct ibport_options *o, const struct row *r, const char *text)
{
	char *to = (char *)o + r->offset;
	unsigned long long n;

	switch (r->kind) {
	case FLAG:
		return flag_parse(text, (bool *)to);
	case TEXT:
		*(const char **)to = text;
		return true;
	default:
		if (!number_parse(r, text, &n)) {
			fprintf(stderr, IBPORT_PROGRAM ": %s: bad value '%s'\n", r->name, text);
			return false;
		}
		if (r->kind == HEX)
			*(uint64_t *)to = n;
		else
			*(unsigned *)to = (unsigned)n;
		return true;
	}
}

void ibport_options_init(struct ibport_options *o)
{
	*o = (struct ibport_options){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].fallback)
			value_put(o, &rows[i], rows[i].fallback);
}

/* ---- the command line ---- */

/* What getopt_long() wants to know; the value of an option is the index of its row. */
struct getopt_table {
	struct option options[ARRAY_SIZE(rows) + 1];
	char letters[2 * ARRAY_SIZE(rows) + 1];
};

static void getopt_table_make(struct getopt_table *t)
{
	size_t n = 0, k = 0;

	*t = (struct getopt_table){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		if (!r->option)
			continue;
		t->options[n++] = (struct option){ r->option, r->kind != FLAG, NULL,
						   LONG_ONLY + (int)i };
		if (!r->letter)
			continue;
		t->letters[k++] = r->letter;
		if (r->kind != FLAG)
			t->letters[k++] = ':';
	}
}

static const struct row *row_of(int c)
{
	if (c >= LONG_ONLY)
		return &rows[c - LONG_ONLY];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].option && rows[i].letter == c)
			return &rows[i];
	return NULL;
}

bool ibport_options_arguments(struct ibport_options *o, int argc, char **argv)
{
	struct getopt_table t;
	const struct row *r;
	int c;

	getopt_table_make(&t);
	while ((c = getopt_long(argc, argv, t.letters, t.options, NULL)) != -1) {
		r = row_of(c);
		if (!r) {
			fputs("Try '" IBPORT_PROGRAM " --help'.\n", stderr);
			return false;
		}
		if (!value_put(o, r, optarg))
			return false;
	}
	if (optind < argc)
		fprintf(stderr, IBPORT_PROGRAM ": no argument is known: %s\n", argv[optind]);
	return optind == argc;
}

/* ---- lines ---- */

/* As the other agents do: without what is blank around it, and with - for _ as well. */
static const struct row *row_named(char *name)
{
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static char *trimmed(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	for (len = strlen(s); len && strchr(" \t", s[len - 1]); len--)
		;
	s[len] = '\0';
	return s;
}

/* Without the quotes that are around all of it. */
static char *unquoted(char *s)
{
	size_t len = strlen(s);

	if (len < 2 || s[0] != '"' || s[len - 1] != '"')
		return s;
	s[len - 1] = '\0';
	return s + 1;
}

/* Empty ones and comments are none. A line is taken apart. */
static bool line_take(struct ibport_options *o, char *line)
{
	const struct row *r;
	char *value;

	line = trimmed(line);
	if (*line == '#' || !*line)
		return true;
	value = strchr(line, '=');
	if (value)
		*value++ = '\0';
	r = value ? row_named(line) : NULL;
	if (r)
		return value_put(o, r, unquoted(value));
	/* The value may be a secret that is another agent's. */
	fprintf(stderr, IBPORT_PROGRAM ": this is no option, and is ignored: %s\n", line);
	return true;
}

bool ibport_options_lines(struct ibport_options *o, FILE *in)
{
	static char text[LINES_SIZE];
	size_t len = fread(text, 1, sizeof(text) - 1, in);
	char *save, *line;

	text[len] = '\0';
	if (ferror(in) || !feof(in) || strlen(text) != len) {
		fputs(IBPORT_PROGRAM ": standard input: it is no text, or too long\n", stderr);
		return false;
	}
	for (line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		if (!line_take(o, line))
			return false;
	return true;
}

/* ---- what is told about it ---- */

/* What has a meaning in XML. Attributes are in double quotes. */
static void xml_put(const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		default:
			putchar(*s);
		}
}

static const char *type_of(const struct row *r)
{
	static const char *const types[] = {
		[FLAG] = "boolean", [TEXT] = "string", [SECONDS] = "second",
		[NUMBER] = "integer", [HEX] = "string",
	};

	return types[r->kind];
}

static void parameter_print(const struct row *r)
{
	printf("\t<parameter name=\"%s\" unique=\"0\" required=\"%d\"%s>\n\t\t<getopt mixed=\"",
	       r->name, r->required, r->attributes);
	if (r->letter)
		printf("-%c, ", r->letter);
	printf("--%s", r->option ? r->option : "plug");
	if (r->argument)
		printf("=[%s]", r->argument);
	printf("\" />\n\t\t<content type=\"%s\"", type_of(r));
	if (r->fallback) {
		fputs(" default=\"", stdout);
		xml_put(r->fallback);
		putchar('"');
	}
	fputs(" />\n\t\t<shortdesc lang=\"en\">", stdout);
	xml_put(r->text);
	fputs("</shortdesc>\n\t</parameter>\n", stdout);
}

void ibport_metadata_print(const struct ibport_action *actions)
{
	fputs("<?xml version=\"1.0\" ?>\n"
	      "<resource-agent name=\"" IBPORT_PROGRAM "\" shortdesc=\"Fence agent that disables "
	      "the InfiniBand switch ports of a node\" >\n"
	      "<longdesc>" IBPORT_PROGRAM " is an I/O fencing agent. It isolates a node from an "
	      "InfiniBand fabric: it finds the ports of switches that the node's adapters hang on, "
	      "disables them, and reads back that they are disabled. The node goes on running, and "
	      "stays isolated until the action on. See " IBPORT_PROGRAM "(8).</longdesc>\n"
	      "<vendor-url>https://www.infinibandta.org</vendor-url>\n"
	      "<parameters>\n", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].text)
			parameter_print(&rows[i]);
	fputs("</parameters>\n<actions>\n", stdout);
	for (const struct ibport_action *a = actions; a->name; a++)
		if (a->attributes)
			printf("\t<action name=\"%s\"%s/>\n", a->name, a->attributes);
	fputs("</actions>\n</resource-agent>\n", stdout);
}

void ibport_help_print(void)
{
	puts("Usage: " IBPORT_PROGRAM " [OPTION]...\n"
	     "       " IBPORT_PROGRAM " < lines of NAME=VALUE\n"
	     "Isolate a node by disabling the InfiniBand switch ports that it hangs on.\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		if (!r->option)
			continue;
		fputs("  ", stdout);
		if (r->letter)
			printf("-%c, ", r->letter);
		printf("--%s%s%s\n          %s", r->option, r->argument ? "=" : "",
		       r->argument ? r->argument : "", r->text);
		if (r->fallback)
			printf(" (default %s)", r->fallback);
		putchar('\n');
	}
	puts("\nNAME is that of an option, with _ for -.\n"
	     "Exit status: 0 done, or status: not isolated; 1 failed, standard error tells why;\n"
	     "2 status: isolated.");
}
