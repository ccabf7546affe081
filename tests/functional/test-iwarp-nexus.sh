#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: logins with the same identifiers from several addresses are several sessions
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
has_ipv6 || skip 'no IPv6 here'
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
peer nexus
daemon_stop
