/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the SRP server over a fake device server begin and end with. */
#ifndef SRP_UTIL_H
#define SRP_UTIL_H

#include "fake_scsi.h"
#include "srp_env.h"

#include <stdlib.h>

static inline int srp_setup(void **state, unsigned reactors, uint32_t imm_offset)
{
	struct srp_env *e = malloc(sizeof(*e));

	assert_non_null(e);
	srp_env_init(e, reactors);
	e->imm_offset = imm_offset;
	fake_scsi_init(&e->control);
	srp_env_open(e);
	*state = e;
	return 0;
}

static inline int teardown(void **state)
{
	struct srp_env *e = *state;

	srp_env_close(e);
	assert_int_equal(fake_scsi.nexuses, 0);
	srp_env_fini(e);
	free(e);
	return 0;
}

#endif
