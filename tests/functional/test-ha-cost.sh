#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a promote of 256 disks waits hardly more often than that of one
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

# waits_of NUMBER: of a promote with so many disks, into $waits; the times are printed.
waits_of()
{
	port_choose
	{
		conf_head
		conf_disks "$1"
		conf_cluster
	} > "$conf"
	daemon_start --no-write-gate
	peer roles cost
	waits=$(grep -oE '"waits": [0-9]+' "$work/peer" | grep -oE '[0-9]+')
	daemon_stop
}

waits_of 1
one=$waits
waits_of 256
[ "$waits" -le $((one + 128)) ] || fail "waits: $one with a disk, $waits with 256"
