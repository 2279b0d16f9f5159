// A query in a line of words, and whether there is enough of it to ask.
import { TidemarkQuery } from './types';

const NAMES: Record<TidemarkQuery['queryType'], string> = {
  metrics: 'Metrics', anomalies: 'Anomalies', status: 'HTTP status', events: 'Events', exceptions: 'Exceptions', top: 'Top',
  markers: 'Deploys and markers', incidents: 'Incidents', tallies: 'Totals', reports: 'Reports', feed: 'Live feed', self: 'The daemon itself',
};

export function hasWhatItNeeds(query: TidemarkQuery): boolean {
  switch (query.queryType) {
    case 'metrics':
      return Boolean(query.expr?.trim());
    case 'tallies':
      return Boolean(query.metric?.trim());
    default:
      return query.queryType in NAMES;
  }
}

export function displayText(query: TidemarkQuery): string {
  if (query.queryType === 'metrics') {
    return query.expr ?? '';
  }
  const parts = [
    query.service && `of ${query.service}`,
    query.env && `in ${query.env}`,
    (query.queryType === 'tallies' || query.queryType === 'self') && query.metric,
    query.incident && `of incident ${query.incident}`,
    query.exception && `exception ${query.exception}`,
    query.pageGroup && `page group ${query.pageGroup}`,
    query.status && `status ${query.status}`,
    query.key && query.queryType === 'top' && `by ${query.key}`,
    query.by?.length && `by ${query.by.join(', ')}`,
    query.filter,
    query.state,
    query.kind,
    query.minScore && `score from ${query.minScore}`,
  ].filter(Boolean);
  return [NAMES[query.queryType] ?? query.queryType, ...parts].join(' ');
}
