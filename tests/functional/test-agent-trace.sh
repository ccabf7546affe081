#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: trace_ra=1 leaves a trace of the agent, as with every agent; without it there is none
# shellcheck source=tests/functional/agent.sh
. "${top_srcdir:?}/tests/functional/agent.sh"

traces()
{
	find "$work/trace" -type f -exec grep -l target_validate {} + 2> /dev/null
}

agent reload-agent OCF_RESOURCE_TYPE=target OCF_RESKEY_trace_dir="$work/trace"
expect_status 0 'without a trace'
[ -z "$(traces)" ] || fail 'a trace that nobody asked for'
agent reload-agent OCF_RESOURCE_TYPE=target OCF_RESKEY_trace_dir="$work/trace" OCF_RESKEY_trace_ra=1
expect_status 0 'with a trace'
[ -n "$(traces)" ] || fail 'no trace'
