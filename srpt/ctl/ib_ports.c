/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ib_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file of a port, without newline; "" if it cannot be read. */
static const char *line_read(const char *port, const char *file, char line[80])
{
	char path[512];
	FILE *f = NULL;

	line[0] = 0;
	if (snprintf(path, sizeof(path), "%s/%s", port, file) < (int)sizeof(path))
		f = fopen(path, "re");
	if (!f)
		return line;
	if (!fgets(line, 80, f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	fclose(f);
	return line;
}

/* @path: .../class/infiniband/DEVICE/ports/NUMBER. False: it is no port of InfiniBand. */
static bool port_read(const char *path, struct ib_arrival *port)
{
	const char *name = strstr(path, "/class/infiniband/");
	unsigned number;
	char line[80];

	memset(port, 0, sizeof(*port));
	if (strcmp(line_read(path, "link_layer", line), "InfiniBand") ||
	    sscanf(name + strlen("/class/infiniband/"), "%63[^/]/ports/%u", port->device,
		   &number) != 2 ||
	    inet_pton(AF_INET6, line_read(path, "gids/0", line), port->gid) != 1)
		return false;
	port->port_num = (uint8_t)number;
	port->pkey0 = (uint16_t)strtoul(line_read(path, "pkeys/0", line), NULL, 16);
	port->pkey = port->pkey0;
	return true;
}

int ib_ports_get(const char *sysfs, struct ib_ports *ports)
{
	char pattern[512];
	glob_t g;
	int rc;

	*ports = (struct ib_ports){ NULL, 0 };
	snprintf(pattern, sizeof(pattern), "%s/class/infiniband/*/ports/*", sysfs);
	rc = glob(pattern, 0, NULL, &g);
	if (!rc) {
		ports->list = calloc(g.gl_pathc, sizeof(*ports->list));
		for (size_t i = 0; ports->list && i < g.gl_pathc; i++)
			if (port_read(g.gl_pathv[i], &ports->list[ports->count]))
				ports->count++;
		rc = ports->list ? 0 : -ENOMEM;
	}
	globfree(&g);
	return rc < 0 ? rc : 0;
}

void ib_ports_free(struct ib_ports *ports)
{
	free(ports->list);
	*ports = (struct ib_ports){ NULL, 0 };
}
