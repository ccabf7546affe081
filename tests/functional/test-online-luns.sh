#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: LUNs are added, removed and replaced under sessions, which are told
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

online luns
