#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-fence-peer that crashes or hangs becomes the stock handler; no handler is no answer
# shellcheck source=tests/functional/fence.sh
. "${top_srcdir:?}/tests/functional/fence.sh"

# It waits for the lock, or is about to.
waits()
{
	grep -q '^srp-fence' "/proc/$pid/comm" && readlink "/proc/$pid/fd/"* | grep -q 'fence[.]r0'
}

cib_fenced
disks UpToDate/DUnknown UpToDate/DUnknown
mkdir "$work/lock"
exec 8> "$work/lock/fence.r0"
flock 8
for signal in ALRM SEGV ABRT BUS; do
	rm -f "$work/called"
	"${question[@]}" "$program" --lock-dir "$work/lock" --proc-drbd "$work/drbd" "$work/handler" \
		> "$work/out" 2>&1 8>&- &
	pid=$!
	within 10 waits || fail 'it does not wait for the lock'
	kill -$signal "$pid"
	wait "$pid"
	got=$?
	pid=
	[ "$got" = 5 ] || fail "exit status $got after SIG$signal"
	grep -q '^SigBlk:.*0000000000000000$' "$work/called" || fail 'signals are blocked in the handler'
done
flock -u 8

sed -i 's/expected="down"/expected="member"/' "$work/cib"
expect 1 fence_peer --wait 1 "$work/none"
shows 'cannot run .*/none: No such file'
expect 2 fence_peer
expect 2 fence_peer --wait 0 "$work/handler"
expect 2 fence_peer --wait 601 "$work/handler"
expect 2 fence_peer --wait 5x "$work/handler"
expect 2 fence_peer --nonsense "$work/handler"
[ ! -e "$work/called" ] || fail 'the handler was called for a wrong usage'
