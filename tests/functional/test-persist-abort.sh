#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: PREEMPT AND ABORT waits for a disk that hangs, not for a dead host; nothing old comes after
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start
peer persist dead
peer persist gone
peer persist abort
daemon_stop
