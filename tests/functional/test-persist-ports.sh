#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: registrations at all ports, for others by TransportID, and a reservation that moves
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_groups > "$conf"
daemon_start
peer persist ports
daemon_stop
