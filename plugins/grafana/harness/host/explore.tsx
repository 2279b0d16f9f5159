// What Explore does around a data source: it takes over the query of another one, shows the cheat sheet, asks, and draws each frame
// as its meta prefers: graph, table or log, with the histogram above that. Links to queries open here, in the same pane.
import React, { useCallback, useEffect, useState } from 'react';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUI from '@grafana/ui';
import { lastValueFrom } from 'rxjs';
import { takeWhile } from 'rxjs/operators';

const { applyFieldOverrides, toDataFrame, CoreApp, SupplementaryQueryType, hasSupplementaryQuerySupport, hasQueryImportSupport } = grafanaData as any;
const { PanelChrome, TimeSeries, Table }: any = grafanaUI;
const R: any = grafanaRuntime;
const W = 1100;

type Shown = { graph: any[]; table: any[]; logs: any[]; volume: any[]; errors: string[] };
const NOTHING: Shown = { graph: [], table: [], logs: [], volume: [], errors: [] };

const TAG = { font: 'inherit', fontSize: 11, color: 'inherit', background: 'transparent', border: '1px solid #555', borderRadius: 4, margin: '0 2px', padding: '0 4px', cursor: 'pointer' };

const kinds = (frame: any) => new Set(frame.fields.map((f: any) => f.type));
const isSeries = (frame: any) => kinds(frame).size === 2 && kinds(frame).has('time') && kinds(frame).has('number');

/** Where a frame is drawn; without a preference lines are drawn twice. */
function placesOf(frame: any): Array<'graph' | 'table' | 'logs'> {
  const wanted = frame.meta?.preferredVisualisationType;
  return ['graph', 'table', 'logs'].includes(wanted) ? [wanted] : isSeries(frame) ? ['graph', 'table'] : ['table'];
}

/** The frames with display and links, as every table and graph of Grafana gets them. */
const painted = (api: any, frames: any[]) =>
  applyFieldOverrides({
    data: frames.map((frame) => ({ ...frame, fields: frame.fields.map((f: any) => ({ ...f, config: { color: { mode: 'palette-classic' }, ...f.config } })) })),
    fieldConfig: { defaults: { custom: { lineWidth: 1, drawStyle: 'line', axisPlacement: 'auto' } }, overrides: [] }, theme: R.config.theme2, timeZone: 'utc',
    replaceVariables: (text: string, vars: any, format: any) => api.templateSrv.replace(text, vars, format),
  });

async function run(api: any, query: any, range: any): Promise<Shown> {
  const step = Math.max(15, Math.ceil((range.to.valueOf() - range.from.valueOf()) / 1000 / W));
  const request = {
    requestId: 'explore_left', app: CoreApp.Explore, timezone: 'utc', range, rangeRaw: range.raw, interval: `${step}s`, intervalMs: step * 1000,
    maxDataPoints: W, startTime: Date.now(), scopedVars: {}, targets: [query],
  };
  // what is live goes on: the first answer is enough here
  const ask = async (asked: any) => lastValueFrom<any>(api.ds.query(asked).pipe(takeWhile((d: any) => d.state === 'Loading', true)));
  const answer = await ask(request);
  const frames = answer.data.map((f: any) => toDataFrame(f));
  const of = (place: 'graph' | 'table' | 'logs') => frames.filter((f: any) => placesOf(f).includes(place));
  const more = hasSupplementaryQuerySupport(api.ds, SupplementaryQueryType.LogsVolume) ? api.ds.getSupplementaryRequest(SupplementaryQueryType.LogsVolume, request) : undefined;
  const volume = more ? (await ask(more)).data.map((f: any) => toDataFrame(f)) : [];
  return { graph: of('graph'), table: of('table'), logs: of('logs'), volume, errors: (answer.errors ?? []).map((e: any) => e.message) };
}

async function firstQuery(api: any): Promise<any> {
  const params = new URLSearchParams(location.search);
  const fromOther = params.get('import');
  if (fromOther && hasQueryImportSupport(api.ds)) {
    return (await api.ds.importFromAbstractQueries([{ refId: 'A', labelMatchers: JSON.parse(fromOther) }]))[0];
  }
  return { refId: 'A', ...api.ds.getDefaultQuery(CoreApp.Explore), ...JSON.parse(params.get('query') ?? '{}') };
}

/** Every link of every row, as they would be in a menu; the query that each opens. */
function Links({ frame, open }: { frame: any; open: (query: any) => void }) {
  const rows = frame.fields.flatMap((f: any) => (f.getLinks ? Array.from({ length: Math.min(frame.length, 3) }, (_, i) => f.getLinks({ valueRowIndex: i })).flat() : []));
  return rows.map((link: any, i: number) => {
    const state = new URL(link.href, location.origin).searchParams.get('left');
    const [query] = state ? JSON.parse(state).queries : [];
    return <button key={i} style={TAG} data-testid="link" data-href={link.href} onClick={() => query && open({ refId: 'A', ...query })}>{link.title}</button>;
  });
}

const LEVELS: Record<string, string> = { error: 'red', warning: 'orange', info: 'green' };
/** The bars above a log have the colours of its levels. */
const leveled = (frames: any[]) => frames.map((f) => ({ ...f, fields: f.fields.map((x: any) => (x.labels?.level ? { ...x, config: { ...x.config, color: { mode: 'fixed', fixedColor: LEVELS[x.labels.level] } } } : x)) }));

function Log({ frame, ds, query, change }: any) {
  const column = (name: string) => frame.fields.find((f: any) => f.name === name).values;
  return (
    <div data-testid="log" style={{ fontFamily: 'monospace', fontSize: 12 }}>
      {Array.from({ length: Math.min(frame.length, 30) }, (_, i) => (
        <div key={column('id')[i]} style={{ borderLeft: `3px solid ${R.config.theme2.visualization.getColorByName(LEVELS[column('severity')[i]])}`, paddingLeft: 6, margin: 2 }}>
          {new Date(column('timestamp')[i]).toISOString()} {column('body')[i]}{' '}
          {i === 0 ? Object.entries(column('labels')[i] as Record<string, string>).map(([key, value]) => (
            <button key={key} style={TAG} data-testid={`filter-${key}`} data-on={ds.queryHasFilter(query, { key, value })} onClick={() => change(ds.toggleQueryFilter(query, { type: 'FILTER_FOR', options: { key, value } }))}>
              {key}={value}
            </button>
          )) : null}
        </div>
      ))}
    </div>
  );
}

export function Explore({ api, range }: { api: any; range: any }) {
  const [query, setQuery] = useState<any>();
  const [shown, setShown] = useState<Shown>(NOTHING);
  const [nonce, setNonce] = useState(0);
  const open = useCallback((next: any) => (setQuery(next), setNonce((n) => n + 1)), []);
  useEffect(() => void firstQuery(api).then(open), [api, open]);
  useEffect(() => {
    if (!query) {
      return;
    }
    const w = window as any;
    w.__explore = undefined;
    (api.ds.filterQuery(query) ? run(api, query, range) : Promise.resolve(NOTHING)).then((found) => {
      setShown(found);
      const plain = (frames: any[]) => frames.map((f) => ({ name: f.name, length: f.length, fields: f.fields.map((x: any) => ({ name: x.name, labels: x.labels, values: x.type === 'frame' ? [] : Array.from(x.values) })) }));
      w.__explore = { query, text: api.ds.getQueryDisplayText(query), errors: found.errors, graph: plain(found.graph), table: plain(found.table), logs: plain(found.logs), volume: plain(found.volume) };
    });
    // eslint-disable-next-line
  }, [nonce]);
  if (!query) {
    return <div>loading</div>;
  }
  const { QueryEditor, QueryEditorHelp } = api.plugin.components;
  const theme = R.config.theme2;
  const lines = (title: string, frames: any[], height: number, more: any = {}) => (
    <PanelChrome title={title} width={W} height={height}>
      {(w: number, h: number) => <TimeSeries frames={painted(api, frames).map((f: any) => ({ ...f, fields: f.fields.map((x: any) => ({ ...x, config: { ...x.config, custom: { ...x.config.custom, ...more } } })) }))} width={w} height={h} timeRange={range} timeZone="utc" legend={{ displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] }} />}
    </PanelChrome>
  );
  const hasAnswer = [shown.graph, shown.table, shown.logs].some((frames) => frames.length > 0);
  return (
    <div data-testid="explore" style={{ padding: 16, width: W + 40, background: theme.colors.background.canvas, color: theme.colors.text.primary, fontFamily: theme.typography.fontFamily }}>
      <QueryEditor datasource={api.ds} query={query} range={range} app={CoreApp.Explore} history={[]} onChange={setQuery} onRunQuery={() => setTimeout(() => setNonce((n) => n + 1))} onAddQuery={() => undefined} />
      {shown.errors.map((e) => <div key={e} data-testid="panel-error">{e}</div>)}
      {shown.graph.length > 0 ? lines('Graph', shown.graph, 320) : null}
      {shown.volume.length > 0 ? lines('Logs volume', leveled(shown.volume), 160, { drawStyle: 'bars', fillOpacity: 80, stacking: { mode: 'normal', group: 'A' } }) : null}
      {shown.logs.map((frame, i) => <Log key={i} frame={frame} ds={api.ds} query={query} change={open} />)}
      {painted(api, shown.table).map((frame: any, i: number) => (
        <PanelChrome key={i} title={`Table ${frame.name ?? ''}`} width={W} height={280}>
          {(w: number, h: number) => (
            <>
              <Table data={{ ...frame, fields: frame.fields.filter((f: any) => !f.config.custom?.hidden) }} width={w} height={h - 40} />
              <Links frame={frame} open={open} />
            </>
          )}
        </PanelChrome>
      ))}
      {hasAnswer ? null : <QueryEditorHelp datasource={api.ds} query={query} onClickExample={open} exploreId="left" />}
    </div>
  );
}
