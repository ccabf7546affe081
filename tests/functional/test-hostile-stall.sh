#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: peers that do not read what they asked for hold nobody else up while there are buffers
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
# What they asked for waits in buffers, which all sessions of a reactor share.
sed -i 's/buffer_size .*/buffer_size 64M/' "$conf"
daemon_start
peer hostile-stall
daemon_stop
