// node harness/run.mjs --daemon URL [--shots DIR] [--only PATTERN] [--out DIR of another set] [--hours 6] [--end MS]: loads the built module.js as Grafana does, in headless Chromium, against a
// real daemon with the demo's data (tests/grafana/browser.py starts both). Words to that program go by stdout and stdin.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { arg, open, root } from './browser.mjs';

const shots = path.resolve(arg('shots', path.join(root, 'out/shots')));
const daemon = arg('daemon');
mkdirSync(shots, { recursive: true });

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function tell(word) {
  console.log('@' + word);
  await answers.next();
}

const { g, page, errors, close } = await open({ daemon, key: arg('key'), out: arg('out') });

const end = Number(arg('end', Date.now())); // of the demo's data
const only = arg('only'); // a pattern of names of checks
let passed = 0;
let failed = 0;
async function check(name, f) {
  if (only && !new RegExp(only).test(name)) {
    return;
  }
  try {
    await f();
    passed++;
    console.log('ok   ' + name);
  } catch (e) {
    failed++;
    console.log('FAIL ' + name + '\n     ' + [...String(e.message).split('\n').slice(0, 8), ...errors.splice(0)].join('\n     '));
  }
}
const shot = (name) => page.screenshot({ path: path.join(shots, name + '.png') });

/** The first time the page is loaded, later only what stands on it. */
async function visit(params) {
  if (page.url().startsWith(g.url)) {
    await page.evaluate((search) => window.__visit(search), `?${params}`);
  } else {
    await page.goto(`${g.url}/?${params}`);
  }
}

/** Opens the page with a query, waits until it is answered, returns the frames. */
async function show(query, more = {}) {
  const params = new URLSearchParams({ query: JSON.stringify(query) });
  Object.entries(more).forEach(([k, v]) => params.set(k, typeof v === 'string' ? v : JSON.stringify(v)));
  await visit(params);
  await page.waitForFunction(() => ['Done', 'Error', 'Streaming'].includes(document.querySelector('[data-testid=state]')?.textContent ?? ''), null, { timeout: 60000 });
  const failure = await page.$('[data-testid=panel-error]');
  return {
    error: failure ? await failure.textContent() : null,
    frames: await page.evaluate(() => (window.__frames ?? []).map((f) => ({
      name: f.name,
      fields: f.fields.map((x) => ({ name: x.name, type: x.type, labels: x.labels, display: x.config.displayNameFromDS, unit: x.config.unit, values: x.type === 'frame' ? x.values.length : Array.from(x.values) })),
    }))),
  };
}
const column = (frame, name) => frame.fields.find((f) => f.name === name)?.values ?? [];
const api = async (what) => (await (await fetch(daemon + what)).json()).data;

try {
  await check('metrics: a graph with legends, equal to the API', async () => {
    const { frames, error } = await show({ queryType: 'metrics', schema: 1, expr: 'sum by (service) (rate(http_events_total[5m]))', legend: '{{service}}', editor: 'builder' }, { anno: { queryType: 'markers', kind: 'deploy' } });
    assert.equal(error, null);
    assert.deepEqual(frames[0].fields.slice(1).map((f) => f.display).sort(), ['cart', 'pay', 'shop']);
    await page.waitForSelector('[data-testid=panel] .uplot canvas');
    const time = column(frames[0], 'Time');
    const at = time.length - 20;
    const [one] = (await api(`/api/v1/query?query=${encodeURIComponent('sum(rate(http_events_total{service="cart"}[5m]))')}&time=${time[at] / 1000}`)).result;
    assert.equal(frames[0].fields.find((f) => f.display === 'cart').values[at], Number(one.value[1]));
    await page.waitForFunction(() => JSON.parse(document.querySelector('[data-testid=annotations]').textContent || '[]').length >= 2);
    const annotations = JSON.parse(await page.textContent('[data-testid=annotations]'));
    assert.ok(annotations.some((a) => a.title.includes('1.8.4') && a.color === 'red'), JSON.stringify(annotations));
    await page.waitForTimeout(700);
    await shot('metrics');
  });
  await check('incidents and planned events are regions', async () => {
    await show({ queryType: 'status', schema: 1, by: ['class'] }, { anno: { queryType: 'incidents' } });
    await page.waitForFunction(() => JSON.parse(document.querySelector('[data-testid=annotations]').textContent || '[]').length > 0);
    assert.ok(JSON.parse(await page.textContent('[data-testid=annotations]')).every((a) => a.isRegion && a.timeEnd > a.time));
    await shot('status');
  });
  await check('HTTP status: counts equal the API, class colours, variables with several values', async () => {
    const { frames } = await show({ queryType: 'status', schema: 1, by: ['class'], mode: 'count', service: '$service' }, { vars: { service: ['cart', 'shop'] } });
    const time = column(frames[0], 'Time');
    const step = (time[1] - time[0]) / 1000;
    const data = await api(`/api/v1/counts?name=http_events_total&by=status&match[]=${encodeURIComponent('{service=~"cart|shop",status=~"5.."}')}&from=${time[0] / 1000}&to=${time[time.length - 1] / 1000 + step}`);
    const sum = data.items.reduce((n, i) => n + i.points[0][1], 0);
    assert.ok(sum > 0);
    assert.equal(frames[0].fields.find((f) => f.labels?.class === '5xx').values.reduce((a, b) => a + b, 0), sum);
  });
  // what is drawn at the unusual minutes is what the API says of them; between them the line goes on
  const answered = { anomalies: null };
  page.on('response', (r) => r.url().includes('/api/v1/anomalies?') && (answered.anomalies = r.json()));
  const bandHolds = async (f) => {
    assert.deepEqual(f.fields.slice(1).map((x) => x.name), ['observed', 'expected', 'lower', 'upper']);
    const { items } = (await answered.anomalies).data; // of this very request: scoring goes on
    const labels = (of) => JSON.stringify(Object.entries(of).sort());
    const own = items.filter((i) => labels(i.labels) === labels(f.fields[1].labels) && f.name.split(' ')[0] === i.metric);
    const drawn = column(f, 'Time').flatMap((t, i) => (column(f, 'expected')[i] === null ? [] : [[t, column(f, 'observed')[i], column(f, 'expected')[i]]]));
    const began = column(f, 'Time')[0];
    const ended = column(f, 'Time').at(-1);
    const wanted = own.map((i) => [Date.parse(i.time), i.observed, i.expected]).filter(([t]) => t >= began && t <= ended).sort((x, y) => x[0] - y[0]);
    assert.ok(wanted.length > 0);
    assert.deepEqual(drawn, wanted);
  };
  const tables = [
    ['events', { queryType: 'events', service: 'cart', filter: 'status>=500', limit: 20 }, (f) => assert.ok(column(f, 'status').length === 20 && column(f, 'status').every((s) => s >= 500))],
    ['exceptions', { queryType: 'exceptions', service: 'cart' }, (f) => assert.ok(column(f, 'type').includes('NullPointerException'))],
    ['top', { queryType: 'top', key: 'url', status: '5xx', compare: 'previous', limit: 5 }, (f) => assert.equal(column(f, 'state').filter((s) => s !== 'gone').length, 5)],
    ['markers', { queryType: 'markers', kind: 'deploy' }, (f) => assert.ok(column(f, 'verdict').includes('bad') && column(f, 'version').includes('1.8.4'))],
    ['anomalies', { queryType: 'anomalies', minScore: 20 }, (f) => assert.ok(column(f, 'score').length > 0 && column(f, 'score').every((s) => s >= 20))],
    ['band', { queryType: 'anomalies', service: 'cart', band: true, minScore: 20, limit: 1000 }, bandHolds],
    ['incidents', { queryType: 'incidents' }, (f) => assert.ok(column(f, 'service').includes('cart') && column(f, 'text')[0] !== '')],
    ['tallies', { queryType: 'tallies', metric: 'tally_payment_amount_sum', by: ['method'], mode: 'total' }, (f) => assert.deepEqual([...column(f, 'method')].sort(), ['card', 'invoice'])],
    ['reports', { queryType: 'reports' }, (f) => assert.ok(column(f, 'week').length > 0 && column(f, 'html')[0].includes('/reports/'))],
    ['self', { queryType: 'self' }, (f) => assert.ok(Number(column(f, 'value')[column(f, 'what').indexOf('series.count')]) > 10)],
    ['feed', { queryType: 'feed' }, (f) => assert.ok(column(f, 'topic').length > 0)],
  ];
  for (const [name, query, look] of tables) {
    await check(`${name}: answers in a ${name === 'band' ? 'graph' : 'table'}`, async () => {
      const { frames, error } = await show({ schema: 1, ...query });
      assert.equal(error, null);
      await look(frames[0]);
      await page.waitForTimeout(400);
      await shot(name);
    });
  }
  await check('a link of a report opens it through the proxy', async () => {
    const { frames } = await show({ schema: 1, queryType: 'reports' });
    const answer = await fetch(g.url + column(frames[0], 'html')[0]);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /<html/);
  });
  await check('the link of an incident shows it alone: its explanation, its series, what was unusual during it', async () => {
    const [known] = (await show({ schema: 1, queryType: 'incidents', service: 'cart' })).frames;
    const id = column(known, 'id').at(-1); // the first one: it is over
    const [all, onset] = (await show({ schema: 1, queryType: 'incidents', incident: '$incident' }, { vars: { incident: id } })).frames;
    const own = await api(`/api/v1/incidents/${id}`);
    assert.equal(column(all, 'value')[0], own.text);
    assert.deepEqual(column(onset, 'score'), own.onset.map((o) => o.score));
    const [during] = (await show({ schema: 1, queryType: 'anomalies', incident: id })).frames;
    assert.ok(column(during, 'time').every((t) => t >= Date.parse(own.start) - 1800e3 && t <= Date.parse(own.end ?? new Date()) + 1800e3));
  });
  const dashboards = readdirSync(path.join(root, '../dist/dashboards')).map((file) => file.replace('.json', '')).sort();
  for (const name of dashboards) {
    await check(`dashboard ${name}: every variable lists, every panel has data`, async () => {
      await page.setViewportSize({ width: 1600, height: 1000 });
      const first = name === 'incident' ? (await api('/api/v1/incidents?service=cart')).items.at(-1) : undefined;
      const hours = Number(arg('hours', '6')) * 3600e3;
      // what the daemon says of itself is of now; an incident is opened with its own time, as the link to it does
      const [since, until] = name === 'self' ? [Date.now() - 1800e3, Date.now() + 30e3] : first ? [Date.parse(first.start) - 1800e3, first.end ? Date.parse(first.end) + 1800e3 : end] : [end - hours, end];
      await visit(`dashboard=${name}${first ? `&var-incident=${first.id}` : ''}&from=${since}&to=${until}`);
      await page.waitForFunction(() => window.__dashboard, null, { timeout: 60000 });
      const { panels, variables, failure } = await page.evaluate(() => window.__dashboard);
      assert.equal(failure, undefined);
      assert.deepEqual(panels.filter((p) => p.errors.length > 0 || (p.size === 0 && !p.mayBeEmpty)), []);
      assert.deepEqual(Object.entries(variables).filter(([, n]) => n === 0), []);
      await page.waitForTimeout(500);
      await page.locator('[data-testid=dashboard]').screenshot({ path: path.join(shots, `dashboard-${name}.png`) });
      await page.setViewportSize({ width: 1180, height: 900 });
    });
  }
  await check('in the light theme too: drawn, and looked at', async () => {
    await page.setViewportSize({ width: 1600, height: 1000 });
    await visit(`dashboard=service&theme=light&from=${end - 6 * 3600e3}&to=${end}`);
    await page.waitForFunction(() => window.__dashboard, null, { timeout: 60000 });
    assert.equal((await page.evaluate(() => window.__dashboard)).failure, undefined);
    assert.match(await page.evaluate(() => getComputedStyle(document.querySelector('[data-testid=dashboard]')).backgroundColor), /^rgb\((2[0-9]{2}), /);
    await page.waitForTimeout(500);
    await page.locator('[data-testid=dashboard]').screenshot({ path: path.join(shots, 'light-service.png') });
    await page.setViewportSize({ width: 1180, height: 900 });
  });
  await check('one exception in full: its numbers and hours are the API\'s; each group has a trend', async () => {
    const [groups] = (await show({ schema: 1, queryType: 'exceptions', service: 'cart' })).frames;
    assert.equal(groups.fields.find((f) => f.name === 'trend').values, column(groups, 'id').length);
    const id = column(groups, 'id')[column(groups, 'type').indexOf('NullPointerException')];
    const own = await api(`/api/v1/exceptions/${id}`);
    assert.equal(column(groups, 'count')[column(groups, 'id').indexOf(id)], own.count);
    const [known, hours] = (await show({ schema: 1, queryType: 'exceptions', exception: '$exception' }, { vars: { exception: id } })).frames;
    assert.equal(column(known, 'value')[column(known, 'field').indexOf('stack')], own.stack);
    assert.deepEqual(column(hours, 'count'), own.hours.map(([, n]) => n));
  });
  await check('rankings and totals are the API\'s', async () => {
    const to = Math.floor(Date.now() / 1000) - 600;
    const span = { from: String((to - 3600) * 1000), to: String(to * 1000) };
    const [top] = (await show({ schema: 1, queryType: 'top', key: 'url', service: 'cart', limit: 5, compare: 'previous' }, span)).frames;
    const ranked = (await api(`/api/v1/top?by=url&service=cart&k=5&compare=previous&from=${to - 3600}&to=${to}`)).items;
    assert.ok(ranked.length >= 5);
    assert.deepEqual(['url', 'count', 'before', 'change'].map((n) => column(top, n)), ['key', 'count', 'before', 'change'].map((n) => ranked.map((i) => i[n])));
    const [total] = (await show({ schema: 1, queryType: 'tallies', metric: 'tally_payment_amount_sum', by: ['method'], mode: 'total' }, span)).frames;
    const [start, end] = [Math.floor((to - 3600) / 10) * 10, Math.ceil(to / 10) * 10];
    const sums = (await api(`/api/v1/counts?name=tally_payment_amount_sum&by=method&from=${start}&to=${end}`)).items;
    assert.deepEqual(column(total, 'method').map((m, i) => [m, column(total, 'Total')[i]]).sort(), sums.map((i) => [i.labels.method, i.points[0][1]]).sort());
  });
  await check('$__range, $__rate_interval and $__interval_ms have their values', async () => {
    const { frames, error } = await show({ schema: 1, queryType: 'metrics', instant: true, expr: 'count(count_over_time(cpu[$__range])) + 0 * count(count_over_time(cpu[$__rate_interval])) + 0 * scalar(vector($__interval_ms))' }, { to: String(Date.now() - 1200e3) });
    assert.equal(error, null);
    assert.deepEqual(column(frames[0], 'Value'), [6]);
  });
  await check('the rules of provisioning/ALERTING.md are expressions that the daemon answers', async () => {
    const rules = [...readFileSync(path.join(root, '../provisioning/ALERTING.md'), 'utf8').matchAll(/^\| .* \| `([^`]*)`.*\|$/gm)].map((m) => m[1]);
    assert.ok(rules.length >= 4);
    for (const rule of rules) {
      assert.equal((await (await fetch(`${daemon}/api/v1/query?query=${encodeURIComponent(rule)}`)).json()).status, 'success', rule);
    }
  });
  await check('the feed tells what comes', async () => {
    await show({ schema: 1, queryType: 'feed' });
    const before = await page.evaluate(() => window.__frames[0].length);
    await tell('deploy');
    await page.waitForFunction((n) => window.__frames[0].fields[1].values.includes('verdict') || window.__frames[0].length > n, before, { timeout: 60000 });
  });
  await check('variables: services, page groups of one, versions, label values, query', async () => {
    await show({ schema: 1, queryType: 'markers' });
    const find = (text) => page.evaluate((t) => window.__h.ds.metricFindQuery(t, {}).then((list) => list.map((v) => v.text)), text);
    assert.deepEqual(await find('services()'), ['cart', 'pay', 'shop']);
    assert.deepEqual(await find('page_groups(cart)'), ['basket', 'checkout']);
    assert.ok((await find('versions(cart)')).includes('1.8.4'));
    assert.deepEqual(await find('label_values(cpu{service="pay"}, pod)'), ['pay-0', 'pay-1']);
    assert.equal((await find('query_result(count by (service) (cpu))')).length, 3);
    assert.deepEqual(await page.evaluate(() => window.__h.ds.getTagValues({ key: 'pod', filters: [{ key: 'service', operator: '=', value: 'cart' }] }).then((l) => l.map((v) => v.text))), ['cart-0', 'cart-1']);
  });
  await check('ad-hoc filters stand in every selector', async () => {
    await show({ schema: 1, queryType: 'markers' });
    const values = await page.evaluate(() => new Promise((ok) => window.__h.ds.query({
      requestId: 'f', targets: [{ refId: 'A', schema: 1, queryType: 'metrics', expr: 'count by (service) (cpu)', instant: true }], range: window.__h.timeRange(Date.now() - 6 * 3600e3, Date.now() - 1800e3),
      intervalMs: 60000, scopedVars: {}, filters: [{ key: 'service', operator: '=', value: 'cart' }],
    }).subscribe((r) => ok(r.data[0].fields.find((f) => f.name === 'service').values))));
    assert.deepEqual(values, ['cart']);
  });
  await check('no request per key; on blur the query runs; the error is the daemon\'s own', async () => {
    await show({ schema: 1, queryType: 'metrics', editor: 'code', expr: 'cpu' });
    const before = g.proxied.length;
    const field = page.locator('textarea[aria-label=Expression]');
    await field.fill('rate(cpu[5m]');
    await page.waitForTimeout(300);
    assert.equal(g.proxied.filter((p) => p.path.includes('query_range')).length, g.proxied.slice(0, before).filter((p) => p.path.includes('query_range')).length);
    await field.blur();
    await page.waitForSelector('[data-testid=panel-error]');
    assert.match(await page.textContent('[data-testid=panel-error]'), /parse error: unclosed left parenthesis/);
    await shot('error');
  });
  await check('builder and code are in step', async () => {
    await show({ schema: 1, queryType: 'metrics', editor: 'code', expr: 'sum by (service) (rate(http_events_total{status=~"5.."}[5m]))' });
    await page.locator('label', { hasText: 'Builder' }).click({ force: true });
    await page.waitForSelector('[data-testid=builder-expr]');
    assert.equal(await page.textContent('[data-testid=builder-expr]'), 'sum by (service) (rate(http_events_total{status=~"5.."}[5m]))');
    await shot('builder');
    await page.getByRole('button', { name: 'Remove sum' }).click({ force: true });
    await page.waitForFunction(() => window.__query.expr === 'rate(http_events_total{status=~"5.."}[5m])');
  });
  await check('no data is no error', async () => {
    const { error, frames } = await show({ schema: 1, queryType: 'metrics', expr: 'no_such_metric', editor: 'code' });
    assert.equal(error, null);
    assert.equal(frames[0]?.fields.length ?? 1, 1);
  });
  // Explore's own rules stand in host/explore.tsx
  const explore = async (params) => {
    await visit(new URLSearchParams({ explore: '1', from: String(end - 6 * 3600e3), to: String(end), ...params }));
    return explored();
  };
  const explored = async (text) => {
    await page.waitForFunction((wanted) => window.__explore && (!wanted || window.__explore.text.includes(wanted)), text, { timeout: 60000 });
    const found = await page.evaluate(() => window.__explore);
    assert.deepEqual(found.errors, []);
    return found;
  };
  const places = ({ graph, table, logs }) => [graph, table, logs].map((frames) => frames.filter((f) => f.length > 0).length > 0);
  const [GRAPH, TABLE, LOG] = [[true, false, false], [false, true, false], [false, false, true]];
  const drawn = [
    [GRAPH, { queryType: 'metrics', expr: 'sum by (service) (rate(http_events_total[5m]))' }], [TABLE, { queryType: 'metrics', expr: 'count by (service) (cpu)', instant: true }],
    [GRAPH, { queryType: 'anomalies', service: 'cart', band: true }], [TABLE, { queryType: 'anomalies', service: 'cart' }],
    [GRAPH, { queryType: 'status', by: ['class'] }], [TABLE, { queryType: 'status', by: ['class'], mode: 'total' }],
    [TABLE, { queryType: 'events', limit: 5 }], [LOG, { queryType: 'events', limit: 5, format: 'logs' }], [TABLE, { queryType: 'exceptions' }], [TABLE, { queryType: 'top' }],
    [TABLE, { queryType: 'markers' }], [TABLE, { queryType: 'incidents' }], [TABLE, { queryType: 'tallies', metric: 'tally_payment_total' }],
    [GRAPH, { queryType: 'tallies', metric: 'tally_payment_total', mode: 'count' }], [TABLE, { queryType: 'reports' }], [TABLE, { queryType: 'feed' }], [TABLE, { queryType: 'self' }],
    [GRAPH, { queryType: 'self', metric: 'series.count' }],
  ];
  await check('explore: each answer is drawn as it prefers, in one place', async () => {
    for (const [wanted, query] of drawn) {
      assert.deepEqual(places(await explore({ query: JSON.stringify({ schema: 1, ...query }), ...(query.queryType === 'self' ? { to: String(Date.now() + 30e3) } : {}) })), wanted, JSON.stringify(query));
    }
  });
  await check('explore: the cheat sheet stands where nothing was asked, a click on it asks', async () => {
    await explore({});
    await page.getByText('Requests a second by service').click();
    assert.deepEqual(places(await explored('http_events_total')), GRAPH);
  });
  await check('explore: queries of other data sources become metrics or a log', async () => {
    const matcher = (name, value, operator = 'Equal') => ({ name, value, operator });
    const metric = await explore({ import: JSON.stringify([matcher('__name__', 'cpu'), matcher('service', 'cart|pay', 'EqualRegEx')]) });
    assert.equal(metric.text, 'cpu{service=~"cart|pay"}');
    assert.equal(metric.graph[0].fields.length, 5);
    const log = await explore({ import: JSON.stringify([matcher('service_name', 'cart'), matcher('status', '500')]) });
    assert.deepEqual([log.query.queryType, log.query.service, log.query.filter], ['events', 'cart', 'status=500']);
    assert.deepEqual(places(log), LOG);
    const back = await page.evaluate(() => window.__h.ds.exportToAbstractQueries([{ refId: 'A', queryType: 'metrics', expr: 'sum(rate(cpu{service="cart"}[5m])) / 2 / 3' }]));
    assert.deepEqual(back[0].labelMatchers, [matcher('__name__', 'cpu'), matcher('service', 'cart')]);
  });
  await check('explore: a log of requests, with exact counts above it and filters that switch', async () => {
    const all = await explore({ query: JSON.stringify({ schema: 1, queryType: 'events', service: 'cart', format: 'logs' }) });
    await page.waitForTimeout(500);
    await shot('explore-log');
    const [first, second] = all.volume[0].fields[0].values;
    const span = `from=${first / 1000}&to=${(first + all.volume[0].length * (second - first)) / 1000}`;
    const counted = (await api(`/api/v1/counts?name=http_events_total&match[]=${encodeURIComponent('{service="cart"}')}&${span}`)).items[0].points[0][1];
    assert.equal(all.volume.flatMap((f) => f.fields[1].values).reduce((a, b) => a + b, 0), counted);
    assert.deepEqual([...new Set(all.volume.map((f) => f.fields[1].labels.level))].sort(), ['error', 'info', 'warning']);
    await page.locator('[data-testid=filter-status]').first().click();
    const some = await explored('status=');
    assert.ok(some.logs[0].fields.find((f) => f.name === 'labels').values.every((l) => `status=${l.status}` === some.query.filter));
    assert.deepEqual(some.volume, []);
    assert.equal(await page.getAttribute('[data-testid=filter-status]', 'data-on'), 'true');
    await page.locator('[data-testid=filter-status]').first().click();
    await page.waitForFunction(() => window.__explore && !window.__explore.query.filter);
  });
  await check('explore: links lead from tables to queries of the same data source', async () => {
    const click = async (title, text) => {
      await page.locator('[data-testid=link]', { hasText: title }).first().click();
      return explored(text);
    };
    const groups = await explore({ query: JSON.stringify({ schema: 1, queryType: 'exceptions', service: 'cart' }) });
    await shot('explore-table');
    const one = await click('Show this exception', 'exception ');
    assert.equal(one.query.exception, groups.table[0].fields.find((f) => f.name === 'id').values[0]);
    assert.deepEqual(one.table[0].fields[0].values.slice(0, 2), ['type', 'message']);
    assert.deepEqual([one.table.length, one.graph.length], [1, 1]);
    const incidents = { query: JSON.stringify({ schema: 1, queryType: 'incidents', service: 'cart' }) };
    const id = (await explore(incidents)).table[0].fields.find((f) => f.name === 'id').values[0];
    assert.equal((await click('What was unusual during it', `incident ${id}`)).query.queryType, 'anomalies');
    await explore(incidents);
    assert.deepEqual(places(await click('Observed and expected', `incident ${id}`)), GRAPH);
    const ranking = await explore({ query: JSON.stringify({ schema: 1, queryType: 'top', key: 'url', status: '5xx', service: 'cart' }) });
    const url = ranking.table[0].fields[0].values[0];
    const requests = await click('Show these requests', 'Events');
    assert.ok(requests.table[0].length > 0 && requests.table[0].fields.find((f) => f.name === 'url').values.every((u) => u === url));
    assert.ok(requests.table[0].fields.find((f) => f.name === 'status').values.every((s) => s >= 500));
  });
  await check('health check: version and lag', async () => {
    const answer = await page.evaluate(() => window.__h.ds.testDatasource());
    assert.equal(answer.status, 'success');
    assert.match(answer.message, /^tidemark \d+\.\d+\.\d+ is ready; last data received .* ago/);
  });
  await check('config editor: a key goes to secureJsonData only', async () => {
    await show({ schema: 1, queryType: 'markers' });
    await page.fill('#config-key', 's3cret');
    const options = await page.evaluate(() => window.__options);
    assert.equal(options.secureJsonData.httpHeaderValue1, 'Bearer s3cret');
    assert.equal(options.jsonData.httpHeaderName1, 'Authorization');
    assert.ok(!JSON.stringify(options.jsonData).includes('s3cret'));
    await page.locator('[data-testid=config-editor]').screenshot({ path: path.join(shots, 'config.png') });
  });
  await check('a daemon that goes away is named, and works again when it is back', async () => {
    await tell('stop');
    const gone = await show({ schema: 1, queryType: 'status', by: ['class'] });
    assert.match(gone.error, /does not answer/);
    await tell('start');
    const back = await show({ schema: 1, queryType: 'status', by: ['class'] });
    assert.equal(back.error, null);
  });
  await check('no error on the page', async () => assert.deepEqual(errors, []));
} finally {
  await close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
