#!/bin/sh
# make demo: the main job from end to end, on a daemon of its own in a temporary folder. Ends everything it starts;
# with KEEP=1 the daemon goes on and the addresses are printed.
set -eu
bin=build/release
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-demo.XXXXXX")
picture=build/demo-links.png
pid='' shipper='' kept=''
finish() {
    [ -z "$shipper" ] || kill "$shipper" 2>/dev/null || true
    [ -z "$kept" ] || return 0
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

bold='' plain=''
[ ! -t 1 ] || [ -n "${NO_COLOR:-}" ] || { bold=$(printf '\033[1m') plain=$(printf '\033[0m'); }
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() {
    echo "demo: $*" >&2
    exit 1
}
# A command as the reader would type it, then what it answers. Addresses and folders of the demo are left out.
run() {
    shown=$1
    shift
    printf '  $ %s\n' "$shown"
    "$@"
}

http=127.0.0.1:0
configure() {
    cat >"$dir/tidemark.yaml" <<YAML
data_dir: $dir/data
listen:
  http: [$http]
  ingest_rep: [tcp://127.0.0.1:0]
  ingest_pull: [tcp://127.0.0.1:0]
  publish: [tcp://127.0.0.1:0]
storage:
  min_free: 64MiB
  retention: {raw: 60d, events: 60d}
services:
  - name: shop
    owner: web team
    page_groups:
      - {name: home, match: '^/(\?|$)'}
      - {name: login and admin, match: '^/(admin|user)'}
      - {name: article, match: '^/(node|content|blog)/'}
      - {name: feed, match: '/feed|rss'}
      - {name: assets, match: '^/(modules|misc|themes|files)/|\.(css|js|png|gif|jpg|ico|txt)(\?|$)'}
      - {name: pages, match: '^/[a-z0-9-]+/?(\?|$)'}
      - {name: other, match: '.'}
  - name: static
    owner: platform
    page_groups:
      - {name: themes, match: '/themes/'}
      - {name: modules, match: '/modules/'}
      - {name: pictures, match: '\.(png|gif|jpe?g|ico|svg)'}
      - {name: other, match: '.'}
  - name: blog
    owner: editors
YAML
}

start() {
    : >"$dir/out"
    "$bin/tidemarkd" -c "$dir/tidemark.yaml" >>"$dir/out" 2>>"$dir/log" &
    pid=$!
    i=0
    until grep -q '^ready' "$dir/out"; do
        i=$((i + 1))
        [ $i -lt 300 ] && kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; fail "the daemon did not start"; }
        sleep 0.1
    done
    http=$(sed -n 's/^ready http=\([^ ,]*\).*/\1/p' "$dir/out")
    rep=$(sed -n 's/.* ingest_rep=\([^ ,]*\).*/\1/p' "$dir/out")
    export TIDEMARK_SERVER="http://$http"
}

say '1. A daemon starts, on free ports and in a folder of its own.'
configure
start
tr ' ' '\n' <"$dir/out" | sed 's/^/  /'

say '2. A metric, a request, an exception, a payment, a deploy are pushed; the bad line is
   named with the reason.'
now=$(date +%s)000
cat >"$dir/first.lp" <<LINES
cpu,service=cart,pod=cart-1 value=0.93 $now
http,service=cart,method=GET,status=404 url="/p/1",bytes=512i,duration_ms=45.2 $now
exception,service=cart,type=NullPointerException,release=1.8.3 message="basket 4711 is gone" $now
tally,name=payment,service=pay,method=card amount=39000i $now
deploy,service=cart version="1.8.3",by="ci" $now
cpu,service=cart,pod=cart-2 value=fast $now
LINES
sed 's/^/  | /' "$dir/first.lp" | cut -c1-79
run 'tidemark push --precision ms first.lp' "$bin/tidemark" push --to "$rep" --precision ms "$dir/first.lp" 2>"$dir/err" || true
sed "s#$dir/##" "$dir/err" | fold -s -w 79

say '3. Two senders push a million samples of 10,000 series; each batch is acknowledged.'
run 'tidemark bench --workload quick --steps 100 --senders 2' \
    "$bin/tidemark" bench --to "$rep" --workload quick --steps 100 --senders 2

say '4. kill -9. The daemon starts again on the same folder; nothing is missing.'
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
configure
start
"$bin/tests/tools/dump" "$dir/data" >"$dir/dump"
held="$(grep -c '^s' "$dir/dump") samples, $(grep -ac '^e' "$dir/dump") of request, exception and deploy, $(grep -c tally_payment_total "$dir/dump") payment"
echo "  acknowledged: 1000001 samples, 4 events"
echo "  stored:       $held"
[ "$held" = '1000001 samples, 3 of request, exception and deploy, 1 payment' ] || fail "something is missing"
rm "$dir/dump"

say '5. Two weeks of a real web server, moved by whole weeks to end yesterday and made
   busier: three services. Into the last week a tool of the demo puts three deploys, a
   rollback, a database that hangs, a launch, exceptions; the truth is in its catalogue.'
/usr/bin/python3 tests/demo/inject.py tests/data/http/hurence.log.gz "$dir/in"
gzip -dc tests/data/http/semicomplete.log.gz >"$dir/in/blog.log"
. "$dir/in/days.sh"
truth() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",]*\).*/\1/p" "$dir/in/truth.json"; }
run 'tidemark push --precision ms shop.lp' "$bin/tidemark" push --to "$rep" --precision ms "$dir/in/shop.lp"
for name in static blog; do
    move=
    [ $name != blog ] || move=--shift-weeks-to-yesterday
    run "tidemark import --format clf --service $name ${move:+$move }$name.log" \
        "$bin/tidemark" import --to "$rep" --format clf --service $name $move "$dir/in/$name.log"
done

say '6. Counts are exact: what the daemon says is what was sent, line by line.'
run "tidemark query --exact 'http_events_total{service=\"shop\"}' --by status --from -28d" \
    "$bin/tidemark" query --exact 'http_events_total{service="shop"}' --by status --from -28d | tee "$dir/counted"
printf '%s\n' "  \$ sed -n 's/^http.*,status=\(...\) .*/\1/p' shop.lp | sort | uniq -c"
sed -n 's/^http.*,status=\(...\) .*/\1/p' "$dir/in/shop.lp" | sort | uniq -c | tee "$dir/log.counts"
sed -n 's/^ *\([0-9]*\)  {status="\([0-9]*\)"}$/\1 \2/p' "$dir/counted" >"$dir/daemon.counts"
awk '{print $1, $2}' "$dir/log.counts" | diff - "$dir/daemon.counts" || fail "the counts differ"

say '7. Did a deploy break something? The verdict of each, and the truth.'
for version in 2.4.0 2.4.1 2.4.2; do
    run "tidemark verdict --service shop --version $version" \
        "$bin/tidemark" verdict --service shop --version $version >"$dir/verdict" && code=0 || code=$?
    head -n 2 "$dir/verdict" | fold -s -w 79 | tee "$dir/words"
    said=$(sed -n '2s/:.*//p' "$dir/words")
    echo "  truth: $(truth $version)   exit code: $code"
    [ "$said" = "$(truth $version)" ] || fail "the verdict of $version is $said"
done

say '8. Which links? Articles, from 13:00 until the rollback at 14:10.'
links='sum by (page_group) (increase(http_events_total{service="shop",status="404"}[10m]))'
run "tidemark query 'sum by (page_group) (increase(
    http_events_total{service=\"shop\",status=\"404\"}[10m]))' --from $broken --plot" \
    "$bin/tidemark" query "$links" --from "$broken" --to "$broken_end" --step 2m --plot
mkdir -p build
"$bin/tidemark" query "$links" --from "$broken" --to "$broken_end" --step 2m "--plot=$picture"
run "tidemark top --service shop --status 404 --from $broken --compare previous --k 5" \
    "$bin/tidemark" top --service shop --status 404 --from "$broken" --to "$broken_end" --compare previous --k 5

say '9. What was unusual? While it was asked, the daemon has scored each minute of the two
   weeks; what began together is one incident, and so is a bad deploy.'
scored=0 i=0
until [ $scored -ge 3 ]; do # as often: nothing is left to be scored
    lag=$("$bin/tidemark" status --json | sed -n 's/.*"services_behind": *\([0-9]*\),*$/\1/p; s/.*"lag_s": *\([0-9]*\),*$/\1/p' | tr '\n' ' ')
    if [ "$lag" = '0 0 ' ]; then scored=$((scored + 1)); else scored=0; fi
    i=$((i + 1))
    [ $i -lt 400 ] || fail "the daemon is still behind with scoring"
    sleep 0.3
done
i=0
until [ "$("$bin/tidemark" incidents --from -28d | wc -l)" -ge "$(truth incidents)" ] || [ $i = 100 ]; do
    i=$((i + 1)) # a bad deploy is told once the minutes behind it are closed
    sleep 0.3
done
run 'tidemark incidents --from -28d' "$bin/tidemark" incidents --from -28d >"$dir/incidents"
sed 's/Z  \([^ ]*  \)/Z  \1\n    /' "$dir/incidents" | fold -s -w 79
told=$(wc -l <"$dir/incidents")
[ "$((told - 1))" = "$(truth incidents)" ] || fail "$((told - 1)) incidents, and the truth is $(truth incidents)"

say "10. The report of week $week, for the owner of each service."
run "tidemark report --week $week" "$bin/tidemark" report --week "$week"
find "$dir/data/reports/shop" "$dir/data/reports/index" -type f | sort | sed "s#$dir/##; s/^/  /"
sed -n '1,/^## Regressed/p' "$dir/data/reports/shop/$week/exceptions_shop_$week.md" | sed '$d' | head -n 40 | fold -s -w 79 | sed 's/^/  | /'

say '11. A log that grows is followed: rotated, the shipper killed, rotated again. Each line
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
        [ $i -lt 100 ] || fail "$1 lines were written, $(live) events are stored"
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

if [ -n "${KEEP:-}" ]; then
    kept=1
    say '12. The daemon goes on, as KEEP says:'
    cat <<END
  reports      http://$http/reports/
  PromQL       http://$http/api/v1/query?query=http_events_total
  Grafana      a Prometheus data source at http://$http, or plugins/grafana
  its counters http://$http/metrics
  its data     $dir
  end it with  kill $pid; rm -r $dir
END
    exit 0
fi

say '12. The daemon stops, and says so with exit code 0.'
kill "$pid"
code=0
wait "$pid" || code=$?
pid=
echo "  exit code $code"
[ "$code" = 0 ]

say 'You have seen: durable pushes, a crash without loss, exact counts, verdicts of deploys,
incidents, a weekly report, a log followed.'
cat <<END
The chart as a picture is $picture. \`make demo KEEP=1\` leaves the daemon
running, with its reports in the browser. Try next:
  build/release/tidemarkd &                                 all defaults, data in ./data
  echo 'cpu,service=cart value=1' | build/release/tidemark push
  build/release/tidemark query cpu --plot
  build/release/tidemark status --watch                     rates, lag, disk, memory
  build/release/tidemark import --help                      your own CSV files and access logs
  build/release/tidemark push --follow --format combined --service shop /var/log/nginx/access.log
END
