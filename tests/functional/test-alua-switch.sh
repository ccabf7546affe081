#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the active state moves from port to port under writes, and none that was acknowledged is lost
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_groups > "$conf"
daemon_start
peer alua switches
daemon_stop
