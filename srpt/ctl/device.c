/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/device.h"

#include "ctl/device_params.h"
#include "ctl/ha_live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool must_be_parked(const struct device *d)
{
	enum ha_access access = ha_access(d);

	return access != HA_ACCESS_FREE && access != HA_ACCESS_OPEN;
}

int device_params(struct device *d, struct backend_params *p)
{
	*p = backend_params_make(d->conf);
	p->parked = must_be_parked(d);
	if (ha_access(d) != HA_ACCESS_GATED)
		return 0;
	snprintf(d->error, sizeof(d->error), "the write gate of its device group is closed");
	return -EAGAIN;
}

bool device_backend_fits(const struct device *d, const struct backend *be)
{
	return backend_is_parked(be) == must_be_parked(d);
}

int device_backend_open(struct device *d)
{
	struct backend_params p;
	int rc = device_params(d, &p);

	if (!rc)
		rc = backend_open(&p, &d->be, d->error, sizeof(d->error));
	if (rc && !d->error[0])
		snprintf(d->error, sizeof(d->error), "%s", strerror(-rc));
	return rc;
}

void device_attach_error(struct device *d, int status)
{
	snprintf(d->error, sizeof(d->error), "cannot be attached: %s", strerror(-status));
}

/* What is kept of the device goes into @p; p->state is the caller's to free. */
static int state_get(struct device *d, struct lu_params *p)
{
	struct state_store *store = ha_store(d);
	char key[LU_STATE_KEY_SIZE];
	void *state;
	int rc;

	if (!store)
		return 0;
	lu_state_key(p->naa, key);
	rc = state_load(store, key, &state, &p->state_len, d->error, sizeof(d->error));
	if (rc)
		return rc;
	p->store = &store->lu;
	p->state = state;
	return 0;
}

static void create_error(struct device *d, const struct lu_params *p, int rc)
{
	char key[LU_STATE_KEY_SIZE];

	lu_state_key(p->naa, key);
	if (rc == -EINVAL && p->state)
		snprintf(d->error, sizeof(d->error), "the state kept of it is not of this version "
			 "of srptd: run the later one, or move away lu/%s in state_dir to go on "
			 "without the reservations and mode pages kept in it", key);
	else
		device_attach_error(d, rc);
}

int device_lu_create(struct device *d, void (*done)(void *d, struct lu *lu, int status))
{
	const struct conf_device *c = d->conf;
	char serial[37];
	struct lu_params p = {
		.name = c->name,
		.vendor = c->t10_vend_id,
		.product = c->prod_id,
		.revision = c->prod_rev_lvl,
		.serial = serial,
		.t10_id = c->t10_dev_id[0] ? c->t10_dev_id : NULL,
		.thin_provisioned = c->thin_provisioned,
	};
	int rc;

	conf_device_serial(c, serial);
	conf_device_naa(c, p.naa);
	rc = state_get(d, &p);
	if (rc)
		return rc;
	rc = lu_create(d->live->scsi, &p, d->be, done, d);
	if (rc)
		create_error(d, &p, rc);
	free((void *)(uintptr_t)p.state);
	return rc;
}
