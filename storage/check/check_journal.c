/* The journal: what replay finds, with every record decoded. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/catalog/series.h"
#include "storage/check/check_child.h"
#include "storage/grow.h"
#include "storage/journal/batch_codec.h"
#include "storage/journal/journal_read.h"
#include "storage/model/bytes.h"

enum { DAMAGES_MAX = 100 };
#define NUMBER_MAX CHECK_SERIES_MAX

struct reading {
    struct check_report *report;
    struct batch_arrays arrays;
    struct bytes scratch;
    uint8_t *defined; /* by the writer's number, in one life */
    size_t capacity;
    uint64_t life, segment;
    struct journal_damage damages[DAMAGES_MAX];
    size_t damage_count;
    bool is_repeat; /* only which of the damages cost something is looked at */
};

static void tell_segment(struct reading *r, enum check_kind kind, uint64_t segment, const char *text)
{
    char line[CHECK_TEXT_BYTES];
    (void)snprintf(line, sizeof line, "segment %016" PRIx64 ".seg: %s", segment, text);
    check_tell(r->report, kind, line);
}

static void enter_segment(struct reading *r, const struct segment_header *segment)
{
    bool same = segment->life != 0 && segment->life == r->life;
    if (!same && (segment->number != r->segment || segment->life != r->life) && r->defined)
        memset(r->defined, 0, r->capacity);
    r->life = segment->life;
    r->segment = segment->number;
}

static enum tm_err learn(struct reading *r, const struct batch_content *content)
{
    for (size_t i = 0; i < content->definition_count; i++) {
        uint32_t number = content->definitions[i].series;
        size_t before = r->capacity;
        if (number >= NUMBER_MAX)
            return TM_CORRUPT;
        uint8_t *grown = grow_array(r->defined, &r->capacity, (size_t)number + 1, 1);
        if (!grown)
            return TM_NOMEM;
        r->defined = grown;
        memset(grown + before, 0, r->capacity - before);
        grown[number] = 1;
    }
    return TM_OK;
}

static uint64_t count_undefined(const struct reading *r, const struct batch_content *content)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < content->sample_count; i++) {
        uint32_t number = content->samples[i].series;
        lost += number >= r->capacity || !r->defined[number];
    }
    for (size_t i = 0; i < content->cell_count; i++) {
        uint32_t number = content->cells[i].series;
        lost += number >= r->capacity || !r->defined[number];
    }
    return lost;
}

static enum tm_err on_record(void *arg, const struct segment_header *segment, const struct record *record)
{
    struct reading *r = arg;
    struct str body;
    struct batch_content content;
    char text[160];
    enter_segment(r, segment);
    if (r->is_repeat)
        return TM_OK;
    r->report->totals.records++;
    r->report->totals.bytes += record_bytes(record->body.len);
    atomic_fetch_add(&r->report->shared->done_bytes, record_bytes(record->body.len));
    enum tm_err err = record->kind == RECORD_BATCH ? record_body(record, &r->scratch, &body) : TM_CORRUPT;
    if (!err)
        err = batch_decode(body, &r->arrays, &content);
    if (!err)
        err = learn(r, &content);
    if (err == TM_NOMEM)
        return err;
    uint64_t lost = err ? 0 : count_undefined(r, &content);
    if (err) {
        (void)snprintf(text, sizeof text,
                       "record %" PRIu64
                       " has a good checksum but is none of ours: its batch is lost; use the "
                       "program that wrote it",
                       record->lsn);
        tell_segment(r, CHECK_DAMAGE, segment->number, text);
    } else if (lost > 0) {
        (void)snprintf(text, sizeof text,
                       "record %" PRIu64 ": %" PRIu64
                       " samples or counts belong to series whose definition is lost",
                       record->lsn, lost);
        tell_segment(r, CHECK_DAMAGE, segment->number, text);
    }
    return TM_OK;
}

static enum tm_err on_preview(void *arg, const struct segment_header *segment, const struct record *record)
{
    struct reading *r = arg;
    struct str body;
    struct batch_content content;
    if (r->is_repeat || record->kind != RECORD_BATCH)
        return TM_OK;
    enter_segment(r, segment);
    enum tm_err err = record_body(record, &r->scratch, &body);
    if (!err)
        err = batch_decode_definitions(body, &r->arrays, &content);
    if (!err)
        err = learn(r, &content);
    return err == TM_CORRUPT ? TM_OK : err; /* told when its turn comes */
}

static void on_damage(void *arg, const struct journal_damage *damage)
{
    struct reading *r = arg;
    if (r->damage_count < DAMAGES_MAX)
        r->damages[r->damage_count++] = *damage;
}

static void on_torn(void *arg, const struct journal_damage *tail)
{
    struct reading *r = arg;
    char text[160];
    if (r->is_repeat)
        return;
    (void)snprintf(text, sizeof text,
                   "it ends in %" PRIu64
                   " bytes of an unfinished write; nothing acknowledged was in them, the next "
                   "start cuts them",
                   tail->len);
    tell_segment(r, CHECK_NOTE, tail->segment, text);
}

static enum tm_err replay(struct reading *r, int folder, uint64_t flushed_lsn, struct journal_end *end,
                          struct tm_why *why)
{
    const struct journal_visitor visitor = {
        .arg = r,
        .flushed_lsn = flushed_lsn,
        .record = on_record,
        .preview = on_preview,
        .damaged = on_damage,
        .torn = on_torn,
    };
    return journal_replay(folder, &visitor, end, why);
}

static bool costs(const struct reading *costly, const struct journal_damage *damage, uint64_t *records)
{
    for (size_t i = 0; i < costly->damage_count; i++) {
        if (costly->damages[i].segment == damage->segment && costly->damages[i].offset == damage->offset) {
            *records = costly->damages[i].records;
            return true;
        }
    }
    return false;
}

static void tell_damages(struct reading *r, const struct reading *costly)
{
    char text[320];
    for (size_t i = 0; i < r->damage_count; i++) {
        const struct journal_damage *d = &r->damages[i];
        uint64_t records = 0;
        if (costs(costly, d, &records))
            (void)snprintf(text, sizeof text,
                           "%" PRIu64 " bytes at %" PRIu64 " are damaged: %" PRIu64
                           " record%s lost, the others are "
                           "kept; send that data again if you can, and look after the disk",
                           d->len, d->offset, records, records == 1 ? " is" : "s are");
        else
            (void)snprintf(text, sizeof text,
                           "%" PRIu64 " bytes at %" PRIu64
                           " are damaged, but what stood there is in the partitions "
                           "already: nothing is lost; look after the disk",
                           d->len, d->offset);
        tell_segment(r, CHECK_DAMAGE, d->segment, text);
    }
}

/* Once as if nothing were flushed, which finds all damage; if there is some, once more to see what it costs.
 */
enum tm_err check_journal_work(void *arg, struct check_report *report, struct tm_why *why)
{
    const struct check_journal *place = arg;
    struct reading *all = calloc(1, sizeof *all), *costly = calloc(1, sizeof *costly);
    struct journal_end end = {0}, unused = {0};
    enum tm_err err = TM_NOMEM;
    if (!all || !costly)
        goto out;
    all->report = costly->report = report;
    costly->is_repeat = true;
    err = replay(all, place->folder, 0, &end, why);
    if (!err && all->damage_count > 0)
        err = replay(costly, place->folder, place->flushed_lsn, &unused, why);
    if (err)
        goto out;
    tell_damages(all, costly);
    uint64_t first = end.segment_count > 0 ? end.segments[0].first_lsn : UINT64_MAX;
    if (first != UINT64_MAX && first > place->flushed_lsn + 1 && place->flushed_lsn > 0)
        err = tm_fail(why, TM_BUSY, "records %" PRIu64 " to %" PRIu64 " are missing", place->flushed_lsn + 1,
                      first - 1);
out:
    if (all) {
        batch_arrays_fini(&all->arrays);
        bytes_fini(&all->scratch);
        free(all->defined);
    }
    journal_end_fini(&end);
    journal_end_fini(&unused);
    free(all);
    free(costly);
    return err;
}
