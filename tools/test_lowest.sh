#!/usr/bin/env bash
# Run tests with the oldest packages that pyproject.toml allows: python -m pytest's arguments follow. Needs uv.
# The tools for tests are the newest ones, and so are the packages that only other packages need.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --no-header pyproject.toml \
    --extra server --extra http --extra postgres --extra otel -o "$folder/lowest.txt"
uv venv --quiet --python 3.11 "$folder/venv"
uv pip install --quiet --python "$folder/venv/bin/python" -r "$folder/lowest.txt" hypothesis import-linter jsonschema mypy packaging pytest pytest-asyncio pytest-xdist pyyaml types-grpcio types-jmespath types-protobuf
uv pip install --quiet --python "$folder/venv/bin/python" --no-deps hatchling editables pathspec pluggy trove-classifiers
uv pip install --quiet --python "$folder/venv/bin/python" --no-deps --no-build-isolation --editable .
"$folder/venv/bin/python" -m pytest -p no:cacheprovider -q --hypothesis-profile=ci "$@"
