#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: one configuration serves both nodes of a cluster: each has its own targets, and they agree
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

# config [USN]
config()
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 8M
		usn ${1:-serial-01}
	}
}
TARGET_DRIVER ib_srpt {
	rdma_cm_port 5555
	ioc_guid 0002c90300a1b2c3
	TARGET left {
		node one
		portal 192.0.2.1
		LUN 0 disk01
	}
	TARGET right {
		node two
		portal 192.0.2.2
		LUN 0 disk01
	}
}
DEVICE_GROUP dg {
	drbd_resource r0
	DEVICE disk01
	TARGET_GROUP left {
		group_id 1
		TARGET left
	}
	TARGET_GROUP right {
		group_id 2
		TARGET right
	}
}
CONF
}
config > "$conf"

# On the command line: each node's view, and that of a host which is neither.
expect 0 ctl --node one check-config "$conf"
shows ': 1 device, 1 target, 0 warnings$'
expect 1 ctl --node three check-config "$conf"
shows 'DEVICE_GROUP "dg" has no TARGET of this node, "three"'
expect 7 ctl -c "$conf" parity
shows 'not running'
timeout 5 "$build/srptd" -f -c "$conf" --node three > "$work/out" 2>&1
[ $? = 1 ] || fail 'srptd starts on a node without a target'

# as NODE: which targets the daemon makes there; the parity list is kept as NODE.parity.
as()
{
	daemon_start --node "$1"
	expect 0 ctl targets
	shows "$2"
	! grep -q "$3" "$work/out" || fail "node $1 has the target of the other"
	expect 0 ctl groups
	shows "$3"
	expect 0 ctl parity
	cp "$work/out" "$work/$1.parity"
	expect 0 ctl --json parity
	shows '"key": "DEVICE_GROUP dg/DEVICE disk01/usn", "value": "serial-01"'
}
as One left right
! grep -q 'no-write-gate' "$work/log" || fail 'a warning of the gate without reason'
daemon_stop
as two right left
cmp "$work/One.parity" "$work/two.parity" || fail 'the nodes do not agree'

# Another serial number on one node: another hash, and that line differs.
config serial-02 > "$conf"
expect 0 ctl reload
expect 0 ctl parity
diff "$work/two.parity" "$work/out" > "$work/diff"
[ "$(grep -c '^>' "$work/diff")" = 2 ] || fail "more differs: $(cat "$work/diff")"
grep -q '^> DEVICE_GROUP dg/DEVICE disk01/usn  *serial-02$' "$work/diff" || fail 'not that line'

# A reload that takes this node's target away is refused.
config | sed 's/node two/node elsewhere/' > "$conf"
expect 1 ctl reload
shows 'no TARGET of this node, "two"'
expect 0 ctl targets
shows right
daemon_stop

config > "$conf"
daemon_start -n one --no-write-gate
logged 'no-write-gate: DISKS OF A CLUSTER ARE SERVED WITHOUT A LEASE'
daemon_stop
