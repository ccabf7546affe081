#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: fence_ibport isolates a node although packets are lost, and fails in a finite time when it cannot
# be seen to be isolated: too many lost, a switch that is gone, a fabric that stands still
# shellcheck source=tests/functional/fence-ibport.sh
. "${top_srcdir:?}/tests/functional/fence-ibport.sh"
expect 0 agent monitor

both_off()
{
	off_shows 0,1 3 && off_shows 0,1,8 1
}

# lose NODE PERCENT: of the packets that pass its port
lose()
{
	console "Error \"$1\"[1] $2"
	# It is read between packets.
	within 60 port_shows Sm 0 1 'LinkState'
}

lose Fencer 30
expect 0 agent off two mad_tries=100
both_off || fail 'not cut off'
expect 2 agent status two mad_tries=100
expect 0 agent on two mad_tries=100

# With few tries it may fail, and never says that is done what is not.
for round in 1 2 3 4 5 6 7 8; do
	if agent off two mad_tries=1 power_timeout=1; then
		both_off || fail "round $round: it is not off"
	fi
	agent status two mad_tries=1
	[ $? != 2 ] || both_off || fail "round $round: status"
	expect 0 agent on two mad_tries=100
done

lose Fencer 100
expect 1 agent off two
expect 1 agent on two
expect 1 agent status two
expect 1 agent monitor
lose Fencer 0
expect 0 agent status two
within 60 on_shows 0,1 3 || fail 'Left is off'

# A machine that hangs, with its link up: it is where it was seen.
lose Right 100
expect 0 agent status two
shows 'nothing answers there'
expect 0 agent off two
off_shows 0,1,8 1 || fail 'what does not answer is not cut off'
lose Right 0
expect 0 agent on two
within 60 on_shows 0,1,8 1 || fail 'the SM does not bring up Right'

# A switch is gone, and with it one of two ports.
console 'Unlink "Far"'
within 60 port_shows Sm 0,1 8 '^LinkState:\.*Down' || fail 'the switch is not gone'
expect 1 agent status two
shows 'neither it nor the switch'
expect 1 agent off two
shows 'nothing was changed'
expect 1 agent on two
on_shows 0,1 3 || fail 'the other port was cut off'
expect 0 agent monitor
shows 'neither it nor the switch'
console 'ReLink "Far"'
within 60 on_shows 0,1 8 || fail 'the switch does not come back'
expect 0 agent off two
expect 0 agent on two

# Nothing answers, and nothing says that it is lost.
kill -STOP "${fabric_pids[0]}"
expect 1 agent off two discovery_timeout=2 power_timeout=1
kill -CONT "${fabric_pids[0]}"
