# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of srp-fence-peer: DRBD's question, a file for Pacemaker's CIB, one for /proc/drbd, and a
# handler that tells how it was called. Sourced.
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
program=$build/../fence/srp-fence-peer
[ -x "$program" ] || skip 'configured --without-cluster'
node=$(uname -n)
question=(env DRBD_RESOURCE=r0 DRBD_PEER=the-peer 'DRBD_MINOR=0 1' 'OTHER=a b' "CIB_file=$work/cib")

# cib STATE: of two nodes; STATE are attributes of the peer's node_state.
cib()
{
	cat > "$work/cib" << CIB
<cib validate-with="pacemaker-3.0" epoch="9" num_updates="3" admin_epoch="0" have-quorum="1" dc-uuid="1">
  <configuration>
    <crm_config>
      <cluster_property_set id="p">
        <nvpair id="p-s" name="stonith-enabled" value="true"/>
      </cluster_property_set>
    </crm_config>
    <nodes>
      <node id="1" uname="$node"/>
      <node id="2" uname="the-peer"/>
    </nodes>
    <resources>
      <clone id="drbd-clone">
        <primitive id="drbd" class="ocf" provider="linbit" type="drbd">
          <instance_attributes id="d">
            <nvpair id="d-r" name="drbd_resource" value="r0"/>
          </instance_attributes>
        </primitive>
      </clone>
    </resources>
    <constraints/>
  </configuration>
  <status>
    <node_state id="1" uname="$node" in_ccm="true" crmd="online" join="member" expected="member"/>
    <node_state id="2" uname="the-peer" $1/>
  </status>
</cib>
CIB
	cp "$work/cib" "$work/cib.before"
}

cib_fenced()
{
	cib 'in_ccm="false" crmd="offline" join="down" expected="down"'
}

# disks OWN/PEER OWN/PEER: of the volumes with the minors 0 and 1.
disks()
{
	cat > "$work/drbd" << DRBD
version: 8.4.11 (api:1/proto:86-101)

 0: cs:WFConnection ro:Primary/Unknown ds:$1 C r-----
    ns:0 nr:0 dw:0 dr:2128 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:WFConnection ro:Primary/Unknown ds:$2 C r-----
    ns:0 nr:0 dw:0 dr:16 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
DRBD
}

# What it finds: arguments, environment, signals, files that are not its own, mask and lock. Its exit
# status is 5.
cat > "$work/handler" << HANDLER
#!/bin/bash
{
	printf 'argument <%s>\n' "\$@"
	env | sort | grep -E '^(DRBD|CIB_file|OTHER)' | sed 's/^/variable /'
	grep -E '^Sig(Blk|Ign)' /proc/self/status
	readlink /proc/\$\$/fd/* | grep -E '^(socket|anon_inode|/dev/shm)|fence[.]r0' | sed 's/^/file /'
	echo "mask \$(umask)"
	flock -n '$work/lock/fence.r0' echo lock free
} > '$work/called'
exit 5
HANDLER
chmod +x "$work/handler"

# fence_peer ARGUMENT...: both outputs in $work/out, its exit status.
fence_peer()
{
	rm -f "$work/called"
	"${question[@]}" timeout 60 "$program" --lock-dir "$work/lock" --proc-drbd "$work/drbd" "$@" > "$work/out" 2>&1
}

# fence_peer_with NAME=VALUE...: the same with these variables, and the handler without arguments.
fence_peer_with()
{
	rm -f "$work/called"
	"${question[@]}" env "$@" timeout 60 "$program" --lock-dir "$work/lock" --proc-drbd "$work/drbd" \
		"$work/handler" > "$work/out" 2>&1
}

# handed_over REGEX: the handler was called for this reason, and nothing was changed before.
handed_over()
{
	shows "$1: .*/handler is asked"
	[ -e "$work/called" ] || fail 'the handler was not called'
	cmp "$work/cib.before" "$work/cib" || fail 'the CIB has changed'
}
