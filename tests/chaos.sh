#!/usr/bin/env bash
# What is too long and too random for the test suite; `tests/chaos.sh` says what there is.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --profile dev --locked --quiet -p wharf --bench chaos -- "$@"
