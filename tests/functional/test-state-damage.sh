#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: of damaged state the copy before is used; without one the disk is not served
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

# damage FILE: in its middle.
damage()
{
	printf 'damaged' | dd of="$1" bs=1 seek=50 conv=notrunc status=none ||
		fail "cannot write $1"
}

# state_file: of the only device that keeps anything.
state_file()
{
	local files=("$work"/lu/*)

	echo "${files[0]%.last}"
}

port_choose
conf_ram > "$conf"
daemon_start
peer state-damage register 1
daemon_stop
kept=$(state_file)
[ "$(stat -c %a "$kept")" = 600 ] || fail "mode of $kept"
[ "$(stat -c %a "$work/lu")" = 700 ] || fail "mode of $work/lu"

# A change is kept beside what was there before.
daemon_start
peer state-damage find 1
peer state-damage register 2
daemon_stop
damage "$kept"
daemon_start
logged "error: $kept is damaged: .* ${kept##*/}.last"
peer state-damage find 1
daemon_stop

# No good copy.
damage "$kept.last"
daemon_start
expect 0 ctl status
shows "disk01 .*$kept is damaged and there is no good copy beside it: move it away"
expect 0 ctl devices
shows 'failed'
expect 1 ctl resync disk01
shows 'move it away'

# It goes on without, when told so.
mv "$kept" "$work/damaged"
mv "$kept.last" "$work/damaged.last"
expect 0 ctl resync disk01
peer state-damage find 0
peer state-damage register 3
daemon_stop

# What nobody finished is removed; what cannot be looked at ends the start.
echo half > "$work/lu/0123.new"
daemon_start
[ ! -e "$work/lu/0123.new" ] || fail 'an unfinished file is left'
peer state-damage find 3
daemon_stop
rm -r "$work/lu"
echo > "$work/lu"
"$build/srptd" -f -c "$conf" > "$work/log" 2>&1 &&
	fail 'it starts though it is not known what was kept'
logged "error: .*$work/lu cannot be opened"
