#include "storage/events/events_flush.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/log_level.h"
#include "storage/model/event.h"
#include "storage/partition/days.h"

#define DAY_MS INT64_C(86400000)

void events_work_fini(struct events_work *work)
{
    events_encoder_free(work->encoder);
    bytes_fini(&work->block);
}

/* ---- what a head has, in order ---- */

/* One event; the order is (day, service, time, as written). */
struct line {
    uint32_t day;
    uint32_t service; /* by first appearance in this head, from 1 */
    time_ms_t time;
    struct str bytes;
    uint32_t place;
};

struct gathering {
    struct line *lines;
    size_t count;
    size_t capacity;
    struct str *services;
    size_t service_count;
    size_t service_capacity;
    uint32_t *slots; /* number; 0: free */
    size_t slot_count;
    uint32_t last; /* the service before */
    uint64_t unstorable;
    enum tm_err err;
};

static void fill_slot(struct gathering *g, uint32_t number)
{
    const struct str *service = &g->services[number - 1];
    size_t at = XXH3_64bits(service->len ? service->ptr : "", service->len) % g->slot_count;
    while (g->slots[at])
        at = (at + 1) % g->slot_count;
    g->slots[at] = number;
}

static enum tm_err grow_slots(struct gathering *g)
{
    size_t count = g->slot_count ? g->slot_count * 2 : 64;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return TM_NOMEM;
    free(g->slots);
    g->slots = slots;
    g->slot_count = count;
    for (uint32_t i = 1; i <= g->service_count; i++)
        fill_slot(g, i);
    return TM_OK;
}

/* The number of a service; most events are of the service before. */
static enum tm_err number_service(struct gathering *g, struct str service, uint32_t *out)
{
    if (g->last > 0 && str_equal(g->services[g->last - 1], service)) {
        *out = g->last;
        return TM_OK;
    }
    if (2 * (g->service_count + 1) > g->slot_count && grow_slots(g) != TM_OK)
        return TM_NOMEM;
    size_t at = XXH3_64bits(service.len ? service.ptr : "", service.len) % g->slot_count;
    for (; g->slots[at]; at = (at + 1) % g->slot_count) {
        if (str_equal(g->services[g->slots[at] - 1], service)) {
            *out = g->last = g->slots[at];
            return TM_OK;
        }
    }
    struct str *services =
        grow_array(g->services, &g->service_capacity, g->service_count + 1, sizeof *services);
    if (!services)
        return TM_NOMEM;
    g->services = services;
    services[g->service_count++] = service;
    g->slots[at] = *out = g->last = (uint32_t)g->service_count;
    return TM_OK;
}

static bool gather(void *arg, enum event_kind kind, time_ms_t time, struct str bytes)
{
    struct gathering *g = arg;
    struct http_event event;
    struct str tags;
    uint32_t day, service;
    (void)kind;
    if (partition_period_of(PARTITION_EVENTS, time, &day) != TM_OK ||
        http_event_views(bytes, &event, &tags) != TM_OK) {
        g->unstorable++;
        return true;
    }
    g->err = number_service(g, event.service, &service);
    struct line *lines = g->err ? NULL : grow_array(g->lines, &g->capacity, g->count + 1, sizeof *lines);
    if (!lines) {
        g->err = TM_NOMEM;
        return false;
    }
    g->lines = lines;
    lines[g->count] = (struct line){day, service, time, bytes, (uint32_t)g->count};
    g->count++;
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->service != y->service)
        return x->service < y->service ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* ---- days ---- */

/* The blocks of one service. */
static enum tm_err put_service(struct events_work *work, struct partition_writer *writer, uint32_t service,
                               const struct events_row *rows, size_t count, struct tm_why *why)
{
    struct partition_id id = partition_writer_id(writer);
    enum tm_err err = TM_OK;
    for (uint32_t part = 0; count > 0 && !err; part++) {
        const struct partition_key at = {partition_writer_window(writer), service, part};
        struct chunk_key key = days_chunk_key(id, &at);
        struct events_block_head head;
        size_t taken;
        bytes_clear(&work->block);
        err = events_block_encode(work->encoder, &key, rows, count, &taken, &work->block, &head);
        if (err)
            return tm_fail(why, err, "encoding a block of events: %s", tm_err_text(err));
        const struct partition_extent extent = {head.first, head.last, head.count};
        err = partition_writer_put(writer, service, part, bytes_view(&work->block), &extent, why);
        rows += taken;
        count -= taken;
        work->written += taken;
        if (!err && atomic_load_explicit(work->stop, memory_order_relaxed))
            err = tm_fail(why, TM_CLOSED, "the store closes"); /* the journal has it all */
    }
    return err;
}

static enum tm_err put_day(struct events_work *work, struct partition_writer *writer,
                           const struct line *lines, size_t count, struct tm_why *why)
{
    struct events_row *rows = calloc(count, sizeof *rows);
    enum tm_err err = rows ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory for events");
    for (size_t from = 0; from < count && !err;) {
        size_t to = from;
        for (; to < count && lines[to].service == lines[from].service; to++)
            rows[to] = (struct events_row){lines[to].time, lines[to].bytes};
        err = put_service(work, writer, lines[from].service, rows + from, to - from, why);
        from = to;
    }
    free(rows);
    return err;
}

/* Before the write: what it has in files at a failure counts too. */
static void note_recent(struct events_work *work, uint32_t day)
{
    size_t at = 0, oldest = 0;
    for (; at < work->recent_count && work->recent[at].day != day; at++) {
        if (work->recent[at].written_ms < work->recent[oldest].written_ms)
            oldest = at;
    }
    if (at == EVENTS_RECENT_DAYS) {
        at = oldest;
        work->all_recent_ms = work->recent[at].written_ms + EVENTS_SETTLE_MS;
    }
    if (at == work->recent_count)
        work->recent_count++;
    work->recent[at].day = day;
    work->recent[at].written_ms = work->mono_ms;
}

static enum tm_err write_day(struct events_work *work, const struct line *lines, size_t count, uint64_t tag,
                             struct tm_why *why)
{
    struct partition_writer *writer;
    note_recent(work, lines[0].day);
    enum tm_err err = partition_writer_open(work->partitions, PARTITION_EVENTS, lines[0].day, &writer, why);
    if (err)
        return err;
    err = put_day(work, writer, lines, count, why);
    if (!err)
        return partition_writer_commit(&writer, tag, why);
    partition_writer_abort(&writer);
    return err;
}

static enum tm_err write_days(struct events_work *work, const struct gathering *g, uint64_t tag,
                              size_t *days_done, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    size_t day = 0;
    for (size_t from = 0; from < g->count && !err; day++) {
        size_t to = from;
        while (to < g->count && g->lines[to].day == g->lines[from].day)
            to++;
        if (day >= *days_done) {
            err = write_day(work, g->lines + from, to - from, tag, why);
            *days_done += !err;
            if (work->fault_point)
                work->fault_point(work->fault_arg, "flush.events");
        }
        from = to;
    }
    return err;
}

static void tell_unstorable(struct events_work *work, uint64_t count)
{
    char text[200];
    work->unstorable += count;
    (void)snprintf(text, sizeof text,
                   "%" PRIu64 " HTTP events are not kept: times must lie in the years 1970 to 9999", count);
    work->log(work->log_arg, STORE_LOG_WARNING, "flush.unstorable", text);
}

enum tm_err events_flush(struct events_work *work, const struct head *head, uint64_t tag, size_t *days_done,
                         struct tm_why *why)
{
    static const struct span all = {INT64_MIN, INT64_MAX};
    struct gathering g = {.err = TM_OK};
    (void)head_events(head, EVENT_REQUEST, all, gather, &g);
    if (!work->encoder && g.count > 0)
        work->encoder = events_encoder_new();
    enum tm_err err = g.err || (g.count > 0 && !work->encoder)
                          ? tm_fail(why, TM_NOMEM, "out of memory for writing events")
                          : TM_OK;
    if (!err && g.count > 1)
        qsort(g.lines, g.count, sizeof *g.lines, compare_lines);
    if (!err)
        err = write_days(work, &g, tag, days_done, why);
    if (!err && g.unstorable > 0)
        tell_unstorable(work, g.unstorable);
    free(g.lines);
    free(g.services);
    free(g.slots);
    return err;
}
