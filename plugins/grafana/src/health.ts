import { TestDataSourceResponse } from '@grafana/data';
import { Api, errorText } from './api';
import { Status } from './types';

/** Whether a tidemark answers, which one, and how far behind it is. */
export async function health(api: Api, now: () => number = Date.now): Promise<TestDataSourceResponse> {
  try {
    const { data } = await api.ask<Status>('/api/v1/status/tidemark');
    if (!data?.version || !data.ingest) {
      return { status: 'error', message: 'What answers at this URL is not tidemark: it has no /api/v1/status/tidemark.' };
    }
    const age = data.ingest.last_ms > 0 ? Math.max(0, Math.round((now() - data.ingest.last_ms) / 1000)) : null;
    const lag = age === null ? 'nothing received since its start' : `last data received ${ageText(age)} ago, ${data.ingest.pending} batches pending`;
    const message = `tidemark ${data.version} is ${data.state}; ${lag}.`;
    return data.trouble ? { status: 'error', message: `${message} ${data.trouble}` } : { status: 'success', message };
  } catch (error) {
    return { status: 'error', message: errorText(error) };
  }
}

export function ageText(s: number): string {
  return s < 120 ? `${s} s` : s < 7200 ? `${Math.round(s / 60)} min` : s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}
