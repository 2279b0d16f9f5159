// The editors as people use them: what is typed is kept until it is left, lists are asked for when they are opened.
import { configure, fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { TidemarkDataSource } from '../datasource';
import { TidemarkQuery, TidemarkVariableQuery } from '../types';
import { ConfigEditor } from './ConfigEditor';
import { QueryEditor } from './QueryEditor';
import { QueryHelp } from './QueryHelp';
import { VariableEditor } from './VariableEditor';

// A loaded machine is slow; a list that never comes fails all the same.
configure({ asyncUtilTimeout: 20000 });

const templates = () => ({ replace: (text = '') => text }) as never;

function source(answer: (path: string) => unknown = () => []) {
  const ds = new TidemarkDataSource({ url: '/proxy', jsonData: {} } as never, templates);
  const asked: string[] = [];
  ds.api.ask = (async (path: string) => {
    asked.push(path);
    return { data: answer(path), warnings: [] };
  }) as never;
  return { ds, asked };
}

/** The editor in a panel that keeps what it is given. */
function setUp(first: Partial<TidemarkQuery>, ds = source().ds) {
  const seen: TidemarkQuery[] = [];
  const run = jest.fn();
  function Panel() {
    const [query, setQuery] = useState<TidemarkQuery>({ refId: 'A', schema: 1, queryType: 'metrics', ...first });
    return (
      <QueryEditor datasource={ds} query={query} onRunQuery={run} onChange={(q) => { seen.push(q); setQuery(q); }} />
    );
  }
  render(<Panel />);
  return { seen, run, last: () => seen[seen.length - 1] };
}

async function pick(label: string, option: string) {
  fireEvent.keyDown(screen.getByLabelText(label), { key: 'ArrowDown' });
  fireEvent.click(await screen.findByText(option));
}

describe('the query editor', () => {
  test('an expression is taken when it is left, not per key, and then runs once', async () => {
    const { seen, run } = setUp({ editor: 'code', expr: 'cpu' });
    const field = screen.getByLabelText('Expression');
    await userEvent.type(field, '[[5m]');
    expect([seen.length, run.mock.calls.length]).toEqual([0, 0]);
    fireEvent.blur(field);
    expect(seen.map((q) => q.expr)).toEqual(['cpu[5m]']);
    expect(run).toHaveBeenCalledTimes(1);
  });
  test('Shift+Enter takes and runs it; the button runs it again', () => {
    const { seen, run } = setUp({ editor: 'code', expr: 'cpu' });
    const field = screen.getByLabelText('Expression');
    fireEvent.change(field, { target: { value: 'cpus' } });
    fireEvent.keyDown(field, { key: 'Enter', shiftKey: true });
    expect(seen.map((q) => q.expr)).toEqual(['cpus']);
    fireEvent.click(screen.getByText('Run query'));
    expect(run).toHaveBeenCalledTimes(2);
  });
  test('the builder changes the same expression', () => {
    const { last } = setUp({ editor: 'builder', expr: 'sum by (service) (rate(cpu{env="prod"}[5m]))' });
    expect(screen.getByTestId('builder-expr').textContent).toBe('sum by (service) (rate(cpu{env="prod"}[5m]))');
    fireEvent.click(screen.getByLabelText('Remove sum'));
    expect(last().expr).toBe('rate(cpu{env="prod"}[5m])');
    fireEvent.change(screen.getByLabelText('range'), { target: { value: '10m' } });
    fireEvent.blur(screen.getByLabelText('range'));
    expect(last().expr).toBe('rate(cpu{env="prod"}[10m])');
    fireEvent.click(screen.getByLabelText('Remove this condition'));
    expect(last().expr).toBe('rate(cpu[10m])');
  });
  test('a condition without a label is not asked for yet', () => {
    const { seen } = setUp({ editor: 'builder', expr: 'cpu' });
    fireEvent.click(screen.getByLabelText('Add a label condition'));
    expect(screen.getByTestId('label-row-0')).toBeInTheDocument();
    expect(seen).toEqual([]);
  });
  test('an expression beyond the builder is shown and can be edited as code', () => {
    const { last } = setUp({ editor: 'builder', expr: 'a / on (x) b' });
    expect(screen.getByText('a / on (x) b')).toBeInTheDocument();
    fireEvent.click(screen.getByText('Edit as code'));
    expect(last()).toMatchObject({ editor: 'code', expr: 'a / on (x) b' });
  });
  test('another type keeps the service and runs only if it has what it needs', async () => {
    const { last, run } = setUp({ queryType: 'events', service: 'cart', filter: 'status=500' });
    await pick('Query type', 'Tallies');
    expect(last()).toEqual({ refId: 'A', schema: 1, queryType: 'tallies', service: 'cart', mode: 'total' });
    expect(run).not.toHaveBeenCalled();
    await pick('Query type', 'Deploys and markers');
    expect(run).toHaveBeenCalledTimes(1);
  });
  test('requests as a log, and as a table again', () => {
    const { last, run } = setUp({ queryType: 'events', service: 'cart' });
    fireEvent.click(screen.getByLabelText('Log'));
    expect(last()).toMatchObject({ queryType: 'events', service: 'cart', format: 'logs' });
    expect(run).toHaveBeenCalledTimes(1);
    const again = setUp({ queryType: 'events', format: 'logs' });
    fireEvent.click(screen.getAllByLabelText('Table').pop()!);
    expect(again.last().format).toBeUndefined();
  });
  test('a limit that is no number is none', () => {
    const { last } = setUp({ queryType: 'events', limit: 5 });
    fireEvent.change(screen.getByLabelText('Limit'), { target: { value: 'many' } });
    fireEvent.keyDown(screen.getByLabelText('Limit'), { key: 'Enter' });
    expect(last().limit).toBeUndefined();
  });
  test('a list is asked for when it is opened; what the daemon says of it is shown', async () => {
    const { ds, asked } = source(() => ['cart', 'pay']);
    const { last } = setUp({ queryType: 'events' }, ds);
    expect(asked).toEqual([]);
    await pick('Service', 'pay');
    expect(asked).toEqual(['/api/v1/label/service/values']);
    expect(last().service).toBe('pay');
    ds.api.ask = (() => Promise.reject(new Error('too many series'))) as never;
    fireEvent.keyDown(screen.getByLabelText('Env'), { key: 'ArrowDown' });
    expect(await screen.findByText('too many series')).toBeInTheDocument();
  });
  test.each(['anomalies', 'status', 'events', 'exceptions', 'top', 'markers', 'incidents', 'tallies', 'reports', 'feed', 'self'] as const)(
    '%s has an editor',
    (queryType) => {
      const { seen } = setUp({ queryType });
      expect(screen.getByLabelText('Query type')).toBeInTheDocument();
      expect(seen).toEqual([]);
    }
  );
});

test('samples of the help are given as queries', () => {
  const chosen = jest.fn();
  render(<QueryHelp query={{ refId: 'A' } as never} datasource={{} as never} onClickExample={chosen} />);
  fireEvent.click(screen.getByText('Deploys with verdicts'));
  expect(chosen).toHaveBeenCalledWith({ refId: 'A', schema: 1, queryType: 'markers', kind: 'deploy' });
});

test('a variable: its kind decides its fields; a selector is taken when it is left', async () => {
  const seen: TidemarkVariableQuery[] = [];
  function Settings() {
    const [query, setQuery] = useState({ refId: 'variable', kind: 'services' } as TidemarkVariableQuery);
    return <VariableEditor datasource={source().ds} query={query} onRunQuery={() => {}} onChange={(q) => { seen.push(q); setQuery(q); }} />;
  }
  render(<Settings />);
  expect(screen.queryByLabelText('Selector')).toBeNull();
  await pick('List', 'label values');
  fireEvent.change(screen.getByLabelText('Selector'), { target: { value: 'cpu' } });
  fireEvent.blur(screen.getByLabelText('Selector'));
  await waitFor(() => expect(seen[seen.length - 1]).toEqual({ refId: 'variable', kind: 'label_values', match: 'cpu' }));
  expect(seen.length).toBe(2);
});

describe('the configuration', () => {
  const options = { url: 'http://127.0.0.1:9700', access: 'proxy', jsonData: {}, secureJsonFields: {}, secureJsonData: {} } as never;
  test('a key is kept as a secret header', async () => {
    const change = jest.fn();
    render(<ConfigEditor options={options} onOptionsChange={change} />);
    fireEvent.change(screen.getByPlaceholderText('none: loopback is trusted'), { target: { value: 's3cret' } });
    const given = change.mock.calls[0][0];
    expect(given.secureJsonData).toEqual({ httpHeaderValue1: 'Bearer s3cret' });
    expect(given.jsonData).toEqual({ httpHeaderName1: 'Authorization' });
  });
  test('a key that is there is not shown, and can be taken away', () => {
    const change = jest.fn();
    render(<ConfigEditor options={{ ...(options as object), jsonData: { httpHeaderName1: 'Authorization' }, secureJsonFields: { httpHeaderValue1: true } } as never} onOptionsChange={change} />);
    // the header that bears it stands among the other headers too
    fireEvent.click(screen.getAllByText('Reset').pop()!);
    const given = change.mock.calls[0][0];
    expect(given.secureJsonData).toEqual({ httpHeaderValue1: '' });
    expect(given.jsonData.httpHeaderName1).toBeUndefined();
  });
  test('a default service stands in new queries', () => {
    const change = jest.fn();
    render(<ConfigEditor options={options} onOptionsChange={change} />);
    fireEvent.change(screen.getByPlaceholderText('all'), { target: { value: 'cart' } });
    expect(change.mock.calls[0][0].jsonData.defaultService).toBe('cart');
    const ds = new TidemarkDataSource({ url: '', jsonData: { defaultService: 'cart' } } as never, templates);
    expect(ds.getDefaultQuery('dashboard' as never)).toEqual({ schema: 1, queryType: 'metrics', editor: 'builder', service: 'cart' });
  });
});
