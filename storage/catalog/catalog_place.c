#include "storage/catalog/catalog_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOSE_PAGES = 256 };
#define MAP_FIRST_BYTES ((size_t)64 << 20)

bool catalog_place_of(const char *dir, struct catalog_place *out)
{
    int len = snprintf(out->folder, sizeof out->folder, "%s/index", dir);
    if (len <= 0 || (size_t)len >= sizeof out->folder)
        return false;
    len = snprintf(out->data, sizeof out->data, "%s/index/data.mdb", dir);
    return len > 0 && (size_t)len < sizeof out->data;
}

bool catalog_place_exists(const char *dir)
{
    struct catalog_place place = {0};
    struct stat info;
    return catalog_place_of(dir, &place) && stat(place.data, &info) == 0 && info.st_size > 0;
}

/* A file that ends before its last page would end this process by SIGBUS. The last pages may be missing
 * soundly: LMDB does not write pages that one transaction took and gave back. A writer makes them zeros,
 * which LMDB knows as impossible where they are in use; a reader lets so few pass. */
static int check_length(MDB_env *env, const char *path, bool read_only)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat file;
    int rc = mdb_env_info(env, &info);
    if (!rc)
        rc = mdb_env_stat(env, &stat_of);
    if (!rc && stat(path, &file) != 0)
        rc = errno;
    if (rc)
        return rc;
    uint64_t wanted = (info.me_last_pgno + 1) * stat_of.ms_psize;
    if (wanted <= (uint64_t)file.st_size)
        return 0;
    if (read_only || wanted > info.me_mapsize)
        return wanted - (uint64_t)file.st_size <= (uint64_t)LOOSE_PAGES * stat_of.ms_psize ? 0
                                                                                           : MDB_CORRUPTED;
    return truncate(path, (off_t)wanted) == 0 ? 0 : errno;
}

int catalog_place_open(const char *dir, bool read_only, MDB_env **env, struct catalog_place *place)
{
    *env = NULL;
    if (!catalog_place_of(dir, place))
        return ENAMETOOLONG;
    bool is_new = !catalog_place_exists(dir);
    int rc = mdb_env_create(env);
    if (!rc)
        rc = lmdb_guard_env(*env);
    if (!rc)
        rc = mdb_env_set_maxdbs(*env, CATALOG_MAX_TABLES);
    if (!rc)
        rc = mdb_env_set_mapsize(*env, MAP_FIRST_BYTES);
    if (!rc)
        rc = mdb_env_open(*env, place->folder, MDB_NOTLS | (read_only ? MDB_RDONLY : 0), 0640);
    if (!rc && !is_new)
        rc = check_length(*env, place->data, read_only);
    return rc;
}
