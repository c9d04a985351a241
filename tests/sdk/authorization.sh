#!/usr/bin/env bash
# Asks Clerk's own `createCheckAuthorization` what ours was asked. Skips where node or the package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/node"

with_package "Clerk's has" authorization.mjs @clerk/shared@4
PAIRS="$work/pairs" cargo test --quiet --all-features --test clerks_has >/dev/null
(cd "$work" && node authorization.mjs pairs)
