#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp_daemon that runs on is told by a trap when a target comes back, and logs in within a
# second
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
ib_target disks "$id_ext" 'ib:*:5555' | ib_conf > "$conf"
target_start

# It looks by itself every hour only; before it first looks, it has asked for traps.
initiator_exec srp_daemon -e -c -n -i ibsim0 -p 1 -R 3600 > "$work/peer" 2>&1 &
fabric_started
daemon=$!

logins()
{
	[ "$(grep -c . "$added" 2> /dev/null)" = "$1" ]
}
within 60 logins 1 || fail 'srp_daemon does not find the target'

enabled()
{
	port_shows Sm 0,1 2 '^LinkState:\.*Active'
}

# The node goes and comes back. The time is that of an idle machine; one that is busy may take
# longer, but not each time.
soon=
for try in 1 2 3; do
	on_node Sm ibportstate -D 0,1 2 disable > "$work/out" 2>&1 || fail 'ibportstate disable'
	daemon_stop
	target_start
	on_node Sm ibportstate -D 0,1 2 enable > "$work/out" 2>&1 || fail 'ibportstate enable'
	within 60 enabled || fail 'the port does not come up'
	begin=$(date +%s%3N)
	within 60 logins $((try + 1)) || fail "srp_daemon does not notice restart $try"
	took=$(($(date +%s%3N) - begin))
	echo "restart $try: noticed after $took ms"
	[ $took -ge 1000 ] || soon=yes
done
[ -n "$soon" ] || fail 'no restart was noticed within a second'

want=$(login "$id_ext" ffff),initiator_ext=0000000000100003
[ "$(sort -u "$added")" = "$want" ] || fail "this was added: $(cat "$added")"
kill -TERM "$daemon"
