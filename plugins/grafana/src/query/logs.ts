// Requests as a log, for Explore: a line each, and above them how many there were, which is counted exactly.
import { createDataFrame, DataFrame, DataFrameType, FieldType } from '@grafana/data';
import { CountItem, HttpEvent, Labels, TidemarkQuery } from '../types';
import { Grid } from '../intervals';

/** What a log calls a status. */
export const levelOf = (status: number | string) => ({ '5': 'error', '4': 'warning' })[String(status).slice(0, 1)] ?? 'info';

function lineOf(e: HttpEvent): string {
  const { duration_ms: took, bytes, count, user_agent: agent } = e.fields;
  const parts = [
    `${e.method} ${e.url} ${e.status}`, took === undefined ? '' : `${took} ms`, bytes === undefined ? '' : `${bytes} B`,
    count === undefined || count === 1 ? '' : `${count} times`, agent === undefined ? '' : `"${agent}"`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

const labelsOf = (e: HttpEvent): Labels => {
  const all: Labels = { service: e.service, env: e.env, method: e.method, status: String(e.status), url: e.url, page_group: e.page_group, agent: e.agent, ...e.tags };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '' && value !== undefined));
};

export function eventLogsFrame(refId: string, items: HttpEvent[]): DataFrame {
  return createDataFrame({
    refId, name: 'events', meta: { type: DataFrameType.LogLines, typeVersion: [0, 0], preferredVisualisationType: 'logs' },
    fields: [
      { name: 'timestamp', type: FieldType.time, values: items.map((e) => Date.parse(e.time)) },
      { name: 'body', type: FieldType.string, values: items.map(lineOf) },
      { name: 'severity', type: FieldType.string, values: items.map((e) => levelOf(e.status)) },
      // the order within a millisecond is the API's
      { name: 'id', type: FieldType.string, values: items.map((e, i) => `${e.time} ${items.length - i}`) },
      { name: 'labels', type: FieldType.other, values: items.map(labelsOf) },
    ],
  });
}

/** The counts that belong to a query's log. A filter may ask for what is not counted: then there are none. */
export function volumeQuery(query: TidemarkQuery): TidemarkQuery | undefined {
  if (query.queryType !== 'events' || query.format !== 'logs' || query.filter?.trim()) {
    return undefined;
  }
  const { service, env, pageGroup, status, datasource } = query;
  return { refId: `log-volume-${query.refId}`, schema: 1, queryType: 'status', by: ['class'], mode: 'count', format: 'volume', service, env, pageGroup, status, datasource };
}

/** A frame a class, as the histogram of a log wants them. */
export function volumeFrames(refId: string, grid: Grid, items: CountItem[]): DataFrame[] {
  const count = Math.max(0, Math.round((grid.end - grid.start) / grid.step));
  return items.map((item) => {
    const of = new Map(item.points);
    const times = Array.from({ length: count }, (_, i) => grid.start + i * grid.step);
    const level = levelOf(item.labels.class ?? item.labels.status ?? '');
    return createDataFrame({
      refId, meta: { type: DataFrameType.TimeSeriesMulti, typeVersion: [0, 1] },
      fields: [
        { name: 'Time', type: FieldType.time, values: times.map((at) => at * 1000), config: { interval: grid.step * 1000 } },
        { name: 'Value', type: FieldType.number, labels: { level }, values: times.map((at) => of.get(at) ?? 0), config: { displayNameFromDS: item.labels.class } },
      ],
    });
  });
}
