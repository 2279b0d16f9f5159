#!/bin/sh
# make demo: the main job as far as it exists, on a daemon of its own in a temporary folder. Ends everything it starts.
set -eu
bin=build/release
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-demo.XXXXXX")
picture=build/demo-load.png
pid= shipper=
finish() {
    [ -z "$shipper" ] || kill "$shipper" 2>/dev/null || true
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

bold= plain=
[ ! -t 1 ] || [ -n "${NO_COLOR:-}" ] || { bold=$(printf '\033[1m') plain=$(printf '\033[0m'); }
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# A command as the reader would type it, then what it answers. Addresses and folders of the demo are left out.
run() {
    shown=$1
    shift
    printf '  $ %s\n' "$shown"
    "$@"
}

cat >"$dir/tidemark.yaml" <<YAML
data_dir: $dir/data
listen:
  http: [127.0.0.1:0]
  ingest_rep: [tcp://127.0.0.1:0]
  ingest_pull: [tcp://127.0.0.1:0]
  publish: [tcp://127.0.0.1:0]
storage:
  min_free: 64MiB
  retention: {raw: 60d, events: 60d}    # the KPIs below are four weeks long, the logs two
services:
  - name: site
    page_groups:
      - {name: home, match: '^/(\?|$)'}
      - {name: login and admin, match: '^/(admin|user)'}
      - {name: article, match: '^/(node|content|blog)/'}
      - {name: feed, match: '/feed|rss'}
YAML

start() {
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

say '1. A daemon starts, on free ports and in a folder of its own.'
start
tr ' ' '\n' <"$dir/out" | sed 's/^/  /'

say '2. A shop pushes a metric, a request, an exception, a payment, a deploy; the bad
   line is named with the reason.'
now=$(date +%s)000
cat >"$dir/shop.lp" <<LINES
cpu,service=cart,pod=cart-1 value=0.93 $now
http,service=shop,method=GET,status=404 url="/p/1",bytes=512i,duration_ms=45.2 $now
exception,service=cart,type=NullPointerException,release=1.8.3 message="basket 4711 is gone" $now
tally,name=payment,service=pay,method=card amount=39000i $now
deploy,service=cart version="1.8.3",by="ci" $now
cpu,service=cart,pod=cart-2 value=fast $now
LINES
sed 's/^/  | /' "$dir/shop.lp" | cut -c1-79
run 'tidemark push --precision ms shop.lp' "$bin/tidemark" push --to "$rep" --precision ms "$dir/shop.lp" 2>"$dir/err" || true
sed "s#$dir/##" "$dir/err" | fold -s -w 79

say '3. Two senders push a million samples of 10,000 series; each batch is acknowledged.'
run 'tidemark bench --workload quick --steps 100 --senders 2' \
    "$bin/tidemark" bench --to "$rep" --workload quick --steps 100 --senders 2

say '4. kill -9. The daemon starts again on the same folder; nothing is missing.'
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
start
"$bin/tests/tools/dump" "$dir/data" >"$dir/dump"
held="$(grep -c '^s' "$dir/dump") samples, $(grep -ac '^e' "$dir/dump") of request, exception and deploy, $(grep -c tally_payment_total "$dir/dump") payment"
echo "  acknowledged: 1000001 samples, 4 events"
echo "  stored:       $held"
[ "$held" = '1000001 samples, 3 of request, exception and deploy, 1 payment' ] ||
    { echo "demo: something is missing" >&2; exit 1; }
rm "$dir/dump"

say '5. Three real KPIs of large Internet companies are imported, moved to end today.'
for packed in tests/data/kpi/*.csv.gz; do
    name=$(basename "$packed" .gz)
    gzip -dc "$packed" >"$dir/$name"
done
today=$(date -u +%Y-%m-%d)
printf '  $ tidemark import *.csv --time timestamp --value value=load --label-file kpi \\\n        --label-const service=shop --replay-until %s\n' "$today"
"$bin/tidemark" import --to "$rep" "$dir"/*.csv --time timestamp --value value=load --label-file kpi \
    --label-const service=shop --replay-until "$today"

say '6. What is there?'
run 'tidemark series --by metric --limit 3' "$bin/tidemark" series --by metric --limit 3
run "tidemark series load" "$bin/tidemark" series load
run "tidemark query 'load{kpi=\"c69a50cf\"}' --from -2d --limit 3" \
    "$bin/tidemark" query 'load{kpi="c69a50cf"}' --from -2d --limit 3

say '7. The last week of one of them: quiet nights, sudden peaks, drops to 0.'
week=$(date -u -d "$today 7 days ago" +%Y-%m-%d)
run "tidemark query 'load{kpi=\"8723f0fb\"}' --from $week --plot" \
    "$bin/tidemark" query 'load{kpi="8723f0fb"}' --from "$week" --plot
mkdir -p build
run "tidemark query load --from $week --plot=$picture" \
    "$bin/tidemark" query load --from "$week" "--plot=$picture"

say '8. Two weeks of a real web server, and four days of another: access logs become events
   of three services, moved by whole weeks to end yesterday.'
gzip -dc tests/data/http/hurence.log.gz | grep -v ' /sites/' >"$dir/site.log"
gzip -dc tests/data/http/hurence.log.gz | grep ' /sites/' >"$dir/static.log"
gzip -dc tests/data/http/semicomplete.log.gz >"$dir/blog.log"
for name in site static blog; do
    run "tidemark import --format clf --service $name --shift-weeks-to-yesterday $name.log" \
        "$bin/tidemark" import --to "$rep" --format clf --service $name --shift-weeks-to-yesterday "$dir/$name.log"
done

say '9. Counts are exact: what the daemon says is what is in the log, line by line.'
end=$(date -u -d 'last sunday' +%Y-%m-%d) # the logs' last day, or the day after it
begin=$(date -u -d "$end 7 days ago" +%Y-%m-%d)
run "tidemark query --exact 'http_events_total{service=\"site\"}' --by status --from -21d" \
    "$bin/tidemark" query --exact 'http_events_total{service="site"}' --by status --from -21d | tee "$dir/counted"
printf '%s\n' "  \$ sed 's/.*\" \\(...\\) .*/\\1/' site.log | sort | uniq -c"
sed 's/.*" \(...\) .*/\1/' "$dir/site.log" | sort | uniq -c | tee "$dir/log.counts"
sed -n 's/^ *\([0-9]*\)  {status="\([0-9]*\)"}$/\1 \2/p' "$dir/counted" >"$dir/daemon.counts"
awk '{print $1, $2}' "$dir/log.counts" | diff - "$dir/daemon.counts" ||
    { echo "demo: the counts differ" >&2; exit 1; }

say '10. The second week of the site: which pages, and against the week before?'
run "tidemark top --by page_group --service site --from $begin --to $end --compare week" \
    "$bin/tidemark" top --by page_group --service site --from "$begin" --to "$end" --compare week
run "tidemark query --exact 'http_events_total{status=\"404\",service=\"site\"}' --step 1d ..." \
    "$bin/tidemark" query --exact 'http_events_total{service="site",status="404"}' --step 1d --from "$begin" --to "$end"

say '11. What was not found in that week, and in the one before? On Wednesday somebody
   tried many doors.'
day=$(date -u -d "$end 4 days ago" +%Y-%m-%d)
run "tidemark top --service site --status 404 --from $begin --to $end --compare week --k 6" \
    "$bin/tidemark" top --service site --status 404 --from "$begin" --to "$end" --compare week --k 6
run "tidemark events --filter 'status>=500' --from -21d" "$bin/tidemark" events --filter 'status>=500' --from -21d
run "tidemark events --service site --explain-url '/node/126?page=2'" \
    "$bin/tidemark" events --service site --explain-url '/node/126?page=2'

say '12. The pipeline tells of a deploy.'
run "tidemark deploy --service site --version 1.8.4 --by ci --time ${day}T08:30:00Z" \
    "$bin/tidemark" deploy --service site --version 1.8.4 --by ci --time "${day}T08:30:00Z"

say '13. A log that grows is followed: rotated, the shipper killed, rotated again. Each line
   counts once.'
grow() {
    awk -v n="$1" -v at="$(date -u +%d/%b/%Y:%H:%M:%S)" 'BEGIN {
        for (i = 0; i < n; i++) printf "c0 - - [%s +0000] \"GET /p/%d HTTP/1.1\" 200 512\n", at, i }' >>"$dir/access.log"
}
follow() {
    "$bin/tidemark" push --to "$rep" --follow --format clf --service live --quiet "$dir/access.log" &
    shipper=$!
}
live() { "$bin/tidemark" query --exact 'http_events_total{service="live"}' | tr -dc 0-9; }
until_live() {
    i=0
    until [ "$(live)" = "$1" ]; do
        i=$((i + 1))
        [ $i -lt 100 ] || { echo "demo: $1 lines were written, $(live) events are stored" >&2; exit 1; }
        sleep 0.1
    done
}
echo '  $ tidemark push --follow --format clf --service live access.log &'
grow 20000
follow
until_live 20000
mv "$dir/access.log" "$dir/access.log.1"
grow 5000
kill -9 "$shipper"
wait "$shipper" 2>/dev/null || true
grow 3000
mv "$dir/access.log" "$dir/access.log.2"
grow 400
follow
until_live 28400
echo "  lines written: 28400; events stored: $(live)"
kill "$shipper"
wait "$shipper" || true
shipper=

say '14. The daemon stops, and says so with exit code 0.'
kill "$pid"
code=0
wait "$pid" || code=$?
pid=
echo "  exit code $code"
[ "$code" = 0 ]

say 'You have seen: durable pushes, a crash without loss, imports, queries, a chart, exact
counts, rankings, a deploy, a log followed.'
cat <<END
The picture of all three KPIs is $picture. Try next:
  build/release/tidemarkd &                                 all defaults, data in ./data
  echo 'cpu,service=cart value=1' | build/release/tidemark push
  build/release/tidemark query cpu --plot
  build/release/tidemark status --watch                     rates, lag, disk, memory
  build/release/tidemark import --help                      your own CSV files and access logs
  build/release/tidemark push --follow --format combined --service shop /var/log/nginx/access.log
END
