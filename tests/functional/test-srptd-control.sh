#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srptd starts without RDMA devices, answers srptctl, reloads and ends in order
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

truncate -s 16M "$work/one"
config()
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE disk01 {
		filename $work/one
		blocksize 4096
		naa_id 6020000123456789abcdef0123456789
		usn serial-01
	}
	DEVICE late {
		filename $work/late
	}
}
HANDLER vdisk_nullio {
	DEVICE null01 {
		size 1G
	}
}
TARGET_DRIVER ib_srpt {
	rdma_cm_port 5555
	ioc_guid 0002c90300a1b2c3
	TARGET srpt0 {
		enabled 1
		portal 192.0.2.1
		LUN 0 disk01
		LUN 1 late
		GROUP special {
			LUN 7 null01
			INITIATOR 192.0.2.*
		}
		${1:-}
	}
	${2:-}
}
CONF
}

# Nothing starts with a bad file, and the place of the error is told.
{ config; echo 'HANDLER vdisk_nullio {'; } > "$conf"
timeout 5 "$build/srptd" -f -c "$conf" > "$work/out" 2>&1
[ $? = 1 ] || fail 'a bad configuration does not end with status 1'
shows "srpt.conf:[0-9]+:[0-9]+: error: "
expect 1 ctl check-config "$conf"
shows "srpt.conf:[0-9]+:[0-9]+: error: "

# Without a daemon: said so, except where the file is enough.
config > "$conf"
expect 1 ctl status
shows 'not running'
expect 0 ctl check-config "$conf"
shows ': 3 devices, 1 target, 1 warning$'
expect 0 ctl -c "$conf" login-info
shows '^id_ext=[0-9a-f]{16},ioc_guid=0002c90300a1b2c3,dest=192\.0\.2\.1:5555$'
login=$(grep '^id_ext=' "$work/out")

daemon_start
logged 'device late: .*No such file'
logged 'srptd .* is ready'
expect 0 ctl status
shows '^targets: *1$'
shows '^failed devices: *1$'
[ -n "$(ls /sys/class/infiniband 2> /dev/null)" ] || shows '^RDMA: *no RDMA device$'
shows '^192\.0\.2\.1:5555 '
shows '^device +late +.*No such file'
expect 0 ctl login-info
[ "$(grep '^id_ext=' "$work/out")" = "$login" ] || fail 'login-info differs from that of the file'

# A second one under the same name is refused.
timeout 5 "$build/srptd" -f -c "$conf" > "$work/out" 2>&1
[ $? = 1 ] || fail 'a second instance does not end with status 1'
shows 'another srptd'

# Every verb, as text and as JSON that parses.
for verb in status sessions channels luns devices targets login-info stats; do
	expect 0 ctl $verb
	if command -v python3 > /dev/null; then
		timeout 10 "$build/srptctl" -s "$socket" --json $verb 2> /dev/null |
			python3 -m json.tool > "$work/out" || fail "$verb --json does not parse"
	fi
done
expect 0 ctl --json luns
for key in target group lun device handler filename size block_size naa serial state error; do
	shows "\"$key\": "
done
shows '"device": "disk01".*"size": 16777216, "block_size": 4096'
shows '"naa": "6020000123456789abcdef0123456789", "serial": "serial-01", "state": "ready"'
shows '"device": "late".*"state": "failed".*No such file'
shows '"group": "special", "lun": 7'

# Refused, with the reason; usage.
expect 1 ctl disable nonsense
shows 'no target nonsense'
expect 1 ctl close-session 12345
shows 'no session 12345'
expect 1 ctl resync late
expect 2 ctl close-session abc
expect 2 ctl frobnicate
expect 2 ctl
expect 2 ctl disable

expect 0 ctl disable srpt0
expect 0 ctl targets
shows '^srpt0 +no '
expect 0 ctl enable srpt0
expect 0 ctl targets
shows '^srpt0 +yes '
truncate -s 32M "$work/one"
expect 0 ctl resync disk01
expect 0 ctl --json devices
shows '"device": "disk01".*"size": 33554432'

# A file with an error changes nothing; one with a missing device is applied and says so.
{ config; echo "setup_id nonsense"; } > "$conf"
expect 1 ctl reload
shows "srpt.conf:[0-9]+:[0-9]+: error: "
shows 'nothing changed'
logged 'error: [^ ]*srpt.conf:[0-9]+:[0-9]+: [^:]*setup_id'
config 'LUN 2 null01' > "$conf"
expect 1 ctl reload
shows 'device late: .*No such file'
expect 0 ctl --json luns
[ "$(grep -c '"lun"' "$work/out")" = 4 ] || fail 'LUN 2 was not added'
truncate -s 16M "$work/late"
expect 0 ctl reload
expect 0 ctl --json luns
shows '"device": "late".*"state": "ready"'
config '' 'srpt_sq_size 512' > "$conf"
kill -HUP "$pid"
# shellcheck disable=SC2317 # called by within
three_luns()
{
	ctl --json luns && [ "$(grep -c '"lun"' "$work/out")" = 3 ]
}
within 5 three_luns || fail 'SIGHUP does not reload'
logged 'srpt_sq_size takes effect after a restart'

daemon_stop
logged 'stopped$'
expect 1 ctl sessions
shows 'not running'

# Names and identities are the same after a restart.
daemon_start
expect 0 ctl login-info
[ "$(grep '^id_ext=' "$work/out")" = "$login" ] || fail 'login-info differs after a restart'
daemon_stop

# Going to the background: the caller returns when it serves.
timeout 10 "$build/srptd" -c "$conf" > "$work/out" 2>&1 || fail 'srptd does not start in the background'
answers || fail 'it does not serve when the caller returns'
pid=$(sed -n 's/^pid: *//p' "$work/out")
kill -TERM "$pid"
within 8 gone || fail 'srptd in the background does not end after SIGTERM'
pid=
exit 0
