// Answers of the API as data frames. Pure: what goes in is what came back, nothing is asked for here.
import {
  createDataFrame, DataFrame, DataFrameType, DataLink, dateTimeFormat, FieldConfig, FieldDTO, FieldType, MappingType, ValueMapping,
} from '@grafana/data';
import { Grid } from './intervals';
import { legendText, shortText, unitOf } from './legend';
import { chosen, Origin, toDashboard, toQuery } from './links';
import {
  Anomaly, CountItem, CountMode, ExceptionGroup, HttpEvent, Incident, Labels, MatrixSeries, Marker, PromData, Report, Top, VectorSample,
  Verdict,
} from './types';

type Column = FieldDTO & { name: string };

/** Wide enough for a day and a time of day. */
const TIME_WIDTH = 180;
/** To the second, however near to each other the times of a column are. */
const TIME_UNIT = 'time:YYYY-MM-DD HH:mm:ss';

const time = (name: string, values: Array<string | number | null | undefined>, more: FieldConfig = {}): Column => ({
  name, type: FieldType.time, values: values.map((v) => (typeof v === 'string' ? Date.parse(v) : (v ?? null))),
  config: { unit: TIME_UNIT, ...more, custom: { width: TIME_WIDTH, ...more.custom } },
});
const text = (name: string, values: Array<string | null | undefined>, more: FieldConfig = {}): Column => ({
  name, type: FieldType.string, values: values.map((v) => v ?? ''), config: { filterable: true, ...more },
});
const number = (name: string, values: Array<number | null | undefined>, more: FieldConfig = {}): Column => ({
  name, type: FieldType.number, values: values.map((v) => v ?? null), config: more,
});

/** A column of a width of its own, under its own heading. */
const wide = (width: number, more: FieldConfig = {}): FieldConfig => ({ ...more, custom: { width, ...more.custom } });
const SERVICE = wide(110);
const ENV = wide(80);
const ID = wide(160);
/** What only links need. */
const HIDDEN: FieldConfig = { custom: { hidden: true, hideFrom: { viz: true, legend: true, tooltip: true } } };
/** An exact number of things. */
const COUNT: FieldConfig = wide(100, { unit: 'locale', decimals: 0 });

function table(refId: string, name: string, fields: Column[]): DataFrame {
  return createDataFrame({ refId, name, fields, meta: { preferredVisualisationType: 'table' } });
}

/** A number as Prometheus writes it. */
export function promNumber(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

// ---- time series ----

/** Many series over one grid: one frame, one time field; null where a series has no value, so that its line breaks. */
export function wideFrame(refId: string, grid: Grid, columns: Array<{ name: string; labels: Labels; display: string; config?: FieldConfig; values: Array<number | null> }>): DataFrame {
  const count = Math.floor((grid.end - grid.start) / grid.step + 1e-6) + 1;
  const times = Array.from({ length: Math.max(0, count) }, (_, i) => Math.round((grid.start + i * grid.step) * 1000));
  return createDataFrame({
    refId,
    meta: { type: DataFrameType.TimeSeriesWide, typeVersion: [0, 1], preferredVisualisationType: 'graph' },
    fields: [
      { name: 'Time', type: FieldType.time, values: times, config: { interval: grid.step * 1000 } },
      ...columns.map((c) => ({
        name: c.name, type: FieldType.number, labels: c.labels, values: c.values, config: { displayNameFromDS: c.display, ...c.config },
      })),
    ],
  });
}

/** The points of one series on the grid. */
function onGrid(grid: Grid, points: Array<[number, string]>): Array<number | null> {
  const count = Math.max(0, Math.floor((grid.end - grid.start) / grid.step + 1e-6) + 1);
  const out = new Array<number | null>(count).fill(null);
  for (const [at, value] of points) {
    const i = Math.round((at - grid.start) / grid.step);
    if (i >= 0 && i < count) {
      out[i] = promNumber(value);
    }
  }
  return out;
}

export function matrixFrame(refId: string, grid: Grid, result: MatrixSeries[], legend: string | undefined, expr: string): DataFrame {
  const unit = unitOf(expr);
  return wideFrame(refId, grid, result.map((s) => ({
    name: s.metric.__name__ ?? 'Value', labels: s.metric, display: legendText(legend, s.metric, expr),
    config: unit ? { unit } : {}, values: onGrid(grid, s.values),
  })));
}

/** Values of one instant: a row a series, a column a label. */
export function vectorFrame(refId: string, data: PromData, legend: string | undefined, expr: string): DataFrame {
  const unit = unitOf(expr);
  const config = unit ? { unit } : {};
  if (data.resultType !== 'vector') {
    const [at, value] = data.resultType === 'matrix' ? [0, ''] : data.result;
    return createDataFrame({ refId, fields: [time('Time', [at * 1000]), data.resultType === 'string' ? text('Value', [value]) : number('Value', [promNumber(value)])] });
  }
  const rows: VectorSample[] = data.result;
  const names = [...new Set(rows.flatMap((r) => Object.keys(r.metric)))].sort();
  // One row alone is also a stat: it bears the legend.
  const display = rows.length === 1 && legend ? { displayNameFromDS: legendText(legend, rows[0].metric, expr) } : {};
  return createDataFrame({
    refId,
    meta: { type: DataFrameType.NumericLong, typeVersion: [0, 1], preferredVisualisationType: 'table' },
    fields: [
      time('Time', rows.map((r) => r.value[0] * 1000)),
      ...names.map((name) => text(name, rows.map((r) => r.metric[name]))),
      number('Value', rows.map((r) => promNumber(r.value[1])), { ...config, ...display }),
    ],
  });
}

// ---- counts ----

export const CLASS_COLORS: Record<string, string> = { '1xx': 'purple', '2xx': 'green', '3xx': 'blue', '4xx': 'orange', '5xx': 'red' };

/** Statuses summed up to their classes, beside the other labels. */
export function byClass(items: CountItem[]): CountItem[] {
  const out = new Map<string, { labels: Labels; points: Map<number, number> }>();
  for (const item of items) {
    const { status, ...rest } = item.labels;
    const labels = { ...rest, class: `${(status ?? '').slice(0, 1)}xx` };
    const key = JSON.stringify(labels);
    const sum = out.get(key) ?? { labels, points: new Map<number, number>() };
    item.points.forEach(([at, n]) => sum.points.set(at, (sum.points.get(at) ?? 0) + n));
    out.set(key, sum);
  }
  return [...out.values()]
    .map((s) => ({ labels: s.labels, points: [...s.points].sort((a, b) => a[0] - b[0]) }))
    .sort((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1));
}

/** Counts by step. A step without events is 0: they are exact, nothing is missing. */
export function countsFrame(refId: string, grid: Grid, items: CountItem[], mode: CountMode, legend: string | undefined, name: string, unit: '1' | 'us'): DataFrame {
  const last = { ...grid, end: grid.end - grid.step }; // a point stands for the step that it begins
  const count = Math.max(0, Math.round((last.end - last.start) / grid.step) + 1);
  const scale = (unit === 'us' ? 1e-6 : 1) / (mode === 'rate' ? grid.step : 1);
  const perSecond = name === 'http_events_total' ? 'reqps' : 'cps';
  const shown = unit === 'us' ? (mode === 'rate' ? undefined : 's') : mode === 'rate' ? perSecond : 'locale';
  return wideFrame(refId, last, items.map((item) => {
    const values = new Array<number | null>(count).fill(0);
    item.points.forEach(([at, n]) => {
      const i = Math.round((at - grid.start) / grid.step);
      if (i >= 0 && i < count) {
        values[i] = scale === 1 ? n : n * scale;
      }
    });
    const color = CLASS_COLORS[item.labels.class ?? `${(item.labels.status ?? '').slice(0, 1)}xx`];
    const paint = color && item.labels.class ? { color: { mode: 'fixed' as const, fixedColor: color } } : {};
    return {
      name, labels: item.labels, display: shortText(legend, item.labels, name), values, config: { ...(shown ? { unit: shown } : {}), ...paint },
    };
  }));
}

/** One number for each label set: over the whole span. */
export function totalsFrame(refId: string, items: CountItem[], legend: string | undefined, name: string, unit: '1' | 'us'): DataFrame {
  const names = [...new Set(items.flatMap((i) => Object.keys(i.labels)))];
  const sums = items.map((i) => i.points.reduce((sum, [, n]) => sum + n, 0) * (unit === 'us' ? 1e-6 : 1));
  const display = items.length === 1 ? { displayNameFromDS: shortText(legend, items[0].labels, name) } : {};
  return createDataFrame({
    refId,
    name,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      ...names.map((label) => text(label, items.map((i) => i.labels[label]))),
      number('Total', sums, { unit: unit === 'us' ? 's' : 'locale', decimals: 0, ...display }),
    ],
  });
}

// ---- tables ----

export function eventsFrame(refId: string, items: HttpEvent[]): DataFrame {
  const field = (name: string) => items.map((e) => e.fields[name] as number | undefined);
  const tags = [...new Set(items.flatMap((e) => Object.keys(e.tags)))].sort();
  const has = (name: string) => items.some((e) => e.fields[name] !== undefined);
  return table(refId, 'events', [
    time('time', items.map((e) => e.time)),
    text('service', items.map((e) => e.service), SERVICE),
    text('env', items.map((e) => e.env), ENV),
    text('method', items.map((e) => e.method), wide(90)),
    number('status', items.map((e) => e.status), { filterable: true, mappings: statusColors(), custom: { width: 80, cellOptions: { type: 'color-text' } } }),
    text('url', items.map((e) => e.url), { custom: { minWidth: 220 } }),
    text('page_group', items.map((e) => e.page_group), wide(120)),
    text('agent', items.map((e) => e.agent), ENV),
    number('count', field('count').map((n) => n ?? 1), wide(70, { unit: 'none' })),
    ...(has('duration_ms') ? [number('duration', field('duration_ms'), wide(100, { unit: 'ms' }))] : []),
    ...(has('origin_ms') ? [number('origin', field('origin_ms'), wide(100, { unit: 'ms' }))] : []),
    ...(has('edge_ms') ? [number('edge', field('edge_ms'), wide(100, { unit: 'ms' }))] : []),
    ...(has('bytes') ? [number('bytes', field('bytes'), wide(100, { unit: 'bytes' }))] : []),
    ...tags.map((name) => text(name, items.map((e) => e.tags[name]), ENV)),
    ...(has('user_agent') ? [text('user_agent', items.map((e) => e.fields.user_agent as string | undefined), { custom: { minWidth: 260 } })] : []),
  ]);
}

const range = (from: number, to: number, color: string): ValueMapping => ({ type: MappingType.RangeToText, options: { from, to, result: { color } } });
const statusColors = (): ValueMapping[] => [range(100, 199, 'purple'), range(200, 299, 'green'), range(300, 399, 'blue'), range(400, 499, 'orange'), range(500, 599, 'red')];

const named = (colors: Record<string, string>): ValueMapping[] => [
  { type: MappingType.ValueToText, options: Object.fromEntries(Object.entries(colors).map(([name, color], index) => [name, { color, index, text: name.replace('_', ' ') }])) },
];

export const VERDICT_COLORS: Record<string, string> = { bad: 'red', suspect: 'orange', ok: 'green', insufficient_data: 'gray' };
const STATE_COLORS: Record<string, string> = { new: 'purple', escalating: 'red', regressed: 'orange', ongoing: 'yellow', resolved: 'green' };
const colored = (colors: Record<string, string>, width = 90): FieldConfig => ({ mappings: named(colors), custom: { width, cellOptions: { type: 'color-text' } } });
const SCORE: FieldConfig = wide(70, { unit: 'none', decimals: 1, min: 0, max: 100 });

/** Exceptions with their trend as a small line. */
export function exceptionsFrame(refId: string, items: ExceptionGroup[], trends: Array<Array<[number, number]>>, origin?: Origin): DataFrame {
  const links = chosen(origin, [toDashboard('Show this exception', '/d/tidemark-exceptions?var-exception=${__data.fields.id}&${__url_time_range}')],
    (to) => [toQuery(to, 'Show this exception', { queryType: 'exceptions', exception: '${__data.fields.id}' })]);
  const fields: Column[] = [
    text('state', items.map((g) => g.state), colored(STATE_COLORS, 100)),
    text('service', items.map((g) => g.service), SERVICE),
    text('env', items.map((g) => g.env), ENV),
    text('type', items.map((g) => g.type), wide(190, { links })),
    text('message', items.map((g) => g.message), { custom: { minWidth: 220 } }),
    number('count', items.map((g) => g.count), COUNT),
    {
      name: 'trend', type: FieldType.frame, config: { custom: { cellOptions: { type: 'sparkline' }, width: 160 } },
      values: trends.map((points) => createDataFrame({
        fields: [
          { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000) },
          { name: 'Count', type: FieldType.number, values: points.map(([, n]) => n) },
        ],
      })),
    },
    time('first', items.map((g) => g.first)),
    time('last', items.map((g) => g.last)),
    text('releases', items.map((g) => g.releases.map((r) => r.release).filter(Boolean).join(', ')), wide(120)),
    text('id', items.map((g) => g.id), ID),
  ];
  return table(refId, 'exceptions', fields);
}

/** A time among texts, as the columns of times show it, with its zone. */
const timeText = (at: string, timeZone?: string) => dateTimeFormat(Date.parse(at), { timeZone, format: 'YYYY-MM-DD HH:mm:ss z' });

/** What is known of one thing, a row each; long texts are wrapped. */
const rowsOf = (rows: Array<[string, string]>): Column[] => [
  text('field', rows.map((r) => r[0]), wide(110)),
  text('value', rows.map((r) => r[1]), { custom: { cellOptions: { type: 'auto', wrapText: true }, wrapText: true } }),
];

/** One exception: its fields as rows, and its hours. */
export function exceptionFrames(refId: string, g: ExceptionGroup, timeZone?: string): DataFrame[] {
  const rows: Array<[string, string]> = [
    ['type', g.type], ['message', g.message], ['service', g.service], ['env', g.env], ['state', g.state], ['count', String(g.count)],
    ['first', timeText(g.first, timeZone)], ['last', timeText(g.last, timeZone)], ['releases', g.releases.map((r) => `${r.release || '(none)'}: ${r.count}`).join(', ')],
    ['stack', g.stack], ['id', g.id],
  ];
  const hours = g.hours ?? [];
  return [
    table(refId, g.type, rowsOf(rows)),
    createDataFrame({
      refId, name: 'hours', meta: { preferredVisualisationType: 'graph' }, fields: [time('Time', hours.map(([at]) => at * 1000)), number('count', hours.map(([, n]) => n), { unit: 'locale', displayNameFromDS: `${g.type} an hour` })],
    }),
  ];
}

export function topFrame(refId: string, data: Top, requests?: DataLink): DataFrame {
  const hasBefore = data.compare !== null && data.compare !== undefined;
  return table(refId, `top ${data.by}`, [
    text(data.by, data.items.map((i) => i.key), { custom: { minWidth: 220 }, ...(requests ? { links: [requests] } : {}) }),
    number('count', data.items.map((i) => i.count), COUNT),
    number('share', data.items.map((i) => i.share), wide(90, { unit: 'percentunit' })),
    ...(hasBefore
      ? [
          number('before', data.items.map((i) => i.before), COUNT),
          number('change', data.items.map((i) => i.change), wide(100, { unit: 'percentunit' })),
          text('state', data.items.map((i) => i.state), colored({ new: 'purple', gone: 'gray', same: 'text' })),
        ]
      : []),
  ]);
}

/** Markers, each deploy with its verdict. The fields time, timeEnd, title, text and tags make it an annotation too. */
export function markersFrame(refId: string, items: Marker[], verdicts: Verdict[]): DataFrame {
  const of = new Map(verdicts.map((v) => [v.marker, v]));
  const each = <T>(pick: (v: Verdict) => T) => items.map((m) => (of.has(m.id) ? pick(of.get(m.id)!) : undefined));
  return table(refId, 'markers', [
    time('time', items.map((m) => m.time)),
    text('kind', items.map((m) => m.kind), wide(110)),
    text('service', items.map((m) => m.service), SERVICE),
    text('env', items.map((m) => m.env), ENV),
    text('version', items.map((m) => m.version || m.class), wide(120)),
    text('verdict', each((v) => v.verdict), colored(VERDICT_COLORS, 130)),
    text('text', items.map((m) => of.get(m.id)?.text ?? m.note), { custom: { minWidth: 320 } }),
    number('requests', each((v) => v.requests), COUNT),
    number('ratio', each((v) => v.ratio), wide(80, { decimals: 2 })),
    number('new exceptions', each((v) => v.new_exceptions.length), wide(160, { unit: 'none' })),
    text('by', items.map((m) => m.by), wide(90)),
    time('timeEnd', items.map((m) => m.end), { displayName: 'until' }),
    text('id', items.map((m) => m.id), ID),
  ]);
}

/** The labels of a series but those that stand in columns of their own. */
function ownLabels(of: { labels?: Labels; service: string; env: string }): string {
  const { service, env, ...rest } = of.labels ?? {};
  return labelText({ ...(service === of.service ? {} : { service }), ...(env === of.env ? {} : { env }), ...rest } as Labels);
}

const labelText = (labels: Labels) => Object.entries(labels).filter(([, v]) => v !== undefined).map(([k, v]) => `${k}=${v}`).join(' ');

export function anomaliesFrame(refId: string, items: Anomaly[], origin?: Origin): DataFrame {
  const band = origin ? [toQuery(origin, 'Observed and expected', { queryType: 'anomalies', band: true, limit: 500, service: '${__data.fields.service}', env: '${__data.fields.env}' })] : [];
  return table(refId, 'anomalies', [
    time('time', items.map((a) => a.time)),
    number('score', items.map((a) => a.score), SCORE),
    text('service', items.map((a) => a.service), SERVICE),
    text('env', items.map((a) => a.env), ENV),
    text('metric', items.map((a) => a.metric), wide(240)),
    text('labels', items.map((a) => ownLabels(a)), { custom: { minWidth: 220 } }),
    number('observed', items.map((a) => a.observed), wide(100)),
    number('expected', items.map((a) => a.expected), wide(100)),
    number('spread', items.map((a) => a.spread), wide(100)),
    number('effect', items.map((a) => a.effect), wide(80, { decimals: 1 })),
    number('once in', items.map((a) => a.return_period_h), wide(110, { unit: 'h', decimals: 1 })),
    text('text', items.map((a) => a.text), { links: band, custom: { minWidth: 420 } }),
    text('id', items.map((a) => a.id), ID),
  ]);
}

const DRILL = '/d/tidemark-incident?var-incident=${__data.fields.id}&var-service=${__data.fields.service}&from=${__data.fields.from}&to=${__data.fields.to}';
/** So long before and after it an incident is shown. */
const AROUND_MS = 1800e3;

function incidentLinks(origin?: Origin): DataLink[] {
  const incident = '${__data.fields.id}';
  return chosen(origin, [toDashboard('Show this incident', DRILL)], (to) => [
    toQuery(to, 'Show this incident', { queryType: 'incidents', incident }),
    toQuery(to, 'What was unusual during it', { queryType: 'anomalies', incident }),
    toQuery(to, 'Observed and expected', { queryType: 'anomalies', band: true, limit: 500, incident }),
  ]);
}

export function incidentsFrame(refId: string, items: Incident[], origin?: Origin): DataFrame {
  return table(refId, 'incidents', [
    time('time', items.map((i) => i.start)),
    number('score', items.map((i) => i.score), SCORE),
    text('state', items.map((i) => i.state), colored({ open: 'red', closed: 'green' }, 80)),
    text('service', items.map((i) => i.service), SERVICE),
    text('env', items.map((i) => i.env), ENV),
    text('text', items.map((i) => i.text), { links: incidentLinks(origin), custom: { minWidth: 420 } }),
    text('causes', items.map((i) => causesText(i)), { custom: { minWidth: 160 } }),
    text('marker', items.map((i) => i.marker), ID),
    time('timeEnd', items.map((i) => i.end), { displayName: 'until' }),
    text('id', items.map((i) => i.id), ID),
    text('from', items.map((i) => String(Date.parse(i.start) - AROUND_MS)), HIDDEN),
    text('to', items.map((i) => (i.end ? String(Date.parse(i.end) + AROUND_MS) : 'now')), HIDDEN),
  ]);
}

const causesText = (i: Incident) => (i.causes ?? []).map((c) => `${labelText(c.labels)} (${Math.round(c.share * 100)} %)`).join('; ');

/** One incident: what is known of it, and its series in the order in which they began. */
export function incidentFrames(refId: string, i: Incident, timeZone?: string): DataFrame[] {
  const rows: Array<[string, string]> = [
    ['what', i.text], ['score', i.score.toFixed(1)], ['state', i.state], ['service', i.service], ['env', i.env], ['from', timeText(i.start, timeZone)],
    ['until', i.end ? timeText(i.end, timeZone) : 'goes on'], ['peak', i.peak ? timeText(i.peak, timeZone) : ''], ['series', i.series === undefined ? '' : `${i.anomalies} of ${i.series}`],
    ['causes', causesText(i)], ['marker', i.marker ?? ''], ['id', i.id],
  ];
  const onset = i.onset ?? [];
  return [
    table(refId, 'incident', rowsOf(rows.filter(([, value]) => value !== ''))),
    table(refId, 'onset', [
      time('time', onset.map((o) => o.time)),
      text('metric', onset.map((o) => o.metric), wide(240)),
      text('labels', onset.map((o) => ownLabels({ ...o, service: i.service, env: i.env })), { custom: { minWidth: 260 } }),
      number('score', onset.map((o) => o.score), SCORE),
      number('observed', onset.map((o) => o.observed), wide(110)),
      number('expected', onset.map((o) => o.expected), wide(110)),
    ]),
  ];
}

/** Reports: a row a report, links to its files through Grafana's proxy. */
export function reportsFrame(refId: string, items: Report[], base: string): DataFrame {
  const files = items.map((r) => reportFiles(r));
  const formats = ['html', 'md', 'csv', 'json'].filter((f) => files.some((of) => of[f]));
  return table(refId, 'reports', [
    text('week', items.map((r) => r.week), wide(110)),
    text('report', items.map((r) => r.report), { custom: { minWidth: 200 } }),
    number('revision', items.map((r) => r.revision), wide(90, { unit: 'none' })),
    time('made', items.map((r) => r.made)),
    ...formats.map((f) => text(f, files.map((of) => (of[f] ? base + of[f] : '')), {
      // the value is the address; what is shown is the format
      mappings: [{ type: MappingType.RegexToText, options: { pattern: '.+', result: { text: f, index: 0 } } }],
      links: [{ title: `Open the ${f} file`, url: '${__value.raw}', targetBlank: true }],
      custom: { width: 80 },
    })),
  ]);
}

/** A report's files by format, each a path under /reports/. The last revision stands in the folder itself. */
export function reportFiles(report: Report): Record<string, string> {
  const listed: unknown[] = Array.isArray(report.files) ? report.files : Object.keys(report.files ?? {});
  const names = listed.map((f) => (typeof f === 'string' ? f : ((f as { name?: string } | null)?.name ?? ''))).filter((name) => name.includes('.'));
  const known = names.length > 0 ? names : ['html', 'md', 'csv', 'json'].map((f) => `exceptions_${report.report}_${report.week}.${f}`);
  const encoded = (name: string) => name.split('/').map(encodeURIComponent).join('/');
  return Object.fromEntries(known.map((name) => [name.slice(name.lastIndexOf('.') + 1), encoded(report.path) + encoded(name)]));
}

/** What came over the feed, newest first. */
export interface FeedItem {
  topic: 'anomaly' | 'incident' | 'verdict';
  time: string;
  service: string;
  score: number | null;
  text: string;
  id: string;
}

export function feedFrame(refId: string, items: FeedItem[]): DataFrame {
  return table(refId, 'feed', [
    time('time', items.map((i) => i.time)),
    text('topic', items.map((i) => i.topic), colored({ anomaly: 'yellow', incident: 'red', verdict: 'blue' })),
    text('service', items.map((i) => i.service), SERVICE),
    number('score', items.map((i) => i.score), SCORE),
    text('text', items.map((i) => i.text), { custom: { minWidth: 420 } }),
    text('id', items.map((i) => i.id), ID),
  ]);
}
