#!/usr/bin/env bash
# Fuzzes targets one after another: tests/fuzz/run.sh SECONDS [TARGET…]
#
# On the stable toolchain: RUSTC_BOOTSTRAP lets rustc take the coverage flags, and no sanitizer is used.
# FEATURES=engine adds the targets that link the engine; their first build takes many minutes.
# The corpus that grows is kept beside the build and not in the tree; what is found is written there
# too, under findings/.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
if ! command -v cargo-fuzz >/dev/null; then
  echo "skipped: cargo-fuzz is not installed (cargo install cargo-fuzz)"
  exit 0
fi
plain=(url_policy path_prefix ip_class header_rules manifest package redactor template flow webhook)
engine=(lift_values component_load)
features=()
if [ "${FEATURES:-}" = engine ]; then
  features=(--features engine)
  plain+=("${engine[@]}")
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${plain[@]}")
grown=${CARGO_TARGET_DIR:-$PWD/target}/corpus
findings=${CARGO_TARGET_DIR:-$PWD/target}/findings
export RUSTC_BOOTSTRAP=1
for target in "${targets[@]}"; do
  mkdir -p "$grown/$target" "$findings/$target"
  words=()
  [ -f "dictionaries/$target.dict" ] && words=("-dict=dictionaries/$target.dict")
  log=$findings/$target.log
  # A finding's line, and the last line of libFuzzer's own count, are what a person wants to see.
  if cargo fuzz run --fuzz-dir . -s none "${features[@]}" "$target" "$grown/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$findings/$target/" "${words[@]}" >"$log" 2>&1; then
    printf '%-16s %s\n' "$target" "$(awk '/cov: /{last=$0} /number_of_executed_units/{n=$2} END {match(last, /cov: [0-9]+ ft: [0-9]+ corp: [0-9]+/); print n " executions, " substr(last, RSTART, RLENGTH)}' "$log")"
  else
    tail -40 "$log"
    echo "$target: failed; $log, and the input in $findings/$target/"
    exit 1
  fi
done
