#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: what the agent makes of every answer: action x state of srptd -> OCF exit status and reason
# shellcheck source=tests/functional/agent.sh
. "${top_srcdir:?}/tests/functional/agent.sh"

promotable=OCF_RESKEY_CRM_meta_promoted_max=1
unit='systemctl-show'

# row ACTION MODE STATUS REASON ANSWERS...: MODE is clone, plain, or promoted (a monitor that
# Pacemaker runs on what it has promoted); REASON - : none; an answer is NAME-VERB=LINE.
rows=0
row()
{
	local action=$1 mode=$2 want=$3 reason=$4 variables=() a

	shift 4
	forget
	for a; do
		case $a in
		OCF_*) variables+=("$a") ;;
		*) answer "${a%%=*}" "${a#*=}" ;;
		esac
	done
	case $mode in
	clone) variables+=("$promotable" OCF_RESKEY_CRM_meta_role=Unpromoted) ;;
	promoted) variables+=("$promotable" OCF_RESKEY_CRM_meta_role=Promoted) ;;
	esac
	agent "$action" "${variables[@]}"
	expect_status "$want" "$action, $mode, $*"
	[ "$reason" = - ] || says "$reason"
	[ "$reason" != - ] || ! grep -q ocf-exit-reason "$work/out" || fail "$action, $mode, $*: a reason"
	rows=$((rows + 1))
}

# monitor: what srptctl says, as it is ...
row monitor clone 0 - srptctl-monitor='0'
row monitor clone 8 - srptctl-monitor='8'
row monitor clone 7 - srptctl-monitor='7 srptctl: not running' $unit='0 ActiveState=inactive'
row monitor clone 7 - srptctl-monitor='7 srptctl: not running' $unit='0 ActiveState=failed'
# Crashed, and about to be started anew by systemd.
row monitor clone 0 - srptctl-monitor=$'7\n0' $unit='0 Job=17\nActiveState=inactive'
row monitor clone 0 - srptctl-monitor=$'7\n0' $unit='0 ActiveState=inactive\nJob=17'
row monitor clone 0 - srptctl-monitor=$'7\n0' $unit='0 ActiveState=deactivating'
row monitor clone 7 - srptctl-monitor='7' $unit='1'
row monitor clone 1 'no answer' srptctl-monitor='1 srptctl: no answer'
row monitor promoted 8 - srptctl-monitor='8'
row monitor promoted 1 'no answer' srptctl-monitor='1 srptctl: no answer'
# ... but what it cannot mean is a failure,
row monitor clone 1 'no such group' srptctl-monitor='3 srptctl: no such group'
row monitor clone 1 'usage' srptctl-monitor='2 usage'
row monitor clone 5 'not found' srptctl-monitor='127 not found'
# ... and a promoted one with a closed gate is given time, no other one that does not serve.
row monitor promoted 8 - srptctl-monitor='9 dg: the write gate is closed'
row monitor promoted 9 'gate is closed' srptctl-monitor='9 dg: the write gate is closed' \
	OCF_RESKEY_patience=0
row monitor promoted 9 'disk1 has not answered' srptctl-monitor='9 dg: disk1 has not answered'
row monitor clone 8 - srptctl-monitor='9 dg: the write gate is closed'

# monitor of the plain resource, which has no standby: it serves or is broken.
row monitor plain 0 - srptctl-monitor='8'
row monitor plain 0 - srptctl-monitor='0' # no group of a cluster
row monitor plain 1 'not promoted' srptctl-monitor='0' srptctl-role='0 dg standby'
row monitor plain 0 - srptctl-monitor='9 dg: the write gate is closed'
row monitor plain 1 'gate is closed' srptctl-monitor='9 the write gate is closed' OCF_RESKEY_patience=0
row monitor plain 7 - srptctl-monitor='7' $unit='0 ActiveState=inactive'
row monitor plain 1 'no answer' srptctl-monitor='1 no answer'

# monitor with a login.
deep=OCF_CHECK_LEVEL=10
login='srptctl-login-info=0 {"enabled": true, "transport": "iWARP", "login": "id_ext=1,dest=a"},'
row monitor promoted 8 - $deep "$login" srptctl-monitor='8'
called '^srp-ping .*--read .*--target id_ext=1,dest=a$'
row monitor clone 0 - $deep "$login" srptctl-monitor='0'
not_called 'srp-ping.*(--read|verbs)'
called '^srp-ping .*--target id_ext=1,dest=a$'
row monitor clone 0 - $deep "${login/iWARP/RDMA}" srptctl-monitor='0'
called '^srp-ping .*--transport verbs'
row monitor clone 0 - $deep OCF_RESKEY_canary_login=x OCF_RESKEY_canary_options='--lun 3' \
	srptctl-monitor='0'
called '^srp-ping .*--lun 3 --target x$'
not_called 'login-info'
row monitor promoted 9 'READ.*02/04/0b' $deep "$login" srptctl-monitor='8' \
	srp-ping-login='1 srp-ping: READ of LUN 0: CHECK CONDITION, 02/04/0b'
row monitor clone 1 'no answer' $deep "$login" srptctl-monitor='0' \
	srp-ping-login='4 srp-ping: no answer in time'
row monitor clone 1 'nothing to log in to' $deep srptctl-monitor='0'
row monitor clone 1 'nothing to log in to' $deep "${login/true/false}" srptctl-monitor='0'
# An address that moves is the matter of another resource.
away=${login/\"transport/\"awaited\": true, \"transport}
row monitor promoted 8 - $deep "$away" srptctl-monitor='8'
called 'login-info'
not_called srp-ping
row monitor promoted 8 - $deep "$away\\n${login#*=0 }" srptctl-monitor='8'
called '^srp-ping .*--target id_ext=1,dest=a$'
row monitor clone 1 'nothing to log in to' $deep "${away/true/false}" srptctl-monitor='0'
row monitor plain 0 - $deep "$login" srptctl-monitor='8'
called '^srp-ping .*--read '
row monitor plain 1 'no answer' $deep "$login" srptctl-monitor='8' srp-ping-login='4 no answer'
row monitor promoted 8 - $deep "$login" srptctl-monitor='9 write gate' srp-ping-login='1 no'
not_called srp-ping
row monitor clone 7 - $deep srptctl-monitor='7' $unit='0 ActiveState=inactive'

# promote
row promote clone 0 - srptctl-promote='0'
row promote clone 2 'no group' srptctl-promote='3 srptctl: no group is a cluster'
row promote plain 0 - srptctl-promote='3 srptctl: no group is a cluster'
row promote plain 2 'no group' srptctl-promote='3 srptctl: no group dx' OCF_RESKEY_group=dx
row promote clone 1 'canary' srptctl-promote='1 srptctl: canary of disk1 failed'
row promote clone 2 'no group dx' srptctl-promote='3 srptctl: no group dx'
row promote clone 1 'gate' srptctl-promote='4 srptctl: the gate is closed: no quorum'
row promote clone 1 'not Primary' srptctl-promote='5 srptctl: r0 is not Primary'
row promote clone 0 - OCF_RESKEY_drbd_wait=7
called 'srptctl .*promote  [0-9]+ 7$'
row promote clone 1 'not Primary' OCF_RESKEY_drbd_wait=7 srptctl-promote='5 srptctl: r0 is not Primary'
row promote clone 1 'disk1.usn' srptctl-promote='6 srptctl: configurations differ: disk1.usn'
row promote clone 7 'promote' srptctl-promote='7 srptctl: not running' $unit='0 ActiveState=inactive'
row promote clone 1 'in time' srptctl-promote='11 srptctl: not done in time'
row promote clone 5 'promote' srptctl-promote='127 srptctl: not found'

# demote
row demote clone 0 - srptctl-demote='0'
row demote clone 2 'no group' srptctl-demote='3 srptctl: no group dx'
row demote clone 7 'demote' srptctl-demote='7 srptctl: not running' $unit='0 ActiveState=inactive'
row demote clone 1 'drain' srptctl-demote='11 srptctl: drain: not over in time'
not_called 'systemctl (kill|restart)'

# start
row start clone 0 - srptctl-monitor='0'
called '^systemctl start srp-replicatord srptd$'
called '^srp-replicator resource srpt$'
not_called 'srptctl .*promote'
row start clone 0 - srptctl-monitor='0' OCF_RESOURCE_INSTANCE=srpt:1 OCF_RESKEY_replicator_unit=
called '^systemctl start srptd$'
not_called srp-replicator
row start clone 2 'srpt.conf:1:2: error' srptctl-check-config='1 srpt.conf:1:2: error: no'
not_called 'systemctl start'
row start clone 6 'patience' OCF_RESKEY_patience=long
row start clone 6 'promote_deadline' OCF_RESKEY_promote_deadline=-1
row start clone 1 'Job failed' systemctl-start='1 Job failed.\\nSee journal.'
row start clone 0 - srptctl-monitor='8'
called 'srptctl .*demote'
row start plain 0 - srptctl-monitor='0' srptctl-promote='0'
called 'srptctl .*promote'
not_called 'srp-replicator '
row start plain 0 - srptctl-monitor='0' srptctl-promote='3 srptctl: no group'
row start plain 1 'not Primary' srptctl-monitor='0' srptctl-promote='5 r0 is not Primary'

# stop
for mode in clone plain; do
	row stop $mode 0 - srptctl-monitor='7' srptctl-demote='0'
	called 'srptctl .*demote'
	called 'systemctl stop .*srptd$'
	not_called 'systemctl (stop|kill).*replicator'
	row stop $mode 0 - srptctl-monitor='7' srptctl-demote='7' systemctl-show='0 0'
	row stop $mode 0 - srptctl-monitor='7' srptctl-demote='11 it cannot drain'
	row stop $mode 0 - srptctl-monitor='7' srptctl-demote='3 no group'
done

# The rest.
row notify clone 0 -
row reload clone 0 - srptctl-reload='0'
row reload clone 1 'srpt.conf:3:1: error' srptctl-reload='1 srpt.conf:3:1: error'
row reload clone 7 'not running' srptctl-reload='7 srptd is not running' $unit='0 ActiveState=inactive'
row reload-agent clone 0 -
row reload-agent clone 6 'drbd_wait' OCF_RESKEY_drbd_wait=1s
row reload-agent clone 6 'demote_deadline' OCF_RESKEY_demote_deadline=x
row validate-all clone 0 -
row validate-all clone 2 'srpt.conf:1:2: error' srptctl-check-config='1 srpt.conf:1:2: error: no'
row usage clone 0 -
row nonsense clone 3 -
row migrate_to clone 3 -
echo "$rows rows"
