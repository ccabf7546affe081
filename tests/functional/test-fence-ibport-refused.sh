#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: fence_ibport does not cut off itself or what another node or switch hangs on, and changes
# nothing when it refuses
# shellcheck source=tests/functional/fence-ibport.sh
. "${top_srcdir:?}/tests/functional/fence-ibport.sh"

# refused NODE WHY
refused()
{
	expect 1 agent off "$1"
	shows "$2"
	shows '^fence_ibport: nothing was changed$'
	for port in '0,1 1' '0,1 2' '0,1 3' '0,1 4' '0,1 8' '0,1,8 1' '0,1,8 2' '0,1,8 4'; do
		# shellcheck disable=SC2086 # two words
		! off_shows $port || fail "$1: port $port is off"
	done
}

refused self "it is one of this machine's"
refused 100009,100003 "it is one of this machine's"
refused 100009,900001 'where it was is not known'
refused 100009,900001@200000/2 'another adapter is where it was'
refused 100009,900001@200000/3 'another adapter is where it was'
refused 100009,900001@200000/8 'a switch is where it was'
refused 100009,900001@200001/9 'no such port'
refused 100009,900001@200002/1 'nor the switch that it was on'
refused 100009,900001@200001/5,900002@200001/5 'another one of its ports'

# One of two ports was forgotten.
refused 10000b 'its adapter has another port, which is not in guid_map'
expect 1 agent monitor double guid_map=double:10000b
shows 'guid_map: a port is missing'
expect 0 agent monitor double guid_map=double:10000b,10000c
expect 0 agent off double guid_map=double:10000b,10000c
off_shows 0,1 4 || fail 'the first port of Double is not cut off'
off_shows 0,1,8 4 || fail 'the second port of Double is not cut off'
expect 0 agent on double guid_map=double:10000b,10000c

expect 1 agent off nobody
shows 'nobody is not in guid_map'
expect 1 agent off two local_ports=ibsim0:2
shows 'local_ports'
expect 1 agent off two local_ports=ibsim0:1,other:1
expect 1 agent off two guid_map=two
shows 'guid_map'
expect 1 agent off two delay=x
expect 1 agent nothing two
shows 'unknown action'
expect 1 agent off
shows 'plug: no node is given'
expect 0 agent validate-all
expect 0 agent status two local_ports=ibsim0:1

# Where it was remembered somebody else is now.
agent monitor
console 'Unlink "Right"[1]'
console 'Unlink "Other"[1]'
within 60 port_shows Sm 0,1,8 1 '^LinkState:\.*Down' || fail 'Right is not unplugged'
expect 0 agent status two
shows 'nothing answers there'
console 'Link "Other"[1] "Far"[1]'
within 60 on_shows 0,1,8 1 || fail 'Other is not plugged in'
expect 1 agent off two
shows 'where it was is not known'
expect 1 agent off two guid_map=two:100005,100007@200001/1
shows 'another adapter is where it was'
on_shows 0,1 3 || fail 'Left was cut off'
expect 0 agent off other
off_shows 0,1,8 1 || fail 'Other is not cut off where it is now'
# It is down now, and is still the last that was seen there.
expect 1 agent off two guid_map=two:100005,100007@200001/1
shows 'another adapter was seen where it was'
