# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables of and for the scripts that include this
# A virtual machine as its host sees it; for tests/lab/vm and tests/lab/cluster. It is a directory:
#   root.qcow2       overlay of the image      console.log, qemu.log
#   qemu.pid         QEMU, while it lives      agent.in, agent.out   channel of the guest's agent
#   share/           /lab of the guest: cmd/ commands, their output and exit codes; out/ results

# vm_alive DIR
vm_alive()
{
	local pid args

	read -r pid 2> /dev/null < "$1/qemu.pid" || return 1
	mapfile -d '' args 2> /dev/null < "/proc/$pid/cmdline" || return 1
	[[ "${args[*]}" == *"$1/"* ]]
}

# vm_files DIR IMAGE: what a VM needs before its first boot; what one before it left goes, but its
# results stay.
vm_files()
{
	rm -rf "$1"/root.qcow2 "$1"/qemu.pid "$1"/agent.{in,out} "$1"/share/{cmd,pkg,guest,cases,bin}
	mkdir -p "$1"/share/{cmd,out,pkg} && cp -r "$here/guest" "$here/cases" "$1/share/" &&
		mkfifo "$1/agent.in" "$1/agent.out" &&
		qemu-img create -q -f qcow2 -F raw -b "$2/root.img" "$1/root.qcow2"
}

# vm_debs DIR DEB-DIRECTORY: copy what the guest installs. Symbols stay outside, and the source of
# the kernel module: the image has what modules has made of it.
vm_debs()
{
	find "$2" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' ! -name '*-dkms_*' \
		-exec cp -t "$1" {} +
}

# vm_packages DIR DEB-DIRECTORY TREE: what the guest installs when it boots first; either
# may be ''.
vm_packages()
{
	[ -z "$2" ] || vm_debs "$1/share/pkg" "$2" || return 1
	[ -z "$3" ] || cp -r "$3" "$1/share/pkg/tree"
}

# vm_image_with DIR IMAGE DEB-DIRECTORY: DIR/image, a copy of the image with these packages: seconds,
# and under TCG a minute. False where that is not permitted; the guest does it then.
vm_image_with()
{
	local dir=$1 file

	shift
	rm -rf "$dir/image"
	mkdir -p "$dir/image/root" || return 1
	for file in vmlinuz initrd.gz; do
		ln -s "$1/$file" "$dir/image/" || return 1
	done
	cp --sparse=always --reflink=auto "$1/root.img" "$dir/image/" || return 1
	mkdir "$dir/image/deb" && vm_debs "$dir/image/deb" "$2" || return 1
	# The mount ends with the namespace.
	# shellcheck disable=SC2016  # for the other shell
	unshare -m bash -euc '
	mount -o loop "$1/root.img" "$1/root"
	cp -r "$1/deb" "$1/root/tmp/"
	DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$1/root" \
		sh -c "dpkg -i --force-unsafe-io /tmp/deb/*.deb"
	rm -r "$1/root/tmp/deb"
	touch "$1/root/var/lib/lab-installed"' - "$dir/image" > "$dir/install.log" 2>&1
}

# vm_args DIR IMAGE CPUS MIB KERNEL-ARGUMENTS: QEMU's arguments of every VM, in the array vm_args.
#
# maxcpus: for a machine that can have only one CPU, QEMU leaves the barriers out of locked
# instructions. Its own threads run beside that CPU all the same: a virtio queue then misses a
# notification now and then and stands still for good: a network that is gone, with its link up.
vm_args()
{
	# shellcheck disable=SC2054  # the commas are QEMU's
	vm_args=(-accel tcg,thread=multi -cpu max -smp "$3,maxcpus=$(($3 + 1))" -m "$4"
		-display none -no-reboot
		-kernel "$2/vmlinuz" -initrd "$2/initrd.gz"
		-append "console=ttyS0 panic=-1 no_timer_check loglevel=4 net.ifnames=0 $5"
		-drive "file=$1/root.qcow2,if=virtio,format=qcow2,cache=unsafe"
		-device virtio-rng-pci
		-chardev "pipe,id=agent,path=$1/agent"
		-device virtio-serial-pci -device "virtserialport,chardev=agent,name=agent"
		-virtfs "local,path=$1/share,mount_tag=lab,security_model=none,multidevs=remap"
		-chardev "file,id=c0,path=$1/console.log,append=on" -serial chardev:c0
		-monitor none -pidfile "$1/qemu.pid")
}

# vm_tell DIR LINE: to the agent; does not wait for it.
vm_tell()
{
	echo "$2" 1<> "$1/agent.in"
}

# vm_next DIR: the number of the next command
vm_next()
{
	local n

	exec 7> "$1/lock"
	flock 7
	n=$(($(cat "$1/count" 2> /dev/null || echo 0) + 1))
	echo $n > "$1/count"
	exec 7>&-
	printf %05d $n
}

# vm_exec DIR LIMIT COMMAND: its output and exit code; 124 after the time limit, 255 when the VM
# died or no longer reacts. Several may be under way.
vm_exec()
{
	local dir=$1 limit=$2 id cmd=$1/share/cmd shown=0 deadline boot rc

	vm_alive "$dir" || { echo "${0##*/}: no VM is running in $dir" >&2; return 255; }
	boot=$(< "$dir/qemu.pid")
	id=$(vm_next "$dir")
	printf '%s\n' "$3" > "$cmd/$id.sh"
	vm_tell "$dir" "$id $limit"
	deadline=$((SECONDS + limit + 20))
	while [ ! -s "$cmd/$id.rc" ]; do
		vm_output "$cmd/$id.out"
		if [ "$(cat "$dir/qemu.pid" 2> /dev/null)" != "$boot" ] || ! vm_alive "$dir"; then
			sleep 0.2
			[ -s "$cmd/$id.rc" ] || rc=255
			break
		elif [ $SECONDS -gt $deadline ]; then
			rc=255
			break
		fi
		sleep 0.05
	done
	vm_output "$cmd/$id.out"
	rc=${rc:-$(cat "$cmd/$id.rc")}
	rm -f "$cmd/$id".*
	return "$rc"
}

# vm_output FILE: pass on to file descriptor 3 what was written since byte $shown.
vm_output()
{
	local size

	size=$(stat -c %s "$1" 2> /dev/null) && [ "$size" -gt "$shown" ] || return 0
	tail -c +$((shown + 1)) "$1" | head -c $((size - shown)) >&3
	shown=$size
}

# vm_wait DIR SECONDS: until the VM is prepared; false when it could not be, with the reason said.
vm_wait()
{
	local dir=$1 end=$((SECONDS + $2)) n=0

	until [ -s "$dir/share/cmd/ready" ]; do
		sleep 0.1
		n=$((n + 1))
		if [ $SECONDS -ge $end ] || { [ $n -gt 50 ] && ! vm_alive "$dir"; }; then
			tail -n 20 "$dir/console.log" "$dir/qemu.log" >&2
			echo "${0##*/}: the VM in $dir did not come up" >&2
			return 1
		fi
	done
	[ "$(cat "$dir/share/cmd/ready")" != 0 ] || return 0
	tail -n 20 "$dir/share/out/prepare.log" >&2
	echo "${0##*/}: the VM could not be prepared, see $dir/share/out/prepare.log" >&2
	return 1
}

# vm_kill DIR: SIGKILL, and wait until it is gone.
vm_kill()
{
	local pid

	vm_alive "$1" || return 0
	pid=$(< "$1/qemu.pid")
	kill -KILL "$pid"
	while [ -d "/proc/$pid/fd" ] && vm_alive "$1"; do
		sleep 0.01
	done
	rm -f "$1/share/cmd/ready"
}

# vm_poweroff DIR: 10 s for the guest to do it.
vm_poweroff()
{
	local n=0

	vm_alive "$1" && vm_tell "$1" stop
	while vm_alive "$1" && [ $n -lt 100 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	vm_kill "$1"
	rm -rf "$1/root.qcow2" "$1/qemu.pid" "$1/image"
}
