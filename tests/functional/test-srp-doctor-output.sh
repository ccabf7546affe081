#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-doctor's exit statuses, its report with a fix that can be run, the tree it saves, and odd trees
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/functional/initiator.sh
. "${top_srcdir:?}/tests/functional/initiator.sh"

good_tree
expect 0 doctor --root "$root"
diff - "$work/out" << OUT || fail 'not this report'
2 logins, 2 disks, 1 multipath map, 0 mirrors
nothing is wrong
OUT
expect 0 doctor --root "$root" --quiet
[ ! -s "$work/out" ] || fail '--quiet says something'
put "$sys/class/srp_remote_ports/port-4:1/dev_loss_tmo" 600
expect 1 doctor --root "$root"
diff - "$work/out" << OUT || fail 'not this report'
2 logins, 2 disks, 1 multipath map, 0 mirrors

port-4:1: dev_loss_tmo is 600 [dev-loss-on]
  why: the disk of a lost path is removed then, and only a new login brings it back
  fix: echo off > /sys/class/srp_remote_ports/port-4:1/dev_loss_tmo

1 wrong
OUT
# The budget is what a failover may take: 15 + 5 + 10 s until a silent death is noticed.
put "$sys/class/srp_remote_ports/port-4:1/dev_loss_tmo" off
expect 0 doctor --root "$root" --budget 30
expect 1 doctor --root "$root" --budget 29
shows 'sda: a path that dies silently is noticed after some 30 s'

# What is saved gives the same report.
a_mirror
expect 0 doctor --root "$root" --save "$work/saved"
put "$sys/class/scsi_device/4:0:0:0/device/dh_state" detached
expect 0 doctor --root "$work/saved"
shows '^3 logins, 3 disks, 1 multipath map, 1 mirror$'
expect 1 doctor --root "$root" --save "$work/again"
mv "$work/out" "$work/first"
expect 1 doctor --root "$work/again"
diff "$work/first" "$work/out" || fail 'the saved tree says something else'

# Nothing to look at.
expect 2 doctor --root "$work/none"
grep -q 'ib_srp is not loaded' "$work/peer" || fail "$(cat "$work/peer")"
for wrong in '--budget 0' '--budget x' '--what' 'extra' '--generate' '--generate --output'; do
	# shellcheck disable=SC2086
	expect 2 doctor --root "$root" $wrong
done
# Rubbish in every file must not matter but for what it says.
find "$root" -type f | while read -r f; do
	head -c 3000 /dev/urandom > "$f"
done
doctor --root "$root" --json
status=$?
[ $status -le 2 ] || fail "rubbish: exit status $status"
good_tree
: > "$root/commands/multipathd-config"
: > "$root/commands/dm-table"
: > "$sys/class/scsi_device/4:0:0:0/device/inquiry"
expect 1 doctor --root "$root"
shows 'multipathd does not answer'
