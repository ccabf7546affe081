/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caw-lock DEVICE LBA COUNT: COUNT times COMPARE AND WRITE of one block, as a cluster file
 * system takes a lock: what the block is believed to hold against the same with its first
 * eight bytes, a counter, one higher. A miscompare means that somebody else was first: the
 * block is read again. Prints how often it succeeded and how often it did not.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCK 512
#define MISCOMPARE 0x0e
#define UNIT_ATTENTION 0x06

/* Sense key of a command; 0: GOOD, −1: anything else. */
static int run(int fd, uint8_t *cdb, int direction, void *data, unsigned len, uint8_t sense[18])
{
	struct sg_io_hdr io = {
		.interface_id = 'S',
		.cmdp = cdb,
		.cmd_len = 16,
		.dxfer_direction = direction,
		.dxferp = data,
		.dxfer_len = len,
		.sbp = sense,
		.mx_sb_len = 18,
		.timeout = 30000,
	};

	memset(sense, 0, 18);
	if (ioctl(fd, SG_IO, &io))
		return -1;
	if (io.sb_len_wr)
		return io.sb_len_wr == 18 ? sense[2] & 0x0f : -1;
	return io.status || io.host_status || io.driver_status ? -1 : 0;
}

static void put_lba(uint8_t *p, uint64_t lba)
{
	for (int i = 7; i >= 0; i--, lba >>= 8)
		p[i] = (uint8_t)lba;
}

static int read_block(int fd, uint64_t lba, uint8_t *block)
{
	uint8_t cdb[16] = { 0x88, [13] = 1 }, sense[18];
	int key;

	put_lba(cdb + 2, lba);
	do
		key = run(fd, cdb, SG_DXFER_FROM_DEV, block, BLOCK, sense);
	while (key == UNIT_ATTENTION);
	return key;
}

/* The sense of a miscompare must say where: VALID, and the first byte that differs. */
static bool offset_is_right(const uint8_t *sense, const uint8_t *believed, const uint8_t *seen)
{
	uint32_t said, at = 0;

	memcpy(&said, sense + 3, sizeof(said));
	said = be32toh(said);
	while (at < BLOCK && believed[at] == seen[at])
		at++;
	/* It may have changed again since; below the counter's low bytes nothing does. */
	return (sense[0] & 0x80) && said < 8 && (at == BLOCK || at < 8);
}

int main(int argc, char **argv)
{
	uint8_t cdb[16] = { 0x89, [13] = 1 }, data[2 * BLOCK], before[BLOCK], sense[18];
	unsigned long count, won = 0, lost = 0;
	uint64_t lba, n;
	int fd, key;

	if (argc != 4 || (fd = open(argv[1], O_RDWR)) < 0) {
		fprintf(stderr, "caw-lock: DEVICE LBA COUNT: %s\n", strerror(errno));
		return 2;
	}
	lba = strtoull(argv[2], NULL, 0);
	count = strtoul(argv[3], NULL, 0);
	put_lba(cdb + 2, lba);
	key = read_block(fd, lba, data);
	while (!key && won + lost < count) {
		memcpy(data + BLOCK, data, BLOCK);
		memcpy(&n, data, sizeof(n));
		n = htobe64(be64toh(n) + 1);
		memcpy(data + BLOCK, &n, sizeof(n));
		key = run(fd, cdb, SG_DXFER_TO_DEV, data, sizeof(data), sense);
		if (!key) {
			won++;
			memcpy(data, data + BLOCK, BLOCK);
		} else if (key == MISCOMPARE) {
			lost++;
			memcpy(before, data, BLOCK);
			key = read_block(fd, lba, data);
			if (!key && !offset_is_right(sense, before, data)) {
				fprintf(stderr, "caw-lock: INFORMATION is wrong\n");
				return 1;
			}
		} else if (key == UNIT_ATTENTION) {
			key = 0;
		}
	}
	if (key) {
		fprintf(stderr, "caw-lock: ended with sense key %d\n", key);
		return 1;
	}
	printf("%lu %lu\n", won, lost);
	return 0;
}
