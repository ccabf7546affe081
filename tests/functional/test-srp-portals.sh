#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-portals makes logins of SRV, TXT and address records, and of bad ones none
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
guids=id_ext=0002c90300a1b201,ioc_guid=0002c90300a1b200

cat > "$work/zone" << ZONE
_srp._tcp.san.test SRV 20 5556 node2.test
_srp._tcp.san.test SRV 10 5555 node1.test
_srp._tcp.node1.test TXT $guids
_srp._tcp.node2.test TXT id_ext=2|ioc_guid=1,initiator_ext=7
node1.test A 203.0.113.1
node1.test A 203.0.113.9
node1.test AAAA 2001:db8::1
node2.test AAAA 2001:db8::2
_srp._tcp.part.test SRV 0 5555 bare.test
_srp._tcp.part.test SRV 0 5555 nowhere.test
_srp._tcp.part.test SRV 0 0 node1.test
_srp._tcp.part.test SRV 0 5555 .
_srp._tcp.part.test SRV 5 5555 node1.test
bare.test A 203.0.113.3
_srp._tcp.nowhere.test TXT $guids
_srp._tcp.evil.test SRV 0 1 evil1.test
_srp._tcp.evil.test SRV 0 1 evil2.test
_srp._tcp.evil.test SRV 0 1 evil3.test
_srp._tcp.evil.test SRV 0 1 evil4.test
_srp._tcp.evil1.test TXT $guids;reboot
_srp._tcp.evil2.test TXT $guids,dest=203.0.113.66:1
_srp._tcp.evil3.test TXT $guids dest
_srp._tcp.evil4.test TXT id_ext=1,xioc_guid=2
evil1.test A 203.0.113.4
evil2.test A 203.0.113.4
evil3.test A 203.0.113.4
evil4.test A 203.0.113.4
_srp._tcp.silent.test SILENT
_srp._tcp.bad0.test BAD c00c0021000100000000ffff0000
_srp._tcp.bad1.test BAD c00c00210001000000000006000000001234
_srp._tcp.bad2.test BAD c00c00210001000000000008000000001234c0ff
_srp._tcp.bad3.test BAD c00c0021000100000000000a00000000123403616263
_srp._tcp.bad4.test BAD ffffffff
_srp._tcp.badtxt.test SRV 0 1 badtxt1.test
_srp._tcp.badtxt1.test BAD c00c001000010000000000045f616263
badtxt1.test A 203.0.113.4
_srp._tcp.badaddr.test SRV 0 1 badaddr1.test
_srp._tcp.badaddr1.test TXT $guids
badaddr1.test BAD c00c00010001000000000003010203
ZONE
python3 "$top_srcdir/tests/functional/dns.py" "$work/port" "$work/zone" 2> "$work/log" &
job=$!
within 10 test -e "$work/port"
server=127.0.0.1:$(cat "$work/port")

portals()
{
	timeout 60 "$build/../initiator/srp-portals" -s "$server" "$1" > "$work/out" 2> "$work/peer"
}

# none NAME: no login, and the reason on one line for each.
none()
{
	expect 1 portals "$1"
	[ ! -s "$work/out" ] || fail "$1: a login"
	[ -s "$work/peer" ] || fail "$1: no reason"
}

expect 0 portals san.test
cat > "$work/want" << WANT
$guids,dest=203.0.113.1:5555
id_ext=2,ioc_guid=1,initiator_ext=7,dest=[2001:db8::2]:5556
WANT
diff "$work/want" "$work/out" || fail 'not these logins'
[ ! -s "$work/peer" ] || fail 'complaints about good records'
# What cannot be used is left out and named; the rest is there.
expect 0 portals part.test
[ "$(cat "$work/out")" = "$guids,dest=203.0.113.1:5555" ] || fail 'not this login'
grep -q '^srp-portals: _srp._tcp.bare.test: no TXT' "$work/peer" || fail 'no word of the TXT'
grep -q '^srp-portals: nowhere.test: no address' "$work/peer" || fail 'no word of the address'
none evil.test
[ "$(wc -l < "$work/peer")" -ge 4 ] || fail 'not each of four is named'
none absent.test
for name in bad0 bad1 bad2 bad3 bad4 badtxt badaddr; do
	none $name.test
done
expect 3 portals silent.test
expect 2 "$build/../initiator/srp-portals" -s 203.0.113.1:70000 san.test 2> /dev/null
expect 2 "$build/../initiator/srp-portals" 2> /dev/null
