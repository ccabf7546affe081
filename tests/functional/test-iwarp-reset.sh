#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: LUN RESET is answered in time while the disk hangs, and no data follow
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start
peer slow-disk reset
daemon_stop
