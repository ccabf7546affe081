/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O controller GUID: the second half of what initiators log in with. They remember it, so it
 * is chosen once and kept.
 */
#ifndef SRPT_CTL_IDENTITY_H
#define SRPT_CTL_IDENTITY_H

#include <stdint.h>

/* Where it came from. */
enum guid_source { GUID_CONFIGURED, GUID_SAVED, GUID_HARDWARE, GUID_MACHINE };
const char *guid_source_name(enum guid_source source);

/* Files read, given so that tests can have their own. */
struct identity_paths {
	const char *state_dir;  /* DIR/ioc_guid keeps the choice */
	const char *infiniband; /* /sys/class/infiniband */
	const char *machine_id; /* /etc/machine-id */
};

#define IDENTITY_INFINIBAND "/sys/class/infiniband"
#define IDENTITY_MACHINE_ID "/etc/machine-id"

/*
 * The I/O controller GUID, host order: @configured if not 0, else the saved one, else the node
 * GUID of the first RDMA device by name, else one hashed from the machine id. 0 or -ENOENT
 * (none of these).
 */
int identity_ioc_guid(uint64_t configured, const struct identity_paths *paths, uint64_t *guid,
		      enum guid_source *source);

/*
 * Write it to the state directory, which is made if only it is missing, so that it stays when
 * hardware is changed. 0 or -errno.
 */
int identity_save_ioc_guid(const struct identity_paths *paths, uint64_t guid);

#endif
