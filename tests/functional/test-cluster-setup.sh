#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: conf/cluster/setup fills every recipe, its srpt.conf is valid on both nodes, bad values are named
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
example=$top_srcdir/conf/cluster/site.example
site=$work/site

setup()
{
	timeout 20 sh "$top_srcdir/conf/cluster/setup" --site "$site" "$@" > "$work/out" 2>&1
}

# refused LINE REGEX: the example with a line more.
refused()
{
	{
		cat "$example"
		echo "$1"
	} > "$site"
	expect 1 setup --check
	shows "^setup: .*$2"
}

# without NAME...: the example without these lines.
without()
{
	grep -vE "^($(IFS='|'; echo "$*"))=" "$example" > "$site"
}

cp "$example" "$site"
for mode in '' --floating; do
	for what in corosync drbd target portals crm pcs; do
		expect 0 setup ${mode:+$mode} --$what
		[ -s "$work/out" ] || fail "--$what $mode: nothing"
		! grep -nE '@[A-Z]|^#?\[(alua|floating|all)|^#[89]#' "$work/out" || fail "--$what $mode: not filled in"
		cp "$work/out" "$work/$what$mode"
	done
	sh -n "$work/pcs$mode" || fail 'the script for pcs'
done
cmp -s "$work/corosync" "$work/corosync--floating" || fail 'corosync.conf depends on the mode'
# What a cluster cannot be without, in both recipes of the resources.
for mode in '' --floating; do
	for what in crm pcs; do
		for word in stonith-enabled=true no-quorum-policy=stop interleave=true \
			resource-stickiness=INFINITY \
			priority-fencing-delay=2s 'fence-(node1|.1)'; do
			grep -qE -- "$word" "$work/$what$mode" || fail "$what $mode: no $word"
		done
	done
done
grep -q 'srpt-clone:demote drbd-clone:demote' "$work/crm" || fail 'crm: DRBD may be demoted first'
grep -q 'demote srpt-clone then demote drbd-clone' "$work/pcs" || fail 'pcs: DRBD may be demoted first'
# The address is with the target that serves, and goes after its sessions.
grep -qx 'colocation .* inf: srpt-address srpt-clone:Promoted' "$work/crm--floating" &&
	grep -q 'srpt-clone:demote srpt-address:stop symmetrical=false' "$work/crm--floating" &&
	grep -q 'colocation add srpt-address with Promoted srpt-clone INFINITY' "$work/pcs--floating" &&
	grep -q 'demote srpt-clone then stop srpt-address symmetrical=false' "$work/pcs--floating" &&
	[ "$(grep -c 'Optional: srpt-address:' "$work/crm--floating")" = 2 ] &&
	[ "$(grep -c ' srpt-address then .* kind=Optional ' "$work/pcs--floating")" = 2 ] ||
	fail 'the address is not with the target'
! grep -q srpt-address "$work/crm" "$work/pcs" || fail 'an address that nobody asked for'
# Both have the same parameters of resources.
words()
{
	grep -oE '[a-zA-Z_-]+=[A-Za-z0-9_.-]+' "$1" | grep -vE '^(ip|username|password|pcmk_host_list|promotable|disable|kind|cib|work|CIB_file|id|path)=' |
		sort -u
}
for mode in '' --floating; do
	diff <(words "$work/crm$mode") <(words "$work/pcs$mode") || fail "crm and pcs differ $mode"
done

# The second level of fencing is there when the GUIDs are, and only then.
{
	cat "$example"
	printf 'NODE1_IB_GUIDS=0x0002c90300a1b2c1,2c90300a1b2c2@0002C90300A1B0FF/12\n'
	echo NODE2_IB_GUIDS=0002c90300a1b3c1
} > "$site"
for mode in '' --floating; do
	for what in crm pcs; do
		! grep -E 'ibport|fence-ib' "$work/$what$mode" || fail "$what $mode: a level that nobody asked for"
		expect 0 setup ${mode:+$mode} --$what
		! grep -nE '@[A-Z]+[0-9]_|^#?\[(alua|floating|ibport|all)' "$work/out" || fail "--$what: not filled in"
		cp "$work/out" "$work/$what.ib"
		# All else is as it is without.
		diff "$work/$what$mode" "$work/$what.ib" | grep '^<' | grep -v 'fence-node[12]' &&
			fail "--$what $mode: more differs"
	done
	diff <(words "$work/crm.ib") <(words "$work/pcs.ib") || fail "crm and pcs differ $mode"
	for node in 'node1:0x0002c90300a1b2c1,2c90300a1b2c2@0002C90300A1B0FF/12' node2:0002c90300a1b3c1; do
		grep -qF "guid_map=\"$node\"" "$work/crm.ib" || fail "crm: not $node"
		grep -qxF "fence_fabric ${node/:/ }" "$work/pcs.ib" || fail "pcs: not $node"
		grep -qE "^[[:space:]]${node%%:*}: fence-${node%%:*} fence-ib-${node%%:*}( |\$)" "$work/crm.ib" ||
			fail "crm: no level for $node"
		grep -qx "location fence-ib-${node%%:*}-elsewhere fence-ib-${node%%:*} -inf: ${node%%:*}" \
			"$work/crm.ib" || fail "crm: ${node%%:*} fences itself"
	done
	sh -n "$work/pcs.ib" || fail 'the script for pcs'
done
# What the agent is told it understands.
agent=$build/../fence/fence_ibport
if [ -x "$agent" ]; then
	grep -oE 'guid_map=[^ ]*' "$work/crm.ib" > "$work/maps"
	[ "$(wc -l < "$work/maps")" = 2 ] || fail 'the maps'
	while read -r map; do
		printf 'action=validate-all\n%s\n' "$map" | "$agent" || fail "$map"
	done < "$work/maps"
fi

# The target's configuration is valid on either node.
for node in node1 node2; do
	for mode in '' --floating; do
		expect 0 ctl --node $node check-config "$work/target$mode"
		shows ', 0 warnings'
	done
done

# With DRBD 8.4 ours is in front of the stock handler.
grep -q 'fence-peer "/usr/libexec/srpt/srp-fence-peer /usr/lib/drbd/crm-fence-peer.sh";' "$work/drbd" ||
	fail 'not that handler'

# Parts that are left out, and the other version of DRBD.
without NODE1_ADDR2 NODE2_ADDR2 FENCE_CIPHER
expect 0 setup --corosync
grep -q ring1 "$work/out" && fail 'a second ring without addresses'
expect 0 setup --crm
grep -q cipher "$work/out" && fail 'a cipher without a value'
{
	cat "$example"
	printf 'DRBD_VERSION=9\nNODE1_DRBD_ADDR=2001:db8::1\nNODE2_DRBD_ADDR=2001:db8::2\n'
} > "$site"
expect 0 setup --drbd
shows 'crm-unfence-peer.9.sh'
shows 'address ipv6 \[2001:db8::1\]:7789;'
grep -q 'crm-fence-peer.sh' "$work/out" && fail 'both handlers'

without NODE2_ADDR2
expect 1 setup --check
shows 'NODE2_ADDR2 is missing'
without FLOATING_ADDR
expect 0 setup --crm
expect 1 setup --floating --crm
shows 'FLOATING_ADDR is missing'
without LU_UUID
expect 1 setup --target
shows 'LU_UUID is missing'
refused 'NODE1_NAME=a b' 'NODE1_NAME=a b is no name'
# shellcheck disable=SC2016 # what must not be run
refused 'FENCE1_PASSWORD=$(id)' 'is no word'
refused 'FENCE1_PASSWORD="x"' 'is no word'
refused 'DATA_DISK=vdb' 'is no path'
refused 'DRBD_VERSION=7' 'is no drbd'
refused 'NODE2_NAME=node1' 'NODE1_NAME and NODE2_NAME are the same'
refused 'STATE_DISK=/dev/vg0/data' 'DATA_DISK and STATE_DISK are the same'
refused 'COLOUR=blue' 'COLOUR=blue: unknown'
refused 'NODE1_IB_GUIDS=2c90300a1b2c1' 'NODE2_IB_GUIDS is missing'
refused 'NODE2_IB_GUIDS=2c90300a1b2c1' 'NODE1_IB_GUIDS is missing'
refused 'NODE1_IB_GUIDS=fe80::1' 'NODE1_IB_GUIDS=fe80::1 is no guids'
refused 'NODE1_IB_GUIDS=1,2@3' 'is no guids'
refused $'NODE1_IB_GUIDS=1,2\nNODE2_IB_GUIDS=1,2' 'NODE1_IB_GUIDS and NODE2_IB_GUIDS are the same'
expect 2 setup
expect 2 setup --crm --pcs
