"""Planned events: calendars become markers, on the real binaries."""
import datetime
import json

import pytest

from harness import command, now_ms

HEAD, TAIL = 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\n', 'END:VCALENDAR\r\n'


def event(uid, *lines):
    return 'BEGIN:VEVENT\r\nUID:' + uid + '\r\n' + ''.join(line + '\r\n' for line in lines) + 'END:VEVENT\r\n'


SALE = event('sale@shop', 'SUMMARY:Black Friday', 'CATEGORIES:black-friday', 'DTSTART;TZID=Europe/Berlin:20261127T080000',
             'DTEND;TZID=Europe/Berlin:20261127T220000')
LETTER = event('letter@shop', 'SUMMARY:Newsletter', 'DTSTART;TZID=Europe/Berlin:20261020T090000', 'DURATION:PT1H',
               'RRULE:FREQ=WEEKLY;COUNT=3')
FAIR = event('fair@shop', 'SUMMARY:Fair', 'DTSTART;VALUE=DATE:20261201')


def imported(daemon, tmp_path, text, *words, code=0):
    path = tmp_path / 'plan.ics'
    path.write_text(HEAD + text + TAIL, newline='')
    got, out, err = command('marker', '--ics', str(path), '--json', '--server', 'http://' + daemon.http, *words)
    assert got == code, (out, err)
    return json.loads(out) if out else err


def markers(daemon):
    code, body, _ = daemon.request('GET', '/api/v1/markers?limit=1000')
    assert code == 200
    return [(m['class'], m['time'][:16], m['end'] and m['end'][:16], m['note']) for m in json.loads(body)['data']['items'][::-1]]


def counts(added=0, changed=0, removed=0, same=0, faults=0):
    return {'added': added, 'changed': changed, 'removed': removed, 'same': same, 'faults': faults}


def test_events_of_a_calendar_become_markers_in_their_zone(daemon, tmp_path):
    assert imported(daemon, tmp_path, SALE + LETTER + FAIR, '--service', 'shop', '--timezone', 'Europe/Berlin') == counts(added=5)
    assert markers(daemon) == [
        ('Newsletter', '2026-10-20T07:00', '2026-10-20T08:00', 'Newsletter'),
        ('Newsletter', '2026-10-27T08:00', '2026-10-27T09:00', 'Newsletter'),  # the clocks went back
        ('Newsletter', '2026-11-03T08:00', '2026-11-03T09:00', 'Newsletter'),
        ('black-friday', '2026-11-27T07:00', '2026-11-27T21:00', 'Black Friday'),
        ('Fair', '2026-11-30T23:00', '2026-12-01T23:00', 'Fair')]


def test_the_same_calendar_again_changes_nothing(daemon, tmp_path):
    imported(daemon, tmp_path, SALE + LETTER, '--service', 'shop')
    before = markers(daemon)
    assert imported(daemon, tmp_path, SALE + LETTER, '--service', 'shop') == counts(same=4)
    assert markers(daemon) == before


def test_what_moved_or_went_in_the_calendar_moves_or_goes(daemon, tmp_path):
    imported(daemon, tmp_path, SALE + LETTER + FAIR, '--service', 'shop')
    later = SALE.replace('T220000', 'T230000')
    fewer = LETTER.replace('COUNT=3', 'COUNT=2')
    gone = FAIR.replace('SUMMARY:Fair', 'SUMMARY:Fair\r\nSTATUS:CANCELLED')
    assert imported(daemon, tmp_path, later + fewer + gone, '--service', 'shop') == counts(changed=1, removed=2, same=2)
    assert [m[:3] for m in markers(daemon)][2:] == [('black-friday', '2026-11-27T07:00', '2026-11-27T22:00')]
    assert imported(daemon, tmp_path, FAIR, '--service', 'shop') == counts(added=1)
    assert len(markers(daemon)) == 4, 'events of other calendars stay'


def test_a_calendar_for_another_service_is_another_one(daemon, tmp_path):
    imported(daemon, tmp_path, SALE, '--service', 'shop')
    assert imported(daemon, tmp_path, SALE, '--service', 'cart') == counts(added=1)
    assert len(markers(daemon)) == 2


def test_kind_and_class_may_be_given(daemon, tmp_path):
    imported(daemon, tmp_path, SALE, '--service', 'shop', '--env', 'prod', '--kind', 'maintenance', '--class', 'works')
    code, body, _ = daemon.request('GET', '/api/v1/markers?kind=maintenance&service=shop&env=prod')
    [marker] = json.loads(body)['data']['items']
    assert code == 200 and marker['class'] == 'works'
    assert marker['by'] == 'ics:sale@shop#2026-11-27T07:00:00.000Z'


def test_what_is_not_understood_is_named_and_the_rest_is_taken(daemon, tmp_path):
    bad = event('odd@shop', 'DTSTART:20261127', 'RRULE:FREQ=MONTHLY;BYDAY=-1FR')
    assert imported(daemon, tmp_path, bad + SALE, '--service', 'shop', code=1) == counts(added=1, faults=1)
    path = str(tmp_path / 'plan.ics')
    code, out, err = command('marker', '--ics', path, '--service', 'shop', '--server', 'http://' + daemon.http)
    assert code == 1 and f'{path}:3: "BYDAY=-1FR" in RRULE is not known here' in err
    assert out == '0 markers added, 0 changed, 0 removed, 1 as they were; 1 events left out\n'


@pytest.mark.parametrize('text, words, message', [
    (SALE, ['--timezone', 'Mars/Olympus'], 'there is no zone "Mars/Olympus"'),
    (SALE.replace('Europe/Berlin', '../passwd'), [], 'there is no zone "../passwd"')])
def test_an_unknown_zone_is_named(daemon, tmp_path, text, words, message):
    path = tmp_path / 'plan.ics'
    path.write_text(HEAD + text + TAIL, newline='')
    code, _, err = command('marker', '--ics', str(path), '--server', 'http://' + daemon.http, *words)
    assert code in (1, 2) and message in err


def test_what_is_no_calendar_is_refused(daemon, tmp_path):
    (tmp_path / 'x').write_text('hello')
    code, _, err = command('marker', '--ics', str(tmp_path / 'x'), '--server', 'http://' + daemon.http)
    assert code == 2 and 'no calendar' in err
    assert markers(daemon) == []


# ---- what is expected of one ----

T = now_ms() // 3600000 * 3600 - 3600
WEEK = 7 * 86400


def sale(daemon, start, per_minute, service='shop', minutes=60):
    """An event of an hour with so many requests each minute, and a tenth of them in the 15 minutes before."""
    lines = [f'marker,kind=event,service={service} class="sale",end={start + 3600}000000000i {start}000000000']
    for minute in range(-15, minutes):
        count = per_minute if minute >= 0 else per_minute // 10
        if count:
            lines.append(f'http,service={service},method=GET,status=200 url="/",count={count}i {start + 60 * minute}000000000')
    code, body, _ = daemon.write('\n'.join(lines))
    assert code == 204, body


def expected(daemon, start, query=''):
    code, body, _ = daemon.request('GET', '/api/v1/markers?kind=event&limit=1000')
    [marker] = [m for m in json.loads(body)['data']['items'] if m['time'].startswith(
        datetime.datetime.fromtimestamp(start, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S'))]
    code, body, _ = daemon.request('GET', f'/api/v1/markers/{marker["id"]}/expected{query}')
    assert code == 200, body
    return json.loads(body)['data']


def test_the_curve_of_earlier_events_of_the_class_is_expected(daemon):
    for week, requests in ((3, 100), (2, 300), (1, 200)):
        sale(daemon, T - week * WEEK, requests)
    sale(daemon, T - WEEK - 7200, 5000, service='other')
    sale(daemon, T, 0, minutes=-14)
    data = expected(daemon, T)
    assert len(data['earlier']) == 3 and data['text'] == 'median of 3 earlier events of this class, with the least and the most of them'
    points = {at: rest for at, *rest in data['points']}
    assert data['step'] == 60 and points[-900] == [20, 10, 30] and points[0] == [200, 100, 300] and points[3540] == [200, 100, 300]
    assert points[3600] == [0, 0, 0] and max(points) == 3600 + 1740
    by_five = expected(daemon, T, '?step=300')
    assert dict((at, rest) for at, *rest in by_five['points'])[0] == [1000, 500, 1500]


def test_one_earlier_event_has_no_interval_and_none_says_so(daemon):
    sale(daemon, T - WEEK, 100)
    sale(daemon, T, 0, minutes=-14)
    data = expected(daemon, T)
    assert data['text'] == 'median of 1 earlier event of this class; one has no interval'
    assert [0, 100, None, None] in data['points']
    none = expected(daemon, T - WEEK)
    assert none['earlier'] == none['points'] == [] and none['text'] == 'there is no earlier event of this class, so nothing is expected'


def test_the_command_draws_the_curve(daemon):
    for week, requests in ((2, 100), (1, 300)):
        sale(daemon, T - week * WEEK, requests)
    sale(daemon, T, 0, minutes=-14)
    marker, server = expected(daemon, T)['marker'], 'http://' + daemon.http
    code, out, err = command('marker', 'expected', marker, '--step', '15m', '--server', server)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ['from', 'expected', 'least', 'most'] and len(lines) == 1 + 1 + 4 + 2 + 1
    assert lines[1].split()[:4] == ['-00:15', '300', '150', '450']
    assert lines[2].split() == ['+00:00', '3000', '1500', '4500', '#' * 26 + '-' * 14]
    assert lines[-1] == 'median of 2 earlier events of this class, with the least and the most of them'
    code, out, _ = command('marker', 'expected', marker, '--json', '--server', server)
    assert code == 0 and len(json.loads(out)['earlier']) == 2
    assert command('marker', 'expected', 'x', '--server', server)[0] == 2


def test_what_is_no_event_has_no_curve(daemon):
    code, _, _ = daemon.request('GET', '/api/v1/markers/0123456789abcdef/expected')
    assert code == 404
