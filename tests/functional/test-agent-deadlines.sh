#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: no action of the agent outlasts its timeout, whatever hangs, and what it does instead
# shellcheck disable=SC2317  # functions called by together
# shellcheck source=tests/functional/agent.sh
. "${top_srcdir:?}/tests/functional/agent.sh"

# What hangs does so for 1000 s; an agent that waits for it is ended after 120 s, with status 124.
clone=(OCF_RESKEY_CRM_meta_promoted_max=1 OCF_RESKEY_CRM_meta_timeout=6000)
promoted=("${clone[@]}" OCF_RESKEY_CRM_meta_role=Promoted)

# A srptd that has crashed and is started anew by systemd is waited for, ...
monitor_resumed()
{
	answer srptctl-monitor '7 no' '0' '9 write gate' '8'
	answer systemctl-show '0 ActiveState=activating'
	agent monitor "${promoted[@]}" OCF_RESKEY_CRM_meta_timeout=30000
	expect_status 8 "${FUNCNAME[0]}"
}

# ... and for its role to come back, but not for ever.
monitor_not_resumed()
{
	answer srptctl-monitor '0'
	agent monitor "${promoted[@]}"
	expect_status 0 "${FUNCNAME[0]}"
}

monitor_not_started()
{
	answer srptctl-monitor '7 no'
	answer systemctl-show '0 ActiveState=activating'
	agent monitor "${promoted[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'srptd is activating'
}

promote_hangs()
{
	answer srptctl-promote hang
	agent promote "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'did not answer'
}

promote_waits_its_turn()
{
	answer srptctl-promote '10 another one' '0 done'
	agent promote "${clone[@]}"
	expect_status 0 "${FUNCNAME[0]}"
}

promote_waits_in_vain()
{
	answer srptctl-promote '10 another one'
	agent promote "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'another one'
}

promote_of_a_new_one()
{
	answer srptctl-promote '7 no' '0 done'
	answer systemctl-show '0 ActiveState=activating'
	agent promote "${clone[@]}"
	expect_status 0 "${FUNCNAME[0]}"
}

# A srptd that does not answer is replaced by one that is standby.
demote_replaces()
{
	answer srptctl-demote "$1" 0
	agent demote "${clone[@]}"
	expect_status 0 "${FUNCNAME[0]}"
	called '^systemctl kill -s KILL srptd$'
	called '^systemctl restart srptd$'
}

demote_hangs()
{
	demote_replaces hang
}

demote_fails()
{
	demote_replaces '1 srptctl: srptd did not answer'
}

demote_hangs_again()
{
	answer srptctl-demote hang
	agent demote "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'did not answer'
}

demote_cannot_replace()
{
	answer srptctl-demote hang
	answer systemctl-restart hang
	agent demote "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
}

start_hangs()
{
	answer systemctl-start hang
	agent start "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'not done in'
}

start_is_slow()
{
	answer srp-replicator-resource '1 no' 0
	answer srptctl-monitor '7 no' '1 no' '0'
	agent start "${clone[@]}" OCF_RESKEY_CRM_meta_timeout=30000
	expect_status 0 "${FUNCNAME[0]}"
}

start_without_answer()
{
	answer srptctl-monitor hang
	agent start "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'did not answer'
}

start_without_replicator()
{
	answer srp-replicator-resource '1 srp-replicator: it is not running'
	agent start "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'it is not running'
}

stop_kills()
{
	answer srptctl-demote hang
	answer systemctl-stop hang 0
	answer srptctl-monitor '7 no'
	agent stop "${clone[@]}"
	expect_status 0 "${FUNCNAME[0]}"
	called '^systemctl kill -s KILL srptd$'
}

stop_of_an_immortal()
{
	answer systemctl-show "0 $$"
	answer srptctl-monitor '7 no'
	agent stop "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says "process $$\\) does not end"
}

# The process is unknown to systemd, but the kernel has not taken its socket away.
stop_of_what_hangs_in_the_kernel()
{
	answer systemctl-stop hang
	answer srptctl-monitor hang
	agent stop "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
	says 'does not end'
}

reload_hangs()
{
	answer srptctl-reload hang
	agent reload "${clone[@]}"
	expect_status 1 "${FUNCNAME[0]}"
}

together monitor_resumed monitor_not_resumed monitor_not_started \
	promote_hangs promote_waits_its_turn promote_waits_in_vain promote_of_a_new_one \
	demote_hangs demote_fails demote_hangs_again demote_cannot_replace \
	start_hangs start_is_slow start_without_answer start_without_replicator \
	stop_kills stop_of_an_immortal stop_of_what_hangs_in_the_kernel reload_hangs
