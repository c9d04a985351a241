#!/usr/bin/env bash
# Clerk's own verifyWebhook judges the emulator's webhooks, and what it accepts and refuses is compared with this crate.
# Skips where node or Clerk's package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/node"

with_package "Clerk's verifyWebhook" webhooks.mjs @clerk/backend@3
cargo build --quiet --all-features --example sessions_api --example webhooks
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cd "$work"
node webhooks.mjs "$target/debug/examples"
