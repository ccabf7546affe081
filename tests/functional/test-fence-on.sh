#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-fence-on asks for a node to be turned on after a reboot that succeeded, and after nothing else
# shellcheck source=tests/functional/fence.sh
. "${top_srcdir:?}/tests/functional/fence.sh"
program=$build/../fence/srp-fence-on

# In place of Pacemaker's: tells how it was called, and fails so often.
mkdir "$work/bin"
cat > "$work/bin/stonith_admin" << ADMIN
#!/bin/sh
echo "\$*" >> '$work/called'
[ "\$(wc -l < '$work/called')" -gt "\$(cat '$work/failures')" ]
ADMIN
chmod +x "$work/bin/stonith_admin"

# alert FAILURES VARIABLE=VALUE...
alert()
{
	echo "$1" > "$work/failures"
	shift
	: > "$work/called"
	env "PATH=$work/bin:$PATH" CRM_alert_kind=fencing CRM_alert_rc=0 CRM_alert_node=node1 delay=0 \
		'CRM_alert_desc=Operation reboot of node1 by node2 for pacemaker-controld.7@node2: OK (ref=9)' \
		"$@" timeout 60 "$program" > "$work/out" 2>&1
}

# asked TIMES; '' for never
asked()
{
	[ "$(sort "$work/called" | uniq -c | tr -s ' ')" = "${1:+ $1 --unfence node1 --timeout 60}" ] ||
		fail "not asked ${1:-0} times: $(cat "$work/called")"
}

# nothing_to_do VARIABLE=VALUE...
nothing_to_do()
{
	expect 0 alert 0 "$@"
	asked ''
	[ ! -s "$work/out" ] || fail "it says something with $*: $(cat "$work/out")"
}

expect 0 alert 0
asked 1
expect 0 alert 2
asked 3
shows '^srp-fence-on: stonith_admin does not turn node1 on; trying again$'
expect 1 alert 3
asked 3
shows '^srp-fence-on: stonith_admin does not turn node1 on$'

nothing_to_do CRM_alert_kind=node
nothing_to_do CRM_alert_rc=1
nothing_to_do CRM_alert_rc=
nothing_to_do 'CRM_alert_desc=Operation off of node1 by node2 for a@node2: OK (ref=9)'
nothing_to_do 'CRM_alert_desc=Operation on of node1 by node2 for a@node2: OK (ref=9)'
nothing_to_do CRM_alert_desc=

expect 2 alert 0 CRM_alert_node=../node1
shows 'CRM_alert_node is no name of a node: ../node1'
for delay in '' x -1 61; do
	expect 2 alert 0 "delay=$delay"
	shows 'delay: not a number from 0 to 60'
done
expect 2 env -u CRM_alert_kind "$program"
expect 2 "$program" --other
expect 2 "$program" node1
