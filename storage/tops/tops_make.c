#include "storage/tops/tops_make.h"

#include <stdlib.h>

#include "storage/events/events_files.h"
#include "storage/partition/days.h"
#include "storage/tops/tops_hour.h"

enum { LIVE_MAX = 500000 };

struct making {
    const struct tops_making *how;
    struct events_files files;
    struct top_service service;
    struct tops_packer packer;
    struct bytes block;
    struct partition_writer *writer;
    uint32_t number; /* of the service at hand */
    uint32_t part;
    uint64_t tag;
};

/* ---- writing ---- */

static enum tm_err put_block(struct making *m, const struct tops_head *head, struct tm_why *why)
{
    const struct partition_id id = partition_writer_id(m->writer);
    const struct partition_key at = {partition_writer_window(m->writer), m->number, m->part++};
    const struct chunk_key key = days_chunk_key(id, &at);
    const time_ms_t from = head->hour * TOPS_HOUR_MS;
    const struct partition_extent extent = {from, from + TOPS_HOUR_MS - 1, m->packer.count};
    bytes_clear(&m->block);
    enum tm_err err = tops_packer_pack(&m->packer, &key, head, &m->block);
    if (err)
        return tm_fail(why, err, "encoding rankings: %s", tm_err_text(err));
    return partition_writer_put(m->writer, at.series, at.part, bytes_view(&m->block), &extent, why);
}

/* head->untracked goes into the first block. */
static enum tm_err put_sketch(struct making *m, struct tops_head *head, const struct top_place *place,
                              struct top_sketch *sketch, struct tm_why *why)
{
    if (sketch->count == 0)
        return TM_OK;
    if (top_sketch_cut(sketch, TOPS_KEPT) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for rankings");
    tops_packer_add(&m->packer, place, sketch);
    if (m->packer.raw.len < TOPS_BLOCK_FULL)
        return TM_OK;
    enum tm_err err = put_block(m, head, why);
    head->untracked = 0;
    return err;
}

static enum tm_err put_hour(struct making *m, struct tops_head *head, const struct top_hour *hour,
                            struct tm_why *why)
{
    enum tm_err err = TM_OK;
    head->untracked = hour->untracked;
    for (size_t i = 0; i < hour->count && !err; i++) {
        struct top_cell *cell = hour->cells[i];
        struct top_place place = {.status = cell->status};
        for (size_t d = 1; d < TOPS_PLAIN && !err; d++) {
            place.dimension = (enum top_dimension)d;
            err = put_sketch(m, head, &place, &cell->plain[d], why);
        }
        place.dimension = TOP_TAG;
        for (size_t t = 0; t < m->service.tag_count && !err; t++) {
            place.tag = bytes_view(&m->service.tags[t]);
            err = put_sketch(m, head, &place, &cell->tags[t], why);
        }
    }
    return !err && m->packer.count > 0 ? put_block(m, head, why) : err;
}

static enum tm_err put_service(struct making *m, struct str name, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    struct tops_head head = {.hour = (int64_t)m->how->day * TOPS_HOURS, .service = name};
    m->number++;
    m->part = 0;
    for (size_t h = 0; h < TOPS_HOURS && !err; h++, head.hour++)
        err = put_hour(m, &head, &m->service.hours[h], why);
    top_service_fini(&m->service);
    return err;
}

/* ---- reading ---- */

static enum tm_err count_block(struct making *m, struct tm_why *why)
{
    const time_ms_t day = partition_period_span(PARTITION_EVENTS, m->how->day).from;
    enum tm_err err = top_service_add(&m->service, &m->files.block, day);
    return err ? tm_fail(why, err, "reading events for rankings: %s", tm_err_text(err)) : TM_OK;
}

/* By service, so that one at a time is in memory. */
static int compare_places(const void *a, const void *b)
{
    const struct events_place *x = a, *y = b;
    if (x->service != y->service)
        return x->service < y->service ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Another service's block ends the one at hand, whose name is a copy. */
static enum tm_err take_service(struct making *m, struct bytes *name, bool is_first, struct tm_why *why)
{
    const struct str service = m->files.block.head.service;
    enum tm_err err = TM_OK;
    if (!is_first && !str_equal(bytes_view(name), service))
        err = put_service(m, bytes_view(name), why);
    bytes_clear(name);
    bytes_put(name, service.ptr, service.len);
    if (!err && bytes_error(name))
        err = tm_fail(why, TM_NOMEM, "out of memory for rankings");
    return err;
}

static enum tm_err make_all(struct making *m, struct tm_why *why)
{
    struct bytes name = {0};
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < m->files.count && !err; i++) {
        if (atomic_load_explicit(m->how->stop, memory_order_relaxed))
            err = tm_fail(why, TM_CLOSED, "the store closes");
        if (!err)
            err = events_files_open(&m->files, m->how->day, &m->files.places[i], why);
        if (!err)
            err = take_service(m, &name, i == 0, why);
        if (!err)
            err = count_block(m, why);
    }
    if (!err)
        err = put_service(m, bytes_view(&name), why);
    bytes_fini(&name);
    return err;
}

static enum tm_err make_window(struct making *m, struct tm_why *why)
{
    enum tm_err err =
        partition_writer_open(m->files.partitions, PARTITION_TOPS, m->how->day, &m->writer, why);
    if (err)
        return err;
    qsort(m->files.places, m->files.count, sizeof *m->files.places, compare_places);
    err = make_all(m, why);
    if (!err)
        err = partition_writer_commit(&m->writer, m->tag, why);
    else
        partition_writer_abort(&m->writer);
    /* Sealed, so that damage anywhere in it is found; what comes later goes beside it. */
    if (!err)
        err = partition_seal(m->files.partitions, PARTITION_TOPS, m->how->day, why);
    return err;
}

enum tm_err tops_make(const struct tops_making *making, struct tm_why *why)
{
    const struct events_query all = {.span = DAYS_ALL};
    struct making m = {.how = making,
                       .files = {.partitions = making->partitions, .until = UINT64_MAX},
                       .service = {.live_max = making->live_max ? making->live_max : LIVE_MAX}};
    uint64_t covered = 0;
    enum tm_err err = days_tier_tag(making->partitions, PARTITION_TOPS, making->day, &covered, why);
    if (!err)
        err = days_tier_tag(making->partitions, PARTITION_EVENTS, making->day, &m.tag, why);
    m.files.since = covered;
    if (!err && m.tag > covered)
        err = events_files_list(&m.files, making->day, &all, why);
    if (!err && m.files.count > 0)
        err = make_window(&m, why);
    top_service_fini(&m.service);
    tops_packer_fini(&m.packer);
    bytes_fini(&m.block);
    events_files_fini(&m.files);
    return err;
}
