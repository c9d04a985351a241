#!/usr/bin/env bash
# Asks Clerk's own `createCheckAuthorization` what ours was asked. Skips where node or the package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "skipped: Clerk's has needs node and npm"; exit 0; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$here/authorization.mjs" "$work/"
if ! (cd "$work" && npm install --silent --no-audit --no-fund --prefix . @clerk/shared@4 >/dev/null); then
  echo "skipped: @clerk/shared could not be installed"
  exit 0
fi
PAIRS="$work/pairs" cargo test --quiet --all-features --test clerks_has >/dev/null
(cd "$work" && node authorization.mjs pairs)
