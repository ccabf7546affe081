#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: opensm takes the example of a storage partition: targets are full members of it, initiators limited, others none
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target1 Target2 Initiator1 Initiator2 Other > "$net"
# The GUIDs of the example become those of the ports, in this order.
sed 's/0x0002c90300a1b201/0x100003/; s/0x0002c90300a1b202/0x100005/
	s/0x0002c90300c0ffe1/0x100007/; s/0x0002c90300c0ffe2/0x100009/' \
	"$top_srcdir/conf/initiator/opensm-partitions.conf" > "$work/partitions.conf"
fabric_start -P "$work/partitions.conf"

# keys NODE: the P_Keys of its port that are set, sorted.
keys()
{
	on_node "$1" smpquery -D pkeys 0 > "$work/out" 2>&1 || return 1
	grep -oE '0x[0-9a-f]{4}' "$work/out" | grep -v 0x0000 | sort -u | xargs
}

# has NODE KEY...
has()
{
	[ "$(keys "$1")" = "${*:2}" ]
}

for node in Target1 Target2; do
	within 30 has $node 0x7fff 0x8001 || fail "$node has $(keys $node)"
done
for node in Initiator1 Initiator2; do
	within 30 has $node 0x0001 0x7fff || fail "$node has $(keys $node)"
done
within 30 has Other 0x7fff || fail "Other has $(keys Other)"
