#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping survives targets that break the rules, answers as the RFCs say, and says so
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

command -v python3 > /dev/null || skip 'no python3'
export PYTHONDONTWRITEBYTECODE=1 SRP_PING=$build/srp-ping
for table in mpa read write; do
	timeout 100 python3 "$top_srcdir/tests/functional/hostile-target.py" "$table" \
		> "$work/peer" 2>&1 || fail "$table"
	cat "$work/peer"
done
