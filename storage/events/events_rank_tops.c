/* What is known of days whose events are gone, added to a ranking. */
#include "storage/events/events_ranking.h"
#include "storage/reader_private.h"

enum { CLASS = 100, STATUS_TEXT = 8 };

struct adding {
    const struct events_query *query;
    struct events_ranking *ranking;
    enum top_dimension wanted;
    uint64_t all;       /* events, of the dimension in which all are */
    uint64_t tagged;    /* of them with the tag that is asked for */
    uint64_t untracked; /* of them with tags that nobody counted */
};

static enum top_dimension dimension_of(enum events_column column)
{
    switch (column) {
    case EVENTS_URL:
        return TOP_URL;
    case EVENTS_PAGE_GROUP:
        return TOP_PAGE_GROUP;
    case EVENTS_AGENT:
        return TOP_AGENT;
    case EVENTS_ENV:
        return TOP_ENV;
    case EVENTS_CACHE:
        return TOP_CACHE;
    case EVENTS_USER_AGENT:
        return TOP_USER_AGENT;
    case EVENTS_TAGS:
        return TOP_TAG;
    default:
        return TOP_METHOD; /* for its totals: it has few keys */
    }
}

enum meant { MEANT_NOT, MEANT_MAYBE, MEANT_YES };

/* Statuses that share a sketch may be meant in part. */
static enum meant is_status_meant(const struct events_query *query, int32_t status)
{
    int32_t first = status < 0 ? -status * CLASS : status;
    int32_t end = status < 0 ? first + CLASS : first + 1;
    if (query->status_to == 0 || (first >= query->status_from && end <= query->status_to))
        return MEANT_YES;
    return first >= query->status_to || end <= query->status_from ? MEANT_NOT : MEANT_MAYBE;
}

static enum tm_err add_keys(struct adding *a, struct cursor *bytes, const struct top_summary *summary)
{
    struct events_ranking *ranking = a->ranking;
    ranking->total.error += summary->floor;
    for (uint64_t i = 0; i < summary->count; i++) {
        struct top_view view = top_view_read(bytes);
        if (bytes->bad || view.error > summary->floor)
            return TM_CORRUPT;
        enum tm_err err = events_ranking_add(ranking, view.key, view.count, summary->floor - view.error);
        if (err)
            return err;
    }
    return TM_OK;
}

/* All events of a place are of one key. */
static enum tm_err add_total(struct adding *a, const struct tops_block *block, const struct top_place *place,
                             uint64_t total)
{
    char status[STATUS_TEXT];
    if (a->ranking->by.column == EVENTS_SERVICE)
        return events_ranking_add(a->ranking, block->head.service, total, 0);
    if (place->status < 0) {
        a->ranking->total.error += total;
        return TM_OK;
    }
    for (int i = 2, rest = place->status; i >= 0; i--, rest /= 10)
        status[i] = (char)('0' + rest % 10);
    return events_ranking_add(a->ranking, (struct str){status, 3}, total, 0);
}

static enum tm_err add_sketch(struct adding *a, const struct tops_block *block, const struct top_place *place,
                              struct cursor *bytes)
{
    const struct events_ranking_by *by = &a->ranking->by;
    const struct top_summary summary = top_summary_read(bytes);
    const enum meant meant = is_status_meant(a->query, place->status);
    if (bytes->bad)
        return TM_CORRUPT;
    if (meant == MEANT_NOT)
        return TM_OK;
    bool is_wanted =
        place->dimension == a->wanted && (a->wanted != TOP_TAG || str_equal(place->tag, by->tag));
    if (meant == MEANT_MAYBE) { /* the key of any of these may be any */
        a->ranking->total.error += place->dimension == TOP_METHOD ? summary.total : 0;
        return TM_OK;
    }
    if (place->dimension == TOP_METHOD)
        a->all += summary.total;
    if (!is_wanted)
        return TM_OK;
    if (by->column == EVENTS_SERVICE || by->column == EVENTS_STATUS)
        return add_total(a, block, place, summary.total);
    if (a->wanted == TOP_TAG)
        a->tagged += summary.total;
    return add_keys(a, bytes, &summary);
}

static enum tm_err add_block(struct adding *a, struct tops_block *block)
{
    const struct events_query *query = a->query;
    const time_ms_t from = block->head.hour * TOPS_HOUR_MS;
    struct top_place place;
    struct cursor bytes;
    enum tm_err err;
    if (from + TOPS_HOUR_MS <= query->span.from || from >= query->span.to ||
        (query->is_one_service && !str_equal(query->service, block->head.service)))
        return TM_OK;
    a->untracked += block->head.untracked;
    while ((err = tops_block_next(block, &place, &bytes)) == TM_OK) {
        err = add_sketch(a, block, &place, &bytes);
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err add_day(struct adding *a, struct tops_files *files, const struct reader *reader,
                           const struct tops_day *day, struct tm_why *why)
{
    enum tm_err err = tops_files_list(files, day, a->query->span, why);
    for (size_t i = 0; i < files->count && !err; i++) {
        const struct tops_place *place = &files->places[i];
        err = reader_check(reader, why);
        if (!err)
            err = tops_files_open(files, day->day, place, why);
        if (err)
            break;
        err = add_block(a, &files->block);
        if (err == TM_CORRUPT)
            err = tops_files_damaged(files->partitions,
                                     (struct partition_id){PARTITION_TOPS, day->day, place->late}, why);
        else if (err && err != TM_LIMIT)
            err = tm_fail(why, err, "reading rankings: %s", tm_err_text(err));
    }
    return err == TM_NOT_FOUND ? TM_BUSY : err; /* the day went meanwhile */
}

/* Events without the tag have the empty key; those whose tags nobody counted may have it, or any other. */
static enum tm_err add_untagged(struct adding *a)
{
    uint64_t rest = a->all > a->tagged ? a->all - a->tagged : 0;
    uint64_t unknown = a->untracked < rest ? a->untracked : rest;
    a->ranking->total.error += unknown;
    return rest > unknown ? events_ranking_add(a->ranking, STR(""), rest - unknown, 0) : TM_OK;
}

enum tm_err events_rank_tops(struct reader *reader, const struct events_query *query,
                             const struct tops_plan *plan, struct events_ranking *ranking, struct tm_why *why)
{
    struct adding a = {.query = query, .ranking = ranking, .wanted = dimension_of(ranking->by.column)};
    struct tops_files files = {.partitions = reader->contents->partitions};
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < plan->count && !err; i++) {
        if (plan->days[i].tops_tag > 0)
            err = add_day(&a, &files, reader, &plan->days[i], why);
    }
    if (!err && a.wanted == TOP_TAG)
        err = add_untagged(&a);
    ranking->total.count += a.all;
    tops_files_fini(&files);
    return err;
}
