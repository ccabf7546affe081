// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Says in the PortInfo of InfiniBand ports that a device management agent answers there
 * (IsDeviceManagementSupported, IBA 14.2.5.6): srptd. User space has no call for that. What it has
 * set it clears when it goes. Not beside ib_srpt, the kernel's own such agent, which sets and
 * clears this bit of every port without asking who else does.
 */
#include <linux/module.h>
#include <linux/namei.h>
#include <rdma/ib_mad.h>

static char *ports[64];
static unsigned int n_ports;
module_param_array(ports, charp, &n_ports, 0444);
MODULE_PARM_DESC(ports, "Ports with an agent: DEVICE/PORT, separated by commas");

static bool is_named(struct ib_device *dev, u32 port)
{
	char name[IB_DEVICE_NAME_MAX + 12];

	snprintf(name, sizeof(name), "%s/%u", dev_name(&dev->dev), port);
	return match_string((const char *const *)ports, n_ports, name) >= 0;
}

/* Sets the ports that are named and clears others; mine are the ports that this has set. */
static void isdm_update(struct ib_device *dev, unsigned long *mine, bool stays)
{
	struct ib_port_modify how[] = { { .clr_port_cap_mask = IB_PORT_DEVICE_MGMT_SUP },
					{ .set_port_cap_mask = IB_PORT_DEVICE_MGMT_SUP } };
	struct ib_port_attr attr;
	u32 port;

	rdma_for_each_port(dev, port) {
		bool want = stays && is_named(dev, port);

		if (want == test_bit(port, mine) || ib_query_port(dev, port, &attr) ||
		    want == !!(attr.port_cap_flags & IB_PORT_DEVICE_MGMT_SUP))
			continue;
		if (!ib_modify_port(dev, port, 0, &how[want]))
			__change_bit(port, mine);
	}
}

static void isdm_rename(struct ib_device *dev, void *mine)
{
	isdm_update(dev, mine, true);
}

static void isdm_remove(struct ib_device *dev, void *mine)
{
	isdm_update(dev, mine, false);
	bitmap_free(mine);
}

static int isdm_add(struct ib_device *dev);
static struct ib_client client = { .name = "srpt_isdm", .add = isdm_add,
				   .rename = isdm_rename, .remove = isdm_remove };

static int isdm_add(struct ib_device *dev)
{
	unsigned long *mine = bitmap_zalloc(rdma_end_port(dev) + 1, GFP_KERNEL);

	if (!mine)
		return -ENOMEM;
	ib_set_client_data(dev, &client, mine);
	isdm_update(dev, mine, true);
	return 0;
}

/* An error keeps it from being loaded. */
static int module_event(struct notifier_block *nb, unsigned long state, void *mod)
{
	return state == MODULE_STATE_COMING && !strcmp(((struct module *)mod)->name, "ib_srpt") ?
		notifier_from_errno(-EBUSY) : NOTIFY_DONE;
}
static struct notifier_block module_notifier = { .notifier_call = module_event };

static int __init isdm_init(void)
{
	struct path path;

	/* Which modules are loaded is to be seen in sysfs only. */
	if (kern_path("/sys/module/ib_srpt", 0, &path))
		return ib_register_client(&client) ?: register_module_notifier(&module_notifier);
	path_put(&path);
	pr_err("srpt_isdm: not beside ib_srpt\n");
	return -EBUSY;
}

static void __exit isdm_exit(void)
{
	unregister_module_notifier(&module_notifier);
	ib_unregister_client(&client);
}

module_init(isdm_init);
module_exit(isdm_exit);
MODULE_LICENSE("GPL");
