#!/bin/sh
# make demo: the main job as far as it exists, on a daemon of its own in a temporary folder. Ends everything it starts.
set -eu
bin=build/release
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-demo.XXXXXX")
pid=
finish() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

cat >"$dir/tidemark.yaml" <<YAML
data_dir: $dir/data
listen:
  http: [127.0.0.1:0]
  ingest_rep: [tcp://127.0.0.1:0]
  ingest_pull: [tcp://127.0.0.1:0]
  publish: [tcp://127.0.0.1:0]
storage: {min_free: 64MiB}
YAML

start() {
    rm -f "$dir/out"
    : >"$dir/out"
    "$bin/tidemarkd" -c "$dir/tidemark.yaml" >>"$dir/out" 2>>"$dir/log" &
    pid=$!
    i=0
    until grep -q '^ready' "$dir/out"; do
        i=$((i + 1))
        [ $i -lt 100 ] && kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; echo "demo: the daemon did not start" >&2; exit 1; }
        sleep 0.1
    done
    http=$(sed -n 's/^ready http=\([^ ,]*\).*/\1/p' "$dir/out")
    rep=$(sed -n 's/.* ingest_rep=\([^ ,]*\).*/\1/p' "$dir/out")
    export TIDEMARK_SERVER="http://$http"
}

say '1. A daemon starts, with free ports and a folder of its own:'
start
cat "$dir/out"

say '2. A shop pushes metrics, requests, an exception, a payment and a deploy marker; each is on the disk when acknowledged:'
now=$(date +%s)000
cat >"$dir/shop.lp" <<LINES
cpu,service=cart,pod=cart-1 value=0.93 $now
http,service=shop,method=GET,status=404 url="/p/1",bytes=512i,duration_ms=45.2 $now
exception,service=cart,type=NullPointerException,release=1.8.3 message="basket 4711 is gone" $now
tally,name=payment,service=pay,method=card amount=39000i $now
deploy,service=cart version="1.8.3",by="ci" $now
LINES
"$bin/tidemark" push --to "$rep" --precision ms "$dir/shop.lp"

say '3. A bad line is refused with its place and the reason; the good ones beside it are taken:'
printf 'cpu,service=cart value=1 %s\ncpu,service=cart value=fast %s\n' "$now" "$now" >"$dir/bad.lp"
"$bin/tidemark" push --to "$rep" --precision ms "$dir/bad.lp" || true

say '4. Two senders push a million samples of 10,000 series over nanomsg:'
"$bin/tidemark" bench --to "$rep" --workload quick --steps 100 --senders 2

say '5. kill -9; then the daemon starts again on the same folder:'
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
start
held=$("$bin/tests/tools/dump" "$dir/data" | grep -c .)
echo "acknowledged: 1000000 samples by the load, 2 by hand, 4 events; stored: $held"
[ "$held" = 1000006 ] || { echo "demo: something is missing" >&2; exit 1; }

say '6. One screen about all of it (tidemark status):'
"$bin/tidemark" status

say 'Done. Try it yourself:'
cat <<'END'
  build/release/tidemarkd                                   a daemon with all defaults, in ./data
  echo 'cpu,service=cart value=1' | build/release/tidemark push
  build/release/tidemark status --watch
END
