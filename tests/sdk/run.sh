#!/usr/bin/env bash
# Runs Clerk's official SDKs against the stand-alone emulator. Skips an SDK whose language is not installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

has() { for tool; do command -v "$tool" >/dev/null || return 1; done; }
js=no; py=no
if has node npm; then js=yes; else echo "skipped: the JavaScript SDK needs node and npm"; fi
if has python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; then py=yes; else
  echo "skipped: the Python SDK needs python3 with venv"
fi
[ "$js$py" != nono ] || exit 0

cargo build --quiet --all-features --example sessions_api
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
"$target/debug/examples/sessions_api" --addr 127.0.0.1:0 --secret-key sk_test_sdk \
  --user user_js --user user_py --template hasura >"$work/ready" &
server=$!
for _ in $(seq 200); do
  [ -s "$work/ready" ] && break
  sleep 0.05
done
ready=$(head -n 1 "$work/ready")
[ -n "$ready" ] || { echo "the emulator did not start" >&2; exit 1; }

if [ "$js" = yes ]; then
  cp "$here/javascript.mjs" "$work/"
  if (cd "$work" && npm install --silent --no-audit --no-fund --prefix . @clerk/backend@3 >/dev/null); then
    (cd "$work" && node javascript.mjs "$ready")
  else
    echo "skipped: the JavaScript SDK could not be installed"
  fi
fi
if [ "$py" = yes ]; then
  python3 -m venv "$work/venv"
  if "$work/venv/bin/pip" install --quiet --disable-pip-version-check 'clerk-backend-api>=7,<8'; then
    "$work/venv/bin/python" "$here/python.py" "$ready"
  else
    echo "skipped: the Python SDK could not be installed"
  fi
fi
