/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of srp-ping. Files: srp-ping.c (what is done in which order), ping_opts.c
 * (command line), ping_pattern.c (data and order of an I/O run), ping_io.c (the I/O
 * run), ping_tasks.c (task management), ping_sessions.c (many sessions at once),
 * ping_report.c (text and JSON). One thread.
 */
#ifndef SRPT_PING_H
#define SRPT_PING_H

#include "client/client_sync.h"
#include "client/latency.h"
#include "ctl/json.h"

#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Part of the manual page: scripts rely on them. */
enum ping_exit {
	PING_OK = 0,
	PING_FAILED = 1,      /* data differ, a command failed */
	PING_USAGE = 2,
	PING_REJECTED = 3,    /* the target said no, with a reason */
	PING_UNREACHABLE = 4, /* nobody, or nobody who knows SRP, answers in time */
	PING_LOST = 5,        /* the connection ended during the run */
};

#define PING_PORT "5000"
#define PING_CHANNELS_MAX 64u
#define PING_SESSIONS_MAX 10000u
#define PING_ADDRS_MAX 8u
#define PING_ERR_MAX 256
#define PING_TEXT_MAX 200

/* ---- ping_opts.c ---- */

struct ping_opts {
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct ib_portal ib; /* family 0: host and port say where */
	uint64_t id_ext, ioc_guid;
	bool has_id_ext, has_ioc_guid;
	uint8_t initiator[16];
	bool has_initiator; /* all of it; else the second half is made up */
	enum client_transport transport;
	enum iwarp_crc crc;
	uint8_t mpa_revision;
	uint32_t channels, sessions, queue_depth;
	uint32_t iu_len;    /* 0: as ib_srp */
	int32_t lun;        /* -1: not given */
	uint64_t count;
	uint32_t interval_ms;
	bool read, write, verify, check;
	uint64_t size, offset; /* size 0: not given */
	uint32_t block_size;
	bool random;
	uint64_t seed;
	uint32_t runtime_s;
	enum client_desc desc;
	uint32_t pieces;
	bool abort, lun_reset;
	uint32_t hold_s;
	uint32_t timeout_ms;
	bool json, quiet, histogram;
};

/* -1: go on; else the exit status (--help, --version, an error on stderr). */
int ping_opts_parse(int argc, char **argv, struct ping_opts *o);

/*
 * The parts, for tests. 0 or -EINVAL with @err. A login string is what add_target
 * of ib_srp takes; what only the kernel knows is ignored.
 */
int ping_parse_login(const char *s, struct ping_opts *o, char *err, size_t errlen);
int ping_parse_address(const char *s, struct ping_opts *o, char *err, size_t errlen);
int ping_parse_port_id(const char *s, uint8_t id[16]);

/* ---- ping_pattern.c ---- */

/* Fill @blocks blocks from @lba on with what belongs there. @block_size: multiple of 8. */
void ping_pattern_fill(uint8_t *buf, uint64_t lba, uint32_t blocks, uint32_t block_size,
		       uint64_t seed);

struct ping_mismatch {
	uint64_t lba;
	uint32_t offset; /* bytes in the block */
	uint8_t expected[8], got[8]; /* of the eight bytes there */
};

/* The first difference; false: there is none. */
bool ping_pattern_compare(const uint8_t *buf, uint64_t lba, uint32_t blocks,
			  uint32_t block_size, uint64_t seed, struct ping_mismatch *m);

/* The numbers 0 … n-1, each once, in order or mixed. */
struct ping_order {
	uint64_t n, next, mask, done;
	bool random;
};
void ping_order_init(struct ping_order *r, uint64_t n, bool random, uint64_t seed);
/* False: all were given out. */
bool ping_order_next(struct ping_order *r, uint64_t *i);

/* ---- what a run knows ---- */

struct ping {
	struct ping_opts o;
	struct client *c;
	struct sockaddr_storage addrs[PING_ADDRS_MAX]; /* of the host */
	unsigned naddrs;
	struct client_login login; /* of the channel under way */
	struct client_channel *ch[PING_CHANNELS_MAX];
	uint32_t nchannels;
	struct client_login_result result;
	int status;                /* enum ping_exit: the first that is not PING_OK */
	char why[PING_ERR_MAX];    /* one line, of that */
	struct text json_text;
	struct json json;
};

/* SIGINT or SIGTERM came: finish early, log out. */
extern volatile sig_atomic_t ping_stop;

/* The run failed; the first reason counts. Returns @status. */
int ping_fail(struct ping *p, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As what became of a synchronous command says: lost, no answer, or failed with @err. */
int ping_fail_errno(struct ping *p, int rc, const char *err);
/* A channel ended: lost, with its reason. */
int ping_fail_lost(struct ping *p);
/* A line for people; nothing with --quiet or --json. */
void ping_say(const struct ping *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where on a LUN is read and written. */
struct ping_range {
	uint64_t lba, blocks;
	uint32_t per_cmd;    /* blocks of a command, the last one may have fewer */
	uint64_t ncmds;
	uint32_t block_size; /* bytes */
};
/* As the options say; 0 or a status that ping_fail() returned. */
int ping_range_get(struct ping *p, uint16_t lun, const struct client_disk *d,
		   struct ping_range *r);
/* READ(16) or WRITE(16); the rest of @cmd is the caller's. */
void ping_rw_cdb(struct client_cmd *cmd, bool write, uint64_t lba, uint32_t blocks);

/* Each 0 or a status that ping_fail() returned. */
int ping_io_run(struct ping *p, uint16_t lun, const struct client_disk *d);
int ping_tasks_run(struct ping *p, uint16_t lun, const struct client_disk *d);
int ping_sessions_run(struct ping *p);

/* ---- ping_report.c ---- */

/* @bytes for people: "512 B", "64.0 MiB". Into @buf; @buf. */
const char *ping_size_text(uint64_t bytes, char *buf, size_t len);
/* The latencies as a member @key: microseconds. */
void ping_json_latency(struct json *j, const char *key, const struct latency *l);
void ping_json_number(struct json *j, const char *key, double value);

#endif
