#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: PREEMPT AND ABORT waits for writes that hang in the disk, and nothing old is written after it
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start
peer persist gone
peer persist abort
daemon_stop
