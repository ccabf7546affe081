# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by the cases that include it
# For the cases passthrough-*, instead of lib.sh: a device of the kernel's scsi_debug that srptd, as user
# nobody, exports as it is, and whether an initiator gets the answers a program on this host gets.
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

# scsi_debug_load PARAMETER=VALUE...: sets address (H:C:I:L) and local_sg.
scsi_debug_load()
{
	wait_for 10 unload scsi_debug || fail 'rmmod scsi_debug'
	modprobe scsi_debug "$@" || fail "modprobe scsi_debug $*"
	wait_for 10 scsi_debug_found || fail 'scsi_debug makes no device'
}

scsi_debug_found()
{
	local d

	for d in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*:*:*:*/scsi_generic/sg*; do
		[ -c "/dev/${d##*/}" ] || continue
		local_sg=/dev/${d##*/}
		address=$(basename "$(dirname "$(dirname "$d")")")
		return
	done
	return 1
}

# srptd_start_nobody: without a capability and with no more than the node it needs.
srptd_start_nobody()
{
	install -d -o nobody "$work/state"
	daemon_lines+=("state_dir $work/state")
	write_config > "$conf"
	chown nobody "$local_sg"
	setpriv --reuid nobody --regid nogroup --clear-groups --bounding-set=-all --no-new-privs \
		srptd -f -c "$conf" >> "$out/srptd.log" 2>&1 &
	srptd_pid=$!
	wait_for 15 srptd_answers || fail 'srptd did not start as nobody'
	expect 'user' nobody "$(stat -c %U "/proc/$srptd_pid")"
}

tur_good()
{
	sg_turs "$1" > /dev/null 2>&1
}

has_sg()
{
	sg_of "$@" > /dev/null
}

# login_sg: as login, but LUN 0 may be no disk. Sets sg; no unit attention is left.
login_sg()
{
	local string

	[ -e /sys/module/ib_srp ] || initiator
	string=$(login_string)
	[ -n "$string" ] || fail 'no login string'
	try_login "$string,tl_retry_count=6" || fail "login refused: $(cat "$out/add_target.err")"
	wait_for 10 has_sg 0 || fail 'no device for LUN 0'
	sg=$(sg_of 0)
	# Unit attentions of the device, and then of the login.
	wait_for 10 tur_good "$local_sg" || fail 'TEST UNIT READY on this host'
	wait_for 10 tur_good "$sg" || fail 'TEST UNIT READY'
}

# raw_answer FILE LENGTH DEVICE CDB-BYTE...: status, sense and data.
raw_answer()
{
	local file=$1 length=$2 device=$3
	local -a want=()

	shift 3
	[ "$length" = 0 ] || want=(-r "$length")
	sg_raw "${want[@]}" "$device" "$@" > "$out/raw" 2>&1
	echo "exit code $?" >> "$out/raw"
	sed -E 's,/dev/sg[0-9]+,/dev/sgN,g' "$out/raw" > "$file"
}

# same_answer NAME LENGTH CDB-BYTE...: through srptd as on this host; leaves it in $out/NAME.
same_answer()
{
	local name=$1 length=$2

	shift 2
	raw_answer "$out/$name.here" "$length" "$local_sg" "$@"
	raw_answer "$out/$name" "$length" "$sg" "$@"
	say "$name: $(tail -1 "$out/$name")"
	diff "$out/$name.here" "$out/$name" || fail "$name: another answer than on this host"
}

# What every device answers, and every one refuses.
same_answers()
{
	same_answer tur 0 00 00 00 00 00 00
	same_answer inquiry 255 12 00 00 00 ff 00
	same_answer inquiry-37 37 12 00 00 00 25 00
	same_answer vpd00 252 12 01 00 00 fc 00
	same_answer vpd80 252 12 01 80 00 fc 00
	same_answer vpd83 252 12 01 83 00 fc 00
	same_answer vpd-none 252 12 01 c7 00 fc 00
	same_answer modes-6 252 1a 00 3f 00 fc 00
	same_answer modes-10 512 5a 00 3f 00 00 00 00 02 00 00
	same_answer log-pages 512 4d 00 40 00 00 00 00 02 00 00
	same_answer opcodes 8192 a3 0c 00 00 00 00 00 00 20 00 00 00
	same_answer vendor 0 c5 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
	expect_match 'vendor command' '[Ii]nvalid command operation code' "$out/vendor"
}
