// The live feed: what was found in the range, then what comes. It is read from /api/v1/stream where Grafana's front end
// can read an answer in pieces, else the lists are asked again every few seconds.
import { DataFrame, DataQueryResponse, dateTime, LoadingState } from '@grafana/data';
import { BackendSrv, getBackendSrv } from '@grafana/runtime';
import { concat, defer, from, Observable, timer } from 'rxjs';
import { concatMap, filter, map, retry, scan } from 'rxjs/operators';
import { encode } from '../api';
import { FeedItem, feedFrame } from '../frames';
import { valuesOf } from '../interpolate';
import { Anomaly, Incident, TidemarkQuery, Verdict } from '../types';
import { Context } from './context';
import { anomaliesOf, incidentsOf } from './lists';

const POLL_MS = 10000;
const RETRY_MS = 5000;
const ITEMS = 100;
const TOPICS = ['anomaly', 'incident', 'verdict'] as const;
/** More than one event of the feed is long. */
const PENDING_MAX = 1 << 20;

export function itemOf(topic: string, body: unknown): FeedItem | null {
  switch (topic) {
    case 'anomaly': {
      const a = body as Anomaly;
      return { topic, time: a.time, service: a.service, score: a.score, text: a.text, id: a.id };
    }
    case 'incident': {
      const i = body as Incident;
      return { topic, time: i.start, service: i.service, score: i.score, text: i.text, id: i.id };
    }
    case 'verdict': {
      const v = body as Verdict;
      return { topic, time: v.updated ?? v.since, service: v.service, score: null, text: v.text, id: v.marker };
    }
    default:
      return null;
  }
}

/** Server-sent events out of pieces of text: what is whole, and what is left over. */
export function readEvents(pending: string, piece: string): { events: Array<{ event: string; data: string }>; pending: string } {
  const blocks = (pending + piece).replace(/\r\n/g, '\n').split('\n\n');
  const left = blocks.pop() ?? '';
  const events = blocks.flatMap((block) => {
    const lines = block.split('\n');
    const of = (name: string) => lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).replace(/^ /, ''));
    const data = of('data').join('\n');
    return data === '' ? [] : [{ event: of('event')[0] ?? 'message', data }];
  });
  return { events, pending: left.length > PENDING_MAX ? '' : left };
}

/** Newest first, each once: what is told again takes the place of what was. */
export function merged(old: FeedItem[], more: FeedItem[], limit: number): FeedItem[] {
  const of = new Map([...old, ...more].map((i) => [`${i.topic} ${i.id}`, i]));
  return [...of.values()].sort((a, b) => Date.parse(b.time) - Date.parse(a.time)).slice(0, limit);
}

async function past(query: TidemarkQuery, context: Context): Promise<FeedItem[]> {
  const [anomalies, incidents] = await Promise.all([anomaliesOf(query, context), incidentsOf(query, context)]);
  return [...anomalies.items.map((a) => itemOf('anomaly', a)!), ...incidents.items.map((i) => itemOf('incident', i)!)];
}

/** The stream as items. It begins anew where it ends: the daemon may have been restarted. */
function live(query: TidemarkQuery, context: Context, backend: BackendSrv, requestId: string): Observable<FeedItem[]> {
  const services = valuesOf(context.replace, query.service, context.vars);
  const topics = TOPICS.flatMap((t) => (services.length > 0 ? services.map((s) => `${t}.${s.replace(/[^A-Za-z0-9_.~-]/g, encodeURIComponent)}`) : [t]));
  const decoder = new TextDecoder();
  return defer(() => backend.chunked({ url: `${context.api.baseUrl}/api/v1/stream?${encode({ topics: topics.join(',') })}`, method: 'GET', requestId })).pipe(
    scan((state, response) => readEvents(state.pending, response.data ? decoder.decode(response.data, { stream: true }) : ''), { events: [], pending: '' } as ReturnType<typeof readEvents>),
    map((state) => state.events.flatMap((e) => itemsIn(e.event, e.data))),
    filter((items) => items.length > 0),
    retry({ delay: () => timer(RETRY_MS) })
  );
}

function itemsIn(event: string, data: string): FeedItem[] {
  try {
    const item = itemOf(event, JSON.parse(data));
    return item ? [item] : [];
  } catch {
    return [];
  }
}

export function feed(query: TidemarkQuery, context: Context, requestId: string, backend: BackendSrv = getBackendSrv()): Observable<DataQueryResponse> {
  const limit = query.limit ?? ITEMS;
  const canStream = typeof backend.chunked === 'function';
  const more = canStream
    ? live(query, context, backend, requestId)
    : timer(POLL_MS, POLL_MS).pipe(concatMap(() => past(query, { ...context, range: movedToNow(context) })));
  return concat(from(past(query, context)), more).pipe(
    scan((items, found) => merged(items, found.filter((i) => i.score === null || i.score >= (query.minScore ?? 0)), limit), [] as FeedItem[]),
    map((items): DataQueryResponse => ({ data: [noted(feedFrame(query.refId, items), canStream)], key: query.refId, state: LoadingState.Streaming }))
  );
}

/** The range as wide as it was, ending now. */
function movedToNow(context: Context) {
  const width = context.range.to.valueOf() - context.range.from.valueOf();
  const to = Math.max(Date.now(), context.range.to.valueOf());
  return { ...context.range, to: dateTime(to), from: dateTime(to - width) };
}

function noted(frame: DataFrame, isLive: boolean): DataFrame {
  if (!isLive) {
    frame.meta = { ...frame.meta, notices: [{ severity: 'info', text: `This Grafana can't read a stream through its proxy: asked again every ${POLL_MS / 1000} s.` }] };
  }
  return frame;
}
