/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of attributes. Parsing, writing, comparing and the check of the man page all walk
 * it; an attribute is added by a field in conf.h, a row here and a paragraph in srpt.conf(5).
 */
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

#define KIB 1024LL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define EIB (GIB * GIB)

#define BLOCKIO (1u << CONF_VDISK_BLOCKIO)
#define FILEIO (1u << CONF_VDISK_FILEIO)
#define NULLIO (1u << CONF_VDISK_NULLIO)
#define RAM (1u << CONF_VDISK_RAM)
#define FAULT (1u << CONF_VDISK_FAULT)
#define FILELESS (NULLIO | RAM | FAULT)
#define ANYIO (BLOCKIO | FILEIO | FILELESS)
#define SCSI (1u << CONF_DEV_DISK | 1u << CONF_DEV_TAPE | 1u << CONF_DEV_CHANGER)

#define FIELD(type, member) \
	.offset = offsetof(struct type, member), .width = sizeof(((struct type *)0)->member)

#define DAEMON(member) .block = CONF_DAEMON, .name = #member, FIELD(conf_daemon, member)
#define DRIVER(member) .block = CONF_TARGET_DRIVER, .name = #member, FIELD(conf_driver, member)
#define DEVICE(member) .block = CONF_DEVICE, .name = #member, FIELD(conf_device, member)
#define TARGET(member) .block = CONF_TARGET, .name = #member, FIELD(conf_target, member)
#define DGROUP(member) .block = CONF_DEVICE_GROUP, .name = #member, \
	FIELD(conf_device_group, member)
#define TGROUP(member) .block = CONF_TARGET_GROUP, .name = #member, \
	FIELD(conf_target_group, member)
#define UNUSED(b, n, why) { .block = (b), .name = (n), .type = CONF_T_NONE, .help = (why) }

/* Reasons why a known SCST attribute does nothing here. */
#define NO_PASS "it concerns kernel threads and CPUs that srptd does not have; see DAEMON"
#define NO_TUNE "srptd has nothing to tune here"
#define NO_FEATURE "this version does not offer the feature"
#define NO_SIZE "srptd chooses the value itself"
#define NO_CLUSTER "see DEVICE_GROUP"
#define NO_TRACE "srptd logs by log_level in DAEMON"

static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };

static const char *const iwarp_crcs[] = { "auto", "on", "off", NULL };
static const char *const fault_ops[] = { "all", "read", "write", "flush", "unmap", NULL };
static const char *const fault_errnos[] = { "none", "EIO", "ENOSPC", "EROFS", "ENODEV", "ENOMEM",
					    "ETIMEDOUT", NULL };

static const char *const alua_states[] = { "active", "nonoptimized", "standby", "unavailable",
					   "offline", "transitioning", NULL };

STATIC_ASSERT(ARRAY_SIZE(alua_states) == CONF_ALUA_STATES + 1);
STATIC_ASSERT(sizeof(enum conf_alua_state) == sizeof(int));
STATIC_ASSERT(sizeof(enum conf_log_level) == sizeof(int));
STATIC_ASSERT(sizeof(enum conf_iwarp_crc) == sizeof(int));
STATIC_ASSERT(sizeof(enum conf_fault_ops) == sizeof(int));
STATIC_ASSERT(sizeof(enum conf_fault_errno) == sizeof(int));

/*
 * srp_daemon tells the initiator to stay below our limit only if the limit is less than the 8192
 * bytes of immediate data; between that and the 8260 bytes of a full request the login fails.
 */
static const char *req_size_caution(const void *base)
{
	const struct conf_driver *driver = base;

	if (driver->srp_max_req_size < 8192 || driver->srp_max_req_size >= 8260)
		return NULL;
	return "srp_max_req_size 8192..8259 makes logins by srp_daemon fail: take 8260 or more, "
	       "or 8191 or less";
}

static const char *nv_cache_caution(const void *base)
{
	const struct conf_device *device = base;

	if (!device->nv_cache || !device->write_through)
		return NULL;
	return "nv_cache is taken as 0: it contradicts write_through";
}

static const struct conf_key keys[] = {
	{ .block = CONF_TOP, .name = "setup_id", FIELD(conf, setup_id), .type = CONF_T_UINT,
	  .min = 0, .max = UINT32_MAX, .fallback = "0",
	  .help = "enters the identity of every device without uuid; one per appliance" },
	UNUSED(CONF_TOP, "async_lun_replace", NO_TUNE),
	UNUSED(CONF_TOP, "cluster_name", NO_CLUSTER),
	UNUSED(CONF_TOP, "force_global_sgv_pool", NO_TUNE),
	UNUSED(CONF_TOP, "max_tasklet_cmd", NO_PASS),
	UNUSED(CONF_TOP, "measure_latency", NO_TUNE),
	UNUSED(CONF_TOP, "poll_us", "see poll_budget_us in DAEMON"),
	UNUSED(CONF_TOP, "threads", "see threads_num in DAEMON"),
	UNUSED(CONF_TOP, "trace_level", NO_TRACE),

	{ DAEMON(threads_num), .type = CONF_T_UINT, .min = 0, .max = 1024, .fallback = "0",
	  .help = "number of reactor threads, 0 = one per core" },
	{ DAEMON(poll_budget_us), .type = CONF_T_INT, .min = -1, .max = 1000000, .fallback = "50",
	  .help = "microseconds without work before a reactor sleeps, 0 = at once, -1 = never" },
	{ DAEMON(buffer_size), .type = CONF_T_SIZE, .min = 8 * MIB, .max = 64 * GIB,
	  .fallback = "64M", .help = "data buffers per reactor" },
	{ DAEMON(log_level), .type = CONF_T_ENUM, .names = log_levels, .fallback = "info",
	  .live = true,
	  .help = "least severe messages that are logged" },
	{ DAEMON(write_gate_grace), .type = CONF_T_UINT, .min = 1, .max = 30, .fallback = "3",
	  .live = true, .help = "seconds that srptd may serve a cluster's disks without news" },
	{ DAEMON(fence_delay), .type = CONF_T_INT, .min = -1, .max = 60, .fallback = "-1",
	  .live = true, .help = "seconds before a lost node that serves is fenced, -1 = no" },
	{ DAEMON(state_dir), .type = CONF_T_PATH, .fallback = "/var/lib/srpt",
	  .help = "directory for what must survive a restart" },
	{ DAEMON(control_socket), .type = CONF_T_NAME, .fallback = "srptd",
	  .help = "name under which srptctl finds the daemon" },

	{ DEVICE(filename), .type = CONF_T_PATH, .handlers = BLOCKIO | FILEIO | SCSI,
	  .help = "the block device, file or /dev/sgN behind the device" },
	{ DEVICE(size), .type = CONF_T_SIZE, .min = 512, .max = EIB, .handlers = FILELESS,
	  .help = "capacity; handlers with a file take that of the file" },
	{ .block = CONF_DEVICE, .name = "size_mb", FIELD(conf_device, size), .type = CONF_T_MIB,
	  .min = MIB, .max = EIB, .handlers = FILELESS, .help = "the same in MiB" },
	{ DEVICE(blocksize), .type = CONF_T_POW2, .min = 512, .max = 4096, .fallback = "512",
	  .handlers = ANYIO, .help = "bytes in a logical block" },
	{ DEVICE(active), .type = CONF_T_BOOL, .fallback = "1", .handlers = ANYIO | SCSI,
	  .help = "0 = do not open the file; initiators do not see the device" },
	{ DEVICE(read_only), .type = CONF_T_BOOL, .fallback = "0", .handlers = ANYIO | SCSI,
	  .live = true, .help = "refuse writes from everybody" },
	{ DEVICE(write_through), .type = CONF_T_BOOL, .fallback = "0", .handlers = FILEIO | BLOCKIO,
	  .caution = nv_cache_caution,
	  .help = "put every write on stable storage before it is answered" },
	{ DEVICE(nv_cache), .type = CONF_T_BOOL, .fallback = "0", .handlers = FILEIO | BLOCKIO,
	  .caution = nv_cache_caution,
	  .help = "the cache survives a power failure, so flushes are not needed" },
	{ DEVICE(o_direct), .type = CONF_T_BOOL, .fallback = "0", .handlers = FILEIO,
	  .help = "bypass the page cache" },
	{ DEVICE(thin_provisioned), .type = CONF_T_BOOL, .fallback = "0", .handlers = ANYIO,
	  .help = "offer UNMAP to initiators" },
	{ DEVICE(rotational), .type = CONF_T_BOOL, .handlers = ANYIO,
	  .help = "report a spinning disk; 0 = solid state; otherwise what the device is" },
	{ DEVICE(lb_per_pb_exp), .type = CONF_T_BOOL, .handlers = ANYIO, .fallback = "1",
	  .help = "report physical blocks larger than logical ones; 0 = as large as these" },
	{ DEVICE(uuid), .type = CONF_T_UUID, .handlers = ANYIO | SCSI,
	  .help = "identity of the device; naa_id, usn and t10_dev_id derive from it" },
	{ DEVICE(naa_id), .type = CONF_T_NAA, .handlers = ANYIO,
	  .help = "NAA designator, if it must have a certain value" },
	{ DEVICE(usn), .type = CONF_T_ID, .handlers = ANYIO, .help = "unit serial number" },
	{ DEVICE(t10_dev_id), .type = CONF_T_ID, .handlers = ANYIO,
	  .help = "vendor specific identifier of the T10 designator" },
	{ DEVICE(t10_vend_id), .type = CONF_T_ID, .handlers = ANYIO,
	  .help = "vendor in INQUIRY data" },
	{ DEVICE(prod_id), .type = CONF_T_ID, .handlers = ANYIO,
	  .help = "product in INQUIRY data" },
	{ DEVICE(prod_rev_lvl), .type = CONF_T_ID, .handlers = ANYIO, .fallback = "0100",
	  .help = "revision in INQUIRY data" },
	{ DEVICE(fault_ops), .type = CONF_T_ENUM, .names = fault_ops, .fallback = "all",
	  .handlers = FAULT, .live = true, .help = "requests that go wrong" },
	{ DEVICE(fault_lba), .type = CONF_T_UINT, .min = 0, .max = EIB, .fallback = "0",
	  .handlers = FAULT, .live = true, .help = "only those that touch blocks from here on" },
	{ DEVICE(fault_blocks), .type = CONF_T_UINT, .min = 0, .max = EIB, .fallback = "0",
	  .handlers = FAULT, .live = true, .help = "that many blocks, 0 = up to the end" },
	{ DEVICE(fault_every), .type = CONF_T_UINT, .min = 0, .max = 1000000, .fallback = "1",
	  .handlers = FAULT, .live = true, .help = "only each so many of them, 0 = none" },
	{ DEVICE(fault_hang), .type = CONF_T_BOOL, .fallback = "0", .handlers = FAULT, .live = true,
	  .help = "they do not end before this is 0 again" },
	{ DEVICE(fault_delay_ms), .type = CONF_T_UINT, .min = 0, .max = 3600000, .fallback = "0",
	  .handlers = FAULT, .live = true, .help = "milliseconds they take" },
	{ DEVICE(fault_errno), .type = CONF_T_ENUM, .names = fault_errnos, .fallback = "none",
	  .handlers = FAULT, .live = true, .help = "error they end with" },
	UNUSED(CONF_DEVICE, "async", NO_TUNE),
	UNUSED(CONF_DEVICE, "bind_alua_state", NO_CLUSTER),
	UNUSED(CONF_DEVICE, "cluster_mode", NO_CLUSTER),
	UNUSED(CONF_DEVICE, "dif_filename", NO_FEATURE),
	UNUSED(CONF_DEVICE, "dif_mode", NO_FEATURE),
	UNUSED(CONF_DEVICE, "dif_static_app_tag", NO_FEATURE),
	UNUSED(CONF_DEVICE, "dif_type", NO_FEATURE),
	UNUSED(CONF_DEVICE, "dummy", NO_FEATURE),
	UNUSED(CONF_DEVICE, "eui64_id", "see uuid and naa_id"),
	UNUSED(CONF_DEVICE, "expl_alua", NO_CLUSTER),
	UNUSED(CONF_DEVICE, "inq_vend_specific", NO_FEATURE),
	UNUSED(CONF_DEVICE, "max_tgt_dev_commands", NO_SIZE),
	UNUSED(CONF_DEVICE, "numa_node_id", NO_PASS),
	UNUSED(CONF_DEVICE, "opt_trans_len", NO_SIZE),
	UNUSED(CONF_DEVICE, "pr_file_name", "see state_dir in DAEMON"),
	UNUSED(CONF_DEVICE, "read_zero", NO_TUNE),
	UNUSED(CONF_DEVICE, "removable", NO_FEATURE),
	UNUSED(CONF_DEVICE, "scsi_device_name", NO_FEATURE),
	UNUSED(CONF_DEVICE, "threads_num", NO_PASS),
	UNUSED(CONF_DEVICE, "threads_pool_type", NO_PASS),
	UNUSED(CONF_DEVICE, "tst", NO_SIZE),
	UNUSED(CONF_DEVICE, "vend_specific_id", "see t10_dev_id"),

	{ DRIVER(rdma_cm_port), .type = CONF_T_UINT, .min = 0, .max = 65535, .fallback = "0",
	  .live = true,
	  .help = "port that targets listen on, 0 = only portals with a port of their own" },
	{ DRIVER(srp_max_req_size), .type = CONF_T_UINT, .min = 132, .max = 65536,
	  .fallback = "8260", .caution = req_size_caution,
	  .help = "largest request an initiator may send, in bytes" },
	{ DRIVER(srp_max_rsp_size), .type = CONF_T_UINT, .min = 56, .max = 512, .fallback = "256",
	  .help = "largest response sent, in bytes; all but 36 are for sense data" },
	{ DRIVER(srp_max_rdma_size), .type = CONF_T_UINT, .min = 64 * KIB, .max = 16 * MIB,
	  .fallback = "65536", .help = "largest transfer that is advertised, in bytes" },
	{ DRIVER(srpt_srq_size), .type = CONF_T_UINT0, .min = 64, .max = 65535,
	  .fallback = "4095",
	  .help = "entries of a shared receive queue, 0 = a receive queue per channel" },
	{ DRIVER(srpt_sq_size), .type = CONF_T_UINT, .min = 16, .max = 16384, .fallback = "256",
	  .help = "send queue entries per channel" },
	{ DRIVER(ioc_guid), .type = CONF_T_HEX64, .live = true,
	  .help = "identifier of the I/O controller, the same for all targets" },
	{ .block = CONF_TARGET_DRIVER, .name = "srpt_service_guid", FIELD(conf_driver, ioc_guid),
	  .type = CONF_T_HEX64, .live = true, .help = "another name for ioc_guid" },
	{ .block = CONF_TARGET_DRIVER, .name = "iwarp_port",
	  .offset = offsetof(struct conf_driver, iwarp_ports), .type = CONF_T_IWARP_PORT,
	  .live = true,
	  .help = "TCP port of software iWARP, loopback only unless an address is in front; "
		  "repeatable" },
	{ DRIVER(iwarp_crc), .type = CONF_T_ENUM, .names = iwarp_crcs, .fallback = "auto",
	  .live = true,
	  .help = "ask for a CRC over software iWARP; auto = unless the peer is on this host" },
	UNUSED(CONF_TARGET_DRIVER, "enabled", "each TARGET has an enabled of its own"),
	UNUSED(CONF_TARGET_DRIVER, "one_target_per_port", "each TARGET names its portals"),
	UNUSED(CONF_TARGET_DRIVER, "trace_flag", NO_TRACE),
	UNUSED(CONF_TARGET_DRIVER, "trace_level", NO_TRACE),
	UNUSED(CONF_TARGET_DRIVER, "use_node_guid_in_target_name",
	       "targets have the name you give"),
	UNUSED(CONF_TARGET_DRIVER, "use_port_guid_in_session_name",
	       "sessions are named by source address"),
	UNUSED(CONF_TARGET_DRIVER, "use_srq", "see srpt_srq_size"),

	{ TARGET(enabled), .type = CONF_T_BOOL, .fallback = "0",
	  .help = "let initiators log in" },
	{ TARGET(rel_tgt_id), .type = CONF_T_UINT, .min = 1, .max = 65535,
	  .help = "relative target port identifier, no two targets the same" },
	{ TARGET(id_ext), .type = CONF_T_HEX64,
	  .help = "identifier extension that initiators log in with" },
	{ TARGET(ioc_guid), .type = CONF_T_HEX64,
	  .help = "I/O controller of this target, if not that of the driver" },
	{ TARGET(node), .type = CONF_T_NAME,
	  .help = "node of a cluster that has the target; without it every one" },
	{ TARGET(floating), .type = CONF_T_BOOL, .fallback = "0",
	  .help = "be there only on the node of a cluster that serves its device group" },
	{ .block = CONF_TARGET, .name = "portal", .offset = offsetof(struct conf_target, portals),
	  .type = CONF_T_PORTAL,
	  .help = "an address to listen on; repeatable; without any all addresses" },
	{ TARGET(comment), .type = CONF_T_TEXT, .max = 255, .help = "free text" },
	UNUSED(CONF_TARGET, "addr_method", NO_SIZE),
	UNUSED(CONF_TARGET, "aen_disabled", NO_FEATURE),
	UNUSED(CONF_TARGET, "black_hole", NO_FEATURE),
	UNUSED(CONF_TARGET, "comp_v_mask", NO_PASS),
	UNUSED(CONF_TARGET, "cpu_mask", NO_PASS),
	UNUSED(CONF_TARGET, "forward_dst", NO_FEATURE),
	UNUSED(CONF_TARGET, "forward_src", NO_FEATURE),
	UNUSED(CONF_TARGET, "forwarding", NO_FEATURE),
	UNUSED(CONF_TARGET, "io_grouping_type", NO_TUNE),
	UNUSED(CONF_TARGET, "port_id", "see portal"),

	{ .block = CONF_LUN, .name = "read_only", FIELD(conf_lun, read_only),
	  .type = CONF_T_BOOL, .fallback = "0", .help = "refuse writes under this LUN" },

	UNUSED(CONF_GROUP, "addr_method", NO_SIZE),
	UNUSED(CONF_GROUP, "black_hole", NO_FEATURE),
	UNUSED(CONF_GROUP, "cpu_mask", NO_PASS),
	UNUSED(CONF_GROUP, "io_grouping_type", NO_TUNE),

	{ DGROUP(lu_group_id), .type = CONF_T_UINT, .min = 1, .max = 65535, .live = true,
	  .help = "number of the logical unit group, no two device groups the same" },
	{ DGROUP(transition_time), .type = CONF_T_UINT, .min = 1, .max = 255, .fallback = "60",
	  .live = true, .help = "seconds that initiators wait for the end of a transition" },
	{ DGROUP(drbd_resource), .type = CONF_T_RESOURCE, .live = true,
	  .help = "DRBD resource that replicates the devices: a cluster moves them" },
	{ DGROUP(state_volume), .type = CONF_T_PATH, .live = true,
	  .help = "replicated block device that keeps their reservations and mode pages" },

	{ TGROUP(group_id), .type = CONF_T_UINT, .min = 1, .max = 65535, .live = true,
	  .help = "target port group identifier, no two in a device group the same" },
	{ TGROUP(state), .type = CONF_T_ENUM, .names = alua_states, .fallback = "active",
	  .live = true, .help = "access state of the ports" },
	{ TGROUP(preferred), .type = CONF_T_BOOL, .fallback = "0", .live = true,
	  .help = "initiators should use these ports when they can choose" },

	{ .block = CONF_GROUP_TARGET, .name = "rel_tgt_id", FIELD(conf_group_target, rel_tgt_id),
	  .type = CONF_T_UINT, .min = 1, .max = 65535, .live = true,
	  .help = "relative target port identifier of a target of another node" },
};

static const char *const words[CONF_BLOCKS] = {
	[CONF_TOP] = "", [CONF_DAEMON] = "DAEMON", [CONF_HANDLER] = "HANDLER",
	[CONF_DEVICE] = "DEVICE", [CONF_TARGET_DRIVER] = "TARGET_DRIVER",
	[CONF_TARGET] = "TARGET", [CONF_LUN] = "LUN", [CONF_GROUP] = "GROUP",
	[CONF_INITIATOR] = "INITIATOR", [CONF_DEVICE_GROUP] = "DEVICE_GROUP",
	[CONF_GROUP_DEVICE] = "DEVICE", [CONF_TARGET_GROUP] = "TARGET_GROUP",
	[CONF_GROUP_TARGET] = "TARGET",
};

const struct conf_key *conf_keys(size_t *count)
{
	*count = ARRAY_SIZE(keys);
	return keys;
}

const struct conf_key *conf_block_keys(enum conf_block block, size_t *count)
{
	size_t first = 0, end;

	while (first < ARRAY_SIZE(keys) && keys[first].block != block)
		first++;
	for (end = first; end < ARRAY_SIZE(keys) && keys[end].block == block; end++)
		;
	*count = end - first;
	return *count ? &keys[first] : NULL;
}

const struct conf_key *conf_key_find(enum conf_block block, const char *name)
{
	size_t count;
	const struct conf_key *k = conf_block_keys(block, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(k[i].name, name))
			return &k[i];
	return NULL;
}

/* Two names of one field share a bit: that of the first, under which it is written. */
uint64_t conf_key_bit(const struct conf_key *key)
{
	size_t count;
	const struct conf_key *k = conf_block_keys(key->block, &count);
	size_t i = 0;

	while (k[i].type == CONF_T_NONE || k[i].offset != key->offset)
		i++;
	return 1ull << i;
}

bool conf_key_given(uint64_t given, const struct conf_key *key)
{
	return key->type != CONF_T_NONE && (given & conf_key_bit(key));
}

const char *conf_block_word(enum conf_block block)
{
	return words[block];
}

const char *conf_alua_state_name(enum conf_alua_state state)
{
	return alua_states[state];
}
