/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "volume_power.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct power_disk power_disk;

static int power_open(const char *path, int *fd, uint64_t *size)
{
	(void)path;
	if (power_disk.open_error)
		return power_disk.open_error;
	*fd = 42;
	*size = power_disk.size;
	power_disk.opened++;
	return 0;
}

static void check(int fd, const void *p, size_t len, uint64_t at)
{
	assert(fd == 42 && len && !(len % 4096) && !(at % 4096) && !((uintptr_t)p % 4096));
	assert(at <= power_disk.size && len <= power_disk.size - at);
}

static int power_read(int fd, void *p, size_t len, uint64_t at)
{
	check(fd, p, len, at);
	if (power_disk.dead)
		return -EIO;
	memcpy(p, power_disk.bytes + at, len);
	return power_disk.fail_read;
}

/* xorshift; never 0. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void write_some(const uint8_t *p, size_t len, uint64_t at)
{
	uint64_t seed = power_disk.sectors;

	for (size_t done = 0; done < len; done += POWER_SECTOR)
		if (next_random(&seed) >> 32 & 1)
			memcpy(power_disk.bytes + at + done, p + done, POWER_SECTOR);
}

static int power_write(int fd, const void *p, size_t len, uint64_t at)
{
	check(fd, p, len, at);
	if (power_disk.dead)
		return -EIO;
	if (power_disk.fail_write)
		return power_disk.fail_write;
	if (++power_disk.writes != power_disk.cut) {
		memcpy(power_disk.bytes + at, p, len);
		return 0;
	}
	power_disk.dead = true;
	if (power_disk.sectors)
		write_some(p, len, at);
	else
		memcpy(power_disk.bytes + at, p, power_disk.prefix < len ? power_disk.prefix : len);
	return -EIO;
}

static int power_sync(int fd)
{
	assert(fd == 42);
	power_disk.syncs++;
	return power_disk.dead ? -EIO : power_disk.fail_sync;
}

static void power_close(int fd)
{
	assert(fd == 42);
	power_disk.opened--;
}

const struct volume_io power_io = {
	power_open, power_read, power_write, power_sync, power_close,
};
