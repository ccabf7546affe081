#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: in all but the clear case srp-fence-peer is the stock handler: arguments, environment, exit status
# shellcheck source=tests/functional/fence.sh
. "${top_srcdir:?}/tests/functional/fence.sh"

disks UpToDate/DUnknown UpToDate/DUnknown
fenced='in_ccm="false" crmd="offline" join="down" expected="down"'

# stock ARGUMENT...: what the handler finds is what it found without us.
stock()
{
	"${question[@]}" timeout 60 "$work/handler" "$@" > "$work/out" 2>&1
	mv "$work/called" "$work/want"
	expect 5 fence_peer --wait 1 "$work/handler" "$@"
	diff "$work/want" "$work/called" || fail 'the handler was called in another way'
}

cib 'in_ccm="false" crmd="offline" join="down" expected="member"'
mkdir "$work/lock"
umask 026
stock --quiet 'a b' -x ''
handed_over 'it has arguments that are for itself'
stock --quiet
handed_over 'the peer is not fenced'
grep -q '^lock free$' "$work/called" || fail 'it cannot have the lock'
grep -q '^mask 0026$' "$work/called" || fail 'no mask'

# What Pacemaker says.
cib 'in_ccm="true" crmd="online" join="member" expected="member"'
expect 5 fence_peer "$work/handler"
handed_over 'the peer is online'
cib "$fenced"
sed -i 's/name="stonith-enabled" value="true"/name="stonith-enabled" value="false"/' "$work/cib"
cp "$work/cib" "$work/cib.before"
expect 5 fence_peer "$work/handler"
handed_over 'stonith-enabled is not true'

# What DRBD says.
cib "$fenced"
disks UpToDate/UpToDate UpToDate/UpToDate
expect 5 fence_peer "$work/handler"
handed_over "the peer's disks are UpToDate"
disks Consistent/DUnknown UpToDate/DUnknown
expect 5 fence_peer "$work/handler"
handed_over 'not all disks of this node are UpToDate'
rm "$work/drbd"
expect 5 fence_peer "$work/handler"
handed_over 'cannot be read'
disks UpToDate/DUnknown UpToDate/DUnknown

# The environment; each of these would be fenced without it.
for wrong in DRBD_RESOURCE= DRBD_RESOURCE=../r0 'DRBD_RESOURCE=r0"' DRBD_PEER= DRBD_PEER="$node" \
	DRBD_PEER=other 'DRBD_PEER=the-peer" x="' DRBD_MINOR= DRBD_MINOR=0,1 'DRBD_MINOR=0 1 2' \
	role=Slave master_id=x OCF_RESKEY_unfence_extra_args=--quiet; do
	expect 5 fence_peer_with "$wrong"
	handed_over '.'
done
expect 5 fence_peer_with CIB_file=/nonexistent
handed_over "Pacemaker's CIB cannot be asked"
expect 5 fence_peer_with -u DRBD_MINOR
handed_over 'DRBD_MINOR is missing or no list of minors'

# The lock.
exec 8> "$work/lock/fence.r0"
flock 8
expect 5 fence_peer --wait 1 "$work/handler"
handed_over 'the lock cannot be taken'
