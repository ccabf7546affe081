/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/ipc.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

bool ipc_peer_allowed(uid_t uid, gid_t gid, uid_t own_uid, gid_t group, bool is_member)
{
	return uid == 0 || uid == own_uid || (group != (gid_t)-1 && (gid == group || is_member));
}

static bool user_is_member(uid_t uid, gid_t group)
{
	const struct passwd *pw = getpwuid(uid);
	gid_t groups[256];
	int n = 256;

	if (!pw || group == (gid_t)-1 || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool ipc_peer_check(uid_t uid, gid_t gid, gid_t group)
{
	bool own = uid == 0 || uid == geteuid();

	return ipc_peer_allowed(uid, gid, geteuid(), group, !own && user_is_member(uid, group));
}
