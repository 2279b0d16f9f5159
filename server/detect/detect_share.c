/* Where the excess of an anomaly lies: of what is added up of several series, which labels have how much. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "scoring/attribution.h"
#include "server/detect/detect_private.h"
#include "server/wire/reply.h"

/* Series of one anomaly, and reads for all that is told at once: beyond them nothing is said. Expected is
 * what the hour before it had, drawn to what is expected of the whole by at most SCALE_MAX times. */
enum { CELLS_MAX = 2000, READS_MAX = 20000, BEFORE_MINUTES = 60, NAMES_MAX = 32, VALUE_SAID = 80 };
#define SCALE_MAX  4.0
#define SHARE_SAID 0.995 /* from here on all of it */

struct cell {
    const struct detect_source *source;
    struct str labels; /* in share.texts once all are there */
    size_t labels_at;
};

struct slot {
    uint64_t hash; /* 0: free */
    uint32_t number;
};

struct share {
    struct detect_engine *engine;
    const struct detect_heard *heard;
    struct cell *cells;
    size_t count;
    struct bytes texts;
    struct str names[SCORE_CUBE_LABELS];
    struct score_cube cube;
    struct score_cube_work work;
    uint32_t *at;
    double *seen, *expected;
    struct slot *slots;
    size_t slot_count;
};

/* ---- the series ---- */

static bool feeds(const struct detect_source *source, uint32_t place)
{
    for (uint32_t i = 0; i < source->sum_count; i++) {
        if (source->sums[i] == place)
            return true;
    }
    return false;
}

/* False: it is not of several series, or of too many. */
static bool find_cells(struct share *share, const struct detect_service *service, uint32_t place)
{
    share->cells = calloc(CELLS_MAX, sizeof *share->cells);
    for (size_t i = 0; i < service->source_count && share->cells; i++) {
        if (!feeds(&service->sources[i], place))
            continue;
        if (share->count == CELLS_MAX)
            return false;
        share->cells[share->count++].source = &service->sources[i];
    }
    return share->count > 1;
}

static bool read_labels(struct share *share)
{
    struct bytes one = {0};
    for (size_t i = 0; i < share->count; i++) {
        bytes_clear(&one);
        reader_labels(share->engine->reader, share->cells[i].source->series, &one);
        share->cells[i].labels_at = share->texts.len;
        share->cells[i].labels.len = one.len;
        bytes_put(&share->texts, one.data, one.len);
        share->texts.failed = share->texts.failed || one.failed;
    }
    bytes_fini(&one);
    for (size_t i = 0; i < share->count && !share->texts.failed; i++)
        share->cells[i].labels.ptr = (const char *)share->texts.data + share->cells[i].labels_at;
    return !bytes_error(&share->texts);
}

/* ---- numbers ---- */

static double value_or_0(double value)
{
    return isnan(value) ? 0 : value;
}

/* What a series had in the minute, and by the minute in the hour before it began. */
static bool read_cell(struct share *share, size_t i)
{
    const struct detect_source *source = share->cells[i].source;
    int64_t step_ms = share->engine->options.step_ms, minute = share->heard->minute;
    int64_t began = share->heard->result.began / step_ms, last;
    if (began > minute || minute - began > DETECT_SPAN_MINUTES - BEFORE_MINUTES - 1)
        began = minute;
    const struct detect_window window = {began - BEFORE_MINUTES, minute + 1, minute + 1, step_ms};
    struct detect_seen seen = {.seen = DETECT_NEVER, .seen_at = DETECT_NEVER};
    const double *column = share->engine->columns;
    if (detect_values_read(share->engine->reader, source->series, source->kind, &window, &seen,
                           share->engine->columns, &last) != TM_OK)
        return false;
    share->seen[i] = value_or_0(column[minute - window.from]);
    for (int k = 0; k < BEFORE_MINUTES; k++)
        share->expected[i] += value_or_0(column[k]) / BEFORE_MINUTES;
    return share->seen[i] >= 0 && share->expected[i] >= 0;
}

/* What is expected of the whole goes to the series as they shared it before. */
static bool read_numbers(struct share *share)
{
    const struct detect_heard *heard = share->heard;
    double whole = heard->result.expected * (heard->whole > 0 ? heard->whole : 1), sum = 0;
    for (size_t i = 0; i < share->count; i++) {
        if (!read_cell(share, i))
            return false;
        sum += share->expected[i];
    }
    double scale = sum > 0 && whole > 0 ? whole / sum : 1;
    scale = fmin(fmax(scale, 1 / SCALE_MAX), SCALE_MAX);
    for (size_t i = 0; i < share->count; i++)
        share->expected[i] *= scale;
    return true;
}

/* ---- the cube ---- */

/* Numbers the values of one name from 1 in order of appearance, into column j; 0 is "has none". Returns how
 * many numbers there are. */
static uint32_t number_values(struct share *share, struct str name, size_t j)
{
    uint32_t count = 1;
    memset(share->slots, 0, share->slot_count * sizeof *share->slots);
    for (size_t i = 0; i < share->count; i++) {
        struct labels labels;
        struct str value = {NULL, 0};
        if (labels_decode(share->cells[i].labels, &labels) == TM_OK)
            value = labels_get(&labels, name);
        uint64_t hash = value.len ? XXH3_64bits(value.ptr, value.len) | 1 : 0;
        size_t slot = hash & (share->slot_count - 1);
        while (hash && share->slots[slot].hash && share->slots[slot].hash != hash)
            slot = (slot + 1) & (share->slot_count - 1);
        if (hash && !share->slots[slot].hash)
            share->slots[slot] = (struct slot){hash, count++};
        share->at[i * SCORE_CUBE_LABELS + j] = hash ? share->slots[slot].number : 0;
    }
    return count;
}

static bool differs(const struct share *share, size_t j)
{
    for (size_t i = 1; i < share->count; i++) {
        if (share->at[i * SCORE_CUBE_LABELS + j] != share->at[j])
            return true;
    }
    return false;
}

/* The names in the series, each once. */
static size_t find_names(const struct share *share, struct str names[NAMES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < share->count; i++) {
        struct labels labels;
        if (labels_decode(share->cells[i].labels, &labels) != TM_OK)
            continue;
        for (size_t k = 0; k < labels.count; k++) {
            size_t n = 0;
            while (n < count && !str_equal(names[n], labels.at[k].name))
                n++;
            if (n == count && count < NAMES_MAX)
                names[count++] = labels.at[k].name;
        }
    }
    return count;
}

/* Labels in which the series differ. */
static bool make_cube(struct share *share)
{
    struct str names[NAMES_MAX];
    size_t name_count = find_names(share, names), labels = 0;
    for (size_t n = 0; n < name_count && labels < SCORE_CUBE_LABELS; n++) {
        share->cube.values[labels] = number_values(share, names[n], labels);
        if (differs(share, labels))
            share->names[labels++] = names[n];
    }
    for (size_t i = 0; i < share->count; i++)
        memmove(share->at + i * labels, share->at + i * SCORE_CUBE_LABELS, labels * sizeof *share->at);
    share->cube.labels = labels;
    share->cube.cells = share->count;
    share->cube.at = share->at;
    share->cube.seen = share->seen;
    share->cube.expected = share->expected;
    return labels > 0 && score_cube_is_sound(&share->cube);
}

static bool make_room(struct share *share)
{
    share->slot_count = 16;
    while (share->slot_count < 2 * share->count)
        share->slot_count *= 2;
    share->at = calloc(share->count * SCORE_CUBE_LABELS, sizeof *share->at);
    share->seen = calloc(share->count, sizeof *share->seen);
    share->expected = calloc(share->count, sizeof *share->expected);
    share->slots = calloc(share->slot_count, sizeof *share->slots);
    share->work = (struct score_cube_work){calloc(share->count, sizeof(double)), calloc(share->count, 1),
                                           calloc(share->count + 1, sizeof(double)),
                                           calloc(share->count + 1, sizeof(double))};
    return share->at && share->seen && share->expected && share->slots && share->work.left &&
           share->work.inside && share->work.seen && share->work.expected;
}

static void fini(struct share *share)
{
    bytes_fini(&share->texts);
    free(share->cells);
    free(share->at);
    free(share->seen);
    free(share->expected);
    free(share->slots);
    free(share->work.left);
    free(share->work.inside);
    free(share->work.seen);
    free(share->work.expected);
}

/* ---- words ---- */

/* The value behind a number, of the series as they are. */
static struct str value_of(const struct share *share, size_t j, uint32_t number)
{
    for (size_t i = 0; i < share->count; i++) {
        struct labels labels;
        if (share->at[i * share->cube.labels + j] == number &&
            labels_decode(share->cells[i].labels, &labels) == TM_OK)
            return labels_get(&labels, share->names[j]);
    }
    return (struct str){NULL, 0};
}

/* "page group product" */
static void put_words(struct bytes *out, struct str name, struct str value)
{
    for (size_t i = 0; i < name.len; i++)
        bytes_u8(out, name.ptr[i] == '_' ? ' ' : (uint8_t)name.ptr[i]);
    bytes_printf(out, " %.*s%s", (int)(value.len < VALUE_SAID ? value.len : VALUE_SAID), value.ptr,
                 value.len > VALUE_SAID ? "..." : "");
}

static void put_cause(const struct share *share, const struct score_cause *cause, bool fall, size_t said,
                      struct detect_shares *out)
{
    double part = fmin(cause->share, 1);
    bytes_printf(&out->text, said ? " and " : "; ");
    if (part >= SHARE_SAID)
        bytes_printf(&out->text, "all ");
    else
        bytes_printf(&out->text, "%.0f %% ", 100 * part);
    bytes_printf(&out->text, said ? "in " : fall ? "of what is missing in " : "of the excess in ");
    bytes_printf(&out->json, "%s{\"labels\":{", said ? "," : "");
    for (size_t k = 0; k < cause->labels; k++) {
        struct str name = share->names[cause->label[k]];
        struct str value = value_of(share, cause->label[k], cause->value[k]);
        bytes_printf(&out->json, k ? "," : "");
        bytes_json_string(&out->json, name);
        bytes_u8(&out->json, ':');
        bytes_json_string(&out->json, value);
        bytes_printf(&out->text, k ? ", " : "");
        if (value.len > 0)
            put_words(&out->text, name, value);
        else
            bytes_printf(&out->text, "no %.*s", STR_ARG(name));
    }
    bytes_printf(&out->json, "},\"share\":%.6g}", part);
}

static void attribute(struct share *share, struct detect_shares *out)
{
    struct score_cause causes[SCORE_CAUSES];
    bool fall = share->heard->observed < share->heard->result.expected;
    size_t count = score_attribute(&share->cube, fall, &share->work, causes), said = 0;
    for (size_t i = 0; i < count; i++) {
        if (causes[i].labels > 0)
            put_cause(share, &causes[i], fall, said++, out);
    }
}

void detect_share(struct detect_engine *engine, const struct detect_service *service,
                  const struct detect_heard *heard, struct detect_shares *out)
{
    const struct detect_target *target = &service->targets[heard->target];
    struct share share = {.engine = engine, .heard = heard};
    if (target->form < FORM_SUM)
        return;
    if (find_cells(&share, service, target->form == FORM_RATIO ? target->part : heard->target) &&
        engine->share_reads + share.count <= READS_MAX && make_room(&share)) {
        engine->share_reads += share.count;
        if (read_labels(&share) && read_numbers(&share) && make_cube(&share))
            attribute(&share, out);
    }
    fini(&share);
}

void detect_shares_fini(struct detect_shares *shares)
{
    bytes_fini(&shares->json);
    bytes_fini(&shares->text);
}
