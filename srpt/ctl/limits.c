/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/limits.h"
#include "base/log.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void limit_raise(int resource)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit((__rlimit_resource_t)resource, &l);
}

static bool may_lock_all(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps))
		return false;
	return caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK);
}

void limits_raise(void)
{
	limit_raise(RLIMIT_NOFILE);
	limit_raise(RLIMIT_MEMLOCK);
}

void limits_warn_locked(void)
{
	static bool warned;
	struct rlimit l;

	if (warned || getrlimit(RLIMIT_MEMLOCK, &l) || l.rlim_cur == RLIM_INFINITY ||
	    may_lock_all())
		return;
	warned = true;
	log_warn("only %llu KiB of memory may be locked, which is too little for RDMA: set "
		 "LimitMEMLOCK=infinity or ulimit -l unlimited",
		 (unsigned long long)l.rlim_cur >> 10);
}
