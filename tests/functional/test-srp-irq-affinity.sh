#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-irq-affinity deals the interrupts of an adapter to the CPUs near it, and to no others
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
device=$work/sys/class/infiniband/mlx5_0/device

affinity()
{
	SRP_IRQ_SYS=$work/sys SRP_IRQ_PROC=$work/proc \
		sh "$top_srcdir/conf/initiator/srp-irq-affinity" "$@" > "$work/out" 2>&1
}

mkdir -p "$device/msi_irqs" "$work/sys/class/infiniband/rxe0"
echo 2-3,8 > "$device/local_cpulist"
for irq in 9 10 11 100 200; do
	touch "$device/msi_irqs/$irq"
	mkdir -p "$work/proc/irq/$irq"
	echo old > "$work/proc/irq/$irq/smp_affinity_list"
done
rm -r "$work/proc/irq/200"

expect 0 affinity --dry-run
shows '^irq 9: CPU 2$'
grep -qx old "$work/proc/irq/9/smp_affinity_list" || fail '--dry-run writes'
expect 0 affinity
got=$(cd "$work/proc/irq" && grep -h . {9,10,11,100}/smp_affinity_list | xargs)
[ "$got" = '2 3 8 2' ] || fail "CPUs $got"
shows '^rxe0: no interrupts'
expect 1 affinity mlx5_7
shows 'no RDMA device mlx5_7'
rm "$work/proc/irq/9/smp_affinity_list"
mkdir "$work/proc/irq/9/smp_affinity_list"
expect 1 affinity mlx5_0
shows 'irq 9 cannot be moved'
shows '^irq 100: CPU 2$'
expect 2 affinity --what
