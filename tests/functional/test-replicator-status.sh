#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-replicator: what it shows, resources and their scores, exit statuses
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator status
