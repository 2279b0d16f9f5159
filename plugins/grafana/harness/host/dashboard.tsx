// A shipped dashboard as a page: its variables are listed by the data source, each panel is asked and drawn. What Grafana's own
// panels add (overrides by its registry, transformations) is left out.
import React, { useEffect, useState } from 'react';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUI from '@grafana/ui';
import { firstValueFrom } from 'rxjs';
import { promFrames, promVariable } from './prometheus';

const { applyFieldOverrides, toDataFrame, getDisplayProcessor, getFieldDisplayName } = grafanaData as any;
const { PanelChrome, TimeSeries, Table, BigValue }: any = grafanaUI;
const R: any = grafanaRuntime;
const WIDTH = 1560;
const ROW = 36;

/** Each variable with "All" where it has that, else with its first value; a later one may ask for an earlier one. */
async function fillVariables(api: any, list: any[], range: any) {
  const listed: Record<string, number> = {};
  for (const v of list) {
    const given = new URLSearchParams(location.search).get(`var-${v.name}`);
    let values: string[] = [];
    if (v.multi) {
      api.templateSrv.multi.add(v.name);
    }
    if (v.type === 'query' && v.datasource.type === 'prometheus') {
      values = await promVariable(api, v.query.query, range);
      listed[v.name] = values.length;
    } else if (v.type === 'query') {
      const answer: any = await firstValueFrom(api.ds.variables.query({ targets: [{ ...v.query }], range, intervalMs: 60000, scopedVars: {} }));
      values = Array.from(answer.data[0].fields[1].values);
      listed[v.name] = values.length;
    } else if (v.type === 'custom') {
      values = v.query.split(',');
    } else {
      continue;
    }
    if (given !== null) {
      api.templateSrv.vars[v.name] = given;
    } else if (v.includeAll && v.allValue) {
      api.templateSrv.alls[v.name] = v.allValue;
    } else {
      api.templateSrv.vars[v.name] = v.includeAll ? values : (values[0] ?? '');
    }
  }
  return listed;
}

/** A panel that repeats stands once for each value of its variable, side by side. */
function repeated(api: any, panel: any): any[] {
  const values = panel.repeat ? [api.templateSrv.vars[panel.repeat]].flat() : [];
  const w = panel.gridPos.w / Math.min(values.length, panel.maxPerRow ?? 4);
  return values.length === 0 ? [panel] : values.slice(0, panel.maxPerRow ?? 4).map((value: string, i: number) => ({
    ...panel, id: `${panel.id}-${i}`, title: panel.title.replace(`$${panel.repeat}`, value), gridPos: { ...panel.gridPos, x: panel.gridPos.x + i * w, w },
    vars: { [panel.repeat]: { text: value, value } },
  }));
}

async function ask(api: any, panel: any, range: any) {
  const own = panel.targets.filter((t: any) => t.datasource.type !== 'prometheus');
  const proms = panel.targets.filter((t: any) => t.datasource.type === 'prometheus');
  const frames: any[] = [];
  const errors: string[] = [];
  const points = panel.maxDataPoints ?? (panel.gridPos.w / 24) * WIDTH;
  if (own.length > 0) {
    const spanMs = range.to.valueOf() - range.from.valueOf();
    const intervalMs = Math.max(15000, Math.ceil(spanMs / points / 1000) * 1000);
    const vars = { __interval: { text: `${intervalMs / 1000}s`, value: `${intervalMs / 1000}s` }, ...panel.vars };
    for (const target of own) {
      const answer: any = await firstValueFrom(api.ds.query({
        requestId: `${panel.id}`, app: 'dashboard', timezone: 'utc', range, intervalMs, interval: `${intervalMs / 1000}s`, scopedVars: vars, targets: [target],
        maxDataPoints: 1000, startTime: Date.now(),
      }));
      errors.push(...(answer.errors ?? []).map((e: any) => e.message));
      frames.push(...answer.data.map((f: any) => toDataFrame(f)));
    }
  }
  for (const target of proms) {
    await promFrames(api, target, range, points, panel.vars).then((found) => frames.push(...found), (e: any) => errors.push(e?.data?.error ?? String(e)));
  }
  return { frames, errors };
}

/** What a panel says of one field by its name: color, unit, ..., custom.hidden. */
function overridden(panel: any, name: string) {
  const properties = (panel.fieldConfig?.overrides ?? []).filter((o: any) => o.matcher.id === 'byName' && o.matcher.options === name).flatMap((o: any) => o.properties);
  const own = properties.map((p: any) => [p.id, p.value]);
  return {
    config: Object.fromEntries(own.filter(([id]: [string]) => !id.startsWith('custom.'))),
    custom: Object.fromEntries(own.filter(([id]: [string]) => id.startsWith('custom.')).map(([id, value]: [string, any]) => [id.slice(7), value])),
  };
}

const GREEN = { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] };
/** A threshold without a value is the one that everything is over. */
const stepsOf = (thresholds: any = GREEN) => ({ ...thresholds, steps: thresholds.steps.map((s: any) => ({ ...s, value: s.value ?? -Infinity })) });

/** The panel's defaults under what the data source says, what it says of one field over that; fields that it hides are gone. */
function painted(panel: any, frames: any[]) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const color = { mode: panel.type === 'stat' ? 'thresholds' : 'palette-classic' };
  return applyFieldOverrides({
    data: frames.map((frame) => ({
      ...frame,
      fields: frame.fields.flatMap((f: any) => {
        const over = overridden(panel, f.config.displayNameFromDS ?? f.name);
        const custom = { axisPlacement: 'auto', drawStyle: 'line', ...defaults.custom, ...f.config.custom, ...over.custom };
        return custom.hidden ? [] : [{ ...f, config: { color, ...defaults, thresholds: stepsOf(defaults.thresholds), ...f.config, ...over.config, custom } }];
      }),
    })),
    fieldConfig: { defaults: {}, overrides: [] }, theme: R.config.theme2, replaceVariables: (v: string) => v, timeZone: 'utc',
  });
}

/** The one transformation that the shipped dashboards have: columns in another order, and without some. */
function organized(panel: any, frames: any[]) {
  const { indexByName = {}, excludeByName = {} } = (panel.transformations ?? []).find((t: any) => t.id === 'organize')?.options ?? {};
  const place = (f: any) => indexByName[f.name] ?? Infinity;
  return frames.map((frame) => ({ ...frame, fields: frame.fields.filter((f: any) => !excludeByName[f.name]).sort((a: any, b: any) => (place(a) === place(b) ? 0 : place(a) - place(b))) }));
}

function Stat({ frames, width, height, text }: any) {
  const theme = R.config.theme2;
  const shown = frames.flatMap((frame: any) => frame.fields.filter((f: any) => f.type === 'number').flatMap((f: any) => {
    const display = f.display ?? getDisplayProcessor({ field: f, theme });
    const names = frame.fields.filter((x: any) => x.type === 'string');
    const rows = frame.fields.some((x: any) => x.type === 'time') ? [f.values.length - 1] : Array.from({ length: frame.length }, (_, i) => i);
    return rows.map((i: number) => ({ ...display(f.values[i]), title: names.length ? names.map((n: any) => n.values[i]).join(' ') : getFieldDisplayName(f, frame) }));
  }));
  return (
    <div style={{ display: 'flex' }}>
      {shown.map((value: any, i: number) => (
        <BigValue key={i} value={value} width={width / shown.length} height={height} theme={theme} colorMode="value" graphMode="none" justifyMode="auto" textMode="value_and_name" text={text} />
      ))}
    </div>
  );
}

function Drawn({ panel, frames, range, width, height }: any) {
  if (panel.type === 'stat' && frames.length === 0) {
    return <div>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
  }
  if (panel.type === 'stat') {
    return <Stat frames={painted(panel, frames)} width={width} height={height} text={panel.options.text} />;
  }
  if (panel.type === 'timeseries') {
    const graph = painted(panel, frames.filter((f: any) => f.fields[0]?.type === 'time' && f.fields.some((x: any) => x.type === 'number')));
    return graph.length === 0 ? <div>No data</div> : (
      <TimeSeries frames={graph} width={width} height={height} timeRange={range} timeZone="utc" legend={{ displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] }} />
    );
  }
  const frame = painted(panel, organized(panel, frames))[panel.options?.frameIndex ?? 0];
  return frame && frame.length > 0 ? <Table data={frame} width={width} height={height} /> : <div>No data</div>;
}

/** How much an answer holds: rows of tables, numbers of graphs. */
const sizeOf = (panel: any, frames: any[]) =>
  panel.type === 'table'
    ? (frames[panel.options?.frameIndex ?? 0]?.length ?? 0)
    : frames.flatMap((f) => f.fields.filter((x: any) => x.type === 'number').flatMap((x: any) => Array.from(x.values))).filter((v) => v !== null && v !== undefined).length;

export function Dashboard({ api, name, range }: { api: any; name: string; range: any }) {
  const [answers, setAnswers] = useState<Array<{ panel: any; frames: any[]; errors: string[] }>>([]);
  const [about, setAbout] = useState<any>();
  useEffect(() => {
    (async () => {
      const dashboard = await fetch(`/public/plugins/${api.plugin.meta.id}/dashboards/${name}.json`).then((r) => r.json());
      const variables = await fillVariables(api, dashboard.templating.list, range);
      const panels = dashboard.panels.flatMap((panel: any) => repeated(api, panel));
      const all = await Promise.all(panels.map(async (panel: any) => ({ panel, ...(await ask(api, panel, range)) })));
      setAnswers(all);
      setAbout(dashboard);
      (window as any).__dashboard = {
        title: dashboard.title, variables, annotations: dashboard.annotations.list.length,
        panels: all.map(({ panel, frames, errors }) => ({ title: panel.title, errors, size: sizeOf(panel, frames), mayBeEmpty: Boolean(panel.fieldConfig?.defaults?.noValue) })),
      };
    })().catch((e) => ((window as any).__dashboard = { title: name, failure: String(e?.stack ?? e), panels: [] }));
  }, [api, name, range]);
  if (!about) {
    return <div>loading</div>;
  }
  const theme = R.config.theme2;
  const bottom = Math.max(...answers.map(({ panel: { gridPos: g } }) => g.y + g.h));
  return (
    <div data-testid="dashboard" style={{ position: 'relative', width: WIDTH + 16, height: bottom * ROW + 16, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
      {answers.map(({ panel, frames, errors }) => {
        const g = panel.gridPos;
        const width = (g.w / 24) * WIDTH - 8;
        const height = g.h * ROW - 8;
        return (
          <div key={panel.id} style={{ position: 'absolute', left: (g.x / 24) * WIDTH + 8, top: g.y * ROW + 8 }}>
            <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
              {(w: number, h: number) => (errors.length > 0 ? <div>{errors[0]}</div> : <Drawn panel={panel} frames={frames} range={range} width={w} height={h} />)}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}
