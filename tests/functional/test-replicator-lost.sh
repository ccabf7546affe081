#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a node that Corosync has lost is fenced at once, by the one that does not serve later
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator lost
