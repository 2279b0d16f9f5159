/* What is derived of a service's series: sums of requests and exceptions, their parts and ratios. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"

enum { SLOTS_FIRST = 64, DERIVED_MAX = 20000 };

struct derived {
    struct str metric;
    struct str env, service, page_group, type;
    char class[4]; /* "5xx", or empty */
    enum detect_form form;
    uint32_t part, whole;
};

static bool derived_labels(const struct derived *derived, struct labels *out)
{
    struct str twice;
    *out = (struct labels){.count = 0};
    bool ok = labels_add(out, STR(LABEL_NAME), derived->metric) == TM_OK &&
              labels_add(out, STR("class"), str_of(derived->class)) == TM_OK &&
              labels_add(out, STR("env"), derived->env) == TM_OK &&
              labels_add(out, STR("page_group"), derived->page_group) == TM_OK &&
              labels_add(out, STR("service"), derived->service) == TM_OK;
    return ok && labels_sort(out, &twice) == TM_OK;
}

/* The slot of what is derived under the labels in engine->scratch: its own, or the empty one where it would
 * be. */
static size_t find_derived_slot(const struct detect_engine *engine, const struct detect_service *service,
                                uint64_t hash)
{
    size_t mask = service->derived_slots - 1, slot = hash & mask;
    for (; service->derived_places[slot] != 0; slot = (slot + 1) & mask) {
        const struct detect_target *target =
            &service->targets[service->derived[service->derived_places[slot] - 1]];
        if (target->hash == hash && str_equal(detect_labels(target), bytes_view(&engine->scratch)))
            break;
    }
    return slot;
}

/* Slots for one more, half of them free at least. */
static bool make_derived_slots(struct detect_service *service)
{
    if ((service->derived_count + 1) * 2 <= service->derived_slots)
        return true;
    size_t wanted = service->derived_slots ? service->derived_slots * 2 : SLOTS_FIRST;
    uint32_t *places = calloc(wanted, sizeof *places);
    if (!places)
        return false;
    for (size_t i = 0; i < service->derived_count; i++) {
        size_t slot = service->targets[service->derived[i]].hash & (wanted - 1);
        while (places[slot] != 0)
            slot = (slot + 1) & (wanted - 1);
        places[slot] = (uint32_t)i + 1;
    }
    free(service->derived_places);
    service->derived_places = places;
    service->derived_slots = wanted;
    return true;
}

/* Something derived is there from a minute on, or was before it was known. */
static void begin_at(struct detect_target *target, int64_t first)
{
    if (!target->state && target->samples == 0 && first < target->at)
        target->at = first;
    target->first = first < target->first ? first : target->first;
}

/* The target of something derived, made if new. False without memory, or when there are too many. */
static bool find_derived(struct detect_engine *engine, struct detect_service *service,
                         const struct derived *derived, int64_t first, uint32_t *out)
{
    struct labels labels;
    if (!derived_labels(derived, &labels))
        return false;
    bytes_clear(&engine->scratch);
    labels_encode(&labels, &engine->scratch);
    if (bytes_error(&engine->scratch))
        return false;
    uint64_t hash = detect_hash(engine, derived->form);
    if (!make_derived_slots(service))
        return false;
    size_t slot = find_derived_slot(engine, service, hash);
    if (service->derived_places[slot] != 0) {
        *out = service->derived[service->derived_places[slot] - 1];
        begin_at(&service->targets[*out], first);
        return true;
    }
    if (service->derived_count >= DERIVED_MAX ||
        !detect_make_room((void **)&service->derived, service->derived_count, &service->derived_capacity,
                          sizeof *service->derived) ||
        !detect_add_target(engine, service, derived->form, 0, derived->env, first, out))
        return false;
    service->targets[*out].part = derived->part;
    service->targets[*out].whole = derived->whole;
    service->targets[*out].is_excluded = detect_is_excluded(engine, &labels);
    service->derived[service->derived_count++] = *out;
    service->derived_places[slot] = (uint32_t)service->derived_count;
    return true;
}

/* Requests, of a class, and errors per request, of a service or of a group of its pages. */
static bool derive_requests(struct detect_engine *engine, struct detect_service *service,
                            struct detect_source *source, struct derived base, struct str status,
                            int64_t first)
{
    uint32_t whole, part, ratio;
    char of_source = status.len > 0 ? status.ptr[0] : '0';
    base.metric = STR("http_events_total");
    base.form = FORM_SUM;
    if (!find_derived(engine, service, &base, first, &whole))
        return false;
    source->sums[source->sum_count++] = whole;
    for (int digit = '1'; digit <= '5'; digit++) {
        char class = (char)digit;
        bool is_error = class >= '4';
        struct derived of_class = base;
        if (class != of_source && !is_error)
            continue;
        of_class.form = FORM_PART;
        of_class.whole = whole;
        memcpy(of_class.class, (char[]){class, 'x', 'x', 0}, 4);
        if (!find_derived(engine, service, &of_class, first, &part))
            return false;
        if (class == of_source)
            source->sums[source->sum_count++] = part;
        of_class.metric = STR("http_error_ratio");
        of_class.form = FORM_RATIO;
        of_class.part = part;
        if (is_error && !find_derived(engine, service, &of_class, first, &ratio))
            return false;
    }
    return true;
}

static bool derive(struct detect_engine *engine, struct detect_service *service, struct detect_source *source,
                   const struct labels *labels, int64_t first)
{
    struct str metric = labels_get(labels, STR(LABEL_NAME));
    struct str page_group = labels_get(labels, STR("page_group"));
    struct derived base = {.service = str_of(service->name), .env = labels_get(labels, STR("env"))};
    bool ok = true;
    if (str_equal(metric, STR("exception_events_total"))) {
        base.metric = metric;
        base.form = FORM_SUM;
        ok = find_derived(engine, service, &base, first, &source->sums[0]);
        source->sum_count = ok;
    } else if (str_equal(metric, STR("http_events_total"))) {
        struct str status = labels_get(labels, STR("status"));
        ok = derive_requests(engine, service, source, base, status, first);
        base.page_group = page_group;
        if (ok && page_group.len > 0)
            ok = derive_requests(engine, service, source, base, status, first);
    }
    return ok;
}

/* What is derived has a bound; what is beyond it goes into no sum, and is no reason to stop. */
static bool is_crowded(const struct detect_engine *engine, struct detect_service *service)
{
    if (service->derived_count < DERIVED_MAX)
        return false;
    if (!service->is_crowded)
        detect_warn(
            engine, "detect.derived",
            "service %.100s has over %d sums of requests and exceptions: further environments and page "
            "groups are not scored as a whole",
            service->name, DERIVED_MAX);
    service->is_crowded = true;
    return true;
}

bool detect_derive(struct detect_engine *engine, struct detect_service *service, struct detect_source *source,
                   const struct labels *labels, int64_t first)
{
    return derive(engine, service, source, labels, first) || is_crowded(engine, service);
}

bool detect_is_derived_from(struct str metric)
{
    return str_equal(metric, STR("exception_events_total")) || str_equal(metric, STR("http_events_total"));
}
