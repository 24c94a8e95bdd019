#!/bin/sh
# Weighs a server: resident memory with nothing installed, with the three connectors of `plugins/`,
# after a restart, and under the load of the flow bench (which installs a fourth connector).
#
#   benches/rss.sh                  builds wharf and the bench, release
#   WHARF=… FLOW=… benches/rss.sh   takes these two binaries instead
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
callers=${CALLERS:-32}
seconds=${SECONDS_EACH:-8}
target=${CARGO_TARGET_DIR:-$root/target}
if [ -z "${WHARF:-}" ]; then
    cargo build --release --quiet -p wharf
    WHARF=$target/release/wharf
fi
mkdir -p "$target"
dir=$(mktemp -d "$target/rss.XXXXXX")
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    server=
}
trap 'stop; rm -rf "$dir"' EXIT

start() {
    : >"$dir/first"
    "$WHARF" --json serve --listen 127.0.0.1:0 --data-dir "$dir/data" --log json --set report.filter=warn \
        >"$dir/first" 2>>"$dir/log" &
    server=$!
    until grep -q server "$dir/first"; do
        kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
        sleep 0.1
    done
    url=$(sed -n 's/.*"server": *"\([^"]*\)".*/\1/p' "$dir/first")
}

# What the kernel counts: resident, of which anonymous, and the highest so far; in MB of 1,000,000 bytes.
weigh() {
    awk -v what="$1" '
        /^VmHWM/ { peak = $2 } /^VmRSS/ { now = $2 } /^RssAnon/ { anonymous = $2 }
        END { printf "%-40s resident %6.1f MB   anonymous %6.1f MB   highest %6.1f MB\n", what, now * 1.024e-3, anonymous * 1.024e-3, peak * 1.024e-3 }
    ' "/proc/$server/status"
}

for name in http github slack; do
    "$WHARF" --json build "plugins/$name" --out "$dir/$name.wasm" >/dev/null
done
start
weigh "nothing installed"
for name in http github slack; do
    "$WHARF" --json connector install "$dir/$name.wasm" --yes --server "$url" --data-dir "$dir/data" >/dev/null
done
sleep 1
weigh "3 connectors, just compiled, idle"
stop
start
sleep 1
weigh "3 connectors, after a restart, idle"
addr=${url#http://}
if [ -n "${FLOW:-}" ]; then
    "$FLOW" drive "$addr" "$dir/data/admin.key" "$callers" "$seconds"
else
    cargo bench --quiet -p wharf-benches --bench flow -- drive "$addr" "$dir/data/admin.key" "$callers" "$seconds"
fi
weigh "under load ($callers callers)"
sleep 5
weigh "5 s later"
echo "load average $(cut -d ' ' -f 1 /proc/loadavg)"
