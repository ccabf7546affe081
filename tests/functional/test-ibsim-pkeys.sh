#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: each partition has its own targets: srp_daemon finds in it those with a portal there
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
cat > "$work/partitions" << PARTITIONS
Default=0x7fff, ipoib : ALL=full;
storage=0x0001 : 0x100003=full, 0x100005=full;
PARTITIONS
fabric_start -P "$work/partitions"

{
	ib_target everybody 0000000000000001 'ib:*:5555'
	ib_target storage 0000000000000002 'ib:*:5555,pkey=8001'
	ib_target both 0000000000000003 'ib:*:5556' 'ib:*:5557,pkey=0001'
	ib_target nobody 0000000000000004 'ib:*:5555,pkey=8002'
} | ib_conf > "$conf"
target_start
{
	login 0000000000000001 ffff
	login 0000000000000003 ffff 0x100003 5556
	login 0000000000000002 8001
	login 0000000000000003 8001 0x100003 5557
} | sort > "$work/login"

finds srp_daemon -oac
finds ibsrpdm -c
on_initiator srp_daemon -oec || fail 'srp_daemon -oec'
added_is || fail "this was added: $(cat "$added")"
daemon_stop
