// Stand-ins for the services that Grafana's front end registers with @grafana/runtime.
import { from, Observable, Subject, firstValueFrom } from 'rxjs';
import { dateTime, getFieldDisplayValuesProxy, ScopedVars, TimeRange } from '@grafana/data';

const log: any[] = [];
(window as any).__requests = log;

function toQuery(params?: Record<string, any>): string {
  if (!params) {
    return '';
  }
  const u = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) {
    if (v === undefined || v === null) {
      continue;
    }
    (Array.isArray(v) ? v : [v]).forEach((x) => u.append(k, String(x)));
  }
  const s = u.toString();
  return s ? '?' + s : '';
}

async function doFetch(o: any): Promise<any> {
  const url = o.url.startsWith('/') || /^https?:/.test(o.url) ? o.url : '/' + o.url;
  const q = toQuery(o.params);
  const full = q ? url + (url.includes('?') ? '&' + q.slice(1) : q) : url;
  const isForm = typeof o.data === 'string' || o.data instanceof URLSearchParams;
  const res = await fetch(full, {
    method: o.method ?? 'GET',
    signal: o.abortSignal,
    headers: {
      ...(o.data !== undefined && !isForm ? { 'Content-Type': 'application/json' } : {}),
      'X-Grafana-Org-Id': '1',
      ...o.headers,
    },
    body: o.data === undefined ? undefined : isForm ? o.data : JSON.stringify(o.data),
  });
  const text = await res.text();
  let data: any = text;
  if (o.responseType !== 'text') {
    try {
      data = text === '' ? {} : JSON.parse(text);
    } catch {
      data = text;
    }
  }
  log.push({ method: o.method ?? 'GET', url: full, status: res.status });
  const resp = {
    data, status: res.status, statusText: res.statusText, ok: res.ok, headers: res.headers,
    redirected: res.redirected, type: res.type, url: res.url, config: o,
  };
  if (!res.ok) {
    // Grafana rejects with a FetchError: { status, statusText, data, config }
    throw { status: res.status, statusText: res.statusText, data, config: o };
  }
  return resp;
}

export const backendSrv: any = {
  fetch: (o: any): Observable<any> => from(doFetch(o)),
  datasourceRequest: (o: any) => doFetch(o),
  request: (o: any) => doFetch(o).then((r) => r.data),
  get: (url: string, params?: any) => doFetch({ url, params }).then((r) => r.data),
  post: (url: string, data?: any, o?: any) => doFetch({ url, method: 'POST', data, ...o }).then((r) => r.data),
  put: (url: string, data?: any) => doFetch({ url, method: 'PUT', data }).then((r) => r.data),
  patch: (url: string, data?: any) => doFetch({ url, method: 'PATCH', data }).then((r) => r.data),
  delete: (url: string) => doFetch({ url, method: 'DELETE' }).then((r) => r.data),
  // Grafana's own: each piece of the body as it comes
  chunked: (o: any) => new Observable((observer) => {
    const stop = new AbortController();
    (async () => {
      const res = await fetch(o.url, { signal: stop.signal });
      if (!res.ok) {
        throw { status: res.status, statusText: res.statusText, data: {}, config: o };
      }
      const reader = res.body!.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          break;
        }
        observer.next({ data: value, ok: res.ok, status: res.status, config: o });
      }
      observer.complete();
    })().catch((e) => observer.error(e));
    return () => stop.abort();
  }),
  withNoBackendCache: (f: any) => f(),
};

type VarValue = string | string[];

/** In a link of a table: __data.fields.NAME and __value.raw of the row that was clicked. */
function rowValue(name: string, scoped: any): any {
  const row = scoped?.__dataContext?.value;
  if (!row || row.rowIndex === undefined) {
    return undefined;
  }
  switch (name) {
    case '__data':
      return { fields: getFieldDisplayValuesProxy({ frame: row.frame, rowIndex: row.rowIndex }) };
    case '__value':
      return { raw: row.field.values[row.rowIndex] };
    default:
      return undefined;
  }
}

export class HostTemplateSrv {
  vars: Record<string, VarValue> = {};
  /** Variables that stand at "All" and have a text of their own for that: no format changes it. */
  alls: Record<string, string> = {};
  /** Variables that may have several values, whether they have them now or not. */
  multi = new Set<string>();
  range?: TimeRange;

  forget() {
    this.vars = {};
    this.alls = {};
    this.multi.clear();
  }

  getVariables() {
    return Object.entries(this.vars).map(([name, v]) => ({
      name, type: 'query', label: name, multi: Array.isArray(v), current: { text: v, value: v }, options: [],
    })) as any;
  }

  // $name, [[name:fmt]], ${name}, ${name:fmt}; formats: raw csv pipe regex json text percentencode queryparam distributed-free subset
  replace(target?: string, scoped?: ScopedVars, format?: string | Function): string {
    if (!target) {
      return target ?? '';
    }
    return target.replace(/\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g,
      (m, a, b, bf, c, path, cf) => {
        const name = a ?? b ?? c;
        if (name in this.alls) {
          return this.alls[name];
        }
        const fmt = bf ?? cf ?? format;
        const v: any = rowValue(name, scoped) ?? (scoped && name in scoped ? (scoped as any)[name].value : this.vars[name]);
        const at = path ? path.split('.').reduce((o: any, key: string) => o?.[key], v) : v; // __data.fields.id
        return at === undefined ? m : this.format(typeof at === 'object' && !Array.isArray(at) ? String(at.text ?? at) : at, fmt, name);
      });
  }

  private format(v: any, fmt: any, name: string): string {
    if (typeof fmt === 'function') {
      return fmt(v, { name, multi: Array.isArray(v) || this.multi.has(name) }, (x: any) => String(x));
    }
    const list = Array.isArray(v) ? v : [v];
    const re = (s: string) => s.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');
    switch (fmt) {
      case 'raw': return list.join(',');
      case 'csv': return list.join(',');
      case 'pipe': return list.join('|');
      case 'json': return JSON.stringify(v);
      case 'regex': return list.length === 1 ? re(String(list[0])) : `(${list.map((x: any) => re(String(x))).join('|')})`;
      case 'percentencode': return encodeURIComponent(list.join(','));
      case 'queryparam': return list.map((x: any) => `var-${name}=${encodeURIComponent(x)}`).join('&');
      default: return Array.isArray(v) ? (v.length > 1 ? `{${v.join(',')}}` : String(v[0])) : String(v);
    }
  }

  containsTemplate(t?: string) {
    return !!t && /\$\w+|\[\[\w+|\$\{\w+/.test(t);
  }
  updateTimeRange(r: TimeRange) {
    this.range = r;
  }
}

export function timeRange(fromMs: number, toMs: number): TimeRange {
  const f = dateTime(fromMs);
  const t = dateTime(toMs);
  return { from: f, to: t, raw: { from: f, to: t } };
}

export const appEvents = (() => {
  const s = new Subject<any>();
  return { publish: (e: any) => s.next(e), subscribe: () => s.subscribe(), getStream: () => s.asObservable(), on() {}, off() {}, emit() {}, removeAllListeners() {}, newScopedBus: () => appEvents } as any;
})();

export { firstValueFrom };
