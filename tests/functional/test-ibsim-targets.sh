#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: several targets at a port are I/O controllers, which keep their places while others go;
# each change is another change id; targets that are disabled are not found
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
one=$(ib_target one 0000000000000001 'ib:*:5555')
two=$(ib_target two 0000000000000002 'ib:*:5556')
ib_conf <<< "$one
$two" > "$conf"
target_start

change_id()
{
	ctl status || fail 'srptctl status'
	awk '$1 == "ibsim0/1" { print $7 }' "$work/out"
}

# changed: since the last time by one.
changed()
{
	id=$(((id + 1) % 65536))
	[ "$(change_id)" = $id ] || fail "the change id is $(change_id), not $id"
}

login 0000000000000001 ffff > "$work/one"
login 0000000000000002 ffff 0x100003 5556 > "$work/two"
cat "$work/one" "$work/two" > "$work/login"
finds srp_daemon -oac
id=$(change_id)

on_initiator ibsrpdm || fail ibsrpdm
shows "change ID: *$(printf %04x "$id")"
shows 'controller\[ *1\]'
shows 'controller\[ *2\]'
finds srp_daemon -oac
[ "$(change_id)" = "$id" ] || fail 'the change id changes by itself'

ctl disable one || fail disable
changed
cp "$work/two" "$work/login"
finds srp_daemon -oac
ctl enable one || fail enable
changed
cat "$work/one" "$work/two" > "$work/login"
finds srp_daemon -oac

# The second one stays where it is when the first one goes.
ib_conf <<< "$two" > "$conf"
ctl reload || fail reload
changed
cp "$work/two" "$work/login"
finds srp_daemon -oac
on_initiator ibsrpdm || fail ibsrpdm
shows 'max controllers: *0x02'
shows 'controller\[ *2\]'

# Without a target to be found, the port is left to others.
ib_conf < /dev/null > "$conf"
ctl reload || fail reload
: > "$work/login"
finds srp_daemon -oac
ctl status
! grep -q ibsim0/1 "$work/out" || fail 'the agent still runs'
daemon_stop
