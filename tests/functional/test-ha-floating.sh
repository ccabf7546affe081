#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a floating target takes logins while its device group is promoted, also after a reload; a demote ends its sessions
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
{
	conf_head
	conf_disks 1
	conf_driver
	cat << CONF
	TARGET srpt0 {
		floating 1
		enabled 1
		id_ext $id_ext
		rel_tgt_id 11
		LUN 0 disk01
	}
}
DEVICE_GROUP dg {
	drbd_resource r0
	TARGET_GROUP all {
		group_id 1
		TARGET srpt0
	}
	DEVICE disk01
}
CONF
} > "$conf"
daemon_start --no-write-gate
at_target 127.0.0.1

# sessions NUMBER: that many are logged in.
sessions()
{
	ctl --json sessions
	[ "$(grep -c '"initiator_port_id"' "$work/out")" = "$1" ]
}

not_here()
{
	expect 3 ping --quiet -c 1 "${at[@]}"
	shows 'rejected: .*0x00010001'
}

not_here
expect 1 ctl enable srpt0
shows 'srpt0 is floating'
echo '# changed' >> "$conf"
expect 0 ctl reload
not_here

expect 0 ctl promote
expect 0 ping --quiet --lun 0 --read --size 1M "${at[@]}"
expect 0 ctl reload
timeout 60 "$build/srp-ping" --quiet --hold 50 "${at[@]}" > "$work/held" 2>&1 &
job=$!
within 20 sessions 1 || fail 'no session'

expect 0 ctl demote
wait "$job"
got=$?
job=
[ $got = 5 ] || fail "the session ended with $got"
within 20 sessions 0 || fail 'a session stays'
not_here
expect 0 ctl promote
expect 0 ping --quiet --lun 0 --read --size 1M "${at[@]}"
daemon_stop
