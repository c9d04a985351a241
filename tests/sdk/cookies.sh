#!/usr/bin/env bash
# Asks Clerk's own `authenticateRequest` whom it admits by the cookies that our layer was asked about. Skips where node
# or the package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/node"

with_package "Clerk's authenticateRequest" cookies.mjs @clerk/backend@3
REQUESTS="$work/requests" cargo test --quiet --all-features --test clerks_cookies >/dev/null
(cd "$work" && node cookies.mjs requests)
