// An editor for each query type but metrics.
import { InlineField, InlineFieldRow, InlineSwitch, RadioButtonGroup } from '@grafana/ui';
import { CountMode } from '../types';
import { EditorProps } from './editorProps';
import { CodeField, PickField, PickMany, TextField } from './fields';

const options = (...values: string[]) => values.map((value) => ({ label: value.replaceAll('_', ' '), value }));
/** What is looked at most of the daemon's own numbers; others can be typed. */
const SELF_NUMBERS = [
  'ingest.samples_per_s', 'ingest.events_per_s', 'ingest.ack_p99_ms', 'ingest.pending', 'ingest.lines_refused_total', 'memory.rss_bytes',
  'disk.data_bytes', 'disk.free_bytes', 'journal.pending_bytes', 'series.count', 'queries.open', 'queries.p99_ms', 'scoring.lag_s',
];
const none = (text: string) => (text === '' ? undefined : text);

/** Of which service and env: the first row of all of them. */
function Scope({ query, load, changeAndRun, children }: EditorProps & { children?: React.ReactNode }) {
  return (
    <InlineFieldRow>
      <PickField
        label="Service" id={`service-${query.refId}`} value={query.service} placeholder="all" tooltip="One service, several with commas, or a variable"
        load={load({ kind: 'services' })} onPick={(service) => changeAndRun({ service: none(service) })}
      />
      <PickField
        label="Env" id={`env-${query.refId}`} value={query.env} placeholder="all" width={14} load={load({ kind: 'envs', service: query.service })}
        onPick={(env) => changeAndRun({ env: none(env) })}
      />
      {children}
    </InlineFieldRow>
  );
}

function Limit({ query, changeAndRun, fallback, label = 'Limit' }: EditorProps & { fallback: number; label?: string }) {
  return (
    <TextField
      label={label} id={`limit-${query.refId}`} width={10} placeholder={String(fallback)} value={query.limit === undefined ? '' : String(query.limit)}
      onCommit={(text) => changeAndRun({ limit: /^[1-9]\d*$/.test(text) ? Math.min(Number(text), 10000) : undefined })}
    />
  );
}

function LegendField({ query, changeAndRun, example = '{{class}}' }: EditorProps & { example?: string }) {
  return (
    <TextField
      label="Legend" id={`legend-${query.refId}`} value={query.legend} placeholder={example} tooltip="Text with {{label}}"
      onCommit={(legend) => changeAndRun({ legend: none(legend) })}
    />
  );
}

function Mode({ query, changeAndRun, fallback }: EditorProps & { fallback: CountMode }) {
  const modes: Array<{ label: string; value: CountMode; description: string }> = [
    { label: 'Rate', value: 'rate', description: 'A second' },
    { label: 'Count', value: 'count', description: 'In each step' },
    { label: 'Total', value: 'total', description: 'Over the range' },
  ];
  return (
    <InlineField label="Show">
      <RadioButtonGroup options={modes} value={query.mode ?? fallback} onChange={(mode) => changeAndRun({ mode })} />
    </InlineField>
  );
}

function Filter({ query, changeAndRun, run }: EditorProps) {
  return (
    <CodeField
      id={`filter-${query.refId}`} value={query.filter ?? ''} onRun={run} placeholder='status>=500 not agent=crawler (url~"/p/" or group="cart")'
      onCommit={(filter) => changeAndRun({ filter: none(filter) })}
    />
  );
}

export function StatusEditor(props: EditorProps) {
  const { query, load, changeAndRun } = props;
  return (
    <>
      <Scope {...props}>
        <PickField
          label="Page group" id={`group-${query.refId}`} value={query.pageGroup} placeholder="all" load={load({ kind: 'page_groups', service: query.service })}
          onPick={(pageGroup) => changeAndRun({ pageGroup: none(pageGroup) })}
        />
        <PickField
          label="Status" id={`status-${query.refId}`} value={query.status} placeholder="all" width={14} onPick={(status) => changeAndRun({ status: none(status) })}
          options={options('2xx', '3xx', '4xx', '5xx')}
        />
      </Scope>
      <InlineFieldRow>
        <PickMany
          label="By" id={`by-${query.refId}`} values={query.by ?? []} tooltip="Labels, or class: statuses by their first digit"
          load={async () => [{ text: 'class' }, ...(await load({ kind: 'label_names', match: 'http_events_total' })())]}
          onPick={(by) => changeAndRun({ by })}
        />
        <Mode {...props} fallback="rate" />
        <LegendField {...props} />
      </InlineFieldRow>
    </>
  );
}

export function TalliesEditor(props: EditorProps) {
  const { query, load, changeAndRun } = props;
  return (
    <>
      <InlineFieldRow>
        <PickField
          label="Total of" id={`tally-${query.refId}`} value={query.metric} width={36} placeholder="tally_payment_total" load={load({ kind: 'tallies' })}
          onPick={(metric) => changeAndRun({ metric: none(metric) })}
        />
        <Mode {...props} fallback="total" />
      </InlineFieldRow>
      <Scope {...props}>
        <PickMany
          label="By" id={`by-${query.refId}`} values={query.by ?? []} load={load({ kind: 'label_names', match: query.metric })}
          onPick={(by) => changeAndRun({ by })}
        />
        <LegendField {...props} example="{{method}}" />
      </Scope>
    </>
  );
}

export function EventsEditor(props: EditorProps) {
  const { query, changeAndRun } = props;
  return (
    <>
      <Scope {...props}>
        <PickField
          label="Status" id={`status-${query.refId}`} value={query.status} placeholder="all" width={14} options={options('2xx', '3xx', '4xx', '5xx')}
          onPick={(status) => changeAndRun({ status: none(status) })}
        />
        <Limit {...props} fallback={100} />
        <InlineField label="As">
          <RadioButtonGroup
            options={[{ label: 'Table', value: 'table' as const }, { label: 'Log', value: 'logs' as const, description: 'Lines, for Explore and the panel for logs' }]}
            value={query.format === 'logs' ? 'logs' : 'table'} onChange={(format) => changeAndRun({ format: format === 'logs' ? format : undefined })}
          />
        </InlineField>
      </Scope>
      <Filter {...props} />
    </>
  );
}

export function TopEditor(props: EditorProps) {
  const { query, load, changeAndRun } = props;
  return (
    <>
      <Scope {...props}>
        <PickField
          label="Status" id={`status-${query.refId}`} value={query.status} placeholder="all" width={14} options={options('2xx', '3xx', '4xx', '5xx')}
          onPick={(status) => changeAndRun({ status: none(status) })}
        />
      </Scope>
      <InlineFieldRow>
        <PickField
          label="By" id={`key-${query.refId}`} value={query.key ?? 'url'} isClearable={false}
          load={async () => [{ text: 'url' }, { text: 'page_group' }, ...(await load({ kind: 'label_names', match: 'http_events_total' })()).filter((v) => v.text !== 'page_group')]}
          onPick={(key) => changeAndRun({ key: none(key) })}
        />
        <Limit {...props} fallback={10} label="K" />
        <PickField
          label="Compare" id={`compare-${query.refId}`} value={query.compare} placeholder="with nothing" options={options('previous', 'week')}
          tooltip="With as long a time right before, with the week before, or with FROM..TO" onPick={(compare) => changeAndRun({ compare: none(compare) })}
        />
      </InlineFieldRow>
      <Filter {...props} />
    </>
  );
}

export function ExceptionsEditor(props: EditorProps) {
  const { query, load, changeAndRun } = props;
  return (
    <Scope {...props}>
      <PickField
        label="State" id={`state-${query.refId}`} value={query.state} placeholder="all" options={options('new', 'ongoing', 'escalating', 'regressed', 'resolved')}
        onPick={(state) => changeAndRun({ state: none(state) })}
      />
      <PickField
        label="Exception" id={`exception-${query.refId}`} value={query.exception} placeholder="all" tooltip="One of them, with its stack and hours"
        load={load({ kind: 'exceptions', service: query.service })} onPick={(exception) => changeAndRun({ exception: none(exception) })}
      />
      <Limit {...props} fallback={100} />
    </Scope>
  );
}

export function MarkersEditor(props: EditorProps) {
  const { query, load, changeAndRun } = props;
  return (
    <Scope {...props}>
      <PickMany
        label="Kind" id={`kind-${query.refId}`} values={query.kind ? query.kind.split(',') : []} placeholder="all"
        options={options('deploy', 'rollback', 'config', 'event', 'maintenance', 'incident')}
        onPick={(kinds) => changeAndRun({ kind: none(kinds.join(',')) })}
      />
      <PickField
        label="Version" id={`version-${query.refId}`} value={query.version} placeholder="all" load={load({ kind: 'versions', service: query.service })}
        onPick={(version) => changeAndRun({ version: none(version) })}
      />
      <Limit {...props} fallback={100} />
    </Scope>
  );
}

function MinScore({ query, changeAndRun }: EditorProps) {
  return (
    <TextField
      label="Score from" id={`score-${query.refId}`} width={10} placeholder="0" value={query.minScore === undefined ? '' : String(query.minScore)}
      tooltip="20: once in 10 h; 40: in 4 days; 60: in 6 weeks; 80: in 14 months"
      onCommit={(text) => changeAndRun({ minScore: text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined })}
    />
  );
}

/** One incident: in full, or what was unusual during it. */
function IncidentField({ query, load, changeAndRun }: EditorProps) {
  return (
    <PickField
      label="Incident" id={`incident-${query.refId}`} value={query.incident} placeholder="all" tooltip="One of them, or a variable"
      load={load({ kind: 'incidents', service: query.service })} onPick={(incident) => changeAndRun({ incident: none(incident) })}
    />
  );
}

export function AnomaliesEditor(props: EditorProps) {
  return (
    <>
      <Scope {...props}>
        <IncidentField {...props} />
      </Scope>
      <InlineFieldRow>
        <MinScore {...props} />
        <InlineField label="Band" tooltip="What was expected and what was observed, as lines, of the series with the highest scores">
          <InlineSwitch value={Boolean(props.query.band)} onChange={(e) => props.changeAndRun({ band: e.currentTarget.checked || undefined })} />
        </InlineField>
        <Limit {...props} fallback={100} />
      </InlineFieldRow>
    </>
  );
}

export function IncidentsEditor(props: EditorProps) {
  return (
    <Scope {...props}>
      <IncidentField {...props} />
      <Limit {...props} fallback={100} />
    </Scope>
  );
}

export function ReportsEditor(props: EditorProps) {
  return (
    <Scope {...props}>
      <Limit {...props} fallback={100} />
    </Scope>
  );
}

export function FeedEditor(props: EditorProps) {
  return (
    <Scope {...props}>
      <MinScore {...props} />
      <Limit {...props} fallback={100} />
    </Scope>
  );
}

export function SelfEditor({ query, changeAndRun }: EditorProps) {
  return (
    <InlineFieldRow>
      <PickMany
        label="Numbers" id={`self-${query.refId}`} values={query.metric ? query.metric.split(',') : []} width={80} placeholder="all, as they are now"
        tooltip="Of /api/v1/status/tidemark, by their paths; lines begin when the panel is opened" options={options(...SELF_NUMBERS)}
        onPick={(paths) => changeAndRun({ metric: none(paths.join(',')) })}
      />
    </InlineFieldRow>
  );
}
