import { Alert, Button, IconButton, InlineField, InlineFieldRow, InlineLabel, InlineSwitch, Input, RadioButtonGroup, Select } from '@grafana/ui';
import { useState } from 'react';
import { parseBuilder, printBuilder, printSelector } from '../promql/builder';
import { newOperation, operationById, OPERATIONS } from '../promql/operations';
import { BuilderState, LabelMatch, Operation } from '../types';
import { EditorProps } from './editorProps';
import { CodeField, PickField, PickMany, TextField, useDraft } from './fields';

const SIGNS: Array<{ label: LabelMatch['op']; value: LabelMatch['op'] }> = (['=', '!=', '=~', '!~'] as const).map((op) => ({ label: op, value: op }));

/** Metrics: the builder and the code are two views of one expression. */
export function CodeEditorOf(props: EditorProps) {
  const { query, change, changeAndRun, run } = props;
  const expr = query.expr ?? '';
  const state = parseBuilder(expr);
  const isBuilder = query.editor !== 'code';
  return (
    <>
      <InlineFieldRow>
        <InlineField>
          <RadioButtonGroup<'builder' | 'code'>
            options={[{ label: 'Builder', value: 'builder' }, { label: 'Code', value: 'code' }]}
            value={isBuilder ? 'builder' : 'code'} onChange={(editor) => change({ editor })}
          />
        </InlineField>
        <InlineField label="Legend" tooltip="Text with {{label}}; empty: the labels" htmlFor={`legend-${query.refId}`}>
          <Legend id={`legend-${query.refId}`} value={query.legend} onCommit={(legend) => changeAndRun({ legend: legend || undefined })} />
        </InlineField>
        <TextField
          label="Min step" id={`step-${query.refId}`} value={query.step} width={10} placeholder="auto"
          onCommit={(step) => changeAndRun({ step: step || undefined })}
        />
        <InlineField label="Instant" tooltip="One value, at the end of the range, as a table">
          <InlineSwitch value={Boolean(query.instant)} onChange={(e) => changeAndRun({ instant: e.currentTarget.checked || undefined })} />
        </InlineField>
      </InlineFieldRow>
      {!isBuilder && (
        <CodeField
          id={`expr-${query.refId}`} value={expr} placeholder="sum by (service) (rate(http_events_total[$__rate_interval]))" onRun={run}
          onCommit={(text) => changeAndRun({ expr: text })}
        />
      )}
      {isBuilder && state && <Builder {...props} state={state} expr={expr} />}
      {isBuilder && !state && (
        <Alert severity="info" title="The builder can't show this expression">
          <p>
            <code>{expr}</code>
          </p>
          <Button size="sm" onClick={() => change({ editor: 'code' })}>
            Edit as code
          </Button>
        </Alert>
      )}
    </>
  );
}

function Legend({ id, value, onCommit }: { id: string; value?: string; onCommit: (text: string) => void }) {
  const { draft, setDraft, commit } = useDraft(value ?? '', onCommit);
  return <Input id={id} width={24} value={draft} placeholder="{{service}}" onChange={(e) => setDraft(e.currentTarget.value)} onBlur={commit} />;
}

function Builder({ query, load, changeAndRun, state: parsed, expr }: EditorProps & { state: BuilderState; expr: string }) {
  // A row without its label yet is in no expression: it lives here until it has one.
  const [state, setState] = useState(parsed);
  const [known, setKnown] = useState(expr);
  if (known !== expr) {
    setKnown(expr);
    if (printBuilder(state) !== expr) {
      setState(parsed);
    }
  }
  const update = (part: Partial<BuilderState>) => {
    const next = { ...state, ...part };
    setState(next);
    const text = printBuilder(next);
    if (text !== expr) {
      changeAndRun({ expr: text });
    }
  };
  const without = (i: number): BuilderState => ({ ...state, labels: state.labels.filter((_, at) => at !== i) });
  const setLabel = (i: number, part: Partial<LabelMatch>) => update({ labels: state.labels.map((m, at) => (at === i ? { ...m, ...part } : m)) });
  const setOp = (i: number, op: Operation) => update({ operations: state.operations.map((o, at) => (at === i ? op : o)) });
  return (
    <>
      <InlineFieldRow>
        <PickField
          label="Metric" id={`metric-${query.refId}`} value={state.metric} width={36} placeholder="choose a metric" load={load({ kind: 'metrics' })}
          onPick={(metric) => update({ metric })}
        />
        {state.labels.map((m, i) => (
          <InlineField key={i}>
            <div style={{ display: 'flex' }} data-testid={`label-row-${i}`}>
              <PickField
                id={`label-${query.refId}-${i}`} value={m.label} placeholder="label" width={16} isClearable={false}
                load={load({ kind: 'label_names', match: printSelector(without(i)) || undefined })} onPick={(label) => setLabel(i, { label })}
              />
              <Select
                aria-label="operator" width={10} options={SIGNS} value={m.op} onChange={(o) => setLabel(i, { op: o.value ?? '=' })}
              />
              <PickField
                id={`value-${query.refId}-${i}`} value={m.value} placeholder="value" width={20}
                load={load({ kind: 'label_values', label: m.label, match: printSelector(without(i)) || undefined })}
                onPick={(value) => setLabel(i, { value })}
              />
              <IconButton name="times" tooltip="Remove this condition" onClick={() => update(without(i))} />
            </div>
          </InlineField>
        ))}
        <InlineField>
          <Button
            icon="plus" variant="secondary" aria-label="Add a label condition"
            onClick={() => setState({ ...state, labels: [...state.labels, { label: '', op: '=', value: '' }] })}
          >
            Label
          </Button>
        </InlineField>
      </InlineFieldRow>
      <InlineFieldRow>
        {state.operations.map((op, i) => (
          <OperationField
            key={`${i}-${op.id}`} op={op} id={`op-${query.refId}-${i}`} onChange={(next) => setOp(i, next)}
            loadLabels={load({ kind: 'label_names', match: printSelector(state) || undefined })}
            onRemove={() => update({ operations: state.operations.filter((_, at) => at !== i) })}
          />
        ))}
        <InlineField>
          <Select
            aria-label="Add an operation" width={24} value={null} placeholder="+ Operation"
            options={OPERATIONS.map((o) => ({ label: o.label, value: o.id, description: o.help }))}
            onChange={(o) => o.value && update({ operations: [...state.operations, newOperation(o.value)] })}
          />
        </InlineField>
      </InlineFieldRow>
      <code data-testid="builder-expr">{expr}</code>
    </>
  );
}

interface OperationProps {
  op: Operation;
  id: string;
  onChange: (op: Operation) => void;
  onRemove: () => void;
  loadLabels: ReturnType<EditorProps['load']>;
}

function OperationField({ op, id, onChange, onRemove, loadLabels }: OperationProps) {
  const def = operationById(op.id);
  const setParam = (i: number, text: string) => {
    const isNumber = def?.params[i].type === 'number';
    const value = isNumber && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    // an empty or broken parameter is not taken: the expression would be none
    if (text.trim() !== '' && (!isNumber || typeof value === 'number' || text.startsWith('$'))) {
      onChange({ ...op, params: op.params.map((p, at) => (at === i ? value : p)) });
    }
  };
  return (
    <InlineField>
      <div style={{ display: 'flex', alignItems: 'center', gap: 4 }} title={def?.help}>
        <InlineLabel width="auto">{def?.label ?? op.id}</InlineLabel>
        {def?.params.map((p, i) => (
          <Param key={p.name} id={`${id}-${p.name}`} name={p.name} value={String(op.params[i])} onCommit={(text) => setParam(i, text)} />
        ))}
        {def?.kind === 'aggregation' && (
          <PickMany id={`${id}-by`} values={op.by ?? []} placeholder="by" width={24} load={loadLabels} onPick={(by) => onChange({ ...op, by })} />
        )}
        <IconButton name="times" tooltip={`Remove ${def?.label ?? op.id}`} onClick={onRemove} />
      </div>
    </InlineField>
  );
}

function Param({ id, name, value, onCommit }: { id: string; name: string; value: string; onCommit: (text: string) => void }) {
  const { draft, setDraft, commit } = useDraft(value, onCommit);
  return <Input id={id} aria-label={name} width={16} value={draft} onChange={(e) => setDraft(e.currentTarget.value)} onBlur={commit} />;
}
