// What is shipped beside the code: dashboards, plugin.json.
import { readdirSync, readFileSync, existsSync, statSync } from 'fs';
import path from 'path';
import { SAMPLES } from './components/QueryHelp';
import { hasWhatItNeeds } from './describe';
import { migrate } from './migrate';
import { QUERY_TYPES, SCHEMA, VARIABLE_KINDS } from './types';

const read = (name: string) => JSON.parse(readFileSync(path.join(__dirname, name), 'utf8'));
const dashboards = readdirSync(path.join(__dirname, 'dashboards')).map((name) => [name, read(`dashboards/${name}`)] as const);

test.each(dashboards)('%s: every target is a query that the types accept, every panel is described', (_, d) => {
  expect(d.uid).toMatch(/^tidemark-/);
  for (const panel of d.panels) {
    expect(panel.description).not.toBe('');
    for (const target of panel.targets.filter((t: { datasource: { type: string } }) => t.datasource.type !== 'prometheus')) {
      expect(QUERY_TYPES).toContain(target.queryType);
      expect(target.schema).toBe(SCHEMA);
      expect(migrate(target)).toEqual(target);
      expect(hasWhatItNeeds(target)).toBe(true);
    }
  }
  for (const v of d.templating.list.filter((one: { type: string; datasource?: { type: string } }) => one.type === 'query' && one.datasource?.type !== 'prometheus')) {
    expect(VARIABLE_KINDS).toContain(v.query.kind);
  }
});

// What the daemon makes of events (its contract has the list): other metrics are not everywhere.
const OWN_SERIES = /^(http_events_total|http_event_(duration_seconds_(bucket|sum|count)|bytes_total)|exception_events_total|tally_\w+|anomaly_score)$/;
const forPrometheus = dashboards.filter(([name]) => name.endsWith('-prometheus.json'));

test.each(forPrometheus)('%s: everything is asked of the built-in data source, about series that every daemon has', (_, d) => {
  const built = { type: 'prometheus', uid: '${prometheus}' };
  const [source, ...others] = d.templating.list;
  expect([source.name, source.type, source.query]).toEqual(['prometheus', 'datasource', 'prometheus']);
  const asked = [...others.filter((v: { type: string }) => v.type !== 'custom'), ...d.annotations.list, ...d.panels, ...d.panels.flatMap((p: { targets: unknown[] }) => p.targets)];
  expect(asked.filter((one) => JSON.stringify(one.datasource) !== JSON.stringify(built))).toEqual([]);
  const exprs: string[] = [...d.panels.flatMap((p: { targets: Array<{ expr: string }> }) => p.targets.map((t) => t.expr)), ...d.annotations.list.map((a: { expr: string }) => a.expr)];
  for (const expr of exprs) {
    const selectors = [...expr.matchAll(/([\w:]*)\{([^}]*)\}/g)].filter(([, name, inside]) => name !== '' || inside.includes('='));
    expect(selectors.length).toBeGreaterThan(0);
    selectors.filter(([, name]) => name !== '').forEach(([, name]) => expect(name).toMatch(OWN_SERIES));
    selectors.filter(([, name]) => name === '').forEach(([, , inside]) => expect(inside).toMatch(/__name__=~?"\$tally"/));
  }
  // a dashboard of the plugin has its data source in a variable of another name: a link between the two does not hand it over
  expect(others.map((v: { name: string }) => v.name)).not.toContain('datasource');
});

test('plugin.json names what is there', () => {
  const plugin = read('plugin.json');
  expect(plugin.id).toBe('tidemark-tidemark-datasource');
  expect(plugin.info.description.split('. ').length).toBeLessThanOrEqual(2);
  for (const file of [plugin.info.logos.small, plugin.info.logos.large, ...plugin.includes.map((i: { path: string }) => i.path), ...plugin.info.screenshots.map((s: { path: string }) => s.path)]) {
    expect(existsSync(path.join(__dirname, file))).toBe(true);
  }
  expect(plugin.includes.length).toBe(dashboards.length);
  for (const { path: file } of plugin.info.screenshots) {
    expect(statSync(path.join(__dirname, file)).size).toBeLessThan(150000);
  }
});

test('samples run as they are', () => SAMPLES.forEach((s) => expect(hasWhatItNeeds({ refId: 'A', ...s.query })).toBe(true)));

describe('provisioning', () => {
  const { load } = jest.requireActual<{ load: (text: string) => unknown }>('js-yaml'); // it comes without types
  const yaml = (name: string) => load(readFileSync(path.join(__dirname, '../provisioning', name), 'utf8')) as Record<string, never>;
  test('two data sources: the plugin and the built-in one, through the proxy, on one address', () => {
    const { apiVersion, datasources } = yaml('datasources/tidemark.yaml') as unknown as { apiVersion: number; datasources: Array<Record<string, unknown>> };
    expect(apiVersion).toBe(1);
    expect(datasources.map((d) => [d.type, d.uid])).toEqual([[read('plugin.json').id, 'tidemark'], ['prometheus', 'tidemark-prometheus']]);
    expect(new Set(datasources.map((d) => d.url)).size).toBe(1);
    expect(datasources.every((d) => d.access === 'proxy')).toBe(true);
  });
  test('the dashboards are where the zip unpacks them', () => {
    const { providers } = yaml('dashboards/tidemark.yaml') as unknown as { providers: Array<{ type: string; options: { path: string } }> };
    expect(providers.map((p) => [p.type, p.options.path])).toEqual([['file', `/var/lib/grafana/plugins/${read('plugin.json').id}/dashboards`]]);
  });
});

test('dashboards have names of their own, and lead to each other by them', () => {
  const uids = dashboards.map(([, d]) => d.uid);
  expect(new Set(uids).size).toBe(uids.length);
  const code = readFileSync(path.join(__dirname, 'frames.ts'), 'utf8');
  for (const [, uid] of code.matchAll(/\/d\/([\w-]+)\?/g)) {
    expect(uids).toContain(uid);
  }
  for (const [, d] of dashboards) {
    expect(d.links.some((l: { type: string; tags: string[] }) => l.type === 'dashboards' && l.tags.includes('tidemark'))).toBe(true);
    expect(d.tags).toContain('tidemark');
    expect(d.description).not.toBe('');
    expect(new Set(d.panels.map((p: { id: number }) => p.id)).size).toBe(d.panels.length);
  }
});
