// The daemon itself. Its own counters are not stored, so a graph of them begins when the first panel asks; all panels of a
// data source share one list of what was seen.
import { createDataFrame, DataFrame, DataFrameType, DataQueryResponse, FieldType, LoadingState } from '@grafana/data';
import { Observable, timer } from 'rxjs';
import { concatMap, map } from 'rxjs/operators';
import { Api } from '../api';
import { valuesOf } from '../interpolate';
import { Status, TidemarkQuery } from '../types';
import { Context } from './context';

const POLL_MS = 10000;
/** A whole day of them. */
const SEEN_MAX = 8640;
/** What was asked for by another panel so short a time ago is new enough. */
const FRESH_MS = 5000;

export type Numbers = Record<string, number | string>;

/** The numbers and words of the status by their paths: ingest.samples_per_s, memory.rss_bytes, ... Lists are left out. */
export function flatten(status: object, prefix = ''): Numbers {
  return Object.entries(status).reduce<Numbers>((out, [name, value]) => {
    if (typeof value === 'number' || typeof value === 'string') {
      out[prefix + name] = value;
    } else if (value && typeof value === 'object' && !Array.isArray(value)) {
      Object.assign(out, flatten(value, `${prefix}${name}.`));
    }
    return out;
  }, {});
}

export function unitOfPath(path: string): string | undefined {
  const units: Array<[RegExp, string]> = [
    [/(^|[._])bytes$/, 'bytes'], [/_ms$/, 'ms'], [/_s$/, 's'], [/_percent$/, 'percent'], [/_per_s$/, 'cps'],
  ];
  // the first that fits, the longer ending before the shorter
  return [...units].reverse().find(([ending]) => ending.test(path))?.[1];
}

/** What was seen of one daemon while somebody looked. */
export class Seen {
  readonly all: Array<{ at: number; numbers: Numbers }> = [];
  private under: Promise<void> | null = null;

  constructor(private readonly api: Api, private readonly now: () => number = Date.now) {}

  /** Asks, unless that was done a moment ago. */
  look(): Promise<void> {
    if (this.all.length > 0 && this.now() - this.all[this.all.length - 1].at < FRESH_MS) {
      return Promise.resolve();
    }
    this.under ??= this.api.ask<Status>('/api/v1/status/tidemark').then(({ data }) => {
      this.all.push({ at: this.now(), numbers: flatten(data) });
      this.all.splice(0, this.all.length - SEEN_MAX);
    }).finally(() => (this.under = null));
    return this.under;
  }
}

/** Lines of the chosen numbers since somebody looks, or a table of all of them as they are now. */
export function selfFrame(refId: string, seen: Seen['all'], paths: string[]): DataFrame {
  if (paths.length === 0) {
    const last = Object.entries(seen[seen.length - 1]?.numbers ?? {});
    return createDataFrame({
      refId, name: 'status', meta: { preferredVisualisationType: 'table' },
      fields: [
        { name: 'what', type: FieldType.string, values: last.map(([name]) => name), config: { filterable: true } },
        { name: 'value', type: FieldType.string, values: last.map(([, value]) => String(value)), config: { filterable: true } },
      ],
    });
  }
  return createDataFrame({
    refId, meta: { type: DataFrameType.TimeSeriesWide, typeVersion: [0, 1], preferredVisualisationType: 'graph' },
    fields: [
      { name: 'Time', type: FieldType.time, values: seen.map((s) => s.at), config: { interval: POLL_MS } },
      ...paths.map((path) => {
        const unit = unitOfPath(path);
        return {
          name: path, type: FieldType.number, values: seen.map((s) => (typeof s.numbers[path] === 'number' ? s.numbers[path] : null)),
          config: { displayNameFromDS: path.replace(/[._]/g, ' ').replace(/ (bytes|ms|s|per s|total|percent)$/, ''), ...(unit ? { unit } : {}) },
        };
      }),
    ],
  });
}

export function self(query: TidemarkQuery, context: Context, seen: Seen): Observable<DataQueryResponse> {
  const paths = valuesOf(context.replace, query.metric, context.vars);
  const from = context.range.from.valueOf();
  return timer(0, POLL_MS).pipe(
    concatMap(() => seen.look()),
    map(() => ({
      data: [selfFrame(query.refId, seen.all.filter((s) => s.at >= from), paths)], key: query.refId, state: LoadingState.Streaming,
    }))
  );
}
