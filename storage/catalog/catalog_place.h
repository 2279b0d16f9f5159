/* DIR/index as an LMDB environment: what the catalog, its check and a backup have to agree on. */
#ifndef TM_STORAGE_CATALOG_PLACE_H
#define TM_STORAGE_CATALOG_PLACE_H

#include <stdbool.h>

#include "storage/lmdb_guard.h"

enum { CATALOG_PATH_BYTES = 4096, CATALOG_MAX_TABLES = 8 };

struct catalog_place {
    char folder[CATALOG_PATH_BYTES];
    char data[CATALOG_PATH_BYTES]; /* data.mdb in it */
};

/* Its paths. False: too long. */
bool catalog_place_of(const char *dir, struct catalog_place *out);

/* Whether there is an environment, however damaged. */
bool catalog_place_exists(const char *dir);

/* Opens it inside lmdb_guard; its assertions jump. *env is set as soon as there is one, to be closed by the
 * caller, or abandoned after LMDB_ASSERTION. A file much shorter than its meta pages say is
 * MDB_CORRUPTED: reading it would end this process. An LMDB result. */
int catalog_place_open(const char *dir, bool read_only, MDB_env **env, struct catalog_place *place);

#endif
