"""The reports' HTML as people see it: in headless Chromium, on a phone, on a desk, in the dark and on paper."""
import datetime
import glob
import json
import os
import re
import subprocess
import sys

import pytest

import chromium
from harness import BUILD, ROOT, SANITISED, Daemon, command, wait_for

REPORT = os.path.join(BUILD, 'tidemark-report')
WEEK_S = 7 * 86400
PAPER = (703, 1024)  # A4 without its margins of 12 and 13 mm, in CSS pixels: 186 by 271 mm
PRINTED = ('shop-en', 'longest-ko', 'silent-en')  # the others are laid out for paper, not printed: that takes seconds
SHOTS = os.environ.get('SHOTS')  # a folder in which pictures are left, to be looked at

pytestmark = pytest.mark.skipif(SANITISED or not chromium.is_there(), reason='needs a release build and chromium')

# What is drawn, as plain data: which texts have too little contrast, what sticks out of the page. A text's ground is its
# ancestors' colours, laid over each other.
LOOK = r'''
(async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await Promise.all([...document.images].map((i) => i.decode()));
  const rgb = (text) => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches && !matchMedia('print').matches;
  const canvas = scheme ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const ground = (e) => { const layers = []; for (; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), canvas); };
  const wide = document.documentElement.clientWidth, range = document.createRange();
  const faint = [], out = [];
  let texts = 0, smallest = 99;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const e = node.parentElement, style = getComputedStyle(e);
    range.selectNodeContents(node);
    const r = range.getBoundingClientRect();
    if (!node.data.trim() || !r.width || r.right < -500) continue; // what is there for screen readers alone lies far left
    if (r.right > wide + 0.5 || r.left < -0.5) out.push([e.tagName, node.data.slice(0, 40), r.left, r.right]);
    smallest = Math.min(smallest, parseFloat(style.fontSize));
    const under = ground(e), size = parseFloat(style.fontSize), c = contrast(over(rgb(style.color), under), under);
    texts++;
    if (c < (size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5)) faint.push([node.data.slice(0, 40), c]);
  }
  for (const e of document.body.querySelectorAll('*')) {
    const r = e.getBoundingClientRect();
    if (r.width && r.right > -500 && (r.right > wide + 0.5 || r.left < -0.5)) out.push([e.tagName, e.className, r.left, r.right]);
  }
  // Drawings: their texts against the page, and within the drawing.
  const cut = [], drawn = document.createElement('div');
  drawn.style.cssText = 'position:absolute;left:0;top:0;visibility:hidden';
  document.body.append(drawn);
  for (const i of document.images) {
    drawn.innerHTML = new TextDecoder().decode(Uint8Array.from(atob(i.currentSrc.split(',')[1]), (c) => c.charCodeAt(0)));
    const svg = drawn.querySelector('svg'), view = svg.viewBox.baseVal, under = ground(document.body);
    for (const t of svg.querySelectorAll('text')) {
      const b = t.getBBox(), c = contrast(rgb(getComputedStyle(t).fill), under);
      texts++;
      if (c < 4.5) faint.push([t.textContent, c]);
      if (b.x < -1 || b.y < -1 || b.x + b.width > view.width + 1 || b.y + b.height > view.height + 1)
        cut.push([svg.id, t.textContent.slice(0, 30), b.x, b.x + b.width, view.width, b.y + b.height, view.height]);
    }
  }
  drawn.remove();
  const box = (e) => e.getBoundingClientRect();
  const whole = (names) => [...document.querySelectorAll(names)].map((e) => [e.tagName, box(e).height, getComputedStyle(e).breakInside]);
  return { texts, faint, cut, out, scroll: document.documentElement.scrollWidth, wide,
    smallest,
    images: [...document.images].map((i) => [i.complete, i.naturalWidth, box(i).width, box(i).height, i.alt.length]),
    whole: whole('figure, tr, .strip li, .actions li'), height: document.documentElement.scrollHeight };
})()'''


def escape(text):
    return re.sub(r'([,= ])', r'\\\1', text)


def quote(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


# ---- what is reported ----

HOSTILE = ['<img src=x onerror=alert(1)>', '\u202eecived a\u2066', '결제 서비스 — 주문을 처리할 수 없습니다', '=cmd|\'/C calc\'!A0',
           '`rm -rf /` | [x](javascript:alert(1)) **b**', '</style></bdi><script>alert(1)</script>', '"><svg onload=alert(1)>',
           'شركة الدفع غير متاحة', '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u0301\u0301\u0301 👩‍👩‍👧‍👦', 'set terminal png; !ls']
LONG = ['W' * 240, 'com.example.' + 'veryLongPackageName.' * 10 + 'Exception', 'a-' * 120, '가' * 80, '/' + '%E3%81%82' * 26]


def thrown(service, kind, message, at, more=''):
    return f'exception,service={service},type={escape(kind)},release={escape(kind)[:60]} message={quote(message)}{more} {at}000000000'


def calm(service, start, weeks, every_s=3600):
    return [f'http,service={service},method=GET,status=200 url="/",count=40i,duration_ms=20 {t}000000000'
            for t in range(start, start + weeks * WEEK_S, every_s)]


def troubled(service, names, monday):
    """A week in which each name is a service's exception, page, release, deploy and planned event."""
    start = monday - WEEK_S
    yield from calm(service, start, 2)
    for i, name in enumerate(names):
        at = monday + 86400 + i * 7200
        stack = f',stack={quote("at " + name + "." + name + "(X.java:1)")}'
        for k in range(20):
            yield thrown(service, name, (name + ' ') * 3, at + k * 300, stack)
        yield thrown(service, 'Old ' + name, name, start + 86400 + i * 60, stack)
        for page in range(start + 3600 * i, at, 43200):
            yield f'http,service={service},method=GET,status=503,page_group={escape(name)} url="/x",count={3 + i}i {page}000000000'
        yield f'deploy,service={service} version={quote(name)},by={quote(name)} {at}000000000'
        yield (f'marker,kind=event,service={service} class={quote(name)},note={quote(name * 3)},end={(at + 7200) * 10 ** 9}i '
               f'{at + 3600}000000000')


def push(daemon, lines):
    lines, batch, size = list(lines), [], 0
    for line in [*lines, None]:
        if line is None or size + len(line) * 4 > 800000 or len(batch) == 3000:
            code, body, _ = daemon.write('\n'.join(batch))
            assert code == 204, body
            batch, size = [], 0
        if line is not None:
            batch.append(line)
            size += len(line) * 4


def demo(daemon, folder):
    """The demo's two weeks; gives the second one's name and its Monday."""
    subprocess.run([sys.executable, os.path.join(ROOT, 'tests/demo/inject.py'), os.path.join(ROOT, 'tests/data/http/hurence.log.gz'), folder],
                   check=True)
    days = dict(line.strip().split('=') for line in open(f'{folder}/days.sh', encoding='utf-8'))
    code, _, err = command('push', '--to', daemon.rep, '--precision', 'ms', f'{folder}/shop.lp', timeout=300)
    assert code == 0, err
    code, _, err = command('import', '--to', daemon.rep, '--format', 'clf', '--service', 'static', f'{folder}/static.log', timeout=300)
    assert code == 0, err
    monday = datetime.datetime.fromisoformat(days['monday']).replace(tzinfo=datetime.timezone.utc)
    return days['week'], int(monday.timestamp())


def is_scored(daemon):
    scoring = daemon.status()['scoring']
    return scoring['services'] >= 2 and scoring['services_behind'] == 0 and scoring['lag_s'] == 0


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """name → an HTML file, of every kind of week and in both languages."""
    folder = str(tmp_path_factory.mktemp('pages'))
    config = {'storage': {'retention': {'events': '80d', 'raw': '80d'}},
              'services': [{'name': 'shop', 'owner': 'web team', 'page_groups': [
                  {'name': name, 'match': match} for name, match in (
                      ('home', r'^/(\?|$)'), ('login and admin', '^/(admin|user)'), ('article', '^/(node|content|blog)/'),
                      ('feed', '/feed|rss'), ('pages', r'^/[a-z0-9-]+/?(\?|$)'), ('other', '.'))]},
                           {'name': 'longest', 'owner': 'O' * 200}]}
    with Daemon(config=config) as daemon:
        week, monday = demo(daemon, folder + '/in')
        wait_for(lambda: is_scored(daemon), timeout=300, every=0.3)
        push(daemon, calm('clean', monday - 2 * WEEK_S, 3))
        push(daemon, calm('silent', monday - 3 * WEEK_S, 2))
        push(daemon, troubled('hostile', HOSTILE, monday))
        push(daemon, troubled('longest', LONG, monday))
        push(daemon, [thrown('hostile', 'Huge', '가<b>&' * 16000, monday + 90000)])
        daemon.terminate()
        out = {}
        for language in ('en', 'ko'):
            to = f'{folder}/{language}'
            owners = ['--owner', 'shop=web team', '--owner', 'longest=' + 'O' * 200]
            run = subprocess.run([REPORT, '--data-dir', daemon.data_dir, '--out', to, '--week', week, '--language', language, *owners],
                                 capture_output=True, text=True, timeout=300)
            assert run.returncode == 0, run.stderr
            for item in json.loads(run.stdout)['items']:
                out[f'{item["service"]}-{language}'] = glob.glob(glob.escape(f'{to}/{item["path"]}') + '/*.html')[0]
            for page in (f'index/{week}', 'index/index', 'shop/index'):
                out[f'{page.replace("/", "-")}-{language}'] = f'{to}/{page}.html'
    return out


@pytest.fixture(scope='module')
def browser():
    with chromium.Chromium() as running:
        yield running


def look(browser, wrong, where):
    seen = browser.run(LOOK)
    found = {'console': browser.told[:3], 'sticks out': seen['out'][:5], 'faint': seen['faint'][:5], 'cut': seen['cut'][:5],
             'small': [seen['smallest']] if seen['smallest'] < 12 and where[-1] != 'paper' else [],
             'wide': [seen['scroll']] if seen['scroll'] > seen['wide'] or seen['wide'] != where[1] else [],
             'drawing': [i for i in seen['images'] if not (i[0] and i[1] > 0 and i[2] > 250 and i[4] > 5)],
             'empty': [] if seen['texts'] > 1 else [seen['texts']]}
    browser.told.clear()
    wrong += [(*where, what, list_) for what, list_ in found.items() if list_]
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
        browser.picture(f'{SHOTS}/{"-".join(map(str, where))}.png')
    return seen


def test_no_page_speaks_sticks_out_or_is_faint(pages, browser):
    wrong = []
    for name, path in pages.items():
        browser.open(path, width=360)
        for width in (360, 1280):
            for scheme in ('light', 'dark'):
                browser.turn(width, scheme=scheme)
                look(browser, wrong, (name, width, scheme))
    assert wrong == [], '\n'.join(map(str, wrong))


def test_on_paper_no_figure_and_no_row_is_cut(pages, browser):
    wrong = []
    for name, path in pages.items():
        width, height = PAPER
        browser.open(path, width=width, height=height, media='print')
        seen = look(browser, wrong, (name, width, 'paper'))
        # What may not break must fit on a page, or it is broken all the same.
        wrong += [(name, *one) for one in seen['whole'] if one[1] > height or one[2] != 'avoid']
        if name not in PRINTED and not SHOTS:
            continue
        paper = browser.pdf()
        if SHOTS:
            with open(f'{SHOTS}/{name}.pdf', 'wb') as out:
                out.write(paper)
        sheets = len(re.findall(rb'/Type /Page\b', paper))
        if not seen['height'] / height <= sheets <= 2 * seen['height'] / height + 1:
            wrong.append((name, f'{sheets} sheets for {seen["height"]} pixels'))
    assert wrong == [], '\n'.join(map(str, wrong))
