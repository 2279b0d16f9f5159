/* The page groups of each service: made when its first event comes, or its state is read. Private to
 * event_cache.c. */
#ifndef TM_INGEST_EVENT_SERVICES_H
#define TM_INGEST_EVENT_SERVICES_H

#include "server/config/config.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Services beyond so many that the configuration does not name get the group _overflow for every URL. */
enum { EVENT_SERVICES_MAX = 4096, EVENT_SERVICES_SLOTS = 4 * EVENT_SERVICES_MAX };

struct event_service;

/* Zero-initialised is empty, apart from the seed. */
struct event_services {
    struct event_service *slot[EVENT_SERVICES_SLOTS]; /* open addressing */
    size_t count;
    uint64_t seed;
    uint64_t overflows; /* URLs whose group was _overflow, since start */
};

/* Frees all services; it is empty then and keeps the seed. */
void event_services_fini(struct event_services *services);

/* The service of this name, made if new. NULL where there is no room or memory. */
struct event_service *event_services_get(struct event_services *services, const struct config *config,
                                         struct str name);

/* The group of a URL, learned if need be; service may be NULL. Valid until the next call. */
struct str event_services_group(struct event_services *services, struct event_service *service,
                                struct str url);

/* See event_cache_configure. */
void event_services_configure(struct event_services *services, const struct config *old_config,
                              const struct config *new_config);

/* See event_cache_version. */
uint64_t event_services_version(const struct event_services *services);

/* See event_cache_export. */
void event_services_export(const struct event_services *services, struct bytes *out);

/* See event_cache_import. */
enum tm_err event_services_import(struct event_services *services, const struct config *config,
                                  struct str state) TM_MUST_CHECK;
/* How a URL of this service finds its group. A service that is not known is not made: what is asked must not
 * use up the room of what is sent. TM_NOMEM. */
enum tm_err event_services_explain(const struct event_services *services, const struct config *config,
                                   struct str name, struct str url, struct bytes *out) TM_MUST_CHECK;

#endif
