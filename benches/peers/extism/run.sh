#!/bin/sh
# Extism doing the work of `call.rs`: gets its prebuilt library (Python package `extism_sys`) into a
# temporary directory, builds plugin and program, and prints medians. Needs cargo with the target
# wasm32-unknown-unknown, a C compiler and pip.
set -eu
version=${EXTISM_VERSION:-1.41.0}
here=$(cd "$(dirname "$0")" && pwd)
benches=$(cd "$here/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$dir/python" "extism_sys==$version"
library="$dir/python/extism_sys"
(
    cd "$benches/guests/map-extism"
    unset CARGO_TARGET_DIR RUSTFLAGS
    cargo build --release --quiet --target wasm32-unknown-unknown
)
cc -O2 -o "$dir/bench" "$here/bench.c" "$library/libextism_sys.so" "-Wl,-rpath,$library"
# Empty switches its cache of compiled modules off, so that a compile is one.
export EXTISM_CACHE_CONFIG=
"$dir/bench" "$benches/guests/map-extism/target/wasm32-unknown-unknown/release/map_extism.wasm" "$benches/event.json"
echo "load average $(cut -d ' ' -f 1 /proc/loadavg)"
