/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside, a CRC is the register: the complement of what crc32c() takes and returns.
 *
 * The instructions of both architectures need several cycles but can begin in each,
 * so three stretches of a long buffer are taken at once. Their registers are then
 * joined: appending zeros to a stretch is a linear map of 32 bits, which four tables
 * of 256 entries per length of a stretch hold.
 */
#include "base/crc32c.h"

#include "base/bytes.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_NAME "sse4.2"
#define crc_u64(crc, v) ((uint32_t)_mm_crc32_u64(crc, v))
#define crc_u8(crc, v) _mm_crc32_u8(crc, v)
#elif defined(__AARCH64EL__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define CRC_TARGET
#define CRC_NAME "armv8"
#define crc_u64(crc, v) __crc32cd(crc, v)
#define crc_u8(crc, v) __crc32cb(crc, v)
#elif defined(__AARCH64EL__) && defined(__GNUC__) && !defined(__clang__)
#include <sys/auxv.h>
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_NAME "armv8"
#define CRC_HWCAP (1ul << 7) /* HWCAP_CRC32 */
#define crc_u64(crc, v) __builtin_aarch64_crc32cx(crc, v)
#define crc_u8(crc, v) __builtin_aarch64_crc32cb(crc, v)
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */
#define LONG_STRETCH 4096u
#define SHORT_STRETCH 256u

typedef uint32_t crc_fn(uint32_t crc, const uint8_t *p, size_t len);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static crc_fn *use;
static const char *use_name;
static uint32_t slice[8][256];

static inline uint64_t load_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t table_u8(uint32_t crc, uint8_t v)
{
	return crc >> 8 ^ slice[0][(crc ^ v) & 0xff];
}

/* Eight bytes a step, one table for each. */
static uint32_t crc_table(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8) {
		crc ^= (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
		crc = slice[7][crc & 0xff] ^ slice[6][crc >> 8 & 0xff] ^
		      slice[5][crc >> 16 & 0xff] ^ slice[4][crc >> 24] ^
		      slice[3][p[4]] ^ slice[2][p[5]] ^ slice[1][p[6]] ^ slice[0][p[7]];
	}
	while (len--)
		crc = table_u8(crc, *p++);
	return crc;
}

static void table_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		slice[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			slice[k][i] = table_u8(slice[k - 1][i], 0);
}

#ifdef CRC_TARGET

/* What @len zeros make of a register: of each of its four bytes. */
struct zeros {
	uint32_t map[4][256];
};

static struct zeros long_zeros, short_zeros;

static inline uint32_t zeros_append(const struct zeros *z, uint32_t crc)
{
	return z->map[0][crc & 0xff] ^ z->map[1][crc >> 8 & 0xff] ^
	       z->map[2][crc >> 16 & 0xff] ^ z->map[3][crc >> 24];
}

static void zeros_init(struct zeros *z, size_t len)
{
	static const uint8_t zero[LONG_STRETCH];
	uint32_t bit[32];

	for (int i = 0; i < 32; i++)
		bit[i] = crc_table(1u << i, zero, len);
	for (int k = 0; k < 4; k++)
		for (uint32_t v = 1; v < 256; v++) {
			int low = __builtin_ctz(v);

			z->map[k][v] = z->map[k][v & (v - 1)] ^ bit[8 * k + low];
		}
}

/* 3 * @stretch bytes. */
CRC_TARGET
static inline uint32_t crc_three(uint32_t crc, const uint8_t *p, size_t stretch,
				 const struct zeros *z)
{
	const uint8_t *end = p + stretch;
	uint32_t second = 0, third = 0;

	for (; p < end; p += 8) {
		crc = crc_u64(crc, load_u64(p));
		second = crc_u64(second, load_u64(p + stretch));
		third = crc_u64(third, load_u64(p + 2 * stretch));
	}
	crc = zeros_append(z, crc) ^ second;
	return zeros_append(z, crc) ^ third;
}

CRC_TARGET
static uint32_t crc_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len && (uintptr_t)p & 7; len--)
		crc = crc_u8(crc, *p++);
	for (; len >= 3 * LONG_STRETCH; len -= 3 * LONG_STRETCH, p += 3 * LONG_STRETCH)
		crc = crc_three(crc, p, LONG_STRETCH, &long_zeros);
	for (; len >= 3 * SHORT_STRETCH; len -= 3 * SHORT_STRETCH, p += 3 * SHORT_STRETCH)
		crc = crc_three(crc, p, SHORT_STRETCH, &short_zeros);
	for (; len >= 8; len -= 8, p += 8)
		crc = crc_u64(crc, load_u64(p));
	while (len--)
		crc = crc_u8(crc, *p++);
	return crc;
}

static bool instruction_there(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
#elif defined(CRC_HWCAP)
	return getauxval(AT_HWCAP) & CRC_HWCAP;
#else
	return true;
#endif
}

static void instruction_init(void)
{
	if (!instruction_there())
		return;
	zeros_init(&long_zeros, LONG_STRETCH);
	zeros_init(&short_zeros, SHORT_STRETCH);
	use = crc_instruction;
	use_name = CRC_NAME;
}

#else

static void instruction_init(void)
{
}

#endif

static void crc_init(void)
{
	table_init();
	use = crc_table;
	use_name = "table";
	instruction_init();
}

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	pthread_once(&once, crc_init);
	return ~use(~crc, p, len);
}

uint32_t crc32c_table(uint32_t crc, const void *p, size_t len)
{
	pthread_once(&once, crc_init);
	return ~crc_table(~crc, p, len);
}

const char *crc32c_method(void)
{
	pthread_once(&once, crc_init);
	return use_name;
}
