import { QueryEditorProps } from '@grafana/data';
import { InlineFieldRow } from '@grafana/ui';
import type { TidemarkDataSource } from '../datasource';
import { rangeOr } from '../intervals';
import { TidemarkOptions, TidemarkQuery, TidemarkVariableQuery, VARIABLE_KINDS, VariableKind } from '../types';
import { find } from '../variables';
import { PickField, TextField } from './fields';

type Props = QueryEditorProps<TidemarkDataSource, TidemarkQuery, TidemarkOptions, TidemarkVariableQuery>;

const HAS_SERVICE = new Set<VariableKind>(['envs', 'page_groups', 'label_values', 'metrics', 'versions', 'exceptions', 'incidents', 'statuses', 'tallies']);
const HAS_MATCH = new Set<VariableKind>(['label_values', 'label_names', 'metrics', 'query']);

/** What a variable lists. A field may hold another variable: its values follow that one. */
export function VariableEditor({ datasource, query, onChange, range }: Props) {
  const kind = query.kind ?? 'services';
  const set = (part: Partial<TidemarkVariableQuery>) => onChange({ ...query, refId: query.refId ?? 'variable', kind, ...part });
  const load = (wanted: Omit<TidemarkVariableQuery, 'refId'>) => () => find({ refId: 'find', ...wanted }, datasource.context(rangeOr(range, 24), 60000, {}));
  return (
    <InlineFieldRow>
      <PickField
        label="List" id="variable-kind" value={kind} isFixed options={VARIABLE_KINDS.map((value) => ({ value, label: value.replace('_', ' ') }))}
        onPick={(value) => set({ kind: value as VariableKind })}
      />
      {kind === 'label_values' && (
        <PickField
          label="Label" id="variable-label" value={query.label} load={load({ kind: 'label_names', match: query.match })} onPick={(label) => set({ label })}
        />
      )}
      {HAS_SERVICE.has(kind) && (
        <PickField
          label="Service" id="variable-service" value={query.service} placeholder="all, or $service" load={load({ kind: 'services' })}
          onPick={(service) => set({ service: service || undefined })}
        />
      )}
      {HAS_MATCH.has(kind) && (
        <TextField
          label={kind === 'query' ? 'PromQL' : 'Selector'} id="variable-match" width={40} value={query.match} placeholder={kind === 'query' ? 'topk(5, cpu)' : 'cpu{env="$env"}'}
          onCommit={(match) => set({ match: match || undefined })}
        />
      )}
    </InlineFieldRow>
  );
}
