/* What the journal holds, put into contents at a start. */
#include "storage/contents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/partition/days.h"
#include "storage/grow.h"
#include "storage/log_level.h"

/* Numbers above are hostile: the table of the writer could not have given them. */
enum { SERIES_NUMBER_MAX = 1 << 26, DAMAGE_LINES_MAX = 20 };

struct replaying {
    struct contents *contents;
    bool is_reader; /* in another process: it keeps records apart */
    contents_log_fn *log;
    void *log_arg;
    uint64_t damage_lines;
    /* The writer's numbers of one life, and what they are here; 0 is unknown. */
    uint64_t life;
    uint64_t segment;
    uint32_t *numbers;
    size_t number_capacity;
    struct batch_arrays arrays;
    struct bytes scratch;
    /* Days of a flush that was interrupted. */
    struct day_tag *tags;
    size_t tag_count;
    size_t tag_capacity;
    struct tm_why why;
};

static void log_damage(struct replaying *replaying, uint64_t segment, const char *what)
{
    if (!replaying->log || replaying->damage_lines++ > DAMAGE_LINES_MAX)
        return;
    char text[256];
    if (replaying->damage_lines > DAMAGE_LINES_MAX)
        (void)snprintf(text, sizeof text, "more damage follows and is counted, not listed; run verify");
    else
        (void)snprintf(text, sizeof text, "journal segment %016" PRIx64 ": %s; the other records were kept",
                       segment, what);
    replaying->log(replaying->log_arg, STORE_LOG_ERROR, "journal.damaged", text);
}

static void on_damage(void *arg, const struct journal_damage *damage)
{
    struct replaying *replaying = arg;
    char what[128];
    replaying->contents->damaged_records += damage->records;
    (void)snprintf(what, sizeof what,
                   "%" PRIu64 " bytes at %" PRIu64 " are damaged, %" PRIu64 " record%s lost", damage->len,
                   damage->offset, damage->records, damage->records == 1 ? "" : "s");
    log_damage(replaying, damage->segment, what);
}

static void on_torn(void *arg, const struct journal_damage *tail)
{
    struct replaying *replaying = arg;
    char text[256];
    replaying->contents->torn_tails++;
    if (!replaying->log)
        return;
    (void)snprintf(text, sizeof text,
                   "journal segment %016" PRIx64 " ends in %" PRIu64
                   " bytes of an unfinished write, which were cut; nothing acknowledged was in them",
                   tail->segment, tail->len);
    replaying->log(replaying->log_arg, STORE_LOG_WARNING, "journal.torn", text);
}

/* A segment without a good header belongs to no life but its own. */
static void enter_segment(struct replaying *replaying, const struct segment_header *segment)
{
    bool same = segment->life != 0 && segment->life == replaying->life;
    if (!same && (segment->number != replaying->segment || segment->life != replaying->life) &&
        replaying->numbers)
        memset(replaying->numbers, 0, replaying->number_capacity * sizeof *replaying->numbers);
    replaying->life = segment->life;
    replaying->segment = segment->number;
}

static enum tm_err learn_number(struct replaying *replaying, uint32_t number, series_id id)
{
    size_t before = replaying->number_capacity;
    if (number >= SERIES_NUMBER_MAX)
        return TM_CORRUPT;
    uint32_t *numbers =
        grow_array(replaying->numbers, &replaying->number_capacity, (size_t)number + 1, sizeof *numbers);
    if (!numbers)
        return TM_NOMEM;
    replaying->numbers = numbers;
    memset(numbers + before, 0, (replaying->number_capacity - before) * sizeof *numbers);
    numbers[number] = id;
    return TM_OK;
}

static enum tm_err learn_definitions(struct replaying *replaying, const struct batch_content *content)
{
    for (size_t i = 0; i < content->definition_count; i++) {
        const struct batch_definition *definition = &content->definitions[i];
        series_id id;
        enum tm_err err =
            series_restore(replaying->contents->series, definition->labels, definition->service, &id);
        if (!err)
            err = learn_number(replaying, definition->series, id);
        if (err)
            return err;
    }
    return TM_OK;
}

/* Of a day of events that is gone its rankings say what it held. */
static enum tm_err raise_to_tops(struct replaying *replaying, uint32_t day, uint64_t *tag)
{
    uint64_t tops = 0;
    enum tm_err err =
        days_tier_tag(replaying->contents->partitions, PARTITION_TOPS, day, &tops, &replaying->why);
    *tag = tops > *tag ? tops : *tag;
    return err == TM_CORRUPT ? TM_OK : err;
}

/* The tag of a time's day in a tier of days. Days are few: a flush that was interrupted holds what an hour
 * brought. */
static enum tm_err find_tag(struct replaying *replaying, enum partition_tier tier, time_ms_t time,
                            uint64_t *tag)
{
    uint32_t day;
    *tag = 0;
    if (partition_period_of(tier, time, &day) != TM_OK)
        return TM_OK;
    for (size_t i = replaying->tag_count; i-- > 0;) {
        if (replaying->tags[i].day == day && replaying->tags[i].tier == tier) {
            *tag = replaying->tags[i].tag;
            return TM_OK;
        }
    }
    struct day_tag *tags =
        grow_array(replaying->tags, &replaying->tag_capacity, replaying->tag_count + 1, sizeof *tags);
    if (!tags)
        return TM_NOMEM;
    replaying->tags = tags;
    enum tm_err err = days_tier_tag(replaying->contents->partitions, tier, day, tag, &replaying->why);
    if (err == TM_CORRUPT) /* that partition will not be read: take what the journal has */
        err = TM_OK;
    if (!err && tier == PARTITION_EVENTS)
        err = raise_to_tops(replaying, day, tag);
    if (!err)
        tags[replaying->tag_count++] = (struct day_tag){tier, day, *tag};
    return err;
}

/* Whether what a record has of this time is in a partition already: its flush got as far as its day. */
static enum tm_err check_stored(struct replaying *replaying, enum partition_tier tier, uint64_t lsn,
                                time_ms_t time, bool *is_stored)
{
    uint64_t tag = 0;
    enum tm_err err = TM_OK;
    if (replaying->contents->partitions && lsn <= replaying->contents->mark.promised_lsn)
        err = find_tag(replaying, tier, time, &tag);
    *is_stored = lsn <= tag;
    return err;
}

static uint32_t number_of(const struct replaying *replaying, uint32_t written)
{
    return written < replaying->number_capacity ? replaying->numbers[written] : 0;
}

/* Hints for the samples behind the one at `at`; number 0 is no series and does no harm. */
static void expect_samples(const struct replaying *replaying, const struct batch_content *content, size_t at)
{
    const struct head *head = &replaying->contents->head;
    if (at + HEAD_EXPECT_FAR < content->sample_count)
        head_expect_series(head, number_of(replaying, content->samples[at + HEAD_EXPECT_FAR].series));
    if (at + HEAD_EXPECT_NEAR < content->sample_count)
        head_expect_sample(head, number_of(replaying, content->samples[at + HEAD_EXPECT_NEAR].series));
}

/* Samples of series whose definitions were lost are lost too, and told; never given to another series. */
static enum tm_err apply_samples(struct replaying *replaying, uint64_t lsn,
                                 const struct batch_content *content, uint64_t *lost)
{
    bool is_stored = false;
    for (size_t i = 0; i < content->sample_count; i++) {
        const struct sample *sample = &content->samples[i];
        uint32_t id = number_of(replaying, sample->series);
        expect_samples(replaying, content, i);
        if (id == 0) {
            (*lost)++;
            continue;
        }
        enum tm_err err = check_stored(replaying, PARTITION_RAW, lsn, sample->time, &is_stored);
        if (!err && !is_stored)
            err = contents_sample(replaying->contents, id, sample->time, &sample->number);
        if (err)
            return err;
    }
    return TM_OK;
}

/* A reader keeps records apart: what the daemon flushes behind its back is told by the lsn. The store keeps
 * apart what an interrupted flush may have stored. */
static uint64_t age_of(const struct replaying *replaying, uint64_t lsn)
{
    const struct contents *contents = replaying->contents;
    if (!replaying->is_reader)
        return lsn > contents->mark.promised_lsn ? contents->head.counts.age : 0;
    return lsn > contents->head.counts.base_lsn ? lsn - contents->head.counts.base_lsn : UINT64_MAX;
}

static enum tm_err apply_cells(struct replaying *replaying, uint64_t lsn, const struct batch_content *content,
                               uint64_t *lost)
{
    uint64_t age = age_of(replaying, lsn);
    bool is_stored = false;
    if (age > UINT32_MAX)
        return TM_CORRUPT;
    for (size_t i = 0; i < content->cell_count; i++) {
        struct batch_cell cell = content->cells[i];
        cell.series = cell.series < replaying->number_capacity ? replaying->numbers[cell.series] : 0;
        if (cell.series == 0) {
            (*lost)++;
            continue;
        }
        enum tm_err err = check_stored(replaying, PARTITION_COUNTS, lsn, cell_time(cell.slot), &is_stored);
        if (!err && !is_stored)
            err = contents_cell(replaying->contents, &cell, (uint32_t)age);
        if (err)
            return err;
    }
    if (content->cell_count > 0)
        contents_note_time(replaying->contents, content->newest_cell_ms);
    return TM_OK;
}

/* HTTP events have days of their own, the others come with the end of a flush. */
static enum tm_err apply_events(struct replaying *replaying, uint64_t lsn,
                                const struct batch_content *content)
{
    const char *line = content->lines.ptr;
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < content->event_count && !err; i++) {
        const struct batch_event *event = &content->events[i];
        bool is_stored = false;
        if (event->kind == EVENT_REQUEST)
            err = check_stored(replaying, PARTITION_EVENTS, lsn, event->time, &is_stored);
        if (!err && is_stored) /* but not in its group: those end with the flush */
            err = contents_gather_event(replaying->contents, event, (struct str){line, event->len});
        else if (!err)
            err = contents_event(replaying->contents, event, line);
        line += event->len;
    }
    return err;
}

static enum tm_err apply_content(struct replaying *replaying, const struct segment_header *segment,
                                 uint64_t lsn, const struct batch_content *content)
{
    bool is_new = true;
    uint64_t lost = 0;
    enum tm_err err = learn_definitions(replaying, content);
    replaying->contents->written_ms = content->written_ms;
    if (!err && content->is_marked)
        err = producers_restore(replaying->contents->producers, &content->mark, content->written_ms, &is_new);
    if (err || !is_new)
        return err;
    err = apply_samples(replaying, lsn, content, &lost);
    if (!err)
        err = apply_cells(replaying, lsn, content, &lost);
    if (!err)
        err = apply_events(replaying, lsn, content);
    if (lost > 0 && !err) {
        char what[128];
        (void)snprintf(
            what, sizeof what,
            "%" PRIu64 " samples or counts of one record are lost with the definition of their series", lost);
        replaying->contents->damaged_records++;
        log_damage(replaying, segment->number, what);
    }
    return err;
}

/* A record whose checksum is right and whose format is not: written by a fault of ours, or by a stranger. */
static enum tm_err judge_record(struct replaying *replaying, const struct segment_header *segment,
                                enum tm_err err)
{
    if (err != TM_CORRUPT)
        return err;
    replaying->contents->damaged_records++;
    log_damage(replaying, segment->number, "a record is intact but breaks the format, it is lost");
    return TM_OK;
}

static enum tm_err on_record(void *arg, const struct segment_header *segment, const struct record *record)
{
    struct replaying *replaying = arg;
    struct str body;
    struct batch_content content;
    enter_segment(replaying, segment);
    replaying->contents->replayed_records++;
    if (record->kind != RECORD_BATCH)
        return judge_record(replaying, segment, TM_CORRUPT);
    enum tm_err err = record_body(record, &replaying->scratch, &body);
    if (!err)
        err = batch_decode(body, &replaying->arrays, &content);
    if (!err)
        err = apply_content(replaying, segment, record->lsn, &content);
    return judge_record(replaying, segment, err);
}

static enum tm_err on_preview(void *arg, const struct segment_header *segment, const struct record *record)
{
    struct replaying *replaying = arg;
    struct str body;
    struct batch_content content;
    if (record->kind != RECORD_BATCH)
        return TM_OK;
    enter_segment(replaying, segment);
    enum tm_err err = record_body(record, &replaying->scratch, &body);
    if (!err)
        err = batch_decode_definitions(body, &replaying->arrays, &content);
    if (!err)
        err = learn_definitions(replaying, &content);
    return err == TM_CORRUPT ? TM_OK : err; /* told when its turn comes */
}

/* Whether the journal reaches back to what is flushed. */
static enum tm_err judge_start(struct replaying *replaying, const struct journal_end *end, bool is_reader,
                               struct tm_why *why)
{
    uint64_t next = replaying->contents->mark.flushed_lsn + 1;
    uint64_t first = end->segment_count > 0 ? end->segments[0].first_lsn : UINT64_MAX;
    if (first == UINT64_MAX || first <= next)
        return TM_OK;
    if (is_reader)
        return tm_fail(why, TM_BUSY, "the journal was trimmed while it was read: try again");
    if (next == 1)
        return TM_OK; /* a head whose header is damaged: told already */
    replaying->contents->damaged_records += first - next;
    log_damage(replaying, end->segments[0].number, "records before it are missing");
    return TM_OK;
}

/* Where the head begins. Days that an interrupted flush wrote bear its tag, promised_lsn, and the next flush
 * may write the others under the same tag: what is replayed of records up to it is stored once a day has that
 * tag, what comes behind it only with a later one. */
static void set_base(struct contents *contents, bool is_reader)
{
    struct count_head *counts = &contents->head.counts;
    bool is_interrupted = contents->mark.promised_lsn > contents->mark.flushed_lsn;
    counts->base_lsn = contents->mark.flushed_lsn;
    if (!is_reader && is_interrupted) {
        counts->base_lsn = contents->mark.promised_lsn - 1;
        counts->age = 2;
    }
}

enum tm_err contents_replay(struct contents *contents, int folder, contents_log_fn *log, void *log_arg,
                            struct journal_end *end, struct tm_why *why)
{
    struct replaying replaying = {
        .contents = contents, .log = log, .log_arg = log_arg, .is_reader = end == NULL};
    struct journal_visitor visitor = {
        .arg = &replaying,
        .flushed_lsn = contents->mark.flushed_lsn,
        .record = on_record,
        .preview = on_preview,
        .damaged = on_damage,
        .torn = on_torn,
    };
    struct journal_end own;
    set_base(contents, replaying.is_reader);
    enum tm_err err = journal_replay(folder, &visitor, &own, why);
    batch_arrays_fini(&replaying.arrays);
    bytes_fini(&replaying.scratch);
    free(replaying.numbers);
    contents->stored = replaying.tags;
    contents->stored_count = replaying.tag_count;
    if (err)
        return err;
    err = judge_start(&replaying, &own, end == NULL, why);
    if (err) {
        journal_end_fini(&own);
        return err;
    }
    if (own.next_lsn <= contents->mark.promised_lsn)
        own.next_lsn = contents->mark.promised_lsn + 1; /* days may bear that tag: no lsn is used twice */
    if (end)
        *end = own;
    else
        journal_end_fini(&own);
    return TM_OK;
}
