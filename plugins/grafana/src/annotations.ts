// Deploys coloured by their verdict, incidents as regions, planned events: as Grafana's annotations.
import { AnnotationEvent, AnnotationQuery, AnnotationSupport, DataFrame } from '@grafana/data';
import { Observable, of } from 'rxjs';
import type { TidemarkDataSource } from './datasource';
import { VERDICT_COLORS } from './frames';
import { migrate, newQuery } from './migrate';
import { TidemarkQuery } from './types';

/** What a marker is drawn with where it has no verdict. */
const KIND_COLORS: Record<string, string> = {
  deploy: 'blue', rollback: 'purple', config: 'blue', event: 'yellow', maintenance: 'gray', incident: 'red',
};

/** The rows of a frame of markers or incidents as events. */
export function eventsOf(frame: DataFrame): AnnotationEvent[] {
  const column = (name: string) => frame.fields.find((f) => f.name === name)?.values ?? [];
  const [time, end, kind, version, verdict, text, service, env, score, state, id] = [
    'time', 'timeEnd', 'kind', 'version', 'verdict', 'text', 'service', 'env', 'score', 'state', 'id',
  ].map(column);
  return Array.from(time, (at: number, i): AnnotationEvent => {
    const isIncident = frame.name === 'incidents';
    const until = end[i] ?? (isIncident ? Date.now() : undefined);
    const what = isIncident ? `Incident, score ${Math.round(score[i])}` : [kind[i], version[i]].filter(Boolean).join(' ');
    return {
      id: id[i],
      time: at,
      ...(until ? { timeEnd: until, isRegion: true } : {}),
      title: [what, service[i]].filter(Boolean).join(' · '),
      text: [verdict[i] && `<b>${escapeHtml(String(verdict[i]).replace('_', ' '))}</b>`, escapeHtml(text[i] ?? '')].filter(Boolean).join('<br>'),
      tags: [isIncident ? state[i] : kind[i], service[i], env[i], verdict[i]].filter(Boolean),
      color: isIncident ? 'red' : (VERDICT_COLORS[verdict[i]] ?? KIND_COLORS[kind[i]] ?? 'blue'),
    };
  });
}

const escapeHtml = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** An annotation's query: deploys unless it says otherwise. */
export function annotationQuery(query: Partial<TidemarkQuery> | undefined): TidemarkQuery {
  const kinds = ['markers', 'incidents'];
  const given = query && kinds.includes(query.queryType ?? '') ? query : { ...query, ...newQuery('markers'), kind: query?.kind ?? 'deploy' };
  return migrate({ limit: 1000, ...given, refId: query?.refId ?? 'Anno' });
}

export function annotationSupport(_: TidemarkDataSource): AnnotationSupport<TidemarkQuery> {
  return {
    getDefaultQuery: () => annotationQuery(undefined),
    prepareAnnotation: (json: AnnotationQuery<TidemarkQuery>) => ({ ...json, target: annotationQuery(json.target) }),
    prepareQuery: (annotation) => annotationQuery(annotation.target),
    processEvents: (_annotation, frames: DataFrame[]): Observable<AnnotationEvent[]> => of(frames.flatMap(eventsOf)),
  };
}
