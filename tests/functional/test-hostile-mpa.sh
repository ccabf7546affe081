#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: handshakes that no honest peer makes do not harm srptd
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-mpa
daemon_stop
