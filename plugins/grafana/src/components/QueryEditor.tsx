import { QueryEditorProps } from '@grafana/data';
import { Button, InlineField, InlineFieldRow } from '@grafana/ui';
import { TidemarkDataSource } from '../datasource';
import { hasWhatItNeeds } from '../describe';
import { migrate, newQuery } from '../migrate';
import { QueryType, TidemarkOptions, TidemarkQuery } from '../types';
import { rangeOr } from '../intervals';
import { find } from '../variables';
import { CodeEditorOf } from './MetricsEditor';
import { EditorProps } from './editorProps';
import { PickField } from './fields';
import {
  AnomaliesEditor, EventsEditor, ExceptionsEditor, FeedEditor, IncidentsEditor, MarkersEditor, ReportsEditor, SelfEditor, StatusEditor,
  TalliesEditor, TopEditor,
} from './TypeEditors';

export const TYPES: Array<{ value: QueryType; label: string; description: string }> = [
  { value: 'metrics', label: 'Metrics', description: 'PromQL, by builder or as code' },
  { value: 'anomalies', label: 'Anomalies', description: 'What is unusual, with its score' },
  { value: 'status', label: 'HTTP status', description: 'Exact counts of requests by status' },
  { value: 'events', label: 'Events', description: 'The requests themselves, newest first' },
  { value: 'exceptions', label: 'Exceptions', description: 'Groups of exceptions with state and trend' },
  { value: 'top', label: 'Top-K', description: 'Rankings of requests, against a time before' },
  { value: 'markers', label: 'Deploys and markers', description: 'With the verdict of each deploy' },
  { value: 'incidents', label: 'Incidents', description: 'With their explanation' },
  { value: 'tallies', label: 'Tallies', description: 'Exact totals of business events' },
  { value: 'reports', label: 'Reports', description: 'Links to the weekly reports' },
  { value: 'feed', label: 'Live feed', description: 'Anomalies, incidents and verdicts as they come' },
  { value: 'self', label: 'The daemon itself', description: 'Its rates, memory, disk and lag, since the panel was opened' },
];

const EDITORS: Record<QueryType, (props: EditorProps) => React.ReactNode> = {
  metrics: CodeEditorOf,
  anomalies: AnomaliesEditor,
  status: StatusEditor,
  events: EventsEditor,
  exceptions: ExceptionsEditor,
  top: TopEditor,
  markers: MarkersEditor,
  incidents: IncidentsEditor,
  tallies: TalliesEditor,
  reports: ReportsEditor,
  feed: FeedEditor,
  self: SelfEditor,
};

type Props = QueryEditorProps<TidemarkDataSource, TidemarkQuery, TidemarkOptions>;

export function QueryEditor({ datasource, query: stored, onChange, onRunQuery, range }: Props) {
  const query = migrate(stored);
  const Editor = EDITORS[query.queryType];
  const context = datasource.context(rangeOr(range, 6), 60000, {});
  const props: EditorProps = {
    query,
    load: (wanted) => () => find({ refId: 'find', ...wanted }, context),
    change: (part) => onChange({ ...query, ...part }),
    // The panel runs what it was given last: without a query of its own it would be the one before.
    changeAndRun: (part) => {
      const next = { ...query, ...part };
      onChange(next);
      if (hasWhatItNeeds(next)) {
        onRunQuery();
      }
    },
    run: onRunQuery,
  };
  const pickType = (value: string) => {
    const { refId, hide, datasource: ref, service, env } = query;
    const next = { refId, hide, datasource: ref, service, env, ...newQuery(value as QueryType) };
    onChange(next);
    if (hasWhatItNeeds(next)) {
      onRunQuery();
    }
  };
  return (
    <div>
      <InlineFieldRow>
        <PickField label="Query type" id={`type-${query.refId}`} value={query.queryType} onPick={pickType} options={TYPES} isFixed width={28} />
        <InlineField>
          <Button icon="play" variant="secondary" onClick={onRunQuery}>
            Run query
          </Button>
        </InlineField>
      </InlineFieldRow>
      <Editor {...props} />
    </div>
  );
}
