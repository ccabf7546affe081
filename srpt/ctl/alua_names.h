/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of asymmetric access states for people and configuration files. Pure. */
#ifndef SRPT_CTL_ALUA_NAMES_H
#define SRPT_CTL_ALUA_NAMES_H

#include "ctl/conf.h"
#include "scsi/scsi.h"

#include <stdbool.h>

enum alua_state alua_state_of_conf(enum conf_alua_state state);

/* As the configuration names it. */
const char *alua_state_name(enum alua_state state);

/* One of these names, or one that other tools use for it ("active/optimized"), in any case. */
bool alua_state_parse(const char *text, enum alua_state *state);

#endif
