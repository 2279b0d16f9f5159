import { MetricFindValue } from '@grafana/data';
import { TidemarkQuery, TidemarkVariableQuery } from '../types';

/** What each editor of a query type gets. */
export interface EditorProps {
  query: TidemarkQuery;
  /** A list from the server, asked for when it is opened. */
  load: (wanted: Omit<TidemarkVariableQuery, 'refId'>) => () => Promise<MetricFindValue[]>;
  change: (part: Partial<TidemarkQuery>) => void;
  changeAndRun: (part: Partial<TidemarkQuery>) => void;
  run: () => void;
}
