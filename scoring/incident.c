#include "scoring/incident.h"

#include "scoring/maths.h"

/* log10 of hours */
#define UNUSUAL        1.0
#define FRESH_MAX      2.5 /* of series that have just begun */
#define EXCESS_FRESH   0.5
#define EXCESS_MAX     4.0
#define LEARNING_MAX   3.5
#define YOUNG_MAX      3.5 /* of a service that has just begun, and what each day adds */
#define ATTESTED_A_DAY 0.65
#define PERIOD_MAX     12.0
#define TEACHES_MAX    2.85 /* a month */
#define HALF           0.30103
#define TAIL_POWER     0.6
#define SHIFT          2.0 /* keeps statistics within the bins of the calibration */
#define CLEAN_EXCESS   0.004
#define CLEAN_LEARNED  0.15

#define HABIT_LEAST 8
#define HABIT_EVERY 64 /* blocks */
#define MINUTE_MS   60000.0
#define HOUR_MS     3600000.0
#define DAY_MS      86400000.0
#define SHOUT_MS    300000
enum { REOPENS_MOST = 2 };

static double step_of(const struct score_incident_minute *minute)
{
    return minute->step_ms > 0 ? (double)minute->step_ms : MINUTE_MS;
}

/* What so short a past can attest to. */
static double most_attested(const struct score_incident *service, double step_ms, bool learning)
{
    double days = (double)service->minutes * step_ms / DAY_MS;
    return learning ? LEARNING_MAX : YOUNG_MAX + ATTESTED_A_DAY * days;
}

static double heard_before(const struct score_incident *service, uint64_t key, time_ms_t time)
{
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++)
        if (service->shouts[i].key == key && time - service->shouts[i].time <= SHOUT_MS)
            return service->shouts[i].figure;
    return 0;
}

/* Puts a shout in place of the same series', an empty place or the weakest one. */
static void note_shout(struct score_shout shouts[INCIDENT_SHOUTS], const struct score_shout *shout)
{
    struct score_shout *least = &shouts[0];
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++) {
        if (shouts[i].key == shout->key) {
            least = &shouts[i];
            break;
        }
        if (shouts[i].figure < least->figure)
            least = &shouts[i];
    }
    if (shout->figure > least->figure)
        *least = *shout;
}

void score_incident_add(const struct score_incident *service, struct score_incident_minute *minute,
                        const struct score_incident_series *series)
{
    double most = most_attested(service, step_of(minute), series->learning);
    double figure = score_min(score_log10(series->return_period_h), most);
    bool is_fresh = series->began >= minute->time;
    if (figure <= UNUSUAL && is_fresh)
        return;
    if (is_fresh) {
        struct score_shout shout = {series->key, figure, minute->time};
        note_shout(minute->shouts, &shout);
        figure = score_min(figure, FRESH_MAX);
    } else {
        figure = score_max(figure, heard_before(service, series->key, minute->time));
    }
    minute->strongest = score_max(minute->strongest, figure);
    if (series->failure && !is_fresh)
        minute->failing = score_max(minute->failing, figure);
    if (figure <= UNUSUAL)
        return;
    minute->unusual++;
    minute->evidence += figure - UNUSUAL;
    if (series->sparse)
        minute->visit = score_max(minute->visit, figure - UNUSUAL);
    else
        minute->dense += figure - UNUSUAL;
    minute->excess += score_min(figure - UNUSUAL, is_fresh ? EXCESS_FRESH : EXCESS_MAX);
}

/* ---- judging ---- */

static double log10_of_blocks(const struct score_calibration *past, double statistic)
{
    double seen = score_log10(past->blocks + 1.0);
    double period = score_calibration_log10_blocks(past, statistic);
    return period <= seen ? period : seen + TAIL_POWER * (period - seen);
}

/* The largest value up to `statistic` whose return period is at most a month. */
static double bounded_lesson(const struct score_calibration *past, double statistic)
{
    double low = 0, high = statistic;
    if (log10_of_blocks(past, statistic) <= TEACHES_MAX)
        return statistic;
    for (int i = 0; i < 24; i++) {
        double middle = (low + high) / 2;
        if (log10_of_blocks(past, middle) <= TEACHES_MAX)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* log10 of the return period in blocks. What has come so often that it is a habit of the service is no rarer
 * than it was. */
static double judge_statistic(const struct score_incident_past *past, double statistic)
{
    double period = log10_of_blocks(&past->blocks, statistic);
    double blocks = past->blocks.blocks + 1.0;
    if (period <= TEACHES_MAX || past->over < HABIT_LEAST || blocks > HABIT_EVERY * past->over)
        return period;
    return score_log10(blocks / past->over);
}

static void learn(struct score_incident_past *past, double statistic, bool learning)
{
    double lesson = learning ? statistic : bounded_lesson(&past->blocks, statistic);
    uint16_t before = past->blocks.blocks;
    past->is_over = past->is_over || lesson < statistic;
    score_calibration_add(&past->blocks, lesson, CALIBRATION_MOST_BLOCKS);
    if (past->blocks.in_block > 0)
        return;
    if (past->blocks.blocks < before) /* halved */
        past->over /= 2;
    if (past->is_over && past->over < past->blocks.blocks)
        past->over++;
    past->is_over = false;
}

static double as_if_independent(double strongest, double scored)
{
    return strongest - score_log10(scored) - 0.5;
}

static void judge_learning(const struct score_incident_minute *minute, double scored,
                           struct score_incident_result *out)
{
    double evidence = minute->dense + minute->visit - CLEAN_LEARNED * scored;
    out->learning = true;
    out->single = as_if_independent(minute->strongest, scored);
    out->many = (evidence - score_log10(scored)) / 2 - 0.5;
}

static void keep_shouts(struct score_incident *service, const struct score_incident_minute *minute)
{
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++)
        if (minute->time - service->shouts[i].time > SHOUT_MS)
            service->shouts[i] = (struct score_shout){.key = 0};
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++)
        if (minute->shouts[i].key != 0)
            note_shout(service->shouts, &minute->shouts[i]);
}

void score_incident_judge(struct score_incident *service, const struct score_incident_minute *minute,
                          uint64_t scored, struct score_incident_result *out)
{
    *out = (struct score_incident_result){.learning = service->single.blocks.blocks < INCIDENT_LEAST_BLOCKS};
    if (scored == 0 || (service->minutes > 0 && minute->time <= service->last))
        return;
    double count = (double)scored;
    double strongest = score_max(minute->strongest, 0.5);
    double single = score_max(0, SHIFT + strongest - score_log10(count));
    double many = score_max(0, SHIFT + score_log2((1 + minute->excess) / (1 + CLEAN_EXCESS * count)));
    if (out->learning) {
        judge_learning(minute, count, out);
    } else {
        out->single = score_min(judge_statistic(&service->single, single), minute->strongest);
        out->single = score_max(out->single, as_if_independent(minute->failing, count));
        out->many = score_min(judge_statistic(&service->many, many), minute->evidence);
    }
    learn(&service->single, single, out->learning);
    learn(&service->many, many, out->learning);
    double log10_hours =
        score_max(out->single, out->many) - HALF + score_log10(CALIBRATION_BLOCK * step_of(minute) / HOUR_MS);
    out->score = score_of_return_period(log10_hours);
    out->return_period_h = score_exp(score_min(log10_hours, PERIOD_MAX) * SCORE_LN10);
    keep_shouts(service, minute);
    service->minutes++;
    service->last = minute->time;
}

/* ---- opening and closing ---- */

static int64_t times_reopened(const struct score_incident *service, int64_t span_ms)
{
    uint32_t times = service->reopened < REOPENS_MOST ? service->reopened : REOPENS_MOST;
    return span_ms << times;
}

static enum score_incident_step follow_open(struct score_incident *service, time_ms_t time, double score,
                                            double needed)
{
    if (score >= needed / 2)
        service->high = time;
    if (time - service->high < times_reopened(service, INCIDENT_HOLD_MS))
        return INCIDENT_GOES_ON;
    service->is_open = false;
    return INCIDENT_CLOSES;
}

enum score_incident_step score_incident_follow(struct score_incident *service, time_ms_t time, double score,
                                               double needed)
{
    if (service->is_open)
        return follow_open(service, time, score, needed);
    if (score < needed)
        return INCIDENT_NONE;
    int64_t hold_ms = times_reopened(service, INCIDENT_HOLD_MS);
    int64_t reopen_ms = times_reopened(service, INCIDENT_REOPEN_MS);
    bool again = service->high > 0 && time - service->high < hold_ms + reopen_ms;
    service->reopened = again ? service->reopened + (service->reopened < UINT32_MAX) : 0;
    service->is_open = true;
    service->high = time;
    return again ? INCIDENT_REOPENS : INCIDENT_OPENS;
}
