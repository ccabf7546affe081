#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: SRP that makes no sense is refused, or ends the session
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-srp
daemon_stop
