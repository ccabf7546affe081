/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/events2.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

/* A piece of the line. */
struct piece {
	const char *at;
	size_t len;
};

struct word {
	const char *text;
	int value;
};

static bool piece_is(struct piece p, const char *text)
{
	return strlen(text) == p.len && !memcmp(p.at, text, p.len);
}

/* The value of @p in @words (the last has no text: the value of all others). */
static int word_value(struct piece p, const struct word *words)
{
	while (words->text && !piece_is(p, words->text))
		words++;
	return words->value;
}

/* Take what is before the next @end off *@rest. */
static struct piece piece_next(struct piece *rest, char end)
{
	const char *found = rest->len ? memchr(rest->at, end, rest->len) : NULL;
	struct piece p = { rest->at, found ? (size_t)(found - rest->at) : rest->len };
	size_t used = p.len + (found != NULL);

	rest->at += used;
	rest->len -= used;
	return p;
}

static bool piece_number(struct piece p, uint32_t max, uint32_t *to)
{
	uint64_t v = 0;

	if (!p.len || p.len > 10)
		return false;
	for (size_t i = 0; i < p.len; i++) {
		if (p.at[i] < '0' || p.at[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(p.at[i] - '0');
	}
	*to = (uint32_t)v;
	return v <= max;
}

static bool piece_name(struct piece p, char to[DRBD_NAME_MAX + 1])
{
	if (!p.len || p.len > DRBD_NAME_MAX)
		return false;
	memcpy(to, p.at, p.len);
	to[p.len] = '\0';
	return true;
}

/* ---- the words ---- */

static const struct word actions[] = {
	{ "exists", DRBD_EXISTS },   { "create", DRBD_CREATE }, { "change", DRBD_CHANGE },
	{ "destroy", DRBD_DESTROY }, { "rename", DRBD_RENAME }, { "call", DRBD_CALL },
	{ "response", DRBD_RESPONSE }, { NULL, DRBD_ACTIONS },
};

static const struct word objects[] = {
	{ "resource", DRBD_RESOURCE },
	{ "device", DRBD_DEVICE },
	{ "connection", DRBD_CONNECTION },
	{ "peer-device", DRBD_PEER_DEVICE },
	{ "path", DRBD_PATH },
	{ "helper", DRBD_HELPER },
	{ NULL, DRBD_OBJECTS },
};

static const struct word roles[] = {
	{ "Primary", DRBD_PRIMARY },
	{ "Secondary", DRBD_SECONDARY },
	{ NULL, DRBD_ROLE_UNKNOWN },
};

static const struct word disks[] = {
	{ "Diskless", DRBD_DISKLESS },
	{ "Attaching", DRBD_ATTACHING },
	{ "Detaching", DRBD_DETACHING },
	{ "Failed", DRBD_FAILED },
	{ "Negotiating", DRBD_NEGOTIATING },
	{ "Inconsistent", DRBD_INCONSISTENT },
	{ "Outdated", DRBD_OUTDATED },
	{ "Consistent", DRBD_CONSISTENT },
	{ "UpToDate", DRBD_UPTODATE },
	{ NULL, DRBD_DISK_UNKNOWN },
};

static const struct word conns[] = {
	{ "Connected", DRBD_CONNECTED },
	{ NULL, DRBD_DISCONNECTED },
};

static const struct word repls[] = {
	{ "Off", DRBD_REPL_OFF },
	{ "Established", DRBD_ESTABLISHED },
	{ "StartingSyncS", DRBD_SYNC_SOURCE },
	{ "WFBitMapS", DRBD_SYNC_SOURCE },
	{ "SyncSource", DRBD_SYNC_SOURCE },
	{ "PausedSyncS", DRBD_SYNC_SOURCE },
	{ "Ahead", DRBD_SYNC_SOURCE },
	{ "StartingSyncT", DRBD_SYNC_TARGET },
	{ "WFBitMapT", DRBD_SYNC_TARGET },
	{ "WFSyncUUID", DRBD_SYNC_TARGET },
	{ "SyncTarget", DRBD_SYNC_TARGET },
	{ "PausedSyncT", DRBD_SYNC_TARGET },
	{ "Behind", DRBD_SYNC_TARGET },
	{ NULL, DRBD_REPL_OTHER },
};

static const struct word suspensions[] = {
	{ "no", DRBD_NO },
	{ NULL, DRBD_YES },
};

static const struct word quorums[] = {
	{ "yes", DRBD_YES },
	{ NULL, DRBD_NO },
};

/* The name that the tools print; of @n values of which the first has none. */
static const char *word_text(const struct word *words, int value, const char *other)
{
	while (words->text && words->value != value)
		words++;
	return words->text ? words->text : other;
}

const char *drbd_disk_name(enum drbd_disk disk)
{
	return word_text(disks, (int)disk, "DUnknown");
}

const char *drbd_role_name(enum drbd_role role)
{
	return word_text(roles, (int)role, "Unknown");
}

/* ---- fields ---- */

#define BIT(object) (1u << (object))

enum key {
	KEY_NAME,
	KEY_NEW_NAME,
	KEY_CONN,
	KEY_HELPER,
	KEY_VOLUME,
	KEY_STATUS,
	KEY_ROLE,
	KEY_SUSPENDED,
	KEY_QUORUM,
	KEY_DISK,
	KEY_CONNECTION,
	KEY_REPLICATION,
	KEYS,
};

static const struct {
	const char *text;
	unsigned objects; /* BIT() of those whose lines may have it; of others it is skipped */
} keys[KEYS] = {
	[KEY_NAME] = { "name", ~0u },
	[KEY_NEW_NAME] = { "new_name", BIT(DRBD_RESOURCE) },
	[KEY_CONN] = { "conn-name", BIT(DRBD_CONNECTION) | BIT(DRBD_PEER_DEVICE) },
	[KEY_HELPER] = { "helper", BIT(DRBD_HELPER) },
	[KEY_VOLUME] = { "volume", BIT(DRBD_DEVICE) | BIT(DRBD_PEER_DEVICE) },
	[KEY_STATUS] = { "status", BIT(DRBD_HELPER) },
	[KEY_ROLE] = { "role", BIT(DRBD_RESOURCE) | BIT(DRBD_CONNECTION) },
	[KEY_SUSPENDED] = { "suspended", BIT(DRBD_RESOURCE) },
	[KEY_QUORUM] = { "quorum", BIT(DRBD_DEVICE) },
	[KEY_DISK] = { "disk", BIT(DRBD_DEVICE) },
	[KEY_CONNECTION] = { "connection", BIT(DRBD_CONNECTION) },
	[KEY_REPLICATION] = { "replication", BIT(DRBD_PEER_DEVICE) },
};

/* peer-disk is the disk of a peer-device. */
static enum key key_find(struct piece p, enum drbd_object object)
{
	unsigned k;

	if (object == DRBD_PEER_DEVICE && piece_is(p, "peer-disk"))
		return KEY_DISK;
	for (k = 0; k < KEYS; k++)
		if (keys[k].objects & BIT(object) && piece_is(p, keys[k].text))
			break;
	return (enum key)k;
}

static bool field_set(struct drbd_event *e, enum key key, struct piece v)
{
	switch (key) {
	case KEY_NAME:
		return piece_name(v, e->resource);
	case KEY_NEW_NAME:
		return piece_name(v, e->new_name);
	case KEY_CONN:
		return piece_name(v, e->conn);
	case KEY_HELPER:
		return piece_name(v, e->helper);
	case KEY_VOLUME:
		return piece_number(v, DRBD_VOLUME_MAX, &e->volume);
	case KEY_STATUS:
		return piece_number(v, UINT32_MAX, &e->status);
	case KEY_ROLE:
		e->role = (enum drbd_role)word_value(v, roles);
		return true;
	case KEY_SUSPENDED:
		e->suspended = (enum drbd_flag)word_value(v, suspensions);
		return true;
	case KEY_QUORUM:
		e->quorum = (enum drbd_flag)word_value(v, quorums);
		return true;
	case KEY_DISK:
		e->disk = (enum drbd_disk)word_value(v, disks);
		return true;
	case KEY_CONNECTION:
		e->connection = (enum drbd_conn)word_value(v, conns);
		return true;
	case KEY_REPLICATION:
		e->replication = (enum drbd_repl)word_value(v, repls);
		return true;
	case KEYS:
		break;
	}
	return true;
}

/* What a line must name, by its object. */
static const unsigned needed[DRBD_OBJECTS] = {
	[DRBD_RESOURCE] = BIT(KEY_NAME),
	[DRBD_DEVICE] = BIT(KEY_NAME) | BIT(KEY_VOLUME),
	[DRBD_CONNECTION] = BIT(KEY_NAME) | BIT(KEY_CONN),
	[DRBD_PEER_DEVICE] = BIT(KEY_NAME) | BIT(KEY_CONN) | BIT(KEY_VOLUME),
	[DRBD_HELPER] = BIT(KEY_HELPER),
};

static int fields_parse(struct piece rest, struct drbd_event *e)
{
	unsigned seen = 0, need = needed[e->object];

	if (e->action == DRBD_RENAME)
		need |= BIT(KEY_NEW_NAME);
	while (rest.len) {
		struct piece value = piece_next(&rest, ' ');
		struct piece name = piece_next(&value, ':');
		enum key k = key_find(name, e->object);

		if (k == KEYS)
			continue;
		if (seen & BIT(k) || !field_set(e, k, value))
			return -EINVAL;
		seen |= BIT(k);
	}
	return (seen & need) == need ? 0 : -EINVAL;
}

static bool is_text(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return false;
	return true;
}

static int line_of_no_object(struct piece action, struct piece object, struct drbd_event *e)
{
	if (piece_is(action, "exists") && piece_is(object, "-"))
		e->action = DRBD_READY;
	else if (piece_is(action, "-") && piece_is(object, "skipped"))
		e->action = DRBD_LOST;
	else
		return -ENOMSG;
	return 0;
}

int events2_parse(const char *line, size_t len, struct drbd_event *e)
{
	struct piece rest = { line, len }, action, object;

	*e = (struct drbd_event){ .action = DRBD_ACTIONS, .object = DRBD_OBJECTS };
	if (len > DRBD_LINE_MAX || !is_text(line, len))
		return -EINVAL;
	action = piece_next(&rest, ' ');
	object = piece_next(&rest, ' ');
	e->action = (enum drbd_action)word_value(action, actions);
	e->object = (enum drbd_object)word_value(object, objects);
	if (e->action == DRBD_ACTIONS || e->object == DRBD_OBJECTS)
		return line_of_no_object(action, object, e);
	if (e->object == DRBD_PATH)
		return -ENOMSG;
	return fields_parse(rest, e);
}
