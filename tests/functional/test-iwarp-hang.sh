#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: commands that hang in the disk hold nobody else up, and end when it recovers
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start
peer slow-disk hang
daemon_stop
