#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: errors of the disk, and a full disk, are told by sense data; the session lives on
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_errno none' > "$conf"
daemon_start
peer faults
daemon_stop
