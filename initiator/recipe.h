/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consistent set of settings for logins to some targets, as files below a directory that are to
 * be copied over the root of an initiator. The settings themselves are the recipes of the package,
 * taken as they are; only what names the targets is made here.
 */
#ifndef SRPT_INITIATOR_RECIPE_H
#define SRPT_INITIATOR_RECIPE_H

#include "ctl/text.h"

struct recipe {
	const char *from; /* directory of the recipes */
	const char *to;	  /* where the files go; is made */
	const char *name; /* of the portals file */
};

/*
 * Writes the set for @targets. Each is a login (id_ext=…,ioc_guid=…,dest=… or …,dgid=…), or a name
 * in DNS. A file that is there with other contents is kept as FILE.old. @said gets one line for
 * each file, and what is to be done then. 0, -EINVAL when a target is none of these, or -errno;
 * what is wrong is one line on standard error.
 */
int recipe_write(const struct recipe *r, char *const targets[], int n, struct text *said);

#endif
