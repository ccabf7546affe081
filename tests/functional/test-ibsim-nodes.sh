#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp_daemon finds the two nodes of a cluster, which share one ioc_guid, at their two ports, and
# the one that is left
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target1 Target2 Initiator > "$net"
fabric_start

# node NUMBER: starts srptd on this node.
node()
{
	mkdir "$work/$1"
	socket=srpt-test-${work##*.}-$1
	ib_target disks "000000000000000$1" 'ib:*:5555' | ib_conf |
		sed "s,state_dir .*,&/$1," > "$conf"
	target_start "Target$1"
}
node 1
job=$pid
node 2

login 0000000000000001 ffff 0x100003 > "$work/login"
login 0000000000000002 ffff 0x100005 >> "$work/login"
finds srp_daemon -oac
finds ibsrpdm -c
on_initiator srp_daemon -oec || fail 'srp_daemon -oec'
added_is || fail "this was added: $(cat "$added")"

daemon_stop
login 0000000000000001 ffff 0x100003 > "$work/login"
finds srp_daemon -oac
