# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # used by the cases, and from lib.sh
# What cases of the resource agent share, next to lib.sh: srptd under systemd on one node, without
# replicator and DRBD, so its write gate is always open.
agent=/usr/lib/ocf/resource.d/srp/target
clone=OCF_RESKEY_CRM_meta_promotable=true

# gate_open: the unit's srptd has no write gate from now on.
gate_open()
{
	mkdir -p /etc/systemd/system/srptd.service.d
	cat > /etc/systemd/system/srptd.service.d/gate.conf <<-'DROPIN'
	[Service]
	ExecStart=
	ExecStart=/usr/sbin/srptd -f -c /etc/srpt/srpt.conf --no-write-gate
	DROPIN
	systemctl daemon-reload
}

# agent_config GROUP-LINE...: one disk, in a device group with these lines if there are any.
agent_config()
{
	mkdir -p /etc/srpt
	{
		cat <<-CONF
		HANDLER vdisk_blockio {
			DEVICE disk01 {
				filename ${block:-/dev/ram0}
			}
		}
		TARGET_DRIVER ib_srpt {
			rdma_cm_port $port
			iwarp_port 127.0.0.1:5000
			TARGET srpt0 {
				enabled 1
				rel_tgt_id 1
				LUN 0 disk01
			}
		}
		CONF
		[ $# = 0 ] || printf '%s\n' 'DEVICE_GROUP dg {' "$@" 'DEVICE disk01' \
			'TARGET_GROUP here {' 'group_id 1' 'TARGET srpt0 {' 'rel_tgt_id 1' '}' '}' '}'
	} > /etc/srpt/srpt.conf
	run_ok check-config srptctl check-config
}

# agent ACTION [VARIABLE=VALUE...]: exit status to $status, standard error to $out/agent.log.
agent()
{
	local action=$1

	shift
	env OCF_ROOT=/usr/lib/ocf OCF_RA_VERSION_MAJOR=1 OCF_RESOURCE_INSTANCE=srpt \
		OCF_RESKEY_CRM_meta_timeout=60000 OCF_RESKEY_replicator_unit= "$@" \
		timeout 100 "$agent" "$action" 2> "$out/agent.log"
	status=$?
	say "agent $action $*: status $status $(tail -1 "$out/agent.log")"
}

# agent_is STATUS ACTION [VARIABLE=VALUE...]
agent_is()
{
	local want=$1

	shift
	agent "$@"
	expect "status of agent $*: $(tail -1 "$out/agent.log")" "$want" "$status"
}

# ocf_tester LOG [VARIABLE=VALUE...]: the whole of ocf-tester.
ocf_tester()
{
	local log=$1

	shift
	run_ok "$log" env "$@" ocf-tester -v -n srpt -o replicator_unit= "$agent"
	! grep -E '^\* ' "$out/$log" || fail "ocf-tester, $log"
}

srptd_pid()
{
	systemctl show -p MainPID --value srptd
}
