#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping aborts commands and resets the disk while that is slow
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_delay_ms 300' > "$conf"
sed -i '/fault_lba/d; /fault_blocks/d' "$conf"
daemon_start
at_target 127.0.0.1
expect 0 ping --lun 0 --abort "${at[@]}"
expect 0 ping --lun 0 --lun-reset "${at[@]}"
expect 0 ping --lun 0 --verify --size 64K --block-size 4K "${at[@]}"
daemon_stop
