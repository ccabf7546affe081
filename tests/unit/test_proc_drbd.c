/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of disks in /proc/drbd. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fence/proc_drbd.h"

#define HEAD "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 0123456789ABCDEF0123456\n\n"
#define NUMBERS "    ns:0 nr:0 dw:0 dr:2128 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n"
#define LOST " cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r----- \n" NUMBERS
#define CONNECTED " cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n" NUMBERS

static const struct {
	const char *text;
	bool understood, own, peer;
} rows[] = {
	{ HEAD " 0:" LOST " 1:" LOST, true, true, false },
	{ HEAD " 0:" CONNECTED " 1:" CONNECTED, true, true, true },
	/* One volume is enough, and other resources do not matter. */
	{ HEAD " 0:" CONNECTED " 1:" LOST, true, true, false },
	{ HEAD " 0:" LOST " 1:" LOST " 2:" CONNECTED "10:" CONNECTED, true, true, false },
	{ HEAD " 1:" LOST " 2: cs:Unconfigured\n 0:" LOST, true, true, false },
	{ HEAD " 0:" LOST " 1: cs:StandAlone ro:Primary/Unknown ds:Consistent/DUnknown   r-----s\n",
	  true, false, false },
	{ HEAD " 0:" LOST " 1: cs:Connected ro:Primary/Secondary ds:Diskless/UpToDate C r-----\n",
	  true, false, false },
	{ "0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n"
	  "1: cs:PausedSyncS ro:Primary/Secondary ds:UpToDate/Outdated C r-----",
	  true, true, false },
	{ "0: cs:A ro:B/C ds:UpToDate/UpToDateX\n1: cs:A ro:B/C ds:UpToDateX/UpToDate", true, false,
	  false },
	/* Volumes that are missing, there twice, or not understood. */
	{ "", false, false, false },
	{ HEAD, false, false, false },
	{ HEAD " 0:" LOST, false, false, false },
	{ HEAD "10:" LOST " 0:" LOST, false, false, false },
	{ HEAD " 0:" LOST " 1:" LOST " 1:" LOST, false, false, false },
	{ HEAD " 0: cs:Unconfigured\n 1:" LOST, false, false, false },
	{ " 0: cs:A ro:B/C ds:UpToDate\n 1:" LOST, false, false, false },
	{ " 0: cs:A ro:B ds:UpToDate/DUnknown\n 1:" LOST, false, false, false },
	{ " 0: cs:A ds:UpToDate/DUnknown ro:B/C\n 1:" LOST, false, false, false },
	{ " 0: cs:A ro:B/C ds:UpToDate/DUnknown,\n 1:" LOST, false, false, false },
	{ " 0: cs: ro:B/C ds:UpToDate/DUnknown\n 1:" LOST, false, false, false },
	{ " 0: cs:A\n ro:B/C ds:UpToDate/DUnknown\n 1:" LOST, false, false, false },
	{ "\t0:" LOST " 1:" LOST, false, false, false },
	{ " 0 :" LOST " 1:" LOST, false, false, false },
	{ "x 0:" LOST " 1:" LOST, false, false, false },
	{ " 4294967296:" LOST " 1:" LOST, false, false, false },
};

static struct ask ask = { .minors = { 0, 1 }, .n_minors = 2 };

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proc_drbd d;
		const char *doubt = proc_drbd_parse(rows[i].text, strlen(rows[i].text), &ask, &d);

		if (!doubt != rows[i].understood)
			fail_msg("row %zu: %s", i, doubt ? doubt : "understood");
		if (!doubt && (d.own_uptodate != rows[i].own || d.peer_uptodate != rows[i].peer))
			fail_msg("row %zu: %d %d", i, d.own_uptodate, d.peer_uptodate);
	}
}

/* Whichever byte is the last one: not all volumes are there, or both are as they were. */
static void test_cut(void **state)
{
	static const char text[] = HEAD " 0:" LOST " 1:" LOST;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *exact = malloc(len ? len : 1);
		struct proc_drbd d;

		assert_non_null(exact);
		memcpy(exact, text, len);
		if (!proc_drbd_parse(exact, len, &ask, &d))
			assert_true(d.own_uptodate && !d.peer_uptodate);
		free(exact);
	}
}

static void file_write(const char *path, size_t padding)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(" 0:" LOST " 1:" LOST, f);
	while (padding--)
		fputc('\n', f);
	fclose(f);
}

static void test_file(void **state)
{
	char path[] = "/tmp/srpt-test.XXXXXX";
	int fd = mkstemp(path);
	struct proc_drbd d;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_non_null(proc_drbd_read(path, &ask, &d));
	file_write(path, 100);
	assert_null(proc_drbd_read(path, &ask, &d));
	assert_true(d.own_uptodate && !d.peer_uptodate);
	file_write(path, PROC_DRBD_MAX);
	assert_non_null(proc_drbd_read(path, &ask, &d));
	unlink(path);
	assert_non_null(proc_drbd_read(path, &ask, &d));
	assert_non_null(proc_drbd_read("/tmp", &ask, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
