#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a lease is renewed before it ends
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator renew
