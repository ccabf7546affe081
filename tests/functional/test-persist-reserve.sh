#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: who registers, reserves, preempts; who conflicts and what the others are told
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram > "$conf"
daemon_start
peer persist reserve
peer persist spc2
daemon_stop
