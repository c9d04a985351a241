#!/usr/bin/env bash
# Clerk's own verifyWebhook judges the emulator's webhooks, and what it accepts and refuses is compared with this crate.
# Skips where node or Clerk's package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

if ! { command -v node && command -v npm; } >/dev/null; then
  echo "skipped: Clerk's verifyWebhook needs node and npm"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/webhooks.mjs" "$work/"
if ! (cd "$work" && npm install --silent --no-audit --no-fund --prefix . @clerk/backend@3 >/dev/null); then
  echo "skipped: Clerk's verifyWebhook could not be installed"
  exit 0
fi

cargo build --quiet --all-features --example sessions_api --example webhooks
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cd "$work"
node webhooks.mjs "$target/debug/examples"
