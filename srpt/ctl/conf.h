/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: text in scst.conf grammar to a plain structure and back.
 *
 * Pure: nothing here opens a device, talks to the daemon or keeps state between calls, so the
 * daemon, srptctl check-config and the tests share every line. A struct conf is built by one
 * thread, is immutable once conf_parse() has returned it, and may then be read by any thread.
 *
 * conf_lex.c splits text into tokens, conf.c builds the structure, conf_keys.c holds the one table
 * of attributes, conf_value.c converts one value, conf_check.c does what needs the whole file,
 * conf_groups.c that for device groups, conf_cluster.c for those of a cluster and what of a file
 * for all nodes is for one, conf_write.c emits, conf_match.c picks the group of an initiator.
 */
#ifndef SRPT_CTL_CONF_H
#define SRPT_CTL_CONF_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ib_portal.h"

enum {
	CONF_TEXT_MAX = 4 << 20,	/* bytes of a configuration file */
	CONF_WORD_MAX = 4095,		/* bytes of one word, quotes taken off */
	CONF_DEPTH_MAX = 8,		/* nested blocks */
	CONF_DIAGS_MAX = 100,		/* messages kept; further ones are only counted */
	CONF_DEVICE_NAME_MAX = 50,	/* characters, the limit SCST has */
	CONF_NAME_MAX = 63,		/* characters of a target or group name */
	CONF_PORT_NAME_MAX = 223,	/* characters of a target's name in a TARGET_GROUP */
	CONF_PATTERN_MAX = 127,		/* characters of an INITIATOR pattern */
	CONF_LUN_MAX = 16383,		/* 14 bits: flat space addressing, SAM-5 4.7.4 */
	CONF_PORTALS_MAX = 16,		/* portal lines of one target, iwarp_port lines */
	CONF_TARGET_GROUPS_MAX = 32,	/* TARGET_GROUP blocks of one DEVICE_GROUP */
	CONF_GROUP_TARGETS_MAX = 255,	/* TARGET lines of one TARGET_GROUP */
};

/* Where something stands in the file; both count from 1, columns in bytes. 0 = nowhere. */
struct conf_pos {
	uint32_t line;
	uint32_t col;
};

/* ---- diagnostics ---- */

enum conf_severity { CONF_WARNING, CONF_ERROR };

struct conf_diag {
	enum conf_severity severity;
	struct conf_pos pos;	/* line 0: about the file as a whole */
	char *text;		/* one line of printable UTF-8, owned by the list */
};

/* Zero-initialise before use, conf_diag_free() after. In the order of the lines of the file. */
struct conf_diag_list {
	char *path;		/* file name for messages, owned */
	struct conf_diag *diags;
	size_t count;		/* entries in diags, at most CONF_DIAGS_MAX */
	size_t errors;		/* all errors, also the ones not kept */
	size_t warnings;	/* all warnings, also the ones not kept */
};

/* One line per entry: "path:line:column: error: text"; a last line tells how many were left out. */
void conf_diag_print(const struct conf_diag_list *list, FILE *f);
/* Where entry @i points to, "path:line:column" or "path", into buf; always terminated. */
void conf_diag_place(const struct conf_diag_list *list, size_t i, char *buf, size_t size);
/* As one entry of conf_diag_print(), without newline, into buf; always terminated. */
void conf_diag_format(const struct conf_diag_list *list, size_t i, char *buf, size_t size);
/* Frees what the list owns and leaves it empty, fit for another parse. */
void conf_diag_free(struct conf_diag_list *list);

/* ---- the model ---- */

enum conf_handler { CONF_VDISK_BLOCKIO, CONF_VDISK_FILEIO, CONF_VDISK_NULLIO, CONF_VDISK_RAM,
		    CONF_VDISK_FAULT, CONF_DEV_DISK, CONF_DEV_TAPE, CONF_DEV_CHANGER,
		    CONF_HANDLERS };

/* What vdisk_fault does wrong: with which requests, and how they end. */
enum conf_fault_ops { CONF_FAULT_ALL, CONF_FAULT_READ, CONF_FAULT_WRITE, CONF_FAULT_FLUSH,
		      CONF_FAULT_UNMAP };
enum conf_fault_errno { CONF_FAULT_NONE, CONF_FAULT_EIO, CONF_FAULT_ENOSPC, CONF_FAULT_EROFS,
			CONF_FAULT_ENODEV, CONF_FAULT_ENOMEM, CONF_FAULT_ETIMEDOUT };

/* Whether we ask for a CRC of every frame of software iWARP. */
enum conf_iwarp_crc { CONF_IWARP_CRC_AUTO, CONF_IWARP_CRC_ON, CONF_IWARP_CRC_OFF };

/* Access state of the ports of a TARGET_GROUP. */
enum conf_alua_state { CONF_ALUA_ACTIVE, CONF_ALUA_NONOPTIMIZED, CONF_ALUA_STANDBY,
		       CONF_ALUA_UNAVAILABLE, CONF_ALUA_OFFLINE, CONF_ALUA_TRANSITIONING,
		       CONF_ALUA_STATES };

enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_NOTICE, CONF_LOG_INFO,
		      CONF_LOG_DEBUG };

/*
 * In all structures below: a field holds the value that applies, given or default; `given` has the
 * bit of every attribute that stood in the file (conf_key_given()), which is what is written back.
 * Sizes are bytes unless the name says otherwise.
 */

/* DEVICE in a HANDLER block. */
struct conf_device {
	uint64_t given;
	struct conf_pos pos;
	char name[CONF_DEVICE_NAME_MAX + 1];
	enum conf_handler handler;
	char *filename;			/* absolute path; NULL for those without a file, and for
					   dev_... when the name is H:C:I:L */
	uint64_t size;			/* of those without a file, else 0; multiple of blocksize */
	uint32_t blocksize;		/* 512, 1024, 2048 or 4096 */
	bool active;			/* 0: do not open the file, leave its LUNs out */
	bool read_only;
	bool write_through;		/* every write reaches stable storage before its status */
	bool nv_cache;			/* the cache survives power loss: flushes may be skipped */
	bool o_direct;			/* vdisk_fileio: bypass the page cache */
	bool thin_provisioned;		/* offer UNMAP */
	bool rotational;		/* if given; else the device is asked */
	bool lb_per_pb_exp;		/* report the size of physical blocks */
	uint8_t uuid[16];		/* not all zero; from setup_id and name if not given */
	uint8_t naa_id[16];		/* NAA 6 designator, all zero = see conf_device_naa() */
	char usn[37];			/* unit serial number, "" = see conf_device_serial() */
	char t10_dev_id[25];		/* T10 vendor specific identifier, "" = the LU chooses */
	char t10_vend_id[9];		/* INQUIRY vendor, not padded; SCST_BIO or SCST_FIO */
	char prod_id[17];		/* INQUIRY product, not padded; the name cut to 16 */
	char prod_rev_lvl[5];		/* INQUIRY revision, not padded */
	enum conf_fault_ops fault_ops;	/* this and the rest: vdisk_fault */
	enum conf_fault_errno fault_errno;
	uint32_t fault_every;		/* of the requests meant, 0 = none */
	uint64_t fault_lba;		/* the blocks meant */
	uint64_t fault_blocks;		/* 0 = all */
	uint32_t fault_delay_ms;
	bool fault_hang;
	const struct conf_device_group *group;	/* it is in; NULL = none */
};

/* LUN in a TARGET or GROUP block. */
struct conf_lun {
	uint64_t given;
	struct conf_pos pos;
	uint16_t number;		/* 0..CONF_LUN_MAX */
	bool read_only;			/* for this map only; the device may be read_only as well */
	char device[CONF_DEVICE_NAME_MAX + 1];
	const struct conf_device *dev;	/* the same, resolved; lives in the same struct conf */
};

/* What a set of initiators sees; sorted by number, no number twice. */
struct conf_lunmap {
	struct conf_lun *luns;
	size_t count;
};

struct conf_initiator {
	struct conf_pos pos;
	char pattern[CONF_PATTERN_MAX + 1];
};

/* GROUP in a TARGET block. */
struct conf_group {
	struct conf_pos pos;
	char name[CONF_NAME_MAX + 1];
	struct conf_lunmap map;
	struct conf_initiator *initiators;
	size_t n_initiators;
};

/* One address to listen on. */
struct conf_portal {
	struct conf_pos pos;
	sa_family_t family;		/* AF_INET, AF_INET6, AF_IB; AF_UNSPEC: see iwarp_port */
	uint8_t addr[16];		/* network order; 4 bytes used for AF_INET, rest zero;
					 * AF_IB: a port GID, all zero = any */
	char scope[16];			/* interface of a link-local IPv6 address, "" = none */
	uint16_t port;			/* host order; 0 = the driver's rdma_cm_port; AF_IB: last
					 * 16 bits of the service id */
	char device[IB_DEVICE_TEXT_MAX];	/* AF_IB: RDMA device, "" = any */
	uint8_t port_num;		/* AF_IB: port of it, 0 = any */
	uint16_t pkey;			/* AF_IB: 0 = that at index 0 of the port's table */
};

/* TARGET in TARGET_DRIVER ib_srpt. */
struct conf_target {
	uint64_t given;
	struct conf_pos pos;
	char name[CONF_NAME_MAX + 1];	/* a port GID with 8 groups, or a free name */
	bool enabled;
	uint16_t rel_tgt_id;		/* 1..65535, unique; if not given the lowest free one */
	uint64_t id_ext;		/* host order, 0 = not given: see conf_target_id_ext() */
	uint64_t ioc_guid;		/* host order, 0 = the driver's, else the daemon's */
	char node[CONF_NAME_MAX + 1];	/* made on this node only; "" = on all */
	bool floating;			/* on all, reachable on the one where it is promoted */
	char *comment;			/* free text for people, NULL = none */
	struct conf_portal *portals;	/* none: all addresses at rdma_cm_port */
	size_t n_portals;
	struct conf_lunmap map;		/* for initiators that no group matches */
	struct conf_group *groups;	/* in file order: the first match wins */
	size_t n_groups;
};

/* TARGET in a TARGET_GROUP block: a port of this node or of another. */
struct conf_group_target {
	uint64_t given;
	struct conf_pos pos;
	char name[CONF_PORT_NAME_MAX + 1];
	uint16_t rel_tgt_id;		/* if not given that of the TARGET of this name */
	const struct conf_target *target;	/* of this name in conf->targets, or NULL */
};

/* TARGET_GROUP in a DEVICE_GROUP block: the ports of one node, or those that float. */
struct conf_target_group {
	uint64_t given;
	struct conf_pos pos;
	char name[CONF_NAME_MAX + 1];
	uint16_t group_id;		/* 1..65535, unique in the DEVICE_GROUP */
	enum conf_alua_state state;
	bool preferred;
	struct conf_group_target *targets;	/* at least one */
	size_t n_targets;
};

/* DEVICE in a DEVICE_GROUP block. */
struct conf_group_device {
	struct conf_pos pos;
	char name[CONF_DEVICE_NAME_MAX + 1];
	const struct conf_device *dev;	/* the same, resolved; lives in the same struct conf */
};

/* DEVICE_GROUP: devices that fail over together; by a cluster if there is a drbd_resource. */
struct conf_device_group {
	uint64_t given;
	struct conf_pos pos;
	char name[CONF_NAME_MAX + 1];
	uint16_t lu_group_id;		/* logical unit group, unique; 0 = none is told */
	uint16_t transition_time;	/* seconds a change of state may take, 1..255 */
	char drbd_resource[CONF_NAME_MAX + 1];	/* what replicates them, "" = no cluster's */
	char *state_volume;		/* absolute path; NULL = none; only with drbd_resource */
	struct conf_group_device *devices;
	size_t n_devices;
	struct conf_target_group *groups;	/* in file order */
	size_t n_groups;
};

/* TARGET_DRIVER ib_srpt: what holds for all its targets. */
struct conf_driver {
	uint64_t given;
	uint16_t rdma_cm_port;		/* host order, 0 = no RDMA/CM listener by default */
	uint32_t srp_max_req_size;	/* largest IU an initiator may send */
	uint32_t srp_max_rsp_size;	/* largest IU we send: 36 bytes, then sense data */
	uint32_t srp_max_rdma_size;	/* advertised largest transfer */
	uint32_t srpt_srq_size;		/* entries; 0 = a receive queue per channel */
	uint32_t srpt_sq_size;		/* send queue entries per channel */
	uint64_t ioc_guid;		/* host order, 0 = the daemon takes one from the hardware */
	/*
	 * Where software iWARP listens, for all targets; each with a port. AF_UNSPEC: this
	 * port at the loopback addresses, see conf_iwarp_port_expand().
	 */
	struct conf_portal *iwarp_ports;
	size_t n_iwarp_ports;
	enum conf_iwarp_crc iwarp_crc;
};

/* DAEMON: the process itself. */
struct conf_daemon {
	uint64_t given;
	uint32_t threads_num;		/* reactors, 0 = one per core */
	int32_t poll_budget_us;		/* idle microseconds before sleeping, -1 never, 0 at once */
	uint64_t buffer_size;		/* data buffers per reactor */
	enum conf_log_level log_level;
	uint32_t write_gate_grace;	/* seconds a lease of the write gate lasts, 1..30 */
	int32_t fence_delay;		/* seconds that a lost node which serves has, 0..60;
					 * -1: fencing is the scheduler's alone */
	char *state_dir;		/* absolute path */
	char control_socket[CONF_NAME_MAX + 1];	/* name srptctl connects to */
};

struct conf {
	uint64_t given;
	uint32_t setup_id;		/* tells appliances with equal device names apart */
	struct conf_daemon daemon;
	struct conf_driver driver;
	struct conf_device *devices;	/* by handler, in file order within one */
	size_t n_devices;
	struct conf_target *targets;	/* in file order */
	size_t n_targets;
	struct conf_target *others;	/* those of other nodes, after conf_localize() */
	size_t n_others;
	struct conf_device_group *device_groups;	/* in file order */
	size_t n_device_groups;
};

/* ---- reading and writing ---- */

/*
 * Parses len bytes of text (need not be terminated, may hold anything). path is used in messages
 * only. 0: *out is a complete configuration to be freed by conf_free(), diags may hold warnings.
 * -EINVAL: at least one error, all told in diags, *out is NULL. -ENOMEM: *out is NULL.
 */
int conf_parse(const char *path, const char *text, size_t len, struct conf **out,
	       struct conf_diag_list *diags);
/*
 * Makes it the configuration of one node, once: targets of others go from targets to others, and
 * what depends on the node is checked. 0, or -EINVAL and -ENOMEM, then it is good for nothing but
 * conf_free().
 */
int conf_localize(struct conf *conf, const char *node, struct conf_diag_list *diags);
/*
 * Reads the file, parses and localizes it; also a diagnostic and -errno if it cannot be read. NULL
 * for a node: this one. Blocks.
 */
int conf_load(const char *path, const char *node, struct conf **out, struct conf_diag_list *diags);
/* The name of this node: the host name as uname(2) has it, which is Pacemaker's default too. */
const char *conf_this_node(void);
void conf_free(struct conf *conf);	/* NULL is fine */
/*
 * Emits the canonical form: what was given and what was assigned (rel_tgt_id), in the order of the
 * key table; parsing it gives an equal configuration. 0 or -EIO.
 */
int conf_write(const struct conf *conf, FILE *f);

/* ---- comparing: by values that apply, not by what was given, not by position ---- */

bool conf_daemon_equal(const struct conf_daemon *a, const struct conf_daemon *b);
bool conf_driver_equal(const struct conf_driver *a, const struct conf_driver *b);
bool conf_device_equal(const struct conf_device *a, const struct conf_device *b);
/* Equal but for what can change while the device is in use. */
bool conf_device_alike(const struct conf_device *a, const struct conf_device *b);
bool conf_lun_equal(const struct conf_lun *a, const struct conf_lun *b);	/* device by name */
bool conf_lunmap_equal(const struct conf_lunmap *a, const struct conf_lunmap *b);
bool conf_group_equal(const struct conf_group *a, const struct conf_group *b);
/* The attributes and portals of a target; its maps and groups are left out. */
bool conf_target_attrs_equal(const struct conf_target *a, const struct conf_target *b);
bool conf_target_equal(const struct conf_target *a, const struct conf_target *b);
bool conf_device_group_equal(const struct conf_device_group *a,
			     const struct conf_device_group *b);
/* Everything; devices, targets and device groups are paired by name, in any order. */
bool conf_equal(const struct conf *a, const struct conf *b);

/* ---- looking up ---- */

/* NULL if there is none of that name. Target names compare without regard to case. */
const struct conf_device *conf_device_find(const struct conf *conf, const char *name);
const struct conf_target *conf_target_find(const struct conf *conf, const char *name);
const struct conf_device_group *conf_device_group_find(const struct conf *conf, const char *name);
const struct conf_target_group *conf_target_group_find(const struct conf_device_group *group,
						       const char *name);
bool conf_group_clustered(const struct conf_device_group *group);	/* it has a drbd_resource */
/* The target group with the targets of this node; NULL: none. For one localized. */
const struct conf_target_group *conf_local_group(const struct conf_device_group *group);
/* Its targets are there on the node that serves, under the same names and numbers on each. */
bool conf_group_floats(const struct conf_target_group *group);
const char *conf_alua_state_name(enum conf_alua_state state);	/* "active", ... */
const char *conf_handler_name(enum conf_handler handler);	/* "vdisk_blockio", ... */
/*
 * "ADDR", "ADDR:PORT", "[ADDR]:PORT", of AF_UNSPEC "PORT", of AF_IB as ib_portal_text() has it into
 * buf (at least IB_PORTAL_TEXT_MAX bytes); returns buf. The port is p->port, or default_port when
 * that is 0, and is left out when both are 0.
 */
const char *conf_portal_format(const struct conf_portal *p, uint16_t default_port, char *buf,
			       size_t size);
/* The inverse; false and *why (static text) if text is no portal. */
bool conf_portal_parse(const char *text, struct conf_portal *p, const char **why);
/* The same for a value of iwarp_port: a port is required and enough, see conf_driver. */
bool conf_iwarp_port_parse(const char *text, struct conf_portal *p, const char **why);
/* A portal of AF_IB for the transport, or to be advertised; false: @p is none, or has no port. */
bool conf_portal_ib(const struct conf_portal *p, uint16_t default_port, struct ib_portal *out);
/*
 * The portals of native InfiniBand of a target: service ids (ib_portal_service_id()), P_Keys and
 * the ports they are for. @out: room for CONF_PORTALS_MAX; returns their number.
 */
size_t conf_target_ib_portals(const struct conf_target *target, uint16_t default_port,
			      struct ib_portal *out);
/* The addresses one stands for: @p itself, or both loopback addresses; returns their number. */
size_t conf_iwarp_port_expand(const struct conf_portal *p, struct conf_portal out[2]);
/* Whether an address is the wildcard of its family. */
bool conf_portal_is_any(const struct conf_portal *p);
/*
 * The id_ext of a target: the given one, else the interface id when the name is a port GID, else
 * a hash of ioc_guid (the one in force, not 0) and the name. Never 0, stable over restarts.
 */
uint64_t conf_target_id_ext(const struct conf_target *target, uint64_t ioc_guid);
/*
 * The NAA 6 designator (SPC-4 7.8.6.6.5) of a device: naa_id, else a hash of the uuid under a
 * locally administered company id.
 */
void conf_device_naa(const struct conf_device *dev, uint8_t naa[16]);
/* The unit serial number: usn, else the 32 hex digits of the uuid. */
void conf_device_serial(const struct conf_device *dev, char serial[37]);

/* ---- who sees what ---- */

/*
 * Whether a session name matches an INITIATOR pattern: '*' any run of characters, '?' one, a
 * leading '!' inverts, letters compare without case. A pattern without wildcards that is an
 * address or a GID also matches other spellings of it (fd00::1, FD00:0:0::1, ::ffff:10.0.0.1).
 */
bool conf_pattern_match(const char *pattern, const char *session_name);
/* The first group with a matching pattern, NULL when the target's own LUNs apply. */
const struct conf_group *conf_target_group(const struct conf_target *target,
					   const char *session_name);
/* The LUNs that session_name sees on the target: those of its group, or the target's own. */
const struct conf_lunmap *conf_target_map(const struct conf_target *target,
					  const char *session_name);

/* ---- the tables behind it: one row per word, for parsing, writing and documentation ---- */

enum conf_block {
	CONF_TOP, CONF_DAEMON, CONF_HANDLER, CONF_DEVICE, CONF_TARGET_DRIVER, CONF_TARGET,
	CONF_LUN, CONF_GROUP, CONF_INITIATOR, CONF_DEVICE_GROUP, CONF_GROUP_DEVICE,
	CONF_TARGET_GROUP, CONF_GROUP_TARGET, CONF_BLOCKS
};

enum conf_type {
	CONF_T_NONE,		/* any words, ignored with a warning */
	CONF_T_BOOL,		/* 0 or 1 */
	CONF_T_UINT,		/* decimal, or hexadecimal with 0x; field of width bytes */
	CONF_T_UINT0,		/* the same, and 0 is allowed besides min..max */
	CONF_T_POW2,		/* the same, a power of two */
	CONF_T_INT,		/* decimal with sign; int32_t */
	CONF_T_SIZE,		/* bytes with an optional K, M, G or T (powers of 1024); uint64_t */
	CONF_T_MIB,		/* a number of MiB into a field of bytes; uint64_t */
	CONF_T_HEX64,		/* 16 hex digits, 0x and colons allowed; uint64_t, not 0 */
	CONF_T_ENUM,		/* one of names; int */
	CONF_T_UUID,		/* 32 hex digits, dashes allowed; 16 bytes, not all zero */
	CONF_T_NAA,		/* 32 hex digits, the first a 6; 16 bytes */
	CONF_T_ID,		/* printable ASCII up to width - 1; char array of width */
	CONF_T_NAME,		/* the same without blanks and slashes */
	CONF_T_RESOURCE,	/* letters, digits, '.', '_' and '-', that not in front; the same */
	CONF_T_TEXT,		/* UTF-8 up to max bytes; char * */
	CONF_T_PATH,		/* absolute path; char * */
	CONF_T_PORTAL,		/* address with optional port; repeatable */
	CONF_T_IWARP_PORT,	/* port with optional address; repeatable */
};

struct conf_key {
	enum conf_block block;
	const char *name;
	enum conf_type type;
	uint16_t offset;	/* in the structure of the block */
	uint16_t width;		/* of the field in bytes */
	int64_t min, max;	/* of numbers, in the unit of the field; texts: bytes */
	const char *fallback;	/* the default as it would be written, NULL = none or derived */
	const char *const *names;	/* CONF_T_ENUM: NULL-terminated */
	unsigned int handlers;	/* DEVICE: bits 1 << enum conf_handler it has an effect with */
	bool live;		/* DAEMON, TARGET_DRIVER, DEVICE: a change needs no restart */
	/* A warning about the value just set in the structure at base, or NULL. May be NULL. */
	const char *(*caution)(const void *base);
	const char *help;	/* one line; of CONF_T_NONE: why it has no effect */
};

/* All attributes, ordered by block and by the order they are written in. */
const struct conf_key *conf_keys(size_t *count);
/* NULL if the block has no such attribute. */
const struct conf_key *conf_key_find(enum conf_block block, const char *name);
/* Whether the attribute stood in the file; given is the member of the block's structure. */
bool conf_key_given(uint64_t given, const struct conf_key *key);
/* The word that opens a block ("DEVICE"), "" for CONF_TOP. */
const char *conf_block_word(enum conf_block block);

#endif
