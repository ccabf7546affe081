#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: frames with wrong lengths or CRCs are answered as RFC 5044 says
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer hostile-fpdu
daemon_stop
