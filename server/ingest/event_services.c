#include "server/ingest/event_services.h"

#include <stdlib.h>
#include <xxhash.h>

#include "server/events/page_groups.h"

struct event_service {
    struct page_groups *groups;
    size_t name_len;
    char name[];
};

/* In front of the state of all services, and behind it a checksum of what is between. */
static const char magic[8] = {'t', 'm', 'g', 'r', 'o', 'u', 'p', '1'};
enum { CHECKSUM_BYTES = 8 };

static struct str name_of(const struct event_service *service)
{
    return (struct str){service->name, service->name_len};
}

void event_services_fini(struct event_services *services)
{
    for (size_t i = 0; i < EVENT_SERVICES_SLOTS; i++) {
        if (services->slot[i])
            page_groups_free(services->slot[i]->groups);
        free(services->slot[i]);
        services->slot[i] = NULL;
    }
    services->count = 0;
}

static const struct config_service *configured(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        if (str_equal(str_of(config->services[i].name), name))
            return &config->services[i];
    }
    return NULL;
}

/* NULL where patterns can't be compiled, or without memory. */
static struct page_groups *make_groups(const struct config *config, struct str name)
{
    const struct config_service *service = configured(config, name);
    size_t count = service ? service->page_group_count : 0;
    struct page_group_rule *rules = calloc(count + 1, sizeof *rules);
    struct page_groups *groups = NULL;
    struct tm_why why;
    if (!rules)
        return NULL;
    for (size_t i = 0; i < count; i++)
        rules[i] = (struct page_group_rule){str_of(service->page_groups[i].name),
                                            str_of(service->page_groups[i].match)};
    const struct page_groups_options options = {.rules = rules,
                                                .rule_count = count,
                                                .groups_max = (uint32_t)config->events.url_groups_per_service,
                                                .cache_paths = PAGE_GROUPS_CACHE_DEFAULT};
    if (page_groups_new(&options, &groups, &why))
        groups = NULL;
    free(rules);
    return groups;
}

static size_t find_slot(const struct event_services *services, struct str name)
{
    size_t at = XXH3_64bits_withSeed(name.ptr, name.len, services->seed) % EVENT_SERVICES_SLOTS;
    while (services->slot[at] && !str_equal(name_of(services->slot[at]), name))
        at = (at + 1) % EVENT_SERVICES_SLOTS;
    return at;
}

struct event_service *event_services_get(struct event_services *services, const struct config *config,
                                         struct str name)
{
    size_t at = find_slot(services, name);
    if (services->slot[at])
        return services->slot[at];
    /* At most 2,000 services are configured: these always find a place. */
    if (services->count >= EVENT_SERVICES_MAX && !configured(config, name))
        return NULL;
    struct event_service *service = malloc(sizeof *service + name.len);
    if (!service)
        return NULL;
    service->groups = make_groups(config, name);
    if (!service->groups) {
        free(service);
        return NULL;
    }
    service->name_len = name.len;
    if (name.len)
        memcpy(service->name, name.ptr, name.len);
    services->slot[at] = service;
    services->count++;
    return service;
}

struct str event_services_group(struct event_services *services, struct event_service *service,
                                struct str url)
{
    struct str group = service ? page_groups_find(service->groups, url).name : STR(PAGE_GROUP_OVERFLOW_NAME);
    services->overflows += str_equal(group, STR(PAGE_GROUP_OVERFLOW_NAME));
    return group;
}

static bool same_rules(const struct config_service *a, const struct config_service *b)
{
    size_t a_count = a ? a->page_group_count : 0, b_count = b ? b->page_group_count : 0;
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (strcmp(a->page_groups[i].name, b->page_groups[i].name) != 0 ||
            strcmp(a->page_groups[i].match, b->page_groups[i].match) != 0)
            return false;
    }
    return a_count == b_count;
}

static void renew(struct event_service *service, const struct config *config)
{
    struct bytes state = {0};
    struct page_groups *groups = make_groups(config, name_of(service));
    page_groups_export(service->groups, &state);
    if (groups && !bytes_error(&state) && !page_groups_import(groups, bytes_view(&state))) {
        page_groups_free(service->groups);
        service->groups = groups;
        groups = NULL;
    }
    page_groups_free(groups);
    bytes_fini(&state);
}

void event_services_configure(struct event_services *services, const struct config *old_config,
                              const struct config *new_config)
{
    bool same_bound = old_config->events.url_groups_per_service == new_config->events.url_groups_per_service;
    for (size_t i = 0; i < EVENT_SERVICES_SLOTS; i++) {
        struct event_service *service = services->slot[i];
        if (service && !(same_bound && same_rules(configured(old_config, name_of(service)),
                                                  configured(new_config, name_of(service)))))
            renew(service, new_config);
    }
}

/* ---- state ---- */

uint64_t event_services_version(const struct event_services *services)
{
    uint64_t version = services->count;
    for (size_t i = 0; i < EVENT_SERVICES_SLOTS; i++) {
        if (!services->slot[i])
            continue;
        struct page_groups_counts counts = page_groups_counts(services->slot[i]->groups);
        version += counts.groups + 2 * counts.folds * (uint64_t)UINT32_MAX;
    }
    return version;
}

/* magic, per service its name and state as bytes_str, checksum. */
void event_services_export(const struct event_services *services, struct bytes *out)
{
    struct bytes state = {0};
    size_t begin = out->len;
    bytes_put(out, magic, sizeof magic);
    for (size_t i = 0; i < EVENT_SERVICES_SLOTS; i++) {
        if (!services->slot[i])
            continue;
        bytes_clear(&state);
        page_groups_export(services->slot[i]->groups, &state);
        out->failed = out->failed || state.failed;
        bytes_str(out, name_of(services->slot[i]));
        bytes_str(out, bytes_view(&state));
    }
    if (!out->failed)
        bytes_u64(out, XXH3_64bits(out->data + begin, out->len - begin));
    bytes_fini(&state);
}

enum tm_err event_services_import(struct event_services *services, const struct config *config,
                                  struct str state)
{
    if (state.len < sizeof magic + CHECKSUM_BYTES || memcmp(state.ptr, magic, sizeof magic) != 0)
        return TM_CORRUPT;
    size_t len = state.len - CHECKSUM_BYTES;
    struct cursor sum = cursor_of(state.ptr + len, CHECKSUM_BYTES);
    if (cursor_u64(&sum) != XXH3_64bits(state.ptr, len))
        return TM_CORRUPT;
    struct cursor in = cursor_of(state.ptr + sizeof magic, len - sizeof magic);
    while (cursor_left(&in) > 0) {
        struct str name = cursor_str(&in), groups = cursor_str(&in);
        if (in.bad)
            return TM_CORRUPT;
        struct event_service *service = event_services_get(services, config, name);
        enum tm_err err = service ? page_groups_import(service->groups, groups) : TM_OK;
        if (err)
            return err;
    }
    return TM_OK;
}

enum tm_err event_services_explain(const struct event_services *services, const struct config *config,
                                   struct str name, struct str url, struct bytes *out)
{
    const struct event_service *known = services->slot[find_slot(services, name)];
    struct page_groups *made = known ? NULL : make_groups(config, name);
    if (!known && !made)
        return TM_NOMEM;
    page_groups_explain(known ? known->groups : made, url, out);
    page_groups_free(made);
    return bytes_error(out);
}
