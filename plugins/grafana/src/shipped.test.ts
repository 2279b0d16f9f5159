// What is shipped beside the code: dashboards, plugin.json.
import { readdirSync, readFileSync, existsSync } from 'fs';
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
  for (const v of d.templating.list.filter((one: { type: string }) => one.type === 'query')) {
    expect(VARIABLE_KINDS).toContain(v.query.kind);
  }
});

test('plugin.json names what is there', () => {
  const plugin = read('plugin.json');
  expect(plugin.id).toBe('tidemark-tidemark-datasource');
  expect(plugin.info.description.split('. ').length).toBeLessThanOrEqual(2);
  for (const file of [plugin.info.logos.small, plugin.info.logos.large, ...plugin.includes.map((i: { path: string }) => i.path), ...plugin.info.screenshots.map((s: { path: string }) => s.path)]) {
    expect(existsSync(path.join(__dirname, file))).toBe(true);
  }
  expect(plugin.includes.length).toBe(dashboards.length);
});

test('samples run as they are', () => SAMPLES.forEach((s) => expect(hasWhatItNeeds({ refId: 'A', ...s.query })).toBe(true)));
