import {
  AbstractQuery, AdHocVariableFilter, CoreApp, DataQueryRequest, DataQueryResponse, DataSourceApi, DataSourceGetTagKeysOptions,
  DataSourceGetTagValuesOptions, DataSourceInstanceSettings, DataSourceWithQueryExportSupport, DataSourceWithQueryImportSupport,
  DataSourceWithQueryModificationSupport, DataSourceWithSupplementaryQueriesSupport, DataSourceWithToggleableQueryFiltersSupport, LoadingState,
  MetricFindValue, QueryFilterOptions, QueryFixAction, ScopedVars, SupplementaryQueryOptions, SupplementaryQueryType, TestDataSourceResponse,
  TimeRange, ToggleFilterAction,
} from '@grafana/data';
import { getTemplateSrv, TemplateSrv } from '@grafana/runtime';
import { from, merge, Observable, of } from 'rxjs';
import { catchError, map } from 'rxjs/operators';
import { fromAbstract, toAbstract } from './abstract';
import { annotationSupport } from './annotations';
import { Api, errorText } from './api';
import { displayText, hasWhatItNeeds } from './describe';
import { health } from './health';
import { interpolate, interpolateFilters } from './interpolate';
import { rangeOr } from './intervals';
import { migrate, newQuery } from './migrate';
import { hasFilter, modifyQuery, toggleFilter } from './modify';
import { Context, Run } from './query/context';
import { runStatus, runTallies } from './query/counts';
import { runAnomalies, runEvents, runExceptions, runIncidents, runMarkers, runReports, runTop } from './query/lists';
import { feed } from './query/feed';
import { volumeQuery } from './query/logs';
import { runMetrics } from './query/metrics';
import { Seen, self } from './query/self';
import { QueryType, TidemarkOptions, TidemarkQuery } from './types';
import { find, parseFind, VariableSupport } from './variables';

const RUNS: Record<Exclude<QueryType, 'feed' | 'self'>, Run> = {
  metrics: runMetrics,
  anomalies: runAnomalies,
  status: runStatus,
  events: runEvents,
  exceptions: runExceptions,
  top: runTop,
  markers: runMarkers,
  incidents: runIncidents,
  tallies: runTallies,
  reports: runReports,
};

export class TidemarkDataSource
  extends DataSourceApi<TidemarkQuery, TidemarkOptions>
  implements
    DataSourceWithQueryModificationSupport<TidemarkQuery>,
    DataSourceWithToggleableQueryFiltersSupport<TidemarkQuery>,
    DataSourceWithSupplementaryQueriesSupport<TidemarkQuery>,
    DataSourceWithQueryImportSupport<TidemarkQuery>,
    DataSourceWithQueryExportSupport<TidemarkQuery>
{
  readonly api: Api;
  readonly options: TidemarkOptions;
  private readonly seen: Seen;

  constructor(settings: DataSourceInstanceSettings<TidemarkOptions>, private readonly templates: () => TemplateSrv = getTemplateSrv) {
    super(settings);
    this.api = new Api(settings.url ?? '');
    this.seen = new Seen(this.api);
    this.options = settings.jsonData ?? {};
    this.annotations = annotationSupport(this);
    // Its editor takes this data source only, which the type of the field can't say.
    this.variables = new VariableSupport(this) as unknown as typeof this.variables;
  }

  getDefaultQuery(_: CoreApp): Partial<TidemarkQuery> {
    return { ...newQuery(), ...(this.options.defaultService ? { service: this.options.defaultService } : {}) };
  }

  filterQuery(query: TidemarkQuery): boolean {
    return !query.hide && hasWhatItNeeds(migrate(query));
  }

  getQueryDisplayText(query: TidemarkQuery): string {
    return displayText(migrate(query));
  }

  /** What a query is asked with. */
  context(range: TimeRange, intervalMs: number, vars: ScopedVars, filters: AdHocVariableFilter[] = [], app?: string): Context {
    const templates = this.templates();
    return {
      api: this.api, range, intervalMs, vars, options: this.options,
      replace: (text, scoped, format) => templates.replace(text, scoped, format),
      filters: interpolateFilters(filters, templates, vars),
      origin: { uid: this.uid, name: this.name, isExplore: app === CoreApp.Explore },
    };
  }

  /** Each query answers by itself: one that fails does not hide the others. */
  query(request: DataQueryRequest<TidemarkQuery>): Observable<DataQueryResponse> {
    const targets = request.targets.map((t) => migrate(t)).filter((t) => this.filterQuery(t));
    if (targets.length === 0) {
      return of({ data: [], state: LoadingState.Done });
    }
    const context = { ...this.context(request.range, request.intervalMs, request.scopedVars ?? {}, request.filters, request.app), timeZone: request.timezone };
    return merge(
      ...targets.map((target) =>
        this.answer(target, context, request.requestId).pipe(
          catchError((error: unknown) =>
            (error as { cancelled?: boolean })?.cancelled
              ? of<DataQueryResponse>({ data: [], key: target.refId, state: LoadingState.Done })
              : of<DataQueryResponse>({
                  data: [], key: target.refId, state: LoadingState.Error, errors: [{ message: errorText(error), refId: target.refId }],
                })
          )
        )
      )
    );
  }

  /** One answer, or of what is live one after the other. */
  private answer(query: TidemarkQuery, context: Context, requestId: string): Observable<DataQueryResponse> {
    switch (query.queryType) {
      case 'feed':
        return feed(query, context, `${requestId}-${query.refId}`);
      case 'self':
        return self(query, context, this.seen);
      default:
        return from(RUNS[query.queryType](query, context)).pipe(map((data) => ({ data, key: query.refId, state: LoadingState.Done })));
    }
  }

  testDatasource(): Promise<TestDataSourceResponse> {
    return health(this.api);
  }

  /** Variables written as text: services(), label_values(cpu, pod), ... */
  metricFindQuery(text: string, options?: { range?: TimeRange; scopedVars?: ScopedVars }): Promise<MetricFindValue[]> {
    return find(parseFind(text), this.context(rangeOr(options?.range, 24), 60000, options?.scopedVars ?? {}));
  }

  getTagKeys(options?: DataSourceGetTagKeysOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    return find({ refId: 'tags', kind: 'label_names' }, this.context(rangeOr(options?.timeRange, 24), 60000, {}));
  }

  getTagValues(options: DataSourceGetTagValuesOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    const others = (options.filters ?? []).filter((f) => f.key !== options.key);
    return find(
      { refId: 'tags', kind: 'label_values', label: options.key }, this.context(rangeOr(options.timeRange, 24), 60000, {}, others)
    );
  }

  interpolateVariablesInQueries(queries: TidemarkQuery[], vars: ScopedVars): TidemarkQuery[] {
    return queries.map((q) => ({ ...interpolate(migrate(q), this.templates(), vars), datasource: this.getRef() }));
  }

  modifyQuery(query: TidemarkQuery, action: QueryFixAction): TidemarkQuery {
    return modifyQuery(migrate(query), action);
  }

  getSupportedQueryModifications() {
    return ['ADD_FILTER', 'ADD_FILTER_OUT'];
  }

  toggleQueryFilter(query: TidemarkQuery, filter: ToggleFilterAction): TidemarkQuery {
    return toggleFilter(migrate(query), filter);
  }

  queryHasFilter(query: TidemarkQuery, filter: QueryFilterOptions): boolean {
    return hasFilter(migrate(query), filter);
  }

  /** The histogram above a log. */
  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume];
  }

  getSupplementaryQuery(options: SupplementaryQueryOptions, query: TidemarkQuery): TidemarkQuery | undefined {
    return options.type === SupplementaryQueryType.LogsVolume && !query.hide ? volumeQuery(migrate(query)) : undefined;
  }

  getSupplementaryRequest(type: SupplementaryQueryType, request: DataQueryRequest<TidemarkQuery>): DataQueryRequest<TidemarkQuery> | undefined {
    const targets = request.targets.flatMap((t) => this.getSupplementaryQuery({ type } as SupplementaryQueryOptions, t) ?? []);
    return targets.length > 0 ? { ...request, requestId: `${request.requestId}-volume`, targets } : undefined;
  }

  /** From another data source in Explore, and to one. */
  importFromAbstractQueries(queries: AbstractQuery[]): Promise<TidemarkQuery[]> {
    return Promise.resolve(queries.map(fromAbstract));
  }

  exportToAbstractQueries(queries: TidemarkQuery[]): Promise<AbstractQuery[]> {
    return Promise.resolve(queries.map((q) => toAbstract(migrate(q))));
  }
}
