// The host page: what Grafana's front end does around a data source plugin, and no more.
import React, { useEffect, useMemo, useState } from 'react';
import * as ReactDOM from 'react-dom';
import * as ReactDOMClient from 'react-dom/client';
import * as jsxRuntime from 'react/jsx-runtime';
import * as jsxDevRuntime from 'react/jsx-dev-runtime';
import * as rxjs from 'rxjs';
import * as rxjsOperators from 'rxjs/operators';
import * as lodash from 'lodash';
import * as moment from 'moment';
import * as emotionCss from '@emotion/css';
import * as emotionReact from '@emotion/react';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUI from '@grafana/ui';
import { initPluginTranslations } from '@grafana/i18n';
import 'systemjs/dist/system.js';
import 'systemjs/dist/extras/named-register.js';
import 'systemjs/dist/extras/amd.js';
import { Dashboard } from './dashboard';
import { Explore } from './explore';
import { appEvents, backendSrv, HostTemplateSrv, timeRange } from './services';

const { createTheme, ThemeContext, applyFieldOverrides, LoadingState, CoreApp, toDataFrame } = grafanaData as any;
const S: any = (window as any).System;

// --- 1. the loader: shared dependencies under package:, AMD define kept off window ---------------------------------
const shared: Record<string, any> = {
  '@emotion/css': emotionCss,
  '@emotion/react': emotionReact,
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUI,
  emotion: emotionCss,
  lodash: { ...lodash, __useDefault: true },
  moment: { ...moment, __useDefault: true },
  react: React,
  'react/jsx-runtime': jsxRuntime,
  'react/jsx-dev-runtime': jsxDevRuntime,
  'react-dom': ReactDOM,
  'react-dom/client': ReactDOMClient,
  rxjs,
  'rxjs/operators': rxjsOperators,
};
const imports: Record<string, string> = {};
for (const [name, mod] of Object.entries(shared)) {
  imports[name] = `package:${name}`;
  S.set(`package:${name}`, mod);
}
S.addImportMap({ imports });

const amdDefine = (window as any).define;
(window as any).__grafana_amd_define = amdDefine;
delete (window as any).define;

const proto = S.constructor.prototype;
proto.shouldFetch = () => true;
const origFetch = proto.fetch;
proto.fetch = async function (url: string, opt: any) {
  const res = await origFetch.call(this, url, opt);
  const ct = res.headers.get('content-type') || '';
  if (!/javascript/.test(ct)) {
    return res;
  }
  const src = await res.text();
  const wrapped = /(?:^|\s|\()define\(/.test(src) ? `(function(define){\n${src}\n})(window.__grafana_amd_define);` : src;
  return new Response(new Blob([wrapped], { type: 'text/javascript' }));
};

// --- 2. run-time services ------------------------------------------------------------------------------------------
const R: any = grafanaRuntime;
const templateSrv = new HostTemplateSrv();
R.setBackendSrv(backendSrv);
R.setTemplateSrv(templateSrv as any);
R.setEchoSrv?.({ flush() {}, addBackend() {}, addEvent() {} });
R.setAppEvents?.(appEvents);
R.setLocationSrv?.({ update() {} });
const themeOf = (search: string) => createTheme({ colors: { mode: new URLSearchParams(search).get('theme') ?? 'dark' } });
R.config.theme2 = themeOf(location.search);
R.config.bootData ??= { user: {}, settings: {}, navTree: [] };

const booted = boot();

function newSource(plugin: any, settings: any) {
  const ds = new plugin.DataSourceClass(settings);
  ds.components = plugin.components;
  ds.meta = plugin.meta;
  return ds;
}

async function boot() {
  const cfg = await fetch('/harness/config.json').then((r) => r.json());
  try {
    await initPluginTranslations?.(cfg.meta.id, []);
  } catch (e) {
    console.warn('i18n', e);
  }
  R.config.datasources = { [cfg.settings.name]: cfg.settings };
  const mod = await S.import(`/public/plugins/${cfg.meta.id}/module.js`);
  const plugin = mod.plugin ?? mod.default?.plugin;
  if (!plugin) {
    throw new Error('module.js exports no plugin');
  }
  plugin.meta = { ...cfg.meta, module: `public/plugins/${cfg.meta.id}/module.js`, baseUrl: `public/plugins/${cfg.meta.id}` };
  const settings = { ...cfg.settings, meta: plugin.meta };
  R.setDataSourceSrv?.({
    get: async () => api.ds, getList: () => [settings], getInstanceSettings: () => settings, reload() {}, registerRuntimeDataSource() {},
  });
  const api: any = {
    plugin, ds: newSource(plugin, settings), settings, templateSrv, grafanaData, timeRange, components: Object.keys(plugin.components).filter((k) => plugin.components[k]),
  };
  (window as any).__h = api;
  return api;
}

// --- 3. the page: editor, panel, config editor -----------------------------------------------------------------------
const STEP_S = Number(new URLSearchParams(location.search).get('interval') ?? 15);

function request(q: any, range: any, extra: any = {}) {
  return {
    requestId: 'Q1', app: CoreApp.Dashboard, timezone: 'utc', range, rangeRaw: range.raw, interval: `${STEP_S}s`, intervalMs: STEP_S * 1000,
    maxDataPoints: 800, startTime: Date.now(), panelId: 1,
    scopedVars: { __interval: { text: `${STEP_S}s`, value: `${STEP_S}s` }, __interval_ms: { text: `${STEP_S}000`, value: STEP_S * 1000 } },
    targets: [q], ...extra,
  };
}

async function runQuery(ds: any, q: any, range: any, onData: (d: any) => void) {
  const res = ds.query(request(q, range));
  const obs: rxjs.Observable<any> = rxjs.isObservable(res) ? (res as any) : rxjs.from(res as Promise<any>);
  return obs.subscribe({
    next: (d) => onData({ state: d.state ?? LoadingState.Done, series: (d.data ?? []).map((x: any) => toDataFrame(x)), errors: d.errors }),
    error: (e) => onData({ state: LoadingState.Error, series: [], errors: [{ message: e?.data?.message ?? e?.message ?? String(e) }] }),
  });
}

function Page() {
  const [api, setApi] = useState<any>();
  const [err, setErr] = useState('');
  const [query, setQuery] = useState<any>();
  const [data, setData] = useState<any>({ state: LoadingState.NotStarted, series: [] });
  const [dsOptions, setDsOptions] = useState<any>();
  const [annotations, setAnnotations] = useState<any[]>([]);
  const range = useMemo(() => timeRange(Number(new URLSearchParams(location.search).get('from') ?? Date.now() - 6 * 3600e3), Number(new URLSearchParams(location.search).get('to') ?? Date.now())), []);
  const [nonce, setNonce] = useState(0);

  useEffect(() => {
    booted.then((a) => {
      setApi(a);
      const p = new URLSearchParams(location.search);
      a.templateSrv.vars = JSON.parse(p.get('vars') ?? '{}');
      const given = p.get('query') ? JSON.parse(p.get('query')!) : {};
      setQuery({ refId: 'A', ...(a.ds.getDefaultQuery?.(CoreApp.Dashboard) ?? {}), ...given });
      setDsOptions({ ...a.settings, url: 'http://127.0.0.1:9700', jsonData: a.settings.jsonData ?? {}, secureJsonFields: {}, secureJsonData: {} });
    }, (e) => setErr(String(e?.stack ?? e)));
  }, []);

  useEffect(() => {
    if (!api || !query || (api.ds.filterQuery && !api.ds.filterQuery(query))) {
      return;
    }
    let sub: any;
    let dead = false;
    runQuery(api.ds, query, range, (d) => !dead && setData(d)).then((s) => (sub = s));
    return () => {
      dead = true;
      sub?.unsubscribe();
    };
    // eslint-disable-next-line
  }, [api, nonce, query === undefined]);

  useEffect(() => {
    if (!api?.ds.annotations?.processEvents && !api?.ds.annotations) {
      return;
    }
    const a = api.ds.annotations;
    const q = { refId: 'Anno', ...(a.getDefaultQuery?.() ?? {}), ...JSON.parse(new URLSearchParams(location.search).get('anno') ?? '{}') };
    (async () => {
      const anno = a.prepareAnnotation ? a.prepareAnnotation({ name: 'deploys', enable: true, iconColor: 'red', target: q }) : { target: q };
      const target = a.prepareQuery ? a.prepareQuery(anno) : anno.target;
      if (!target) {
        return;
      }
      await runQuery(api.ds, target, range, async (d) => {
        if (a.processEvents) {
          setAnnotations((await rxjs.firstValueFrom(a.processEvents(anno, d.series))) as any[]);
          return;
        }
        const f = d.series[0];
        const col = (n: string) => f?.fields.find((x: any) => x.name === n)?.values ?? [];
        setAnnotations(Array.from(col('time')).map((t: any, i: number) => ({ time: t, title: col('title')[i], text: col('text')[i] })));
      });
    })();
  }, [api, range]);

  if (err) {
    return <pre data-testid="boot-error" style={{ color: 'red' }}>{err}</pre>;
  }
  if (!api || !query) {
    return <div>loading</div>;
  }
  const dashboard = new URLSearchParams(location.search).get('dashboard');
  if (dashboard) {
    return <Dashboard api={api} name={dashboard} range={range} />;
  }
  if (new URLSearchParams(location.search).has('explore')) {
    return <Explore api={api} range={range} />;
  }
  const { QueryEditor, ConfigEditor } = api.plugin.components;
  const theme = R.config.theme2;
  // Grafana's own registry of standard field options is not in the npm packages, so the panel defaults are set on the fields.
  const painted = data.series.map((s: any) => ({ ...s, fields: s.fields.map((f: any) => ({ ...f, config: { color: { mode: 'palette-classic' }, ...f.config } })) }));
  const frames = applyFieldOverrides({
    data: painted, fieldConfig: { defaults: { custom: { lineWidth: 1, fillOpacity: 10, drawStyle: 'line', showPoints: 'auto', axisPlacement: 'auto' } }, overrides: [] },
    theme, replaceVariables: (v: string) => v, timeZone: 'utc',
  });
  const { TimeSeries, PanelChrome, Table }: any = grafanaUI;
  const isTs = frames.length > 0 && frames.every((f: any) => f.meta?.preferredVisualisationType !== 'table' && f.fields[0]?.type === 'time' && f.fields.some((x: any) => x.type === 'number'));
  const W = 1100;
  const H = 320;
  return (
    <div style={{ padding: 16, width: W + 40, background: theme.colors.background.canvas, color: theme.colors.text.primary, fontFamily: theme.typography.fontFamily }}>
      <div data-testid="state" hidden>{data.state}</div>
      <div data-testid="panel">
        <PanelChrome title={new URLSearchParams(location.search).get('title') ?? api.ds.getQueryDisplayText(query)} width={W} height={H} loadingState={data.state}>
          {(w: number, h: number) => (
            <>
              {data.errors?.length ? <div data-testid="panel-error">{data.errors[0].message}</div> : null}
              {(window as any).__frames = frames, isTs ? (
                <TimeSeries frames={frames} width={w} height={h} timeRange={range} timeZone="utc"
                  legend={{ displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] }}>
                  {(config: any) => <Annotations config={config} list={annotations} />}
                </TimeSeries>
              ) : frames.length ? (
                <Table data={frames[0]} width={w} height={h} />
              ) : null}
            </>
          )}
        </PanelChrome>
      </div>
      <div data-testid="annotations" hidden>{JSON.stringify(annotations)}</div>
      <h4 style={{ marginTop: 12 }}>Query editor</h4>
      <div data-testid="query-editor">
        <QueryEditor datasource={api.ds} query={query} data={data} range={range} app={CoreApp.Dashboard}
          onChange={(q: any) => { setQuery(q); (window as any).__query = q; }} onRunQuery={() => setTimeout(() => setNonce((n) => n + 1))} />
      </div>
      {ConfigEditor ? (
        <>
          <h4 style={{ marginTop: 12 }}>Config editor</h4>
          <div data-testid="config-editor">
            <ConfigEditor options={dsOptions} onOptionsChange={(o: any) => { setDsOptions(o); (window as any).__options = o; }} />
          </div>
        </>
      ) : null}
    </div>
  );
}

// Deploy markers: vertical dashed lines drawn through uPlot's draw hook, as Grafana's annotations plugin does.
function Annotations({ config, list }: { config: any; list: any[] }) {
  const ref = React.useRef(list);
  ref.current = list;
  React.useLayoutEffect(() => {
    config.addHook('draw', (u: any) => {
      const ctx = u.ctx;
      ctx.save();
      ctx.setLineDash([5, 4]);
      ctx.textAlign = 'left';
      for (const a of ref.current) {
        const x = u.valToPos(a.time, 'x', true);
        ctx.strokeStyle = ctx.fillStyle = R.config.theme2.visualization.getColorByName(a.color ?? 'red');
        if (a.timeEnd) {
          ctx.globalAlpha = 0.15;
          ctx.fillRect(x, u.bbox.top, Math.max(1, u.valToPos(a.timeEnd, 'x', true) - x), u.bbox.height);
          ctx.globalAlpha = 1;
        }
        ctx.beginPath();
        ctx.moveTo(x, u.bbox.top);
        ctx.lineTo(x, u.bbox.top + u.bbox.height);
        ctx.stroke();
        ctx.fillText(a.title ?? '', x + 4, u.bbox.top + 12);
      }
      ctx.restore();
    });
  }, [config]);
  return null;
}

function Root() {
  const Global: any = (grafanaUI as any).GlobalStyles;
  const { PortalContainer }: any = grafanaUI;
  return (
    <ThemeContext.Provider value={R.config.theme2}>
      {Global ? <Global /> : null}
      <Page />
      {PortalContainer ? <PortalContainer /> : null}
    </ThemeContext.Provider>
  );
}

const root = ReactDOMClient.createRoot(document.getElementById('root')!);
const named = ['__frames', '__query', '__options', '__dashboard', '__explore'];

/** The page for another address, without loading Grafana's packages again: a new data source, no variables, nothing drawn. */
function visit(search: string, visits: number) {
  history.replaceState(null, '', `/${search}`);
  named.forEach((name) => delete (window as any)[name]);
  templateSrv.forget();
  R.config.theme2 = themeOf(search);
  ReactDOM.flushSync(() => root.render(<Root key={visits} />));
}

let visits = 0;
(window as any).__visit = async (search: string) => {
  const api = await booted;
  api.ds = newSource(api.plugin, api.settings);
  visit(search, ++visits);
};
root.render(<Root key={visits} />);
