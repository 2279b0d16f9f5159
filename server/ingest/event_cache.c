#include "server/ingest/event_cache.h"

#include <stdlib.h>

#include "server/ingest/event_services.h"

/* Tables in which a newcomer takes the place of what was there: a power of two each. */
enum { KEY_SLOTS = 8192, SERIES_SLOTS = 16384, AGENT_SLOTS = 4096, KEY_KEPT_BYTES = 4096 };

struct agent_slot {
    uint64_t hash;
    enum agent_class class;
};

struct event_cache {
    const struct config *config;
    uint64_t seed;
    uint64_t batch;
    struct event_services services;
    struct agents *agents;
    struct event_key *keys[KEY_SLOTS];
    struct event_key *large; /* the last one that was too large to be kept */
    struct event_series series[SERIES_SLOTS];
    struct agent_slot agent[AGENT_SLOTS];
};

struct event_cache *event_cache_new(const struct config *config, uint64_t seed)
{
    struct event_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->config = config;
    cache->seed = seed;
    cache->batch = 1;
    cache->services.seed = seed;
    if (agents_new(&cache->agents)) {
        free(cache);
        return NULL;
    }
    return cache;
}

static void forget_keys(struct event_cache *cache)
{
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        free(cache->keys[i]);
        cache->keys[i] = NULL;
    }
    free(cache->large);
    cache->large = NULL;
}

void event_cache_free(struct event_cache *cache)
{
    if (!cache)
        return;
    forget_keys(cache);
    event_services_fini(&cache->services);
    agents_free(cache->agents);
    free(cache);
}

void event_cache_configure(struct event_cache *cache, const struct config *config)
{
    forget_keys(cache);
    event_services_configure(&cache->services, cache->config, config);
    cache->config = config;
    cache->batch++;
}

void event_cache_begin(struct event_cache *cache)
{
    cache->batch++;
}

const struct event_key *event_cache_find(struct event_cache *cache, XXH128_hash_t hash)
{
    const struct event_key *key = cache->keys[hash.low64 % KEY_SLOTS];
    return key && XXH128_isEqual(key->hash, hash) ? key : NULL;
}

/* ---- keys ---- */

static size_t text_bytes(const struct event_key *key)
{
    size_t bytes = 0;
    for (size_t i = 0; i < key->tag_count; i++)
        bytes += key->tags[i].name.len + key->tags[i].value.len;
    return bytes;
}

static struct str copy_text(struct str text, char **room)
{
    struct str copy = {*room, text.len};
    if (text.len)
        memcpy(*room, text.ptr, text.len);
    *room += text.len;
    return copy;
}

/* The same view into the copies: each text of a key is the value of one of its tags. */
static struct str moved(const struct event_key *from, const struct label *tags, struct str text)
{
    for (size_t i = 0; text.len && i < from->tag_count; i++) {
        if (from->tags[i].value.ptr == text.ptr)
            return tags[i].value;
    }
    return STR("");
}

static struct event_key *copy_key(const struct event_key *from)
{
    size_t tags_bytes = from->tag_count * sizeof(struct label);
    char *block = malloc(sizeof(struct event_key) + tags_bytes + text_bytes(from));
    if (!block)
        return NULL;
    struct event_key *key = (struct event_key *)(void *)block;
    struct label *tags = (struct label *)(void *)(block + sizeof *key);
    char *room = block + sizeof *key + tags_bytes;
    for (size_t i = 0; i < from->tag_count; i++) {
        tags[i].name = copy_text(from->tags[i].name, &room);
        tags[i].value = copy_text(from->tags[i].value, &room);
    }
    *key = *from;
    key->tags = tags;
    key->service = moved(from, tags, from->service);
    key->env = moved(from, tags, from->env);
    key->method = moved(from, tags, from->method);
    key->status_text = moved(from, tags, from->status_text);
    key->page_group = moved(from, tags, from->page_group);
    key->cache = moved(from, tags, from->cache);
    key->agent = moved(from, tags, from->agent);
    return key;
}

enum tm_err event_cache_put(struct event_cache *cache, const struct event_key *key,
                            const struct event_key **out)
{
    struct event_key *copy = copy_key(key);
    if (!copy)
        return TM_NOMEM;
    bool is_large = text_bytes(key) > KEY_KEPT_BYTES;
    struct event_key **slot = is_large ? &cache->large : &cache->keys[key->hash.low64 % KEY_SLOTS];
    copy->groups = event_services_get(&cache->services, cache->config, key->service);
    free(*slot);
    *slot = copy;
    *out = copy;
    return TM_OK;
}

/* ---- groups, agents, series ---- */

struct str event_cache_group(struct event_cache *cache, const struct event_key *key, struct str url)
{
    return event_services_group(&cache->services, key->groups, url);
}

enum agent_class event_cache_agent(struct event_cache *cache, struct str user_agent)
{
    uint64_t hash = XXH3_64bits_withSeed(user_agent.ptr, user_agent.len, cache->seed);
    struct agent_slot *slot = &cache->agent[hash % AGENT_SLOTS];
    if (slot->hash != hash || hash == 0)
        *slot = (struct agent_slot){hash, agents_class(cache->agents, user_agent)};
    return slot->class;
}

struct event_series *event_cache_series(struct event_cache *cache, const struct event_key *key,
                                        struct str group, struct str agent)
{
    uint64_t group_hash = XXH3_64bits_withSeed(group.ptr, group.len, cache->seed);
    uint64_t agent_hash = XXH3_64bits_withSeed(agent.ptr, agent.len, group_hash);
    uint64_t low = key->hash.low64 ^ agent_hash, high = key->hash.high64 + agent_hash;
    struct event_series *series = &cache->series[low % SERIES_SLOTS];
    if (series->batch != cache->batch || series->low != low || series->high != high)
        *series = (struct event_series){.low = low, .high = high, .batch = cache->batch};
    return series;
}

/* ---- what was learned ---- */

uint64_t event_cache_version(const struct event_cache *cache)
{
    return event_services_version(&cache->services);
}

uint64_t event_cache_overflows(const struct event_cache *cache)
{
    return cache->services.overflows;
}

void event_cache_export(const struct event_cache *cache, struct bytes *out)
{
    event_services_export(&cache->services, out);
}

enum tm_err event_cache_import(struct event_cache *cache, struct str state)
{
    return event_services_import(&cache->services, cache->config, state);
}

enum tm_err event_cache_explain(struct event_cache *cache, struct str service, struct str url,
                                struct bytes *out)
{
    return event_services_explain(&cache->services, cache->config, service, url, out);
}
