/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/resources.h"
#include "base/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool name_valid(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.";

	return *name && strlen(name) <= RESOURCE_NAME_MAX && !name[strspn(name, chars)];
}

/* It stands in a line of the file. */
static bool group_valid(const char *group)
{
	return !strpbrk(group, "\n\t");
}

static struct resource *find(struct resources *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!strcmp(r->all[i].name, name))
			return &r->all[i];
	return NULL;
}

static int put(struct resources *r, const char *name, const char *group)
{
	struct resource *old = find(r, name);
	char *copy;

	if (!name_valid(name) || !group_valid(group))
		return -EINVAL;
	if (!old && r->n == RESOURCES_MAX)
		return -ENOSPC;
	copy = strdup(group);
	if (!copy)
		return -ENOMEM;
	if (!old) {
		old = &r->all[r->n++];
		strcpy(old->name, name);
		old->group = NULL;
	}
	free(old->group);
	old->group = copy;
	return 0;
}

/* ---- the file ---- */

/* What it holds is told to us again by the agents, so it need not survive a crash of the node. */
static int save(const struct resources *r)
{
	char *new;
	FILE *f;
	int rc = 0;

	if (!r->path)
		return 0;
	if (asprintf(&new, "%s.new", r->path) < 0)
		return -ENOMEM;
	f = fopen(new, "we");
	if (!f)
		rc = -errno;
	for (unsigned i = 0; f && i < r->n; i++)
		if (fprintf(f, "%s\t%s\n", r->all[i].name, r->all[i].group) < 0)
			rc = -EIO;
	if (f && fclose(f))
		rc = -errno;
	if (!rc && rename(new, r->path))
		rc = -errno;
	free(new);
	return rc;
}

int resources_load(struct resources *r, const char *path)
{
	size_t size = 0;
	char *line = NULL, *tab;
	FILE *f;

	memset(r, 0, sizeof(*r));
	r->path = path;
	f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return 0;
	if (!f) {
		log_err("cannot read %s: %s", path, strerror(errno));
		return -errno;
	}
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		tab = strchr(line, '\t');
		if (tab)
			*tab = 0;
		if (!tab || put(r, line, tab + 1))
			log_warn("%s: a line that names no resource is left out", path);
	}
	free(line);
	fclose(f);
	return 0;
}

void resources_free(struct resources *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free(r->all[i].group);
	r->n = 0;
}

int resources_add(struct resources *r, const char *name, const char *group)
{
	const struct resource *old = find(r, name);
	int rc;

	if (old && !strcmp(old->group, group))
		return 0;
	rc = put(r, name, group);
	return rc ? rc : save(r);
}

int resources_remove(struct resources *r, const char *name)
{
	struct resource *old = find(r, name);

	if (!old)
		return -ENOENT;
	free(old->group);
	memmove(old, old + 1, (size_t)(&r->all[--r->n] - old) * sizeof(*old));
	return save(r);
}
