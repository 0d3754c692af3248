#!/bin/sh
# Proves the image's steps without Docker: installs what deploy/Dockerfile installs into a fresh virtual environment,
# starts the bot there as nobody in particular, on a file system that it cannot write to but for its data, and asks it.
#
#   deploy/prove.sh [MODELS_DIR]       the models to serve; .parley/models unless named
#
# It needs Python 3.11 and a package index, and ends with 0 if everything holds.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
models=$(cd "${1:-$root/.parley/models}" && pwd)
python=${PYTHON:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
say() { printf '%s\n' "prove: $*" >&2; }

say "installing from deploy/requirements.lock, hash by hash"
"$python" -m venv "$work/run"
"$work/run/bin/pip" install --quiet --require-hashes --only-binary :all: -r "$root/deploy/requirements.lock"
"$python" -m venv "$work/build"
awk '/^[a-z]/ {keep = /^setuptools==/} keep' "$root/requirements.lock" > "$work/build.lock"
"$work/build/bin/pip" install --quiet --require-hashes -r "$work/build.lock"
mkdir "$work/src"
for one in adapters bot intents model scripts pyproject.toml LICENSE README.md; do cp -R "$root/$one" "$work/src/"; done
"$work/build/bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work/wheels" "$work/src"
"$work/run/bin/pip" install --quiet --no-deps "$work"/wheels/*.whl
"$work/run/bin/pip" check

mkdir -p "$work/app/intents" "$work/data/state"
cp -R "$root/intents/starter" "$root/intents/stories" "$work/app/intents/"
cp -R "$models" "$work/data/models"
cp "$root/deploy/prove.py" "$work/prove.py"
cp "$root/tests/e2e/telegram_server.py" "$work/telegram_server.py"
find "$work" -name __pycache__ -prune -exec rm -rf {} +
chmod 755 "$work"
if [ "$(id -u)" = 0 ]; then
    chown -R root:root "$work/app" "$work/run"
    chown -R 10001:10001 "$work/data"
fi
cd "$work/app"
"$work/run/bin/python" "$work/prove.py" "$work"
