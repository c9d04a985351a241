#!/usr/bin/env bash
# Asks Clerk's own `authenticateRequest` whom it admits by the cookies that our layer was asked about. Skips where node
# or the package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "skipped: Clerk's authenticateRequest needs node and npm"; exit 0; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$here/cookies.mjs" "$work/"
if ! (cd "$work" && npm install --silent --no-audit --no-fund --prefix . @clerk/backend@3 >/dev/null); then
  echo "skipped: @clerk/backend could not be installed"
  exit 0
fi
REQUESTS="$work/requests" cargo test --quiet --all-features --test clerks_cookies >/dev/null
(cd "$work" && node cookies.mjs requests)
