#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: after kill -9 in the middle of PERSISTENT RESERVE OUT the last answered state is back
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

KILLS=${STATE_KILLS:-200}
PARTS=4

# part NUMBER: its share of the kills, with a daemon of its own.
part()
{
	work=$work/$1
	socket=$socket-$1
	conf=$work/srpt.conf
	port=$((port + $1 * 50))
	while (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
		port=$((port + 1))
	done
	mkdir "$work"
	conf_ram > "$conf"
	LOG=$work/log SRPTD=$build/srptd CONF=$conf TARGET=127.0.0.1 PORT=$port ID_EXT=$id_ext \
		IOC_GUID=$ioc_guid STATE_KILLS=$((KILLS / PARTS)) PYTHONDONTWRITEBYTECODE=1 \
		timeout 300 python3 "${top_srcdir:?}/tests/functional/state-crash.py"
}

command -v python3 > /dev/null || skip 'no python3'
port_choose
parts=()
bad=
for n in $(seq "$PARTS"); do
	part "$n" > "$work/peer.$n" 2>&1 &
	parts+=($!)
done
for n in $(seq "$PARTS"); do
	wait "${parts[$((n - 1))]}" || {
		cat "$work/$n/log"
		bad=$n
	}
	cat "$work/peer.$n"
done
[ -z "$bad" ] || fail "part $bad"
