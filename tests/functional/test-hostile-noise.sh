#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: sessions with bytes changed at random harm neither srptd nor others
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-noise 600 5040
daemon_stop
