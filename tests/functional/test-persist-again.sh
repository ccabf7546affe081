#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: registrations are found again by who logs in again; initiators without an identifier
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram > "$conf"
hosts=127.0.0.1
has_ipv6 && hosts="$hosts ::1"
export HOSTS=$hosts
daemon_start
peer persist again
daemon_stop
