/* The path of a URL in the one form that page groups are searched in. Private to server/events. */
#ifndef TM_EVENTS_PAGE_PATH_H
#define TM_EVENTS_PAGE_PATH_H

#include "storage/model/str.h"

enum { PAGE_PATH_MAX = 2048 };

/* The part of url that the path is made of: without scheme and host, query string and fragment. A view. */
struct str page_path_raw(struct str url);

/* Writes the path and returns it (a view of room). Rules: %XX is decoded once, but stays (in upper case)
 * where it stands for '/', '%', '?', '#', a control byte or DEL; raw control bytes become %XX, a '%' that
 * begins no %XX stays; "" is "/"; past PAGE_PATH_MAX bytes it is cut. So the path holds no byte below 0x20.
 */
struct str page_path(struct str url, char room[PAGE_PATH_MAX]);

#endif
