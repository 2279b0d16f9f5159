#include "scoring/shape.h"

#include <math.h>
#include <stdint.h>

#include "scoring/maths.h"
#include "scoring/surprisal.h"

enum { KNOWN_PARTS_MIN = 12 };

#define VALUE_MAX    1e30
#define DISTANCE_MIN 1e-9
#define DISTANCE_MAX 1e9
#define UNLIKE       1e300 /* the square of a distance that is not known; of known ones it is below 1e62 */

/* A series at one scale. */
struct course {
    const double *parts;
    size_t count;
    size_t starts; /* of stretches that end before the last one begins */
    double step;   /* mean size of steps */
};

/* ---- averages ---- */

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (!score_is_finite(values[i]))
            continue;
        sum += score_clamp(values[i], -VALUE_MAX, VALUE_MAX);
        known++;
    }
    return 4 * known >= 3 * count ? sum / (double)known : NAN;
}

static double mean_step(const double *parts, size_t count)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 1; i < count; i++) {
        double step = parts[i] - parts[i - 1];
        if (isnan(step))
            continue;
        sum += step < 0 ? -step : step;
        known++;
    }
    return sum > 0 ? sum / (double)known : 1;
}

static struct course course_of(const double *values, size_t count, size_t width, double *scratch)
{
    size_t parts = count / width;
    const double *from = values + (count - parts * width);
    for (size_t i = 0; i < parts; i++)
        scratch[i] = mean_of(from + i * width, width);
    return (struct course){scratch, parts, parts - 2 * SHAPE_PARTS + 1, mean_step(scratch, parts)};
}

/* ---- distances ---- */

/* The mean square of differences, or UNLIKE; not finished once it is at or above `most`, which is looked at
 * after each four. */
static double square_between(const double *a, const double *b, double most)
{
    double sum = 0;
    unsigned known = 0;
    for (size_t i = 0; i < SHAPE_PARTS && sum < most * SHAPE_PARTS; i += 4)
        for (size_t k = i; k < i + 4; k++) {
            double difference = a[k] - b[k];
            bool is_known = difference == difference;
            sum += is_known ? difference * difference : 0;
            known += is_known;
        }
    return sum >= most * SHAPE_PARTS || known < KNOWN_PARTS_MIN ? UNLIKE : sum / known;
}

/* In steps. */
static double distance_of(double square, double step)
{
    return score_clamp(sqrt(square) / step, DISTANCE_MIN, DISTANCE_MAX);
}

static bool is_apart(size_t a, size_t b)
{
    return a > b ? a - b >= SHAPE_PARTS : b - a >= SHAPE_PARTS;
}

/* One from each of the equal shares of the past, anywhere in it: even distances would beat with the day's. */
static size_t draw_sample(const struct course *course, size_t starts[SHAPE_SAMPLE])
{
    uint64_t sequence = 0;
    size_t count = course->starts < SHAPE_SAMPLE ? course->starts : SHAPE_SAMPLE;
    for (size_t i = 0; i < count; i++) {
        size_t low = i * course->starts / count, high = (i + 1) * course->starts / count;
        starts[i] = low + (size_t)(score_random(&sequence) % (high - low));
    }
    return count;
}

/* How far a stretch of the past is from its nearest. */
static double square_in_past(const struct course *course, size_t at)
{
    double least = UNLIKE;
    for (size_t start = 0; start < course->starts; start++)
        if (is_apart(at, start))
            least = score_min(least, square_between(course->parts + at, course->parts + start, least));
    return least;
}

/* Looks for a stretch nearer to end than *least; its start goes to *nearest. */
static bool find_nearer(const struct course *course, const double *end, double *least, size_t *nearest)
{
    bool is_found = false;
    for (size_t start = 0; start < course->starts; start++) {
        double square = square_between(end, course->parts + start, *least);
        if (square < *least) {
            *least = square;
            *nearest = start;
            is_found = true;
        }
    }
    return is_found;
}

/* ---- one scale ---- */

static void learn_past(const struct course *course, struct score_surprisal *past, struct score_shape *out)
{
    size_t sample[SHAPE_SAMPLE], count = draw_sample(course, sample);
    for (size_t i = 0; i < count; i++) {
        double own = square_in_past(course, sample[i]);
        if (own == UNLIKE)
            continue;
        score_surprisal_add(past, score_log2(distance_of(own, course->step)), 0);
        out->compared++;
    }
}

/* False: the end is unknown, or like nothing that is known. */
static bool compare(const double *values, size_t count, size_t width, double *scratch,
                    struct score_shape *out)
{
    double end[SHAPE_PARTS], least = UNLIKE;
    struct score_surprisal past = {.halves = 0};
    struct course course = course_of(values, count, width, scratch);
    double step = course.step;
    *out = (struct score_shape){.length = width * SHAPE_PARTS};
    for (size_t i = 0; i < SHAPE_PARTS; i++)
        end[i] = course.parts[course.count - SHAPE_PARTS + i];
    learn_past(&course, &past, out);
    for (size_t shift = 0; shift < width; shift++) {
        size_t start;
        if (shift > 0)
            course = course_of(values, count - shift, width, scratch);
        if (find_nearer(&course, end, &least, &start))
            out->nearest = count - shift - (course.count - start - SHAPE_PARTS) * width - 1;
    }
    if (least == UNLIKE)
        return false;
    out->distance = distance_of(least, step);
    out->surprisal = score_surprisal_of(&past, score_log2(out->distance));
    return true;
}

bool score_shape_of(const double *values, size_t count, double *scratch, struct score_shape *out)
{
    bool is_found = false;
    *out = (struct score_shape){.compared = 0};
    if (count < SHAPE_VALUES_MIN)
        return false;
    for (size_t scale = 0; scale < SHAPE_SCALES; scale++) {
        struct score_shape one;
        if (!compare(values, count, (size_t)1 << scale, scratch, &one))
            continue;
        one.surprisal = score_max(0, one.surprisal - score_log10(SHAPE_SCALES));
        if (is_found && one.surprisal <= score_max(out->surprisal, SHAPE_UNLIKE))
            continue;
        *out = one;
        is_found = true;
    }
    return is_found;
}
