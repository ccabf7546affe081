#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: wrong answers to RDMA READs end the session, not the daemon
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-rdma pull
daemon_stop
