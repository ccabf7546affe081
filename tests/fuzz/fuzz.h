/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entry that libFuzzer and tests/fuzz/replay.c call. */
#ifndef SRPT_TESTS_FUZZ_H
#define SRPT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
