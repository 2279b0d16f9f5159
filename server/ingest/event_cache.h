/* What ingest remembers of HTTP events between lines, so that most lines need no parsing of tags, no search
 * for a page group and no lookup of series by labels: keys, page groups of services, classes of agents, and
 * the series of the batch being filled. Bounded; whatever is forgotten is found again the slow way. Loop
 * thread. */
#ifndef TM_INGEST_EVENT_CACHE_H
#define TM_INGEST_EVENT_CACHE_H

#include <xxhash.h>

#include "server/config/config.h"
#include "server/events/agents.h"
#include "server/events/page_groups.h"
#include "storage/model/labels.h"
#include "storage/store.h"

struct event_cache;

/* Page groups of one service. */
struct event_service;

/* The series that one HTTP event counts in. */
enum http_metric {
    HTTP_METRIC_EVENTS,
    HTTP_METRIC_BYTES,
    HTTP_METRIC_DURATION, /* this and the next two are histograms */
    HTTP_METRIC_ORIGIN,
    HTTP_METRIC_EDGE,
    HTTP_METRIC_COUNT
};

/* The tags of a key, parsed. Owned by the cache. */
struct event_key {
    XXH128_hash_t hash; /* of its raw bytes */
    bool is_http;       /* false: it has no status, its lines are metrics */
    int32_t status;
    struct str service;
    struct str env;
    struct str method;
    struct str status_text;
    struct str page_group; /* as the line names it; empty: to be found from the URL */
    struct str cache;
    struct str agent; /* as the line names it */
    struct event_service *groups;
    const struct label *tags; /* all of them, sorted by name */
    size_t tag_count;
    uint64_t others; /* bit i: tags[i] is none of the above */
};

/* Key, page group and class: the ids are good in the batch of this number only. */
struct event_series {
    uint64_t low;
    uint64_t high;
    uint64_t batch;
    series_id id[HTTP_METRIC_COUNT]; /* 0: not looked up yet */
};

/* config is borrowed until event_cache_configure. NULL when out of memory. */
struct event_cache *event_cache_new(const struct config *config, uint64_t seed);
/* NULL is allowed. */
void event_cache_free(struct event_cache *cache);

/* New settings, from the next event on: services whose patterns changed get new page groups and keep what was
 * learned. The old configuration must still be there. One whose patterns can't be compiled keeps the old
 * ones. */
void event_cache_configure(struct event_cache *cache, const struct config *config);

/* A new batch is filled: all ids are unknown again. */
void event_cache_begin(struct event_cache *cache);

/* The key of these raw bytes, NULL if it is not known. Valid until the next event_cache_put. */
const struct event_key *event_cache_find(struct event_cache *cache, XXH128_hash_t hash);

/* Remembers a key; strings are copied, groups is set here. TM_NOMEM. *out as event_cache_find. */
enum tm_err event_cache_put(struct event_cache *cache, const struct event_key *key,
                            const struct event_key **out) TM_MUST_CHECK;

/* The group of a URL of this key's service, learned if need be. Valid until the next call. */
struct str event_cache_group(struct event_cache *cache, const struct event_key *key, struct str url);

/* The class of a user agent. */
enum agent_class event_cache_agent(struct event_cache *cache, struct str user_agent);

/* Where the ids of this key, group and class stand; valid until the next call. */
struct event_series *event_cache_series(struct event_cache *cache, const struct event_key *key,
                                        struct str group, struct str agent);

/* ---- what was learned ---- */

/* How often something changed that event_cache_export would tell. */
uint64_t event_cache_version(const struct event_cache *cache);
/* Events whose URL got the group _overflow, since start. */
uint64_t event_cache_overflows(const struct event_cache *cache);
/* Appends what the page groups of all services learned. Errors stay in out. */
void event_cache_export(const struct event_cache *cache, struct bytes *out);
/* Takes over what event_cache_export wrote, service by service, into an empty cache. TM_CORRUPT: the bytes
 * are none of ours, services in front of the damage are taken. TM_NOMEM. */
enum tm_err event_cache_import(struct event_cache *cache, struct str state) TM_MUST_CHECK;

/* Explains the group of a URL (page_groups_explain), and appends the group to group; both without learning.
 */
enum tm_err event_cache_explain(struct event_cache *cache, struct str service, struct str url,
                                struct bytes *out) TM_MUST_CHECK;

#endif
