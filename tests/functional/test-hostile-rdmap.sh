#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: messages out of place are answered as RFC 5040 says
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-rdma rdmap
daemon_stop
