/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/proc_drbd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What is left of a line. */
struct rest {
	const char *at;
	size_t len;
};

static void skip(struct rest *r, size_t n)
{
	r->at += n;
	r->len -= n;
}

static bool take_text(struct rest *r, const char *text)
{
	size_t n = strlen(text);

	if (r->len < n || memcmp(r->at, text, n))
		return false;
	skip(r, n);
	return true;
}

static bool take_number(struct rest *r, uint32_t *out)
{
	size_t n = 0;

	for (*out = 0; n < r->len && r->at[n] >= '0' && r->at[n] <= '9'; n++) {
		*out = *out * 10 + (uint32_t)(r->at[n] - '0');
		if (*out > FENCE_MINOR_LIMIT)
			return false;
	}
	skip(r, n);
	return n > 0;
}

/* Letters; *@is: they are @what. */
static bool take_word(struct rest *r, const char *what, bool *is)
{
	size_t n = 0;

	while (n < r->len && ((r->at[n] >= 'A' && r->at[n] <= 'Z') ||
			      (r->at[n] >= 'a' && r->at[n] <= 'z')))
		n++;
	*is = n == strlen(what) && !memcmp(r->at, what, n);
	skip(r, n);
	return n > 0;
}

/* Behind "cs:". */
static bool take_states(struct rest *r, bool *own, bool *peer)
{
	bool is;

	return take_word(r, "", &is) && take_text(r, " ro:") && take_word(r, "", &is) &&
	       take_text(r, "/") && take_word(r, "", &is) && take_text(r, " ds:") &&
	       take_word(r, "UpToDate", own) && take_text(r, "/") &&
	       take_word(r, "UpToDate", peer) && (!r->len || *r->at == ' ');
}

/* The place of the minor that the line begins with, n_minors if it is none of ours. */
static size_t line_minor(struct rest *line, const struct ask *a)
{
	uint32_t minor;
	size_t i = 0;

	while (take_text(line, " "))
		;
	if (!take_number(line, &minor) || !take_text(line, ": cs:"))
		return a->n_minors;
	while (i < a->n_minors && a->minors[i] != minor)
		i++;
	return i;
}

const char *proc_drbd_parse(const char *text, size_t len, const struct ask *a,
			    struct proc_drbd *out)
{
	bool seen[FENCE_MINORS_MAX] = { false }, own, peer;
	size_t found = 0;

	*out = (struct proc_drbd){ true, true };
	while (len) {
		const char *end = memchr(text, '\n', len);
		struct rest line = { text, end ? (size_t)(end - text) : len };
		size_t width = line.len + !!end, i = line_minor(&line, a);

		text += width;
		len -= width;
		if (i == a->n_minors)
			continue;
		if (seen[i] || !take_states(&line, &own, &peer))
			return "DRBD's states of the disks cannot be understood";
		seen[i] = true;
		found++;
		out->own_uptodate &= own;
		out->peer_uptodate &= peer;
	}
	return found == a->n_minors ? NULL : "DRBD does not know all volumes of the resource";
}

/* Bytes, or -errno; -EFBIG when they would not fit. */
static ssize_t file_read(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (len < size && (n = read(fd, to + len, size - len)) > 0)
		len += (size_t)n;
	if (n)
		n = n < 0 ? -errno : -EFBIG;
	close(fd);
	return n ? n : (ssize_t)len;
}

const char *proc_drbd_read(const char *path, const struct ask *a, struct proc_drbd *out)
{
	static char text[PROC_DRBD_MAX];
	ssize_t len = file_read(path, text, sizeof(text));

	if (len < 0)
		return "DRBD's states of the disks cannot be read";
	return proc_drbd_parse(text, (size_t)len, a, out);
}
