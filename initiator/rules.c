/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "initiator/rules.h"

#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An attempt to reach a node that does not answer takes the connection manager some 2 s. */
#define ATTEMPT_SECONDS 2
#define TL_RETRY_MAX 4	  /* 5 attempts, 10 s */
#define RECONNECT_MAX 5	  /* s */
#define POLLING_MAX 5	  /* s */

enum about { ABOUT_HOST, ABOUT_TIMEOUTS, ABOUT_LOGIN, ABOUT_DISK, ABOUT_MAP, ABOUT_MIRROR };

/*
 * @wrong says what it has found, if it finds something. @set and @to are the right value of a
 * timeout; all others have @fix, in which "%" is the name of the subject.
 */
struct rule {
	const char *name;
	enum about about;
	bool (*wrong)(const struct settings *s, const void *subject, struct text *what);
	const char *set, *to, *fix, *why;
};

/* A number of seconds, for people. */
static void put_seconds(struct text *t, const char *name, int value)
{
	if (value == VALUE_OFF)
		text_printf(t, "%s is off", name);
	else
		text_printf(t, "%s is %d", name, value);
}

/* ---- this host ---- */

static bool no_login(const struct settings *s, const void *subject, struct text *what)
{
	(void)subject;
	text_puts(what, "ib_srp is loaded and logged in to no target");
	return !s->n_logins;
}

static bool no_multipathd(const struct settings *s, const void *subject, struct text *what)
{
	(void)subject;
	text_puts(what, "multipathd does not answer");
	return s->n_disks && !s->multipathd;
}

static bool never_register(const struct settings *s, const void *subject, struct text *what)
{
	(void)subject;
	text_puts(what, "never_register is set");
	return s->never_register;
}

/* ---- timeouts, of logins and of those to come ---- */

static bool fast_io_fail_off(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	put_seconds(what, "fast_io_fail_tmo", t->fast_io_fail);
	return t->fast_io_fail == VALUE_OFF;
}

static bool fast_io_fail_late(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	text_printf(what, "fast_io_fail_tmo %d is not less than dev_loss_tmo %d", t->fast_io_fail,
		    t->dev_loss);
	return t->dev_loss >= 0 && t->fast_io_fail >= t->dev_loss;
}

static bool reconnect_first(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	text_printf(what, "fast_io_fail_tmo %d is not less than reconnect_delay %d",
		    t->fast_io_fail, t->reconnect);
	return t->reconnect >= 0 && t->fast_io_fail >= t->reconnect;
}

static bool dev_loss_on(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	put_seconds(what, "dev_loss_tmo", t->dev_loss);
	return t->dev_loss >= 0;
}

static bool reconnect_off(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	put_seconds(what, "reconnect_delay", t->reconnect);
	return t->reconnect == VALUE_OFF || t->reconnect == 0;
}

static bool reconnect_slow(const struct settings *s, const void *subject, struct text *what)
{
	const struct timeouts *t = subject;

	(void)s;
	put_seconds(what, "reconnect_delay", t->reconnect);
	return t->reconnect > RECONNECT_MAX;
}

/* ---- logins ---- */

/* Seconds of all attempts to reach a node that does not answer. */
static int64_t attempts_last(int tl_retry)
{
	return ((int64_t)tl_retry + 1) * ATTEMPT_SECONDS;
}

static bool login_down(const struct settings *s, const void *subject, struct text *what)
{
	const struct login *l = subject;

	(void)s;
	text_printf(what, "the login to id_ext %s is %s", l->id_ext, l->state);
	return *l->state && strcmp(l->state, "running");
}

static bool retry_endless(const struct settings *s, const void *subject, struct text *what)
{
	const struct login *l = subject;

	(void)s;
	text_printf(what, "tl_retry_count is 7 on %s", l->device);
	return l->tl_retry == 7 && !strncmp(l->device, "rxe", 3);
}

static bool retry_long(const struct settings *s, const void *subject, struct text *what)
{
	const struct login *l = subject;

	text_printf(what, "tl_retry_count is %d: a dead node is noticed after some %" PRId64 " s",
		    l->tl_retry, attempts_last(l->tl_retry));
	return l->tl_retry > TL_RETRY_MAX && !retry_endless(s, l, &(struct text){ .failed = true });
}

static bool one_channel(const struct settings *s, const void *subject, struct text *what)
{
	const struct login *l = subject;

	text_printf(what, "one channel for %d CPUs", s->cpus);
	return l->channels == 1 && s->cpus > 1;
}

static bool many_channels(const struct settings *s, const void *subject, struct text *what)
{
	const struct login *l = subject;

	text_printf(what, "%d channels for %d CPUs", l->channels, s->cpus);
	return s->cpus > 0 && l->channels > s->cpus;
}

/* ---- disks ---- */

/* Seconds until the connection to a dead node is given up and its I/O given back. */
static int64_t detection(const struct login *l)
{
	int fast = l->timeouts.fast_io_fail < 0 ? 0 : l->timeouts.fast_io_fail;

	return attempts_last(l->tl_retry < 0 ? 7 : l->tl_retry) + fast;
}

static bool disk_down(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;
	const char *login = s->logins[d->login].state;

	text_printf(what, "the disk is %s", d->state);
	/* Of a login that is down this is no news. */
	return *d->state && strcmp(d->state, "running") && (!*login || !strcmp(login, "running"));
}

static bool no_handler(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;

	(void)s;
	text_printf(what, "the device handler is '%s'", *d->handler ? d->handler : "none");
	return d->alua && strcmp(d->handler, "alua");
}

static bool timeout_short(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;
	int64_t need = detection(&s->logins[d->login]);

	text_printf(what, "commands time out after %d s, a lost path is noticed after %" PRId64
		    " s", d->timeout, need);
	return d->timeout >= 0 && d->timeout <= need;
}

/*
 * A path that is dead without the adapter noticing: the command times out, a check that hangs as
 * long or for checker_timeout is before it, the abort takes eh_timeout.
 */
static bool timeout_long(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;
	int check = settings_number(settings_multipath(s, d, "checker_timeout"));
	int aborting = d->eh_timeout > 0 ? d->eh_timeout : 0;
	int64_t sum;

	if (check <= 0)
		check = d->timeout;
	sum = (int64_t)d->timeout + check + aborting;
	text_printf(what,
		    "a path that dies silently is noticed after some %" PRId64 " s: %d of the "
		    "command, %d of a check, %d of the abort; a failover may take %d",
		    sum, d->timeout, check, aborting, s->budget);
	return d->timeout >= 0 && sum > s->budget;
}

static bool no_by_id(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;

	(void)s;
	text_puts(what, "no name in /dev/disk/by-id leads to it");
	return !d->by_id;
}

static bool no_map(const struct settings *s, const void *subject, struct text *what)
{
	const struct disk *d = subject;

	(void)s;
	text_puts(what, "it is in no multipath map");
	return d->map < 0 && !d->in_mirror;
}

/* ---- multipath maps ---- */

static const struct disk *disk_of(const struct settings *s, const struct map *m)
{
	return &s->disks[m->disk];
}

static const char *map_value(const struct settings *s, const struct map *m, const char *key)
{
	return settings_multipath(s, disk_of(s, m), key);
}

static bool one_path(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;

	(void)s;
	text_puts(what, "one path only");
	return m->paths < 2 && !m->in_mirror;
}

static bool failed_paths(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;

	(void)s;
	text_printf(what, "%d of %d paths failed", m->failed, m->paths);
	return m->failed > 0;
}

static bool queue_never(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;

	(void)s;
	text_puts(what, "I/O fails as soon as no path is left");
	return m->known && !m->queues && !m->in_mirror;
}

static bool queue_short(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	int checks = settings_number(map_value(s, m, "no_path_retry"));
	int interval = settings_number(map_value(s, m, "polling_interval"));
	int64_t wait;

	if (checks <= 0 || m->in_mirror)
		return false;
	wait = (int64_t)checks * (interval > 0 ? interval : 5);
	text_printf(what, "I/O fails when no path is left for %" PRId64 " s (no_path_retry %d), a "
		    "failover may take %d", wait, checks, s->budget);
	return wait < s->budget;
}

static bool mirror_queues(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;

	(void)s;
	text_puts(what, "half of a mirror, and it waits while no path is left");
	return m->known && m->queues && m->in_mirror;
}

static bool is_one_of(const char *value, const char *a, const char *b)
{
	return !strcmp(value, a) || !strcmp(value, b);
}

/* The priority of a path is that of its access state; by default multipath sees to that itself. */
static bool prio_by_state(const struct settings *s, const struct map *m)
{
	return is_one_of(map_value(s, m, "prio"), "alua", "sysfs") ||
	       strcmp(map_value(s, m, "detect_prio"), "no");
}

/* multipath-tools since 0.9.6: the policy that is set does not count then. */
static bool grouped_by_state(const struct settings *s, const struct map *m)
{
	return !strcmp(map_value(s, m, "detect_pgpolicy"), "yes") && prio_by_state(s, m);
}

static bool mixed_paths(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	const char *policy = map_value(s, m, "path_grouping_policy");

	text_printf(what, "path_grouping_policy is %s", policy);
	return *policy && disk_of(s, m)->alua && strcmp(policy, "failover") &&
	       !is_one_of(policy, "group_by_prio", "group_by_tpg") && !grouped_by_state(s, m);
}

static bool no_prio(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	const char *prio = map_value(s, m, "prio");

	text_printf(what, "prio is %s, and detect_prio is off", prio);
	return *prio && disk_of(s, m)->alua && !prio_by_state(s, m);
}

static bool no_failback(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	const char *failback = map_value(s, m, "failback");

	text_printf(what, "failback is %s", failback);
	return disk_of(s, m)->alua && !strcmp(failback, "manual");
}

static bool wrong_checker(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	const char *checker = map_value(s, m, "path_checker");

	text_printf(what, "path_checker is %s, and detect_checker is off", checker);
	return *checker && disk_of(s, m)->alua && strcmp(checker, "tur") &&
	       !strcmp(map_value(s, m, "detect_checker"), "no");
}

static bool slow_polling(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	int most = settings_number(map_value(s, m, "max_polling_interval"));

	text_printf(what, "a path is checked every %d s at the least", most);
	return most > POLLING_MAX;
}

static bool find_paths(const struct settings *s, const void *subject, struct text *what)
{
	const struct map *m = subject;
	const char *find = map_value(s, m, "find_multipaths");

	text_printf(what, "find_multipaths is %s", find);
	return !m->in_mirror &&
	       (!strcmp(find, "strict") || !strcmp(find, "yes") || !strcmp(find, "on"));
}

/* ---- mirrors ---- */

static bool degraded(const struct settings *s, const void *subject, struct text *what)
{
	const struct mirror *r = subject;

	(void)s;
	text_printf(what, "%d of its disks are missing", r->degraded);
	return r->degraded > 0;
}

static bool no_bitmap(const struct settings *s, const void *subject, struct text *what)
{
	const struct mirror *r = subject;

	(void)s;
	text_puts(what, "no write-intent bitmap");
	return !r->bitmap;
}

static bool same_target(const struct settings *s, const void *subject, struct text *what)
{
	const struct mirror *r = subject;

	text_printf(what, "all its disks are of the target %s", s->logins[r->first_login].id_ext);
	return r->disks > 1 && !r->two_targets;
}

/* ---- the table ---- */

#define IN_DEVICE " in the device section of /etc/multipath/conf.d/srpt.conf, then: multipathd " \
		  "reconfigure"

static const struct rule rules[] = {
	{ "no-login", ABOUT_HOST, no_login, NULL, NULL,
	  "systemctl enable --now srp-login@NAME (RoCE, iWARP) or srp_daemon (InfiniBand)",
	  "there is nothing to look at" },
	{ "no-multipathd", ABOUT_HOST, no_multipathd, NULL, NULL,
	  "apt-get install multipath-tools; systemctl enable --now multipathd",
	  "without it nobody takes a path that failed into use again" },
	{ "never-register", ABOUT_HOST, never_register, NULL, NULL,
	  "take never_register out of /etc/modprobe.d and load ib_srp anew",
	  "the target may read and write all memory of this host" },

	{ "fast-io-fail-off", ABOUT_TIMEOUTS, fast_io_fail_off, "fast_io_fail_tmo", "0", NULL,
	  "what waits on a lost path is given back when the path is removed, or never" },
	{ "fast-io-fail-late", ABOUT_TIMEOUTS, fast_io_fail_late, "fast_io_fail_tmo", "0", NULL,
	  "the disk would be removed before its I/O is given back; the kernel refuses such a pair, "
	  "and modprobe fails" },
	{ "reconnect-first", ABOUT_TIMEOUTS, reconnect_first, "fast_io_fail_tmo", "0", NULL,
	  "an attempt to connect to a node that is off hangs for up to a minute, and I/O is given "
	  "back behind it, unless it was before" },
	{ "dev-loss-on", ABOUT_TIMEOUTS, dev_loss_on, "dev_loss_tmo", "off", NULL,
	  "the disk of a lost path is removed then, and only a new login brings it back" },
	{ "reconnect-off", ABOUT_TIMEOUTS, reconnect_off, "reconnect_delay", "1", NULL,
	  "a lost login stays lost" },
	{ "reconnect-slow", ABOUT_TIMEOUTS, reconnect_slow, "reconnect_delay", "1", NULL,
	  "a target that was restarted is without this path so long" },

	{ "login-down", ABOUT_LOGIN, login_down, NULL, NULL,
	  "look at the target and at the network; dmesg has ib_srp's reason",
	  "what it leads to has a path less" },
	{ "retry-endless", ABOUT_LOGIN, retry_endless, NULL, NULL,
	  "tl_retry_count=2 in the login (srp-login adds it), and log in anew",
	  "soft-RoCE takes 7 for endless: it never notices that a node is dead" },
	{ "retry-long", ABOUT_LOGIN, retry_long, NULL, NULL,
	  "tl_retry_count=2 in the login (srp-login adds it), and log in anew",
	  "until then the path is used, and everything on it waits" },
	{ "one-channel", ABOUT_LOGIN, one_channel, NULL, NULL,
	  "take ch_count=1 out of /etc/modprobe.d and of the login, and log in anew",
	  "one CPU does the work of all, and one reactor of the target" },
	{ "many-channels", ABOUT_LOGIN, many_channels, NULL, NULL,
	  "take ch_count out of /etc/modprobe.d and of the login, and log in anew",
	  "each costs memory here and at the target, and no CPU is left to use it" },

	{ "disk-down", ABOUT_DISK, disk_down, NULL, NULL,
	  "echo running > /sys/block/%/device/state, when the target serves it",
	  "the kernel has given the disk up" },
	{ "no-handler", ABOUT_DISK, no_handler, NULL, NULL,
	  "modprobe scsi_dh_alua; echo alua > /sys/block/%/device/dh_state; for ever: "
	  "hardware_handler \"1 alua\" in /etc/multipath/conf.d/srpt.conf",
	  "the target tells which of its ports serve, and the kernel does not listen: a standby "
	  "path looks like a broken one" },
	{ "timeout-short", ABOUT_DISK, timeout_short, NULL, NULL,
	  "echo 15 > /sys/block/%/device/timeout; for ever: 90-srpt.rules of udev; and "
	  "tl_retry_count=2",
	  "commands are aborted and the disk is reset before the transport had its say" },
	{ "timeout-long", ABOUT_DISK, timeout_long, NULL, NULL,
	  "echo 15 > /sys/block/%/device/timeout; for ever: 90-srpt.rules of udev; and "
	  "checker_timeout 5 in the defaults of multipath.conf",
	  "applications wait so long for a path that will not answer" },
	{ "no-by-id", ABOUT_DISK, no_by_id, NULL, NULL,
	  "udevadm trigger --settle /sys/block/%; apt-get install sg3-utils-udev",
	  "sdX is another disk after the next boot; what is mounted needs a name that stays" },
	{ "no-map", ABOUT_DISK, no_map, NULL, NULL,
	  "multipath -v3 /dev/% tells why; see multipath.conf of the recipes",
	  "I/O on it fails with the path, whatever other paths there are" },

	{ "one-path", ABOUT_MAP, one_path, NULL, NULL,
	  "log in to the other node too: it is a line in /etc/srp/portals.d/NAME",
	  "nothing is left when this path is lost" },
	{ "failed-paths", ABOUT_MAP, failed_paths, NULL, NULL,
	  "multipath -ll % tells which; look at that target and its network",
	  "there is less to fail over to" },
	{ "queue-never", ABOUT_MAP, queue_never, NULL, NULL, "no_path_retry queue" IN_DEVICE,
	  "while a cluster moves the target no path works: applications see errors" },
	{ "queue-short", ABOUT_MAP, queue_short, NULL, NULL, "no_path_retry queue" IN_DEVICE,
	  "a failover that takes longer makes applications see errors" },
	{ "mirror-queues", ABOUT_MAP, mirror_queues, NULL, NULL,
	  "no_path_retry fail in a multipaths section for it (multipath-mirror.conf), then: "
	  "multipathd reconfigure",
	  "the mirror waits for the half that is lost, though the other is there" },
	{ "mixed-paths", ABOUT_MAP, mixed_paths, NULL, NULL,
	  "path_grouping_policy failover" IN_DEVICE,
	  "paths to the node that serves and to one that does not are used in turn" },
	{ "no-prio", ABOUT_MAP, no_prio, NULL, NULL, "prio sysfs" IN_DEVICE,
	  "the path of a node that does not serve may be taken first" },
	{ "no-failback", ABOUT_MAP, no_failback, NULL, NULL, "failback immediate" IN_DEVICE,
	  "multipath stays with a path that became the worse one" },
	{ "wrong-checker", ABOUT_MAP, wrong_checker, NULL, NULL, "path_checker tur" IN_DEVICE,
	  "it reads from the disk, which a standby path refuses: the path is taken for broken" },
	{ "slow-polling", ABOUT_MAP, slow_polling, NULL, NULL,
	  "polling_interval 1 and max_polling_interval 1 in the defaults of multipath.conf, then: "
	  "multipathd reconfigure",
	  "a path that works again is noticed so late" },
	{ "find-multipaths", ABOUT_MAP, find_paths, NULL, NULL,
	  "find_multipaths no in the defaults of multipath.conf, then: multipathd reconfigure",
	  "a disk with one path at boot, as while a node is down, gets no map then" },

	{ "mirror-degraded", ABOUT_MIRROR, degraded, NULL, NULL,
	  "systemctl enable --now srp-mirror@NAME, or mdadm --manage /dev/% --re-add DISK",
	  "the mirror has one copy of the data" },
	{ "mirror-no-bitmap", ABOUT_MIRROR, no_bitmap, NULL, NULL,
	  "mdadm --grow /dev/% --bitmap=internal",
	  "everything is copied after each loss of a half, and no disk is put back by itself" },
	{ "mirror-same-target", ABOUT_MIRROR, same_target, NULL, NULL,
	  "make it of disks of two targets",
	  "both halves are lost with the target" },
};

const char *rule_name(size_t i)
{
	return i < ARRAY_SIZE(rules) ? rules[i].name : NULL;
}

const char *rule_why(size_t i)
{
	return i < ARRAY_SIZE(rules) ? rules[i].why : NULL;
}

/* ---- applying it ---- */

static void timeouts_fix(const struct rule *r, const struct timeouts *t, struct text *fix)
{
	if (t->of == TIMEOUTS_FILES)
		text_printf(fix, "options ib_srp %s=%s in /etc/modprobe.d/ib_srp.conf", r->set,
			    r->to);
	else if (t->of == TIMEOUTS_MODULE)
		text_printf(fix, "echo %s > /sys/module/ib_srp/parameters/%s", r->to, r->set);
	else
		text_printf(fix, "echo %s > /sys/class/srp_remote_ports/%s/%s", r->to, t->name,
			    r->set);
}

/* "%" is the name of the subject. */
static void other_fix(const struct rule *r, const char *name, struct text *fix)
{
	for (const char *at = r->fix; *at; at++) {
		if (*at == '%')
			text_puts(fix, name);
		else
			text_putc(fix, *at);
	}
}

/* Every rule of one kind of subject on one of these. */
static int look(const struct settings *s, const struct rule *r, const void *subject,
		const char *name, struct findings *found)
{
	struct finding f = { .rule = r->name, .subject = name, .why = r->why };

	if (!r->wrong(s, subject, &f.what)) {
		text_free(&f.what);
		return 0;
	}
	if (found->n == found->size) {
		size_t more = found->size ? found->size * 2 : 64;
		struct finding *list = reallocarray(found->list, more, sizeof(*list));

		if (!list) {
			text_free(&f.what);
			return -ENOMEM;
		}
		found->list = list;
		found->size = more;
	}
	if (r->about == ABOUT_TIMEOUTS)
		timeouts_fix(r, subject, &f.fix);
	else
		other_fix(r, name, &f.fix);
	found->list[found->n++] = f;
	return 0;
}

static int look_timeouts(const struct settings *s, const struct rule *r, struct findings *found)
{
	int rc = look(s, r, &s->module, "module ib_srp", found);

	if (!rc && s->has_files)
		rc = look(s, r, &s->files, "modprobe.d", found);
	for (int i = 0; !rc && i < s->n_logins; i++)
		rc = look(s, r, &s->logins[i].timeouts, s->logins[i].timeouts.name, found);
	return rc;
}

static int rule_apply(const struct settings *s, const struct rule *r, struct findings *found)
{
	int rc = 0;

	switch (r->about) {
	case ABOUT_HOST:
		return look(s, r, s, "this host", found);
	case ABOUT_TIMEOUTS:
		return look_timeouts(s, r, found);
	case ABOUT_LOGIN:
		for (int i = 0; !rc && i < s->n_logins; i++)
			rc = look(s, r, &s->logins[i], s->logins[i].host, found);
		return rc;
	case ABOUT_DISK:
		for (int i = 0; !rc && i < s->n_disks; i++)
			rc = look(s, r, &s->disks[i], s->disks[i].dev, found);
		return rc;
	case ABOUT_MAP:
		for (int i = 0; !rc && i < s->n_maps; i++)
			rc = look(s, r, &s->maps[i], s->maps[i].name, found);
		return rc;
	case ABOUT_MIRROR:
		for (int i = 0; !rc && i < s->n_mirrors; i++)
			rc = look(s, r, &s->mirrors[i], s->mirrors[i].md, found);
		return rc;
	}
	return rc;
}

int rules_apply(const struct settings *s, struct findings *found)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(rules); i++)
		rc = rule_apply(s, &rules[i], found);
	return rc;
}

void findings_free(struct findings *found)
{
	for (size_t i = 0; i < found->n; i++) {
		text_free(&found->list[i].what);
		text_free(&found->list[i].fix);
	}
	free(found->list);
	*found = (struct findings){ 0 };
}
