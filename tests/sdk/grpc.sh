#!/usr/bin/env bash
# Asks the tonic example with Google's gRPC for Python. Skips where Python or its packages are not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "skipped: gRPC for Python needs python3 with venv"
  exit 0
fi

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

python3 -m venv "$work/venv"
if ! "$work/venv/bin/pip" install --quiet --disable-pip-version-check grpcio grpcio-tools; then
  echo "skipped: gRPC for Python could not be installed"
  exit 0
fi
"$work/venv/bin/python" -m grpc_tools.protoc -I examples/proto \
  --python_out="$work" --grpc_python_out="$work" identity.proto

cargo build --quiet --all-features --example tonic
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
env -u CLERK_SECRET_KEY ADDR=127.0.0.1:0 "$target/debug/examples/tonic" >"$work/printed" &
server=$!
for _ in $(seq 200); do
  grep -q '^token: ' "$work/printed" && break
  sleep 0.05
done
address=$(sed -n 's|^listening on http://||p' "$work/printed")
token=$(sed -n 's/^token: //p' "$work/printed")
[ -n "$address" ] && [ -n "$token" ] || { echo "the tonic example did not start" >&2; exit 1; }

PYTHONPATH=$work "$work/venv/bin/python" "$here/grpc_client.py" "$address" "$token"
