#!/bin/sh
# Pins every library with its hashes, for all platforms at once. What is pinned stays as it is unless pyproject.toml
# forbids it; `--upgrade` as an argument takes the newest. No addresses: where packages come from is each machine's own
# affair.
set -eu
cd "$(dirname "$0")/.."

compile() {
    uv --no-config pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --no-header --no-annotate "$@"
}

echo pip | compile - "$@" --output-file requirements/pip.lock
compile pyproject.toml "$@" --output-file requirements/runtime.lock
# Beside the runtime's, for who wants it.
compile pyproject.toml "$@" --extra ner --constraints requirements/runtime.lock --output-file requirements/ner.lock
# One environment holds all three, so they have to agree.
compile pyproject.toml "$@" --extra dev --constraints requirements/runtime.lock --output-file requirements/dev.lock
compile pyproject.toml "$@" --extra bench --constraints requirements/dev.lock --output-file requirements/bench.lock
