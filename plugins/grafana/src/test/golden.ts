import { readFileSync } from 'fs';
import path from 'path';

/** An answer that tests/grafana/record.py wrote down from a real daemon. */
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(__dirname, 'golden', `${name}.json`), 'utf8')).data as T;
}
