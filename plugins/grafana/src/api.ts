// Talks to the daemon through Grafana's proxy, which adds the key. One function; what comes back is the `data` of the
// envelope, or an error in the daemon's own words.
import { BackendSrv, getBackendSrv, isFetchError } from '@grafana/runtime';
import { lastValueFrom } from 'rxjs';
import { Page } from './types';

export type Params = Record<string, string | number | undefined | Array<string | number>>;

export interface Answer<T> {
  data: T;
  warnings: string[];
}

/** As many items as one panel takes of a list that comes by pages. */
const ITEMS_MAX = 10000;

export class ApiError extends Error {
  constructor(message: string, readonly status?: number) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The text of an error for a person: the daemon's sentence if there is one. */
export function errorText(error: unknown): string {
  if (isFetchError(error)) {
    const data: unknown = error.data;
    if (typeof data === 'string' && data.trim() !== '' && !data.includes('<')) {
      return data.trim();
    }
    const { error: own, message } = (data ?? {}) as { error?: string; message?: string };
    if (typeof own === 'string' && own !== '') {
      return own;
    }
    if (error.status === 502 || error.status === 504) {
      return 'The daemon does not answer: Grafana could not reach the URL of this data source. Does tidemarkd run there?';
    }
    return message || error.statusText || `HTTP status ${error.status}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Parameters as a form; empty ones are left out. */
export function encode(params: Params): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== '') {
        out.append(name, String(one));
      }
    }
  }
  return out.toString();
}

export class Api {
  constructor(readonly baseUrl: string, private readonly backend: () => BackendSrv = getBackendSrv) {}

  /** GET, or POST of a form where the parameters may be long. */
  async ask<T>(path: string, params: Params = {}, options: { post?: boolean; requestId?: string } = {}): Promise<Answer<T>> {
    const text = encode(params);
    const url = this.baseUrl + path;
    try {
      const response = await lastValueFrom(
        this.backend().fetch<{ status: string; data: T; error?: string; warnings?: string[] }>({
          method: options.post ? 'POST' : 'GET',
          url: options.post || text === '' ? url : `${url}?${text}`,
          ...(options.post ? { data: text, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } } : {}),
          requestId: options.requestId,
          showErrorAlert: false,
        })
      );
      const body = response.data;
      if (body?.status !== 'success') {
        throw new ApiError(body?.error ?? 'What answers at this URL is not tidemark: it sent no "status":"success".', response.status);
      }
      return { data: body.data, warnings: body.warnings ?? [] };
    } catch (error) {
      // A request that a newer one replaced is no error: Grafana knows it by this mark.
      if (error instanceof ApiError || (error as { cancelled?: boolean })?.cancelled) {
        throw error;
      }
      throw new ApiError(errorText(error), isFetchError(error) ? error.status : undefined);
    }
  }

  /** A list over its pages, up to limit items. */
  async list<T, P extends Page<T> = Page<T>>(path: string, params: Params, limit = ITEMS_MAX): Promise<Answer<P>> {
    let answer = await this.ask<P>(path, { ...params, limit: Math.min(limit, ITEMS_MAX) });
    const items = [...answer.data.items];
    const warnings = [...answer.warnings];
    while (answer.data.next !== null && answer.data.next !== undefined && items.length < limit) {
      answer = await this.ask<P>(path, { ...params, limit: Math.min(limit - items.length, ITEMS_MAX), cursor: answer.data.next });
      items.push(...answer.data.items);
    }
    return { data: { ...answer.data, items }, warnings };
  }
}
