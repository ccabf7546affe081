#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the lab's timeline splits a stall at the lines of the programs, and takes medians of clean runs
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
command -v python3 > /dev/null || skip 'no python3'

timeline()
{
	python3 "$top_srcdir/tests/lab/tools/timeline" "$@" > "$work/out" 2>&1
}

# run NAME BEGIN-OF-STALL SECONDS: a power cut at 1000000000, the stall has this length.
run()
{
	local d=$work/$1

	mkdir "$d"
	printf 'kind=kill\nt0=1000000000.000\n' > "$d/case"
	{
		echo 'history 1 00000000000000aa 1 0 100'
		echo 'w 0 1 3 999999999000000000'
		echo 'a 0 1 999999999100000000'
		echo 's 999999990000000000 400000000'
		echo "s $2 $3"
		echo 'end 1000000099000000000'
	} > "$d/history.log"
	echo '1000000000.000 node1 power off' > "$d/events"
	cat > "$d/node2.journal" << 'JOURNAL'
1000000001.000 node2 kernel: drbd r0: peer( Primary -> Unknown ) conn( Connected -> NetworkFailure )
1000000006.000 node2 corosync[1]:   [TOTEM ] A new membership (2.9) was formed. Members left: 1
1000000009.000 node2 pacemaker-fenced[2]:  notice: Operation 'reboot' targeting node1 by node2 for pacemaker-controld.3@node2: OK (complete)
1000000010.500 node2 kernel: block drbd0: role( Secondary -> Primary )
1000000011.250 node2 srptd[4]: group dg promoted, epoch 4: gate 150.0 ms, open 100.0 ms; total 250.0 ms
JOURNAL
	echo '1000000011.280 node2 srptd[4]: no longer listening on 192.0.2.1:5555 (RDMA)' >> "$d/node2.journal"
	echo '1000000011.300 node3 multipathd[5]: sda: reinstated' > "$d/node3.journal"
}

run kill-1 1000000000010000000 12000000000
run kill-2 1000000000010000000 14000000000
run kill-3 1000000000010000000 90000000000
echo '1000000002.000 node3 kernel: rdma_rxe: rxe_reg_fast_mr: mr->lkey = 0x11 not free' \
	>> "$work/kill-3/node3.journal"

expect 0 timeline stall "$work"/kill-[123]
shows '^kill-1 +12\.00 +0\.01 +5\.99 +3\.00 +0\.00 +1\.50 +0\.50 +0\.25 +0\.00 +0\.76$'
shows '^kill-3 .*soft-RoCE fault$'
shows '^median kill +13\.00 .* of 2, worst 14\.00, beyond detection and fencing 4\.01, apart 1$'

echo '1000000011.750 node2 srptd[4]: listening on 192.0.2.1:5555 (RDMA)' >> "$work/kill-1/node2.journal"
expect 0 timeline stall "$work/kill-1"
shows '^kill-1 .* +0\.25 +0\.50 +0\.26$'

expect 0 timeline stall --json "$work"/kill-1
python3 -c 'import json, sys; r = json.load(open(sys.argv[1]))
assert r["runs"][0]["parts"]["fencing"] == 3 and r["kinds"]["kill"]["runs"] == 1' "$work/out" ||
	fail 'the JSON is not what it was'

expect 0 timeline merge "$work/kill-1"
shows '^ +0\.000 host +node1 power off$'
shows '^ +12\.010 history +acknowledged again after 12\.000 s$'
grep -q 400000000 "$work/out" && fail 'what was long before is shown'

rm "$work/kill-2/case"
expect 1 timeline stall "$work/kill-2"
shows 'case'
expect 2 timeline
