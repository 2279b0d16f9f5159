#include "storage/groups/group_order.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { RELEASES_MAX = 100000 };

void group_order_fini(struct group_order *order)
{
    free(order->seen);
    free(order->deployed);
    *order = (struct group_order){0};
}

static uint64_t hash_text(struct str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.len > 0 ? text.ptr : "", text.len, seed);
}

/* ---- seen ---- */

static size_t find_seen(const struct group_order *order, uint64_t key)
{
    size_t low = 0, high = order->seen_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order->seen[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum tm_err group_order_note(struct group_order *order, struct str service, struct str release,
                             time_ms_t first)
{
    uint64_t of_service = hash_text(service, 0), key = hash_text(release, of_service);
    size_t at = find_seen(order, key);
    if (release.len == 0)
        return TM_OK;
    if (at < order->seen_count && order->seen[at].key == key) {
        if (first < order->seen[at].first)
            order->seen[at].first = first;
        return TM_OK;
    }
    if (order->seen_count >= RELEASES_MAX)
        return TM_OK;
    struct order_seen *seen =
        grow_array(order->seen, &order->seen_capacity, order->seen_count + 1, sizeof *seen);
    if (!seen)
        return TM_NOMEM;
    order->seen = seen;
    memmove(seen + at + 1, seen + at, (order->seen_count - at) * sizeof *seen);
    seen[at] = (struct order_seen){key, of_service, first};
    order->seen_count++;
    return TM_OK;
}

/* ---- deployed ---- */

static int compare_deploys(const void *a, const void *b)
{
    const struct order_deploy *x = a, *y = b;
    if (x->service != y->service)
        return x->service < y->service ? -1 : 1;
    return (x->time > y->time) - (x->time < y->time);
}

static enum tm_err take_deploys(struct group_order *order, enum marker_kind kind)
{
    const struct markers_wanted wanted = {.kind = kind, .span = {INT64_MIN, INT64_MAX}};
    struct markers_place place = {.is_begun = false};
    for (const struct marker *m; (m = markers_next(order->markers, &wanted, &place)) != NULL;) {
        struct order_deploy *deployed = grow_array(order->deployed, &order->deployed_capacity,
                                                   order->deployed_count + 1, sizeof *deployed);
        if (!deployed)
            return TM_NOMEM;
        order->deployed = deployed;
        if (m->text[MARKER_VERSION].len == 0)
            continue;
        uint64_t service = hash_text(m->text[MARKER_SERVICE], 0);
        deployed[order->deployed_count++] = (struct order_deploy){
            service, hash_text(m->text[MARKER_VERSION], service), hash_text(m->text[MARKER_ENV], 0), m->time};
    }
    return TM_OK;
}

enum tm_err group_order_refresh(struct group_order *order)
{
    if (!order->markers || order->markers_version == markers_version(order->markers))
        return TM_OK;
    order->deployed_count = 0;
    order->markers_version = 0;
    enum tm_err err = take_deploys(order, MARKER_DEPLOY);
    if (!err)
        err = take_deploys(order, MARKER_ROLLBACK);
    if (err)
        return err;
    if (order->deployed_count > 1)
        qsort(order->deployed, order->deployed_count, sizeof *order->deployed, compare_deploys);
    order->markers_version = markers_version(order->markers);
    return TM_OK;
}

/* The first deploy of a service. */
static size_t find_service(const struct group_order *order, uint64_t service)
{
    size_t low = 0, high = order->deployed_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order->deployed[middle].service < service)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_there(const struct order_deploy *deploy, struct str env)
{
    return deploy->env == hash_text(STR(""), 0) || deploy->env == hash_text(env, 0);
}

/* Of a key, 0: of any, the last deploy up to a moment, else the first one behind it. False: there is none. */
static bool find_deploy(const struct group_order *order, uint64_t service, struct str env, uint64_t key,
                        time_ms_t moment, time_ms_t *out)
{
    bool found = false;
    for (size_t i = find_service(order, service);
         i < order->deployed_count && order->deployed[i].service == service; i++) {
        const struct order_deploy *deploy = &order->deployed[i];
        if ((key != 0 && deploy->key != key) || !is_there(deploy, env))
            continue;
        if (deploy->time > moment && found)
            break;
        *out = deploy->time;
        found = true;
        if (deploy->time > moment)
            break;
    }
    return found;
}

time_ms_t group_order_of(const struct group_order *order, struct str service, struct str env,
                         struct str release, time_ms_t moment)
{
    uint64_t of_service = hash_text(service, 0), key = hash_text(release, of_service);
    time_ms_t time;
    if (find_deploy(order, of_service, env, key, moment, &time))
        return time;
    size_t at = find_seen(order, key);
    return at < order->seen_count && order->seen[at].key == key ? order->seen[at].first : GROUP_NEVER;
}

time_ms_t group_order_newest(const struct group_order *order, struct str service, struct str env,
                             time_ms_t moment)
{
    uint64_t of_service = hash_text(service, 0);
    time_ms_t newest = GROUP_NEVER, time;
    if (find_deploy(order, of_service, env, 0, moment, &time) && time <= moment)
        newest = time;
    for (size_t i = 0; i < order->seen_count; i++) {
        const struct order_seen *seen = &order->seen[i];
        if (seen->service == of_service && seen->first <= moment && seen->first > newest &&
            !find_deploy(order, of_service, env, seen->key, moment, &time))
            newest = seen->first;
    }
    return newest;
}
