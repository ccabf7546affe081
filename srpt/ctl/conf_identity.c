/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Identities that follow from names. Initiators remember them, and both nodes of a cluster must
 * get the same: what these functions return for a given input can never change.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl/conf_priv.h"

#define FNV64_BASIS 0xcbf29ce484222325ull
#define FNV64_PRIME 0x100000001b3ull

static uint64_t fnv64(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * FNV64_PRIME;
	return hash;
}

/* FNV changes few high bits for the last bytes; this spreads them (splitmix64's finaliser). */
static uint64_t spread64(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint64_t conf_hash_begin(void)
{
	return FNV64_BASIS;
}

uint64_t conf_hash_add(uint64_t hash, const void *data, size_t len)
{
	return fnv64(hash, data, len);
}

uint64_t conf_hash_end(uint64_t hash)
{
	return spread64(hash);
}

static void hash128(const void *data, size_t len, uint32_t seed, uint8_t hash[16])
{
	uint8_t salt[5];

	put_be32(salt, seed);
	for (uint8_t half = 0; half < 2; half++) {
		uint64_t h;

		salt[4] = half;
		h = fnv64(FNV64_BASIS, salt, sizeof(salt));
		put_be64(hash + 8 * half, spread64(fnv64(h, data, len)));
	}
}

void conf_uuid_derive(uint32_t setup_id, const char *name, uint8_t uuid[16])
{
	hash128(name, strlen(name), setup_id, uuid);
	uuid[6] = (uuid[6] & 0x0f) | 0x80;	/* version 8, RFC 9562 5.8 */
	uuid[8] = (uuid[8] & 0x3f) | 0x80;	/* variant */
}

/* NAA 6, company id 02-00-00 (its bit 1 says locally administered), then 100 bits of hash. */
void conf_device_naa(const struct conf_device *dev, uint8_t naa[16])
{
	memcpy(naa, dev->naa_id, 16);
	if (naa[0])
		return;
	hash128(dev->uuid, sizeof(dev->uuid), 0, naa);
	naa[0] = 0x60;
	naa[1] = 0x20;
	naa[2] = 0x00;
	naa[3] &= 0x0f;
}

void conf_device_serial(const struct conf_device *dev, char serial[37])
{
	memcpy(serial, dev->usn, sizeof(dev->usn));
	for (size_t i = 0; !dev->usn[0] && i < sizeof(dev->uuid); i++)
		snprintf(serial + 2 * i, 3, "%02x", dev->uuid[i]);
}

bool conf_addr_parse(const char *text, uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, addr) == 1)
		return true;
	memcpy(addr, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, addr + 12) == 1;
}

/* A port GID: eight groups of four digits, as SCST names targets. */
static bool name_is_gid(const char *name, uint8_t gid[16])
{
	if (strlen(name) != 39)
		return false;
	for (int i = 4; i < 39; i += 5)
		if (name[i] != ':')
			return false;
	return inet_pton(AF_INET6, name, gid) == 1;
}

uint64_t conf_target_id_ext(const struct conf_target *target, uint64_t ioc_guid)
{
	uint8_t gid[16], salt[8];
	uint64_t hash;

	if (target->id_ext)
		return target->id_ext;
	if (name_is_gid(target->name, gid) && get_be64(gid + 8))
		return get_be64(gid + 8);
	put_be64(salt, ioc_guid);
	hash = fnv64(FNV64_BASIS, salt, sizeof(salt));
	hash = spread64(fnv64(hash, target->name, strlen(target->name)));
	return hash ? hash : 1;
}
