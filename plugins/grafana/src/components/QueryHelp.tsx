import { QueryEditorHelpProps } from '@grafana/data';
import { newQuery } from '../migrate';
import { TidemarkQuery } from '../types';

/** Queries to begin with; each runs as it is. */
export const SAMPLES: Array<{ title: string; text: string; query: Omit<TidemarkQuery, 'refId'> }> = [
  {
    title: 'Requests a second by service', text: 'PromQL over the exact counts.',
    query: { ...newQuery('metrics'), expr: 'sum by (service) (rate(http_events_total[$__rate_interval]))', legend: '{{service}}' },
  },
  {
    title: '95th percentile of the response time', text: 'Buckets are complete in le, with a relative error of at most 5 %.',
    query: { ...newQuery('metrics'), expr: 'histogram_quantile(0.95, sum by (service, le) (rate(http_event_duration_seconds_bucket[$__rate_interval])))', legend: '{{service}}' },
  },
  {
    title: 'Now against the same time last week', text: 'A function of tidemark.',
    query: { ...newQuery('metrics'), editor: 'code', expr: 'sum(rate(http_events_total[5m])) / sum(same_time_last_week(rate(http_events_total[5m])))' },
  },
  { title: 'Responses by class', text: 'Exact integers: what was counted, not extrapolated.', query: { ...newQuery('status'), by: ['class'], mode: 'count' } },
  { title: 'Requests that failed', text: 'The requests themselves, newest first.', query: { ...newQuery('events'), filter: 'status>=500 not agent=crawler' } },
  { title: 'URLs that fail more than before', text: 'Ranked, against as long a time right before.', query: { ...newQuery('top'), status: '5xx', compare: 'previous' } },
  { title: 'New exceptions', text: 'Groups of exceptions that were never seen before.', query: { ...newQuery('exceptions'), state: 'new' } },
  { title: 'Deploys with verdicts', text: 'bad, suspect, ok, or not enough data yet.', query: { ...newQuery('markers'), kind: 'deploy' } },
];

export function QueryHelp({ onClickExample }: QueryEditorHelpProps<TidemarkQuery>) {
  return (
    <div>
      <h3>tidemark</h3>
      {SAMPLES.map((sample) => (
        <div key={sample.title} style={{ marginBottom: 12 }}>
          <button type="button" style={{ border: 0, background: 'none', padding: 0, color: 'inherit', textAlign: 'left' }} onClick={() => onClickExample({ refId: 'A', ...sample.query })}>
            <b>{sample.title}</b>
            <br />
            <code>{sample.query.expr ?? sample.query.filter ?? sample.query.queryType}</code>
          </button>
          <div>{sample.text}</div>
        </div>
      ))}
      <p>
        Events take filters: <code>status=404 group=&quot;product&quot; not agent=crawler (method=PUT or url~&quot;/p/&quot;)</code>. Legends take labels:{' '}
        <code>{'{{service}} {{class}}'}</code>.
      </p>
    </div>
  );
}
