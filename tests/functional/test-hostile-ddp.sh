#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: segments with wrong headers are answered as RFC 5041 says
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-rdma ddp
daemon_stop
