// The parts that all editors are made of. Nothing asks the server per key: texts are taken on blur, by Enter or by the button.
import { SelectableValue } from '@grafana/data';
import { InlineField, Input, MultiSelect, Select, TextArea } from '@grafana/ui';
import { KeyboardEvent, useState } from 'react';

type Load = () => Promise<Array<{ text: string; value?: string | number }>>;
type Option = SelectableValue<string>;

/** Text that keeps what is typed to itself until it is left. */
export function useDraft(value: string, onCommit: (text: string) => void) {
  const [draft, setDraft] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    // what was stored has changed from elsewhere: that is shown
    setKnown(value);
    setDraft(value);
  }
  const commit = () => draft !== value && onCommit(draft);
  return { draft, setDraft, commit };
}

interface TextProps {
  label: string;
  id: string;
  value: string | undefined;
  onCommit: (text: string) => void;
  placeholder?: string;
  tooltip?: string;
  width?: number;
}

export function TextField({ label, id, value, onCommit, placeholder, tooltip, width = 20 }: TextProps) {
  const { draft, setDraft, commit } = useDraft(value ?? '', onCommit);
  return (
    <InlineField label={label} tooltip={tooltip} htmlFor={id}>
      <Input
        id={id} value={draft} width={width} placeholder={placeholder} onChange={(e) => setDraft(e.currentTarget.value)} onBlur={commit}
        onKeyDown={(e: KeyboardEvent) => e.key === 'Enter' && commit()}
      />
    </InlineField>
  );
}

interface CodeProps {
  id: string;
  value: string;
  onCommit: (text: string) => void;
  onRun: () => void;
  placeholder?: string;
}

/** Several lines of an expression; Shift+Enter takes it and runs. */
export function CodeField({ id, value, onCommit, onRun, placeholder }: CodeProps) {
  const { draft, setDraft, commit } = useDraft(value, onCommit);
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'Enter' && (e.shiftKey || e.ctrlKey)) {
      e.preventDefault();
      if (draft === value) {
        onRun();
      } else {
        commit();
      }
    }
  };
  return (
    <TextArea
      id={id} aria-label="Expression" value={draft} placeholder={placeholder} rows={Math.min(8, Math.max(2, draft.split('\n').length))}
      onChange={(e) => setDraft(e.currentTarget.value)} onBlur={commit} onKeyDown={onKeyDown} spellCheck={false}
      style={{ fontFamily: 'monospace' }}
    />
  );
}

/** Options that are loaded when the list is opened. */
function useOptions(load: Load | undefined, fixed: Option[] | undefined) {
  const [options, setOptions] = useState<Option[]>(fixed ?? []);
  const [isLoading, setLoading] = useState(false);
  const [failure, setFailure] = useState('');
  const open = async () => {
    if (!load) {
      return;
    }
    setLoading(true);
    try {
      setOptions((await load()).map((v) => ({ label: v.text, value: String(v.value ?? v.text) })));
      setFailure('');
    } catch (error) {
      setOptions([]);
      setFailure(error instanceof Error ? error.message : String(error));
    }
    setLoading(false);
  };
  return { options: fixed ?? options, isLoading, open, failure };
}

interface PickProps {
  label?: string;
  id: string;
  value: string | undefined;
  onPick: (value: string) => void;
  load?: Load;
  options?: Option[];
  placeholder?: string;
  tooltip?: string;
  width?: number;
  isClearable?: boolean;
  isFixed?: boolean;
}

/** One value from a list, or typed (a variable too). */
export function PickField({ label, id, value, onPick, load, options, placeholder, tooltip, width = 22, isClearable = true, isFixed }: PickProps) {
  const list = useOptions(load, options);
  const chosen = value ? (list.options.find((o) => o.value === value) ?? { label: value, value }) : null;
  const field = (
    <Select
      inputId={id} aria-label={label ?? placeholder ?? id} value={chosen} options={list.options} isLoading={list.isLoading} onOpenMenu={list.open}
      onChange={(o: Option | null) => onPick(o?.value ?? '')} allowCustomValue={!isFixed} isClearable={isClearable && !isFixed}
      placeholder={placeholder} width={width} noOptionsMessage={list.failure || 'Nothing found; type a value'}
    />
  );
  return label ? <InlineField label={label} tooltip={tooltip} htmlFor={id}>{field}</InlineField> : field;
}

interface ManyProps extends Omit<PickProps, 'value' | 'onPick'> {
  values: string[];
  onPick: (values: string[]) => void;
}

/** Several values from a list, or typed. */
export function PickMany({ label, id, values, onPick, load, options, placeholder, tooltip, width = 32 }: ManyProps) {
  const list = useOptions(load, options);
  const field = (
    <MultiSelect
      inputId={id} aria-label={label ?? id} value={values.map((v) => list.options.find((o) => o.value === v) ?? { label: v, value: v })}
      options={list.options} isLoading={list.isLoading} onOpenMenu={list.open} allowCustomValue width={width} placeholder={placeholder}
      onChange={(all: Option[]) => onPick(all.map((o) => o.value ?? '').filter(Boolean))} noOptionsMessage={list.failure || 'Nothing found; type a value'}
    />
  );
  return label ? <InlineField label={label} tooltip={tooltip} htmlFor={id}>{field}</InlineField> : field;
}
