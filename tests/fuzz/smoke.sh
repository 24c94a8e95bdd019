#!/usr/bin/env bash
# Half a minute of each target, for CI. SMOKE_SECONDS changes that.
exec "$(dirname "$0")/run.sh" "${SMOKE_SECONDS:-30}"
