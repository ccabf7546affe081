#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: how few processes an action of the agent is: a monitor 5 at most, promote and demote 8
# shellcheck source=tests/functional/agent.sh
. "${top_srcdir:?}/tests/functional/agent.sh"

strace -qq -o "$work/trace" true 2> "$work/out" || fail 'strace does not work here'

# Programs that are one process each.
cat > "$fakes/fake" << 'FAKE'
#!/bin/sh
case "${0##*/} $*" in
*login-info) echo '{"enabled": true, "transport": "iWARP", "login": "id_ext=1,dest=a"}' ;;
*monitor) [ "$FAKE_STATE" != 9 ] || echo 'write gate'; exit "$FAKE_STATE" ;;
*'show -p MainPID'*) echo 0 ;;
*'show -p'*) echo inactive ;;
esac
FAKE

# at_most N ACTION STATUS [VARIABLE=VALUE...]
at_most()
{
	local most=$1 action=$2 want=$3 real=$agent n

	shift 3
	cat > "$work/traced" << TRACED
#!/bin/sh
exec strace -f -qq -e trace=execve,exit_group -e signal=none -o "$work/trace" "$real" "\$@"
TRACED
	chmod +x "$work/traced"
	agent=$work/traced
	agent "$action" OCF_RESKEY_CRM_meta_promoted_max=1 "$@"
	agent=$real
	expect_status "$want" "$action $*"
	n=$(cut -d' ' -f1 "$work/trace" | sort -u | wc -l)
	echo "$action $*: $n processes, status $status"
	[ "$n" -le "$most" ] || { cat "$work/trace"; fail "$action $*: $n processes, at most $most"; }
}

deep=OCF_CHECK_LEVEL=10
at_most 3 monitor 8 FAKE_STATE=8 OCF_RESKEY_CRM_meta_role=Promoted
at_most 3 monitor 0 FAKE_STATE=0
at_most 4 monitor 7 FAKE_STATE=7
at_most 3 monitor 1 FAKE_STATE=1
at_most 3 monitor 8 FAKE_STATE=9
at_most 5 monitor 8 FAKE_STATE=8 $deep OCF_RESKEY_CRM_meta_role=Promoted
at_most 5 monitor 0 FAKE_STATE=0 $deep
at_most 4 monitor 0 FAKE_STATE=0 $deep OCF_RESKEY_canary_login=id_ext=1
at_most 3 promote 0 FAKE_STATE=0
at_most 3 demote 0 FAKE_STATE=0
at_most 1 notify 0 FAKE_STATE=0
