/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of dm-multipath, as "multipathd show config" and "multipath -t" print it: what
 * was built in and what the administrator's files say, in one. See multipath.conf(5).
 */
#ifndef SRPT_INITIATOR_MPCONF_H
#define SRPT_INITIATOR_MPCONF_H

#include <stddef.h>

struct mp_conf;

/*
 * Reads a configuration; what cannot be understood is passed over. NULL when it has no section,
 * or memory runs out. The caller frees it with mp_conf_free.
 */
struct mp_conf *mp_conf_parse(const char *text);
void mp_conf_free(struct mp_conf *c);

/*
 * What @key is for a disk: of the section multipaths for its WWID, else of overrides, else of the
 * last device section that fits its vendor and product, else of defaults. "" when none says. The
 * string is the configuration's.
 */
const char *mp_conf_get(const struct mp_conf *c, const char *key, const char *wwid,
			const char *vendor, const char *product);

#endif
