#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: fence_ibport cuts a node off at each of its ports, on two switches, tells so, finds them again
# although they are gone from the fabric, and lets it in again; it cuts off nobody else
# shellcheck source=tests/functional/fence-ibport.sh
. "${top_srcdir:?}/tests/functional/fence-ibport.sh"

# others_are_there: nobody else was touched.
others_are_there()
{
	on_shows 0,1 1 || fail "Sm's port"
	on_shows 0,1 2 || fail "Fencer's port"
	on_shows 0,1 8 || fail 'the link between the switches'
	on_shows 0,1,8 2 || fail "Other's port"
}

within 60 on_shows 0,1,8 1 || fail 'the SM does not bring up the second switch'
reaches Left || fail 'Left does not reach the SA'
expect 0 agent monitor
expect 0 agent list
[ "$(grep -xE '[a-z]+,' "$work/out" | sort)" = $'other,\nself,\ntwo,' ] || fail 'list'
expect 0 agent status two
shows '^Status: ON$'

expect 0 agent off two
shows '^Success: Powered OFF$'
off_shows 0,1 3 || fail 'Left is not cut off'
off_shows 0,1,8 1 || fail 'Right is not cut off'
others_are_there
! reaches Left || fail 'Left reaches the SA'
! reaches Right || fail 'Right reaches the SA'

# The ports of the adapters are gone, those of the switches are known.
expect 2 agent status two
shows '^Status: OFF$'
expect 0 agent status other
expect 0 agent list-status
[ "$(grep ',,' "$work/out" | sort)" = $'other,,ON\nself,,ON\ntwo,,OFF' ] || fail 'list-status'
expect 0 agent monitor
expect 0 agent off two
expect 2 agent status two

# One of two ports is on again: the node is not isolated, off isolates it.
on_node Sm ibportstate -D 0,1 3 enable > "$work/out" 2>&1
expect 0 agent status two
expect 0 agent off two
off_shows 0,1 3 || fail 'Left is not cut off again'

expect 0 agent on two
shows '^Success: Powered ON$'
expect 0 agent status two
within 60 on_shows 0,1 3 || fail 'the SM does not bring up Left'
within 60 on_shows 0,1,8 1 || fail 'the SM does not bring up Right'
within 60 reaches Left || fail 'Left does not reach the SA'
expect 0 agent on two

# Fabric fencing does not turn on what is to be rebooted: connections would go on.
expect 0 agent reboot other
off_shows 0,1,8 2 || fail 'Other is not cut off'
expect 2 agent status other

# The file is lost: nothing is taken for what it is not known to be, without the map.
rm "$places"
expect 1 agent status other
shows 'where it was is not known'
expect 1 agent on other
expect 1 agent off other
shows 'nothing was changed'
expect 0 agent monitor
map='other:100009@200001/2'
expect 2 agent status other
expect 0 agent on other
within 60 on_shows 0,1,8 2 || fail 'the SM does not bring up Other'
expect 0 agent status other

# GUIDs that are not in the map are remembered as well.
expect 0 agent off 100007
expect 2 agent status 100007
expect 0 agent on 100007

# Without a map, and on the command line.
expect 0 agent_line -o off -n 100009
off_shows 0,1,8 2 || fail 'Other is not cut off by the command line'
expect 0 agent_line -o on -n 100009 --local-ports=ibsim0:1
