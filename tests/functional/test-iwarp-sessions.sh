#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a thousand sessions at once work, and nothing is left of them
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'srp_max_rsp_size 256' > "$conf"
ulimit -S -n 4096 2> /dev/null
# What the sanitizer keeps of freed memory is not ours.
export ASAN_OPTIONS="${ASAN_OPTIONS+$ASAN_OPTIONS:}quarantine_size_mb=1"
daemon_start
peer sessions 1000
daemon_stop
