#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a promotion that may wait for DRBD has it made Secondary where it is left and Primary here
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator hasten
