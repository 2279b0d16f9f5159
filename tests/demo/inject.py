#!/usr/bin/env python3
"""The demo's two weeks: a real log, made busier, with faults and releases of which the truth is known.

    inject.py LOG.gz OUT_DIR [--seed 1]

Reads the access log of a real site (tests/data/http), moves it by whole weeks so that it ends yesterday, lets every
page request of it happen TIMES times at seeded moments within the same hour, and injects the catalogue below.
Writes OUT_DIR/shop.lp (requests, exceptions and markers of the shop in the order in which they happened, as lines of the
wire), static.log (its files, common log format), truth.json and days.sh (the days as shell variables). The same seed and
day give the same files.

Catalogue, in the log's second week (times in UTC):
  tuesday 09:00    deploy shop 2.4.0   harmless
  wednesday 13:00  deploy shop 2.4.1   breaks links: 60 % of the requests for articles are not found; a new exception
  wednesday 14:10  rollback to 2.4.0   what 2.4.1 broke works again
  thursday 10:00   no deploy           a database hangs: 25 % of the shop's requests end with 503 for 20 minutes
  friday 08:30     deploy shop 2.4.2   harmless, and at
  friday 09:00     event launch        20 times the traffic for 45 minutes, announced
  all the time     one known exception, about ten a day
Two of it are incidents: the broken links and the database.
"""
import argparse
import calendar
import gzip
import json
import os
import random
import re
import time

TIMES = 20
SPREAD_S = 3600
DAY_S = 86400
WEEK_S = 7 * DAY_S
LINE = re.compile(r'^(\S+ \S+ \S+) \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "(.*)" (\d{3}) (\d+|-)$')
MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()
ARTICLE = re.compile(r' /(node|content|blog)/')


def read_log(path):
    """(time in s, client part, request, status, bytes) of each line that is whole."""
    with gzip.open(path, 'rt', encoding='utf-8', errors='replace') as file:
        for line in file:
            m = LINE.match(line.rstrip('\n'))
            if not m:
                continue
            who, day, month, year, hour, minute, second, sign, zone_h, zone_m, request, status, size = m.groups()
            local = calendar.timegm((int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)))
            zone = int(zone_h) * 3600 + int(zone_m) * 60
            yield local - zone if sign == '+' else local + zone, who, request, int(status), size


def clf(when, who, request, status, size):
    stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(when))
    return f'{who} [{stamp}] "{request}" {status} {size}\n'


class Week:
    """The moments of the catalogue; monday: the start of the log's second week, moved."""

    def __init__(self, monday):
        def at(day, hour, minute=0):
            return monday + day * DAY_S + hour * 3600 + minute * 60
        self.harmless = at(1, 9)
        self.broken, self.rollback = at(2, 13), at(2, 14, 10)
        self.hang, self.hang_end = at(3, 10), at(3, 10, 20)
        self.launch_deploy, self.launch, self.launch_end = at(4, 8, 30), at(4, 9), at(4, 9, 45)


def http_line(when, _, request, status, size):
    """The request as a line of the wire."""
    method, url, *_ = request.split(' ')
    size = 0 if size == '-' else size
    return when, f'http,service=shop,method={method},status={status} url="{url}",bytes={size}i {when * 1000}\n'


def shop_requests(lines, week, draw):
    """The page requests, TIMES as many, with what the catalogue does to them."""
    for when, who, request, status, size in lines:
        for i in range(TIMES):
            moment = when if i == 0 else int(when - SPREAD_S / 2 + draw.random() * SPREAD_S)
            yield moment, who, request, status, size
    base = [line for line in lines if line[3] == 200]
    for moment in range(week.launch, week.launch_end):
        for _ in range(draw.choice((3, 4, 5))):
            _, who, request, status, size = draw.choice(base)
            yield moment, who, request, status, size


def injure(requests, week, draw):
    for when, who, request, status, size in requests:
        if week.broken <= when < week.rollback and ARTICLE.search(request) and draw.random() < 0.6:
            status, size = 404, '312'
        elif week.hang <= when < week.hang_end and draw.random() < 0.25:
            status, size = 503, '187'
        yield when, who, request, status, size


def exception_line(when, kind, message, release, frame):
    return (when, f'exception,service=shop,type={kind},release={release} message="{message}",stack="{frame}" {when * 1000}\n')


def failures(first, last, week, draw):
    """(time, line) of each exception."""
    lines = []
    when = first
    while when < last:
        release = '2.3.9' if when < week.harmless else '2.4.0'
        lines.append(exception_line(int(when), 'ImageTooLarge', f'thumbnail {draw.randrange(9999)} is {draw.randrange(20, 90)} MB', release,
                               'at gallery.Thumbnail.make(Thumbnail.java:88)'))
        when += draw.expovariate(10 / DAY_S)
    for _ in range(140):
        when = week.broken + int(draw.random() * (week.rollback - week.broken))
        lines.append(exception_line(when, 'LinkResolverError', f'no article for slug {draw.randrange(99999)}', '2.4.1',
                               'at content.LinkResolver.find(LinkResolver.java:41)'))
    for _ in range(220):
        when = week.hang + int(draw.random() * (week.hang_end - week.hang))
        lines.append(exception_line(when, 'DatabaseTimeout', f'no connection within {draw.randrange(3000, 3100)} ms', '2.4.0',
                               'at db.Pool.take(Pool.java:120)'))
    return lines


def markers(week):
    """(time, line) of each marker."""
    def deploy(when, version):
        return when, f'deploy,service=shop version="{version}",by="ci" {when * 1000}\n'
    return [deploy(week.harmless, '2.4.0'), deploy(week.broken, '2.4.1'),
            (week.rollback, 'marker,kind=rollback,service=shop version="2.4.0",by="on-call",note="articles not found" '
                            f'{week.rollback * 1000}\n'),
            deploy(week.launch_deploy, '2.4.2'),
            (week.launch, f'marker,kind=event,service=shop class="launch",end={week.launch_end * 1000}i,note="new catalogue" '
                          f'{week.launch * 1000}\n')]


def days(week, monday):
    def day(when):
        return time.strftime('%Y-%m-%d', time.gmtime(when))
    def moment(when):
        return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(when))
    return (f'monday={day(monday)}\nnext_monday={day(monday + WEEK_S)}\nweek={time.strftime("%G-W%V", time.gmtime(monday + 3 * DAY_S))}\n'
            f'broken={moment(week.broken - 3600)}\nbroken_end={moment(week.rollback + 3600)}\n'
            f'launch={moment(week.launch - 5400)}\nlaunch_end={moment(week.launch_end + 5400)}\n')


def move(lines, now):
    """The lines, later by whole weeks, so that they end yesterday, or up to six days before."""
    yesterday_end = int(now) // DAY_S * DAY_S
    shift = (yesterday_end - lines[-1][0]) // WEEK_S * WEEK_S
    return [(when + shift, *rest) for when, *rest in lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('log')
    parser.add_argument('out')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    lines = move(list(read_log(options.log)), time.time())
    first, last = lines[0][0], lines[-1][0]
    # 1970-01-05 was a Monday; the second of the log's two weeks is the last one that has a Friday in it.
    monday = (last - 4 * DAY_S - 4 * DAY_S) // WEEK_S * WEEK_S + 4 * DAY_S
    week = Week(monday)
    static = [line for line in lines if ' /sites/' in line[2]]
    pages = [line for line in lines if ' /sites/' not in line[2] and line[2].count(' ') == 2]
    shop = sorted(injure(shop_requests(pages, week, draw), week, draw))
    shop = [line for line in shop if line[0] <= last]
    failed = failures(first, last, week, draw)
    os.makedirs(options.out, exist_ok=True)

    def write(name, text):
        with open(os.path.join(options.out, name), 'w', encoding='utf-8') as file:
            file.writelines(text)
    happened = [http_line(*line) for line in shop] + failed + markers(week)
    write('shop.lp', (line for _, line in sorted(happened, key=lambda one: one[0])))
    write('static.log', (clf(*line) for line in static))
    write('truth.json', json.dumps({'2.4.0': 'ok', '2.4.1': 'bad', '2.4.2': 'ok', 'incidents': 2, 'exceptions': len(failed),
                                    'requests': len(shop), 'files': len(static)}, indent=1) + '\n')
    write('days.sh', days(week, monday))


if __name__ == '__main__':
    main()
