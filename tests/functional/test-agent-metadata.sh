#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the agent is good shell for any POSIX sh, and its meta-data fit the schemas and what it does
# shellcheck source=tests/functional/agent.sh
. "${top_srcdir:?}/tests/functional/agent.sh"
schemas=/usr/share/resource-agents

shellcheck "$agent" > "$work/out" || fail shellcheck
dash -n "$agent" || fail 'dash -n'

# Nothing is needed for it but cat; what the cluster asks for is XML.
env -i PATH=/usr/bin:/bin "$agent" meta-data > "$work/meta" 2> "$work/out" || fail 'meta-data fails'
[ ! -s "$work/out" ] || fail 'meta-data has errors'

# The DTD of OCF 1.0 is what ocf-tester takes, with what the document adds to it. The schema of
# resource-agents does not know the attribute reloadable of OCF 1.1.
(cd "$schemas" && xmllint --noout --valid -) < "$work/meta" 2> "$work/out" || fail 'not valid by ra-api-1.dtd'
sed 's/ reloadable="1"//; /^<!DOCTYPE/,/^\]>/d' "$work/meta" > "$work/plain"
xmllint --noout --relaxng "$schemas/metadata.rng" "$work/plain" 2> "$work/out" ||
	fail 'not valid by metadata.rng'

# Each parameter that is read is documented, with the default it has, and no other; trace_ra is that
# of every agent.
documented=$(sed -nE 's/^<parameter name="([^"]*)".*/\1/p' "$work/meta" | sort)
read=$(grep -oE 'OCF_RESKEY_[a-z][a-z_]+' "$agent" | sed 's/OCF_RESKEY_//' | grep -vx trace_ra |
	sort -u)
[ "${documented:-none}" = "$read" ] ||
	fail "parameters: $(diff <(echo "$documented") <(echo "$read"))"
while read -r name; do
	default=$(sed -n "/^<parameter name=\"$name\"/,/^<\\/parameter>/s/.* default=\"\\(.*\\)\".*/\\1/p" "$work/meta")
	used=$(sed -nE "s/^$name=\\\$\\{OCF_RESKEY_$name:?-(.*)\\}\$/\\1/p" "$agent")
	# shellcheck disable=SC2016  # the text of the agent
	[ "$used" != '$default_config' ] || used=$(sed -n 's/^default_config=//p' "$agent")
	# 0 stands for what the timeout allows.
	[ "$used" = "$default" ] || fail "$name: the default is '$used', documented is '$default'"
done <<< "$documented"

# Each action that has meta-data is one that it knows, and each that it knows has.
answer srptctl-monitor 0
sed -nE 's/^<action name="([^"]*)".*/\1/p' "$work/meta" | sort -u > "$work/actions"
while read -r action; do
	agent "$action" OCF_RESKEY_CRM_meta_promoted_max=1 OCF_RESKEY_CRM_meta_timeout=3000
	[ "$status" != 3 ] || fail "$action is not known"
done < "$work/actions"
agent usage
known=$(tr -d '\n' < "$work/stdout" | sed -E 's/.*\{(.*)\}/\1/; s/\|?usage//' | tr '|' '\n' | sort)
[ "$known" = "$(cat "$work/actions")" ] || fail 'usage and meta-data name different actions'
