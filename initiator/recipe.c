/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/recipe.h"

#include "base/bytes.h"
#include "initiator/portals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECIPE_MAX 65536 /* bytes of a file */

enum kind { KIND_BAD, KIND_IP, KIND_IB, KIND_NAME };

/* Recipes that are the same for all targets, and where they belong. */
static const struct {
	const char *from, *to;
} files[] = {
	{ "modprobe.d/ib_srp.conf", "/etc/modprobe.d/ib_srp.conf" },
	{ "multipath.conf", "/etc/multipath/conf.d/srpt.conf" },
	{ "udev/90-srpt.rules", "/etc/udev/rules.d/90-srpt.rules" },
};

/* ---- targets ---- */

/* The value of a field of a login, to @out; false when it is not there or too long. */
static bool field_get(const char *login, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = login; *at;) {
		size_t part = strcspn(at, ",");

		if (part > len && !strncmp(at, name, len) && at[len] == '=') {
			part -= len + 1;
			if (!part || part >= size)
				return false;
			memcpy(out, at + len + 1, part);
			out[part] = '\0';
			return true;
		}
		at += part;
		at += *at == ',';
	}
	return false;
}

/* A login has only what a shell and sysfs take as it is. */
static enum kind kind_of(const char *target)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_=.,:%-[]";
	char value[64];

	if (target[strspn(target, allowed)] || strlen(target) >= PORTALS_LOGIN_MAX)
		return KIND_BAD;
	if (!strchr(target, '='))
		return strchr(target, '.') && !strpbrk(target, ",:%[]") && *target != '.' &&
		       *target != '-' ? KIND_NAME : KIND_BAD;
	if (!field_get(target, "id_ext", value, sizeof(value)) ||
	    !field_get(target, "ioc_guid", value, sizeof(value)))
		return KIND_BAD;
	if (field_get(target, "dest", value, sizeof(value)))
		return KIND_IP;
	return field_get(target, "dgid", value, sizeof(value)) ? KIND_IB : KIND_BAD;
}

/* ---- files ---- */

/* -errno, or the number of bytes. */
static ssize_t file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

static int file_fail(const char *path, int rc)
{
	fprintf(stderr, "srp-doctor: %s: %s\n", path, strerror(-rc));
	return rc;
}

static void make_parents(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
}

static int file_fill(const char *path, const char *data, size_t len)
{
	FILE *f = fopen(path, "w");
	size_t n;
	int rc;

	if (!f)
		return -errno;
	n = fwrite(data, 1, len, f);
	rc = fclose(f) || n != len ? -errno : 0;
	if (rc)
		unlink(path);
	return rc;
}

/* What is there already and is other is kept beside, when all of the new is there. */
static int file_write(const struct recipe *r, const char *to, const char *data, size_t len,
		      struct text *said)
{
	static char have[RECIPE_MAX];
	char path[PATH_MAX], fresh[PATH_MAX], old[PATH_MAX];
	ssize_t n;
	int rc;

	if (snprintf(path, sizeof(path), "%s%s", r->to, to) >= PATH_MAX - 8)
		return file_fail(r->to, -ENAMETOOLONG);
	make_parents(path);
	snprintf(fresh, sizeof(fresh), "%.4080s.new", path);
	rc = file_fill(fresh, data, len);
	if (rc)
		return file_fail(fresh, rc);
	n = file_read(path, have, sizeof(have));
	snprintf(old, sizeof(old), "%.4080s.old", path);
	if ((n >= 0 && ((size_t)n != len || memcmp(have, data, len)) && rename(path, old)) ||
	    rename(fresh, path)) {
		rc = -errno;
		unlink(fresh);
		return file_fail(path, rc);
	}
	text_printf(said, "%s\n", path);
	return 0;
}

static int file_copy(const struct recipe *r, const char *from, const char *to, struct text *said)
{
	static char data[RECIPE_MAX];
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%.3000s/%s", r->from, from);
	n = file_read(path, data, sizeof(data));
	if (n < 0)
		return file_fail(path, (int)n);
	return file_write(r, to, data, (size_t)n, said);
}

/* ---- the set ---- */

static int portals_write(const struct recipe *r, char *const targets[], int n, struct text *said)
{
	struct text t = { 0 };
	char path[PATH_MAX];
	int logins = 0, rc = 0;

	text_puts(&t, "# Where srp-login logs in, one login a line.\n");
	for (int i = 0; i < n; i++) {
		if (kind_of(targets[i]) != KIND_IP)
			continue;
		text_printf(&t, "%s\n", targets[i]);
		logins++;
	}
	snprintf(path, sizeof(path), "/etc/srp/portals.d/%.200s", r->name);
	if (t.failed)
		rc = -ENOMEM;
	else if (logins)
		rc = file_write(r, path, t.data, t.len, said);
	text_free(&t);
	return rc;
}

/* Rules of srp_daemon: these targets, nothing else. */
static int rules_write(const struct recipe *r, char *const targets[], int n, struct text *said)
{
	char id_ext[64], ioc_guid[64];
	struct text t = { 0 };
	int logins = 0, rc = 0;

	text_puts(&t, "# Which targets srp_daemon logs in to: the first rule that matches.\n");
	for (int i = 0; i < n; i++) {
		if (kind_of(targets[i]) != KIND_IB ||
		    !field_get(targets[i], "id_ext", id_ext, sizeof(id_ext)) ||
		    !field_get(targets[i], "ioc_guid", ioc_guid, sizeof(ioc_guid)))
			continue;
		text_printf(&t, "a\tid_ext=%s,ioc_guid=%s,tl_retry_count=2\n", id_ext, ioc_guid);
		logins++;
	}
	text_puts(&t, "d\n");
	if (t.failed)
		rc = -ENOMEM;
	else if (logins)
		rc = file_write(r, "/etc/srp_daemon.conf", t.data, t.len, said);
	text_free(&t);
	return rc;
}

/* What is to be done, for the kinds of targets that there are. */
static void say_next(const struct recipe *r, char *const targets[], int n, struct text *said)
{
	bool ip = false, ib = false;

	for (int i = 0; i < n; i++) {
		ip |= kind_of(targets[i]) == KIND_IP;
		ib |= kind_of(targets[i]) == KIND_IB;
	}
	text_puts(said, "\nThen, on the initiator:\n");
	if (strcmp(r->to, ""))
		text_printf(said, "  cp -r %s/etc /\n", r->to);
	text_puts(said, "  udevadm control --reload\n"
			"  modprobe -r ib_srp; modprobe -a ib_srp scsi_dh_alua\n"
			"  systemctl enable --now multipathd && multipathd reconfigure\n");
	if (ip)
		text_printf(said, "  systemctl enable --now srp-login@%s\n", r->name);
	for (int i = 0; i < n; i++)
		if (kind_of(targets[i]) == KIND_NAME)
			text_printf(said, "  systemctl enable --now srp-login@%s\n", targets[i]);
	text_puts(said, ib ? "  systemctl enable --now srp_daemon\n" :
			     "  systemctl disable --now srp_daemon\n");
	text_puts(said, "  srp-doctor\n");
}

static int targets_check(const struct recipe *r, char *const targets[], int n)
{
	if (!*r->name || strchr(r->name, '/') || *r->name == '.') {
		fprintf(stderr, "srp-doctor: '%s' is no name of a file\n", r->name);
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		if (kind_of(targets[i]) != KIND_BAD)
			continue;
		fprintf(stderr, "srp-doctor: '%s' is no target: a line of 'srptctl login-info', or "
			"a name in DNS\n", targets[i]);
		return -EINVAL;
	}
	return 0;
}

int recipe_write(const struct recipe *r, char *const targets[], int n, struct text *said)
{
	int rc = targets_check(r, targets, n);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(files); i++)
		rc = file_copy(r, files[i].from, files[i].to, said);
	if (!rc)
		rc = portals_write(r, targets, n, said);
	if (!rc)
		rc = rules_write(r, targets, n, said);
	if (!rc)
		say_next(r, targets, n, said);
	return rc;
}
