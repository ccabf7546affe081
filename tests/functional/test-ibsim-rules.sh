#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the rules for srp_daemon that are shipped select the targets of the cluster, with its
# options, and no others
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
rules=$top_srcdir/conf/initiator/srp_daemon.conf
cluster=$(sed -n 's/^a\tioc_guid=\([0-9a-f]*\),.*/\1/p' "$rules")
options=$(sed -n 's/^a\tioc_guid=[0-9a-f]*,//p' "$rules")
[ -n "$cluster" ] && [ -n "$options" ] || fail 'there is no rule for a cluster'

{
	ib_target mine 0000000000000001 'ib:*:5555' | sed "s/enabled 1/&; ioc_guid $cluster/" | tr ';' '\n'
	ib_target other 0000000000000002 'ib:*:5556'
} | ib_conf > "$conf"
target_start
{
	login 0000000000000001 ffff | sed "s/ioc_guid=$ioc_guid/ioc_guid=$cluster/"
	login 0000000000000002 ffff 0x100003 5556
} > "$work/login"
finds srp_daemon -oac

on_initiator srp_daemon -oec -f "$rules" || fail 'srp_daemon with rules'
sed -n "1s/\$/,$options/p" "$work/login" > "$work/selected"
added_is "$work/selected" || fail "this was added: $(cat "$added")"
daemon_stop
