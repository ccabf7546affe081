#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping survives targets that break the rules (read), and tells it by its exit status
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

hostile_target read
