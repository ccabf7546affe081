#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-bench measures every kind of I/O, says what fails, and accepts no nonsense
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
login=id_ext=$id_ext,ioc_guid=$ioc_guid,dest=127.0.0.1:$port

bench()
{
	timeout 60 "$build/../tests/bench/srp-bench" --ramp 0.05 --runtime 0.5 "$@" \
		> "$work/out" 2>&1
}

for kind in randread randwrite read write mix; do
	expect 0 bench --rw $kind "$login"
	shows "^$kind, blocks of 4096 bytes, 1 channel, 32 commands"
	shows '^  [1-9][0-9]* IOPS, [0-9.]+ MB/s$'
	shows 'p50 .*p99 .*p99\.9 '
done
expect 0 bench --rw mix --direct --crc --threads 2 --channels 3 --queue-depth 4 \
	--block-size 64k --size 16m --json --server-pid "$pid" "$login"
shows '"rw": "mix", "block_size": 65536, "queue_depth": 4, "channels": 3, "threads": 2'
shows '"iops": [1-9]'
shows '"server_cpu_s_per_million": [0-9.]+'
if command -v python3 > /dev/null; then
	python3 -m json.tool < "$work/out" > /dev/null || fail 'the JSON does not parse'
fi

expect 1 bench --lun 5 "$login"
shows 'no such LUN'
expect 1 bench --block-size 4096 --size 512 "$login"
shows 'smaller than one request'
expect 1 bench "id_ext=1,ioc_guid=1,dest=127.0.0.1:$port"
shows 'rejected'
for wrong in '--rw backwards' '--queue-depth 0' '--channels 9999' '--block-size 1000' \
	'--runtime 0' '--lun x' '--size -1'; do
	# shellcheck disable=SC2086 # an option and its value
	expect 2 bench $wrong "$login"
done
expect 2 bench
expect 2 bench dest=nowhere
daemon_stop

# A target that dies ends it.
daemon_start
timeout 60 "$build/../tests/bench/srp-bench" --runtime 60 "$login" > "$work/peer" 2>&1 &
job=$!
# shellcheck disable=SC2317 # called by within
busy()
{
	ctl --json channels && grep -q '"' "$work/out"
}
within 20 busy || fail 'it does not log in'
kill -KILL "$pid"
wait "$pid" 2> /dev/null
pid=
wait "$job"
status=$?
job=
[ "$status" = 1 ] || fail "exit status $status, not 1, when the target dies"
