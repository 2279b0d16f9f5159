#include "scoring/gauge_test.h"

#include <assert.h>
#include <math.h>

#include "scoring/mixture.h"
#include "scoring/pack.h"

#define VALUE_MAX       1e150
#define COUNT_MAX       1e15
#define SQUARES_MAX     1e305
#define PERSISTENCE_MAX 0.98
#define SAMPLES_MIN     10
#define SAMPLES_FIRST   5 /* fewer tell nothing of their own spread */
#define TOLERANCE_SDS   0.4
#define EFFECT_SDS      3.0
#define LEAST_SPREAD    0.02 /* of the level */

/* ---- moments ---- */

void score_moments_add(struct score_moments *moments, double value)
{
    if (!(fabs(value) <= VALUE_MAX) || moments->count >= COUNT_MAX)
        return;
    moments->count += 1;
    double off = value - moments->mean;
    moments->mean += off / moments->count;
    moments->squares = fmin(SQUARES_MAX, moments->squares + off * (value - moments->mean));
}

double score_moments_variance(const struct score_moments *moments)
{
    return moments->count < 2 ? 0 : moments->squares / (moments->count - 1);
}

double score_persistence(const double *values, size_t count)
{
    struct score_moments moments = {0, 0, 0};
    double product = 0;
    if (count < 3)
        return 0;
    for (size_t i = 0; i < count; i++)
        score_moments_add(&moments, values[i]);
    for (size_t i = 1; i < count; i++)
        product += (values[i - 1] - moments.mean) * (values[i] - moments.mean);
    return moments.squares > 0 ? score_clamp(product / moments.squares, 0, PERSISTENCE_MAX) : 0;
}

/* ---- the test ---- */

static bool is_moments(const struct score_moments *m)
{
    return m->count >= 0 && m->count <= COUNT_MAX && fabs(m->mean) <= VALUE_MAX && m->squares >= 0 &&
           m->squares <= SQUARES_MAX;
}

void score_gauge_begin(struct score_gauge *test, const struct score_gauge_base *base)
{
    assert(base->direction < SCORE_DIRECTIONS);
    *test = (struct score_gauge){.base = *base, .trace = SCORE_TRACE_START};
    if (!is_moments(&test->base.before))
        test->base.before = (struct score_moments){0, 0, 0};
    test->base.persistence = score_clamp(base->persistence, 0, PERSISTENCE_MAX);
    test->base.resolution = score_clamp(base->resolution, 0, VALUE_MAX);
}

bool score_gauge_tested(const struct score_gauge *test)
{
    const struct score_moments *before = &test->base.before;
    return before->count >= SAMPLES_MIN &&
           (before->squares > 0 || before->mean != 0 || test->base.resolution > 0);
}

static double find_spread(const struct score_gauge *test)
{
    const struct score_gauge_base *base = &test->base;
    double level = fmax(fabs(base->before.mean), fabs(test->after.mean));
    return fmax(fmax(sqrt(score_moments_variance(&base->before)), base->resolution), LEAST_SPREAD * level);
}

double score_gauge_effect(const struct score_gauge *test)
{
    if (!score_gauge_tested(test) || !(test->after.count > 0))
        return 0;
    return (test->after.mean - test->base.before.mean) / find_spread(test);
}

/* In units of the spread, so that no square overflows. */
static double measure(const struct score_gauge *test)
{
    const struct score_gauge_base *base = &test->base;
    double d = score_gauge_effect(test);
    double wilder = fmax(1, sqrt(score_moments_variance(&test->after)) / find_spread(test));
    double f = (1 + base->persistence) / (1 - base->persistence);
    double v0 =
        f / base->before.count + TOLERANCE_SDS * TOLERANCE_SDS + wilder * wilder * f / test->after.count;
    double v1 = v0 + EFFECT_SDS * EFFECT_SDS;
    double ln_e = -0.5 * log(v1 / v0) + 0.5 * d * d * (1 / v0 - 1 / v1);
    if (base->direction != SCORE_EITHER_IS_BAD) {
        double towards = base->direction == SCORE_UP_IS_BAD ? d : -d;
        /* 2 Phi(x) = erfc(-x / sqrt 2) */
        double half = erfc(-EFFECT_SDS * towards / sqrt(2 * v0 * v1));
        ln_e += log(fmax(half, 1e-300));
    }
    return score_clamp(ln_e, -SCORE_LN_E_MAX, SCORE_LN_E_MAX);
}

void score_gauge_add(struct score_gauge *test, double value, int64_t at_ms)
{
    double count = test->after.count;
    score_moments_add(&test->after, value);
    if (test->after.count > count && test->after.count >= SAMPLES_FIRST && score_gauge_tested(test))
        score_trace_follow(&test->trace, measure(test), at_ms);
}

/* ---- kept state ---- */

static void pack_moments(uint8_t **at, const struct score_moments *moments)
{
    score_pack_f64(at, moments->count);
    score_pack_f64(at, moments->mean);
    score_pack_f64(at, moments->squares);
}

static bool unpack_moments(const uint8_t **at, struct score_moments *moments)
{
    moments->count = score_unpack_f64(at);
    moments->mean = score_unpack_f64(at);
    moments->squares = score_unpack_f64(at);
    return is_moments(moments);
}

void score_gauge_encode(const struct score_gauge *test, uint8_t out[SCORE_GAUGE_BYTES])
{
    uint8_t *at = out;
    *at++ = SCORE_GAUGE_VERSION;
    *at++ = (uint8_t)test->base.direction;
    pack_moments(&at, &test->base.before);
    score_pack_f64(&at, test->base.persistence);
    score_pack_f64(&at, test->base.resolution);
    pack_moments(&at, &test->after);
    score_pack_trace(&at, &test->trace);
    assert(at == out + SCORE_GAUGE_BYTES);
}

bool score_gauge_decode(struct score_gauge *test, const uint8_t *data, size_t len)
{
    struct score_gauge read;
    if (len != SCORE_GAUGE_BYTES || data[0] != SCORE_GAUGE_VERSION || data[1] >= SCORE_DIRECTIONS)
        return false;
    const uint8_t *at = data + 2;
    read.base.direction = (enum score_direction)data[1];
    bool good = unpack_moments(&at, &read.base.before);
    read.base.persistence = score_unpack_f64(&at);
    read.base.resolution = score_unpack_f64(&at);
    good = good && read.base.persistence >= 0 && read.base.persistence <= PERSISTENCE_MAX &&
           read.base.resolution >= 0 && read.base.resolution <= VALUE_MAX;
    good = unpack_moments(&at, &read.after) && good;
    if (!score_unpack_trace(&at, &read.trace) || !good)
        return false;
    *test = read;
    return true;
}
