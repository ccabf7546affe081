#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-fence-node asks Pacemaker's fencer only for what Pacemaker would do itself, and says why not
# shellcheck source=tests/functional/fence.sh
. "${top_srcdir:?}/tests/functional/fence.sh"
program=$build/../fence/srp-fence-node

fence_node()
{
	env "CIB_file=$work/cib" timeout 60 "$program" "$@" > "$work/out" 2>&1
}

# refused WHY ARGUMENT...
refused()
{
	local why=$1

	shift
	expect 1 fence_node "$@"
	shows "srp-fence-node: .* is not fenced: $why"
}

cib 'in_ccm="true" crmd="online" join="member" expected="member"'
sed -i 's/value="true"/value="false"/' "$work/cib"
refused 'stonith-enabled is not true' the-peer
sed -i 's/name="stonith-enabled" value="false"/name="maintenance-mode" value="true"/' "$work/cib"
refused 'maintenance-mode is true' --delay 60 the-peer
sed -i 's/name="maintenance-mode" value="true"/name="stonith-action" value="off"/' "$work/cib"
refused 'stonith-action is not reboot' the-peer
cib 'in_ccm="true" crmd="online" join="member" expected="member"'
refused 'Pacemaker does not know the node' another
sed -i 's/have-quorum="1"/have-quorum="0"/' "$work/cib"
refused 'there is no quorum' the-peer
cib_fenced
refused 'it was shut down in order, or is fenced already' the-peer
rm "$work/cib"
refused "Pacemaker's CIB cannot be (asked|read)" the-peer

# wait_told LINE: nothing, or what it is told, on its standard input.
wait_told()
{
	printf '%s' "$1" | fence_node --wait
}

cib 'in_ccm="true" crmd="online" join="member" expected="member"'
sed -i 's/have-quorum="1"/have-quorum="0"/' "$work/cib"
expect 0 wait_told ''
expect 1 wait_told $'2 the-peer\n'
shows 'srp-fence-node: the-peer is not fenced: there is no quorum'
for wrong in '2' 'x the-peer' '61 the-peer' '2  the-peer' '2 ../peer'; do
	expect 2 wait_told "$wrong"
done

for wrong in '' 'a b' '--delay 61 node' '--delay x node' '--delay -1 node' '--other node' '-x/y' '--wait node'; do
	# shellcheck disable=SC2086
	expect 2 fence_node $wrong
done
expect 2 fence_node '../node'
shows 'this is no name of a node: ../node'
