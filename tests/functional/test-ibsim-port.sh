#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the agent goes on when its port goes down and comes up, and when another SM gives it another
# LID; its counters tell what was asked
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
ib_target disks "$id_ext" 'ib:*:5555' | ib_conf > "$conf"
target_start
login "$id_ext" ffff > "$work/login"
finds srp_daemon -oac

# port_is STATE LID: srptctl status has this.
port_is()
{
	ctl status && grep -qE "^ibsim0/1 +$1 +$2 +fe80:.*:0010:0003 +yes +yes " "$work/out"
}
within 60 port_is Active 3 || fail 'not Active with LID 3'

lost()
{
	on_initiator srp_daemon -oac && [ ! -s "$work/out" ]
}
on_node Sm ibportstate -D 0,1 2 disable > "$work/out" 2>&1 || fail 'ibportstate disable'
within 60 lost || fail 'srp_daemon sees a port that is disabled'
on_node Sm ibportstate -D 0,1 2 enable > "$work/out" 2>&1 || fail 'ibportstate enable'
finds srp_daemon -oac
within 60 port_is Active 3 || fail 'not Active again'

# Another SM asks everybody to register again, and gives out LIDs that are multiples of 16.
sm_stop
sm_start -l 4
within 60 port_is Active '[1-9][0-9]' || fail 'the LID is the old one'
finds srp_daemon -oac

ctl --json status || fail 'srptctl --json status'
shows '"answered": *[1-9]'
shows '"malformed": *0'
daemon_stop
