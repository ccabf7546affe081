#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: in the simulated fabric a port that is disabled is cut off, until it is enabled and the SM
# has brought it up again
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start

reaches_sa()
{
	on_node Target saquery -t 500 PIR 1 > "$work/out" 2>&1
}

# Port 2 of the switch is where Target is.
reaches_sa || fail 'Target does not reach the SA'
port_shows Initiator 0,1 2 '^LinkState:\.*Active' || fail 'the port is not Active'
on_node Sm ibportstate -D 0,1 2 disable > "$work/out" 2>&1 || fail 'ibportstate disable'
port_shows Initiator 0,1 2 '^LinkState:\.*Down' || fail 'a disabled port is not Down'
port_shows Initiator 0,1 2 '^PhysLinkState:\.*Disabled' || fail 'the port is not Disabled'
! reaches_sa || fail 'Target reaches the SA through a disabled port'

on_node Sm ibportstate -D 0,1 2 enable > "$work/out" 2>&1 || fail 'ibportstate enable'
within 60 port_shows Initiator 0,1 2 '^LinkState:\.*Active' || fail 'the SM does not bring it up'
within 60 reaches_sa || fail 'Target does not reach the SA after enable'
