/* Where the excess of an anomaly lies: of what is added up of several series, which labels have how much. */
#include <math.h>
#include <stdlib.h>

#include "server/detect/detect_cube.h"
#include "server/detect/detect_private.h"

/* Series of one anomaly, and reads for all that is told at once: beyond them nothing is said. Expected is
 * what the hour before it had, drawn to what is expected of the whole by at most SCALE_MAX times. */
enum { CELLS_MAX = 2000, READS_MAX = 20000, BEFORE_MINUTES = 60 };
#define SCALE_MAX      4.0
#define MORE_THAN_EVER 0.1 /* of an excess, to be told of an incident */

struct share {
    struct detect_engine *engine;
    const struct detect_heard *heard;
    const struct detect_source **sources;
    uint32_t *series;
    size_t count;
    struct detect_cube *cube;
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
    share->sources = calloc(CELLS_MAX, sizeof(const struct detect_source *));
    share->series = calloc(CELLS_MAX, sizeof *share->series);
    for (size_t i = 0; i < service->source_count && share->sources && share->series; i++) {
        if (!feeds(&service->sources[i], place))
            continue;
        if (share->count == CELLS_MAX)
            return false;
        share->sources[share->count] = &service->sources[i];
        share->series[share->count++] = service->sources[i].series;
    }
    return share->count > 1;
}

/* ---- numbers ---- */

static double value_or_0(double value)
{
    return isnan(value) ? 0 : value;
}

/* What a series had in the minute, and by the minute in the hour before it began. */
static bool read_cell(struct share *share, size_t i)
{
    const struct detect_source *source = share->sources[i];
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
    share->cube->seen[i] = value_or_0(column[minute - window.from]);
    for (int k = 0; k < BEFORE_MINUTES; k++)
        share->cube->expected[i] += value_or_0(column[k]) / BEFORE_MINUTES;
    return share->cube->seen[i] >= 0 && share->cube->expected[i] >= 0;
}

/* What is expected of the whole goes to the series as they shared it before. */
static bool read_numbers(struct share *share)
{
    const struct detect_heard *heard = share->heard;
    double whole = heard->result.expected * (heard->whole > 0 ? heard->whole : 1), sum = 0;
    for (size_t i = 0; i < share->count; i++) {
        if (!read_cell(share, i))
            return false;
        sum += share->cube->expected[i];
    }
    double scale = sum > 0 && whole > 0 ? whole / sum : 1;
    scale = fmin(fmax(scale, 1 / SCALE_MAX), SCALE_MAX);
    for (size_t i = 0; i < share->count; i++)
        share->cube->expected[i] *= scale;
    return score_cube_is_sound(&share->cube->cube);
}

/* ---- words ---- */

/* Has it more of the excess than it has of everything? GET has it all, as ever. */
static bool is_news(const struct share *share, const struct score_cause *cause)
{
    double whole = 0;
    for (size_t i = 0; i < share->count; i++)
        whole += share->cube->expected[i];
    return whole <= 0 || cause->share >= cause->expected / whole + MORE_THAN_EVER;
}

static void put_cause(const struct share *share, const struct score_cause *cause, bool fall, size_t said,
                      struct detect_shares *out)
{
    double part = fmin(cause->share, 1);
    bytes_printf(&out->text, said ? " and " : "; ");
    (void)detect_put_share(part, &out->text);
    bytes_printf(&out->text, said ? " in " : fall ? " of what is missing in " : " of the excess in ");
    bytes_printf(&out->json, "%s{\"labels\":{", said ? "," : "");
    detect_cube_put(share->cube, cause, &out->text, &out->json);
    bytes_printf(&out->json, "},\"share\":%.6g}", part);
    if (out->set_count == DETECT_EXCESS_SETS || !is_news(share, cause))
        return;
    out->share[out->set_count] = part;
    detect_cube_encode(share->cube, cause, &out->sets[out->set_count++]);
}

static void attribute(struct share *share, struct detect_shares *out)
{
    struct score_cause causes[SCORE_CAUSES];
    bool fall = share->heard->observed < share->heard->result.expected;
    size_t count = score_attribute(&share->cube->cube, fall, &share->cube->work, causes), said = 0;
    for (size_t i = 0; i < count; i++) {
        if (causes[i].labels > 0)
            put_cause(share, &causes[i], fall, said++, out);
    }
}

void detect_share(struct detect_engine *engine, const struct detect_service *service,
                  const struct detect_heard *heard, struct detect_shares *out)
{
    const struct detect_target *target = &service->targets[heard->target];
    struct detect_cube cube = {.texts = {0}};
    struct share share = {.engine = engine, .heard = heard, .cube = &cube};
    if (target->form < FORM_SUM) {
        detect_siblings_say(engine, service, heard, out);
        return;
    }
    if (find_cells(&share, service, target->form == FORM_RATIO ? target->part : heard->target) &&
        engine->share_reads + share.count <= READS_MAX) {
        engine->share_reads += share.count;
        if (detect_cube_open(&cube, engine->reader, share.series, share.count) && read_numbers(&share))
            attribute(&share, out);
    }
    detect_cube_fini(&cube);
    free(share.sources);
    free(share.series);
}

void detect_shares_fini(struct detect_shares *shares)
{
    bytes_fini(&shares->json);
    bytes_fini(&shares->text);
    for (size_t i = 0; i < DETECT_EXCESS_SETS; i++)
        bytes_fini(&shares->sets[i]);
}
