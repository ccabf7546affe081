/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz entry as an ordinary test: over the files of a corpus, and over mutations of each
 * that are the same in every run. With libFuzzer this file is left out.
 *
 * The corpus is the directory FUZZ_CORPUS under the source tree, or the files named as arguments.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 16, MUTATIONS = 300 };

static uint64_t seed = 88172645463325252ull;

/* xorshift64 */
static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (size_t)(seed % n) : 0;
}

/* From an own allocation, so that a read past the end is seen. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* One of: flip a bit, write a byte, cut out a piece, double a piece, cut the end. */
static size_t mutate(uint8_t *data, size_t size)
{
	static const uint8_t bytes[] = "\0\xff{}\"\\#\n\r 019x:-%";
	size_t at = below(size), n = below(size - at) % 64;

	switch (below(5)) {
	case 0:
		data[at] ^= (uint8_t)(1u << below(8));
		return size;
	case 1:
		data[at] = bytes[below(sizeof(bytes) - 1)];
		return size;
	case 2:
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	case 3:
		if (size + n > INPUT_MAX)
			return size;
		memmove(data + at + n, data + at, size - at);
		return size + n;
	default:
		return below(4) ? size : at;
	}
}

static int run_file(const char *path)
{
	static uint8_t original[INPUT_MAX], data[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t size, len;

	if (!f) {
		perror(path);
		return 1;
	}
	size = fread(original, 1, sizeof(original), f);
	fclose(f);
	run(original, size);
	for (int i = 0; i < MUTATIONS; i++) {
		memcpy(data, original, size);
		len = size;
		for (size_t k = 1 + below(8); k && len; k--)
			len = mutate(data, len);
		run(data, len);
	}
	return 0;
}

static int run_directory(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort), failed = n < 3;
	char path[8192];

	if (failed)
		fprintf(stderr, "%s: no corpus there\n", dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			failed |= run_file(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char dir[4096];
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	if (argc > 1)
		return failed;
	snprintf(dir, sizeof(dir), "%s/%s", top ? top : ".", FUZZ_CORPUS);
	return run_directory(dir);
}
