#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srptctl set-state changes what initiators may do, and each of them hears of it once
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_groups > "$conf"
daemon_start
expect 0 ctl groups
shows '^dg0 +near +1 +active +active'
shows '^dg0 +away +elsewhere1 +14 +no'
expect 0 ctl status
shows '^device groups: +2$'
expect 1 ctl set-state nowhere standby
shows 'there is no target group nowhere'
expect 1 ctl set-state away active
shows 'name it as dg[01]/away'
expect 2 ctl set-state near asleep
shows 'allowed are active, nonoptimized'
expect 2 ctl set-state near
peer alua changes
logged 'target group dg0/near is standby on request, was transitioning: a transition failed'
daemon_stop
