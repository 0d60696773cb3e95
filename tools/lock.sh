#!/usr/bin/env bash
# Renew the lock files. Build backends come first, so that everything after them installs hashed and without isolation.
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade)
"${compile[@]}" requirements/build.in -o requirements/build.txt
"${compile[@]}" pyproject.toml --extra server --extra http --extra postgres -c requirements/build.txt -o requirements/server.txt
"${compile[@]}" pyproject.toml --extra server --extra http --extra postgres --extra otel --group dev -c requirements/server.txt -c requirements/build.txt -o requirements/dev.txt
"${compile[@]}" --group pyproject.toml:vendors -c requirements/dev.txt -o requirements/vendors.txt
"${compile[@]}" requirements/audit.in -o requirements/audit.txt
"${compile[@]}" requirements/deploy.in -o requirements/deploy.txt
"${compile[@]}" requirements/docs.in -o requirements/docs.txt
