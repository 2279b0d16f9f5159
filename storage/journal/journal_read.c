#include "storage/journal/journal_read.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A failed check may hash a whole body; so much in vain, in multiples of the segment, and the search ends. */
enum { SEARCH_MULTIPLE = 4 };

void segment_reader_init(struct segment_reader *reader, const uint8_t *data, size_t len, uint64_t number)
{
    size_t first = len < SEGMENT_HEADER_BYTES ? len : SEGMENT_HEADER_BYTES;
    *reader = (struct segment_reader){.data = data, .len = len, .at = first, .number = number};
}

static bool check_at(struct segment_reader *reader, size_t at, struct record *record)
{
    uint64_t cost = 0;
    if (record_check(reader->data + at, reader->len - at, reader->number, record, &cost) &&
        record->lsn > reader->last_lsn)
        return true;
    reader->spent += cost;
    return false;
}

/* The offset of the next intact record behind `at`, reader->len if there is none; *zero tells whether only
 * zeros stood from `at` on. */
static size_t find_record(struct segment_reader *reader, size_t at, bool *zero)
{
    uint64_t budget = (uint64_t)reader->len * SEARCH_MULTIPLE;
    *zero = true;
    for (; reader->len - at >= sizeof(uint64_t); at += RECORD_ALIGN_BYTES) {
        uint64_t word;
        memcpy(&word, reader->data + at, sizeof word);
        if (word == 0)
            continue;
        *zero = false;
        struct record record;
        if (reader->spent <= budget && check_at(reader, at, &record))
            return at;
    }
    for (; at < reader->len; at++)
        *zero = *zero && reader->data[at] == 0;
    return reader->len;
}

enum segment_step segment_next(struct segment_reader *reader, struct record *record,
                               struct segment_hole *hole)
{
    if (check_at(reader, reader->at, record)) {
        reader->last_lsn = record->lsn;
        reader->at += record_bytes(record->body.len);
        return SEGMENT_RECORD;
    }
    bool zero;
    size_t found = find_record(reader, reader->at, &zero);
    *hole = (struct segment_hole){reader->at, found - reader->at};
    if (found < reader->len) {
        reader->at = found;
        return SEGMENT_HOLE;
    }
    return zero ? SEGMENT_END : SEGMENT_TAIL;
}

/* ---- the folder ---- */

struct replay {
    const struct journal_visitor *visitor;
    struct journal_end *end;
    int folder;
    uint64_t last_lsn; /* of the last record that counts, or was lost and told of */
    bool is_counting;  /* last_lsn means something: a header or a record was seen */
    bool previewed;    /* this segment's rest was shown already */
};

static size_t used_bytes(const uint8_t *data, size_t len)
{
    while (len >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data + len - sizeof word, sizeof word);
        if (word != 0)
            break;
        len -= sizeof word;
    }
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len;
}

/* The lsn from which on a segment voids the records before it: its header's, or if that is damaged its first
 * intact record's; UINT64_MAX if it has neither. */
static enum tm_err read_fence(int folder, uint64_t number, uint64_t *fence)
{
    uint8_t *data;
    size_t len;
    struct segment_header header;
    enum tm_err err = segment_read(folder, number, SEGMENT_HEADER_BYTES, &data, &len);
    if (err)
        return err;
    bool good = segment_header_decode(data, len, number, &header);
    *fence = good ? header.first_lsn : UINT64_MAX;
    free(data);
    if (good)
        return TM_OK;
    err = segment_read(folder, number, 0, &data, &len);
    if (err)
        return err;
    struct segment_reader reader;
    struct record record;
    struct segment_hole hole;
    segment_reader_init(&reader, data, len, number);
    enum segment_step step = segment_next(&reader, &record, &hole);
    if (step == SEGMENT_HOLE)
        step = segment_next(&reader, &record, &hole);
    if (step == SEGMENT_RECORD)
        *fence = record.lsn;
    free(data);
    return TM_OK;
}

static void report_hole(struct replay *replay, uint64_t segment, const struct segment_hole *hole,
                        uint64_t lost)
{
    struct journal_damage damage = {segment, hole->offset, hole->len, lost > 0 ? lost : 1};
    replay->visitor->damaged(replay->visitor->arg, &damage);
}

/* Shows what is left of the segment ahead of time: it may define what the damaged record defined. */
static enum tm_err preview_rest(struct replay *replay, const struct segment_header *header,
                                struct segment_reader reader, uint64_t fence)
{
    struct record record;
    struct segment_hole hole;
    for (;;) {
        enum segment_step step = segment_next(&reader, &record, &hole);
        if (step == SEGMENT_HOLE)
            continue;
        if (step != SEGMENT_RECORD || record.lsn >= fence)
            return TM_OK;
        enum tm_err err = replay->visitor->preview(replay->visitor->arg, header, &record);
        if (err)
            return err;
    }
}

/* A hole counts only for records that were neither void nor known before. */
static enum tm_err pass_hole(struct replay *replay, const struct segment_header *header,
                             const struct segment_reader *reader, const struct segment_hole *hole,
                             uint64_t fence)
{
    struct segment_reader ahead = *reader;
    struct record record;
    struct segment_hole none;
    enum segment_step step = segment_next(&ahead, &record, &none);
    assert(step == SEGMENT_RECORD);
    (void)step;
    uint64_t until = record.lsn < fence ? record.lsn : fence;
    if (until > replay->last_lsn + 1) {
        uint64_t lost = replay->is_counting ? until - replay->last_lsn - 1 : 1;
        report_hole(replay, header->number, hole, lost);
    }
    if (replay->previewed)
        return TM_OK;
    replay->previewed = true;
    return preview_rest(replay, header, *reader, fence);
}

static enum tm_err replay_segment(struct replay *replay, const struct segment_header *header,
                                  struct segment_reader *reader, uint64_t fence, struct segment_hole *tail,
                                  enum segment_step *step)
{
    struct record record;
    for (;;) {
        *step = segment_next(reader, &record, tail);
        enum tm_err err = TM_OK;
        if (*step == SEGMENT_HOLE)
            err = pass_hole(replay, header, reader, tail, fence);
        else if (*step != SEGMENT_RECORD)
            return TM_OK;
        else if (record.lsn < fence && record.lsn > replay->last_lsn) {
            replay->last_lsn = record.lsn;
            replay->is_counting = true;
            err = replay->visitor->record(replay->visitor->arg, header, &record);
        } else if (record.lsn < fence && record.lsn <= replay->visitor->flushed_lsn) {
            err = replay->visitor->preview(replay->visitor->arg, header, &record);
        }
        if (err)
            return err;
    }
}

/* What the end of a segment tells: lost records are those between the last one seen and the first of the
 * segment behind. Without such a gap, bytes at the end are what a failed or torn write left: harmless. */
static void judge_end(struct replay *replay, uint64_t number, enum segment_step step,
                      const struct segment_hole *tail, uint64_t fence)
{
    if (fence != UINT64_MAX) {
        bool known = replay->is_counting;
        if (known ? fence > replay->last_lsn + 1 : tail->len > 0)
            report_hole(replay, number, tail, known ? fence - replay->last_lsn - 1 : 1);
    } else if (step == SEGMENT_TAIL && tail->len > 0) {
        struct journal_damage torn = {number, tail->offset, tail->len, 1};
        replay->visitor->torn(replay->visitor->arg, &torn);
    }
}

static enum tm_err visit_segment(struct replay *replay, size_t index, uint64_t fence)
{
    struct journal_segment_info *info = &replay->end->segments[index];
    uint8_t *data;
    size_t len;
    enum tm_err err = segment_read(replay->folder, info->number, 0, &data, &len);
    if (err)
        return err;
    struct segment_header header;
    struct segment_reader reader;
    struct segment_hole tail = {0, 0};
    enum segment_step step = SEGMENT_END;
    info->bytes = used_bytes(data, len);
    if (!segment_header_decode(data, len, info->number, &header)) {
        header = (struct segment_header){.number = info->number};
        struct segment_hole head = {0, SEGMENT_HEADER_BYTES};
        if (info->first_lsn != UINT64_MAX)
            report_hole(replay, info->number, &head, 0);
    } else {
        replay->is_counting = true;
        if (header.first_lsn > replay->last_lsn + 1)
            replay->last_lsn = header.first_lsn - 1; /* what is older was trimmed, or told of */
    }
    replay->previewed = false;
    segment_reader_init(&reader, data, len, info->number);
    err = replay_segment(replay, &header, &reader, fence, &tail, &step);
    if (info->bytes < reader.at)
        info->bytes = reader.at; /* a record may end in zeros */
    info->empty = reader.last_lsn == 0 && (step == SEGMENT_END || info->bytes <= SEGMENT_HEADER_BYTES);
    if (!err)
        judge_end(replay, info->number, step, &tail, fence);
    free(data);
    return err;
}

static enum tm_err read_fences(struct replay *replay)
{
    uint64_t *numbers;
    size_t count;
    enum tm_err err = segment_list(replay->folder, &numbers, &count);
    if (err)
        return err;
    struct journal_end *end = replay->end;
    end->segments = calloc(count + 1, sizeof *end->segments);
    if (!end->segments)
        err = TM_NOMEM;
    for (size_t i = 0; i < count && !err; i++) {
        end->segments[i].number = numbers[i];
        err = read_fence(replay->folder, numbers[i], &end->segments[i].first_lsn);
        end->segment_count = i + 1;
    }
    free(numbers);
    return err;
}

static uint64_t fence_behind(const struct journal_end *end, size_t index)
{
    uint64_t fence = UINT64_MAX;
    for (size_t i = index + 1; i < end->segment_count; i++)
        fence = end->segments[i].first_lsn < fence ? end->segments[i].first_lsn : fence;
    return fence;
}

enum tm_err journal_replay(int folder, const struct journal_visitor *visitor, struct journal_end *end,
                           struct tm_why *why)
{
    *end = (struct journal_end){0};
    struct replay replay = {.visitor = visitor,
                            .end = end,
                            .folder = folder,
                            .last_lsn = visitor->flushed_lsn,
                            .is_counting = visitor->flushed_lsn > 0};
    enum tm_err err = read_fences(&replay);
    for (size_t i = 0; i < end->segment_count && !err; i++)
        err = visit_segment(&replay, i, fence_behind(end, i));
    if (err) {
        journal_end_fini(end);
        if (err == TM_NOT_FOUND)
            return tm_fail(why, TM_BUSY, "a journal segment went away while it was read: try again");
        return tm_fail(why, err, "reading the journal failed: %s; check the disk and the folder's rights",
                       tm_err_text(err));
    }
    end->next_lsn = replay.last_lsn + 1;
    end->next_segment = end->segment_count > 0 ? end->segments[end->segment_count - 1].number + 1 : 1;
    return TM_OK;
}

void journal_end_fini(struct journal_end *end)
{
    free(end->segments);
    *end = (struct journal_end){0};
}
