// Where a click in a table leads: in a dashboard to another dashboard, in Explore to a query of the same data source.
import { DataLink } from '@grafana/data';
import { TidemarkQuery } from './types';

/** Who asks: the data source that a link of Explore goes to. */
export interface Origin {
  uid: string;
  name: string;
  isExplore: boolean;
}

type Wanted = Omit<Partial<TidemarkQuery>, 'refId'>;

/** To another dashboard, with the time of this one unless the address has its own. */
export const toDashboard = (title: string, url: string): DataLink => ({ title, url });

/** To a query; its texts take ${__data.fields.NAME} of the row. Opens Explore when it is clicked in a dashboard. */
export const toQuery = (origin: Origin, title: string, query: Wanted): DataLink => ({
  title, url: '',
  internal: { datasourceUid: origin.uid, datasourceName: origin.name, query: { refId: 'A', schema: 1, ...query } },
});

/** Links that only Explore has, or those that a dashboard has. */
export function chosen(origin: Origin | undefined, dashboard: DataLink[], explore: (origin: Origin) => DataLink[]): DataLink[] {
  return origin?.isExplore ? explore(origin) : dashboard;
}
