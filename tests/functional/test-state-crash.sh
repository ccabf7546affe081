#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: after kill -9 in the middle of PERSISTENT RESERVE OUT the last answered state is back
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

command -v python3 > /dev/null || skip 'no python3'
port_choose
conf_ram > "$conf"
LOG=$work/log SRPTD=$build/srptd CONF=$conf TARGET=127.0.0.1 PORT=$port ID_EXT=$id_ext \
	IOC_GUID=$ioc_guid PYTHONDONTWRITEBYTECODE=1 timeout 300 \
	python3 "${top_srcdir:?}/tests/functional/state-crash.py" > "$work/peer" 2>&1 ||
	fail 'state-crash'
cat "$work/peer"
