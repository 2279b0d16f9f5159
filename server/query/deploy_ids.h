/* A set of deploys by id. One thread at a time. */
#ifndef TM_QUERY_DEPLOY_IDS_H
#define TM_QUERY_DEPLOY_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty; deploy_ids_fini releases it. */
struct deploy_ids {
    uint64_t *at; /* ascending; owned */
    size_t count, capacity;
};

/* Is it in it? */
bool deploy_ids_has(const struct deploy_ids *ids, uint64_t id);
/* Without memory it is not in it: its deploy is looked at once more. */
void deploy_ids_add(struct deploy_ids *ids, uint64_t id);
/* Takes it out, if it is in it. */
void deploy_ids_drop(struct deploy_ids *ids, uint64_t id);
/* Frees; it is empty then. */
void deploy_ids_fini(struct deploy_ids *ids);

#endif
