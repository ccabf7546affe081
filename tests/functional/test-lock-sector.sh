#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: COMPARE AND WRITE is atomic over sessions, channels and reactors, and tells where it differs
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer lock-sector
daemon_stop
