#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: under load SIGTERM ends the daemon in order, and initiators notice
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
load stop
daemon_stop
logged 'stopped$'
load_done
