#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srptctl tells soon that srptd is frozen, however long the command may last otherwise
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

conf_head > "$conf"
daemon_start
kill -STOP "$pid"
expect 1 ctl status # ctl ends it after 30 s, srptctl waits for 60 s
shows 'takes no connection'
kill -CONT "$pid"
within 10 answers || fail 'srptd is not there again'
daemon_stop
