#include "scoring/attribution.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SCORE_LEAST    3.0
#define SHARE_LEAST    0.15
#define LEFT_LEAST     0.1
#define EXPECTED_LEAST 0.5
#define COUNT_MAX      1e15

/* A set of labels with their values, and what it picks. */
struct set {
    size_t labels;
    uint32_t label[SCORE_CAUSE_LABELS];
    uint32_t value[SCORE_CAUSE_LABELS];
    double seen, expected, score;
};

struct scan {
    const struct score_cube *cube;
    const struct score_cube_work *work;
    bool fall;
};

bool score_cube_is_sound(const struct score_cube *cube)
{
    if (cube->labels > SCORE_CUBE_LABELS || cube->cells > SCORE_CUBE_CELLS)
        return false;
    for (size_t j = 0; j < cube->labels; j++)
        if (cube->values[j] == 0 || cube->values[j] > SCORE_CUBE_VALUES)
            return false;
    for (size_t i = 0; i < cube->cells; i++) {
        if (!(cube->seen[i] >= 0 && cube->seen[i] <= COUNT_MAX) ||
            !(cube->expected[i] >= 0 && cube->expected[i] <= COUNT_MAX))
            return false;
        for (size_t j = 0; j < cube->labels; j++)
            if (cube->at[i * cube->labels + j] >= cube->values[j])
                return false;
    }
    return true;
}

static double gain(const struct scan *scan, double seen, double expected)
{
    double f = fmax(expected, EXPECTED_LEAST);
    if (scan->fall ? seen >= expected : seen <= f)
        return 0;
    return (seen > 0 ? seen * log(seen / f) : 0) - (seen - f);
}

static double price(const struct scan *scan, const struct set *set)
{
    double sum = 0;
    for (size_t i = 0; i < set->labels; i++)
        sum += 2 + log(scan->cube->values[set->label[i]]);
    return sum;
}

static bool has_values(const struct scan *scan, const struct set *set, size_t cell)
{
    const uint32_t *at = scan->cube->at + cell * scan->cube->labels;
    for (size_t i = 0; i < set->labels; i++)
        if (at[set->label[i]] != set->value[i])
            return false;
    return true;
}

static bool has_label(const struct set *set, uint32_t label)
{
    for (size_t i = 0; i < set->labels; i++)
        if (set->label[i] == label)
            return true;
    return false;
}

/* Marks the cells of a set and sums what they have. */
static void pick(const struct scan *scan, struct set *set)
{
    set->seen = set->expected = 0;
    for (size_t i = 0; i < scan->cube->cells; i++) {
        scan->work->inside[i] = has_values(scan, set, i);
        if (!scan->work->inside[i])
            continue;
        set->seen += scan->cube->seen[i];
        set->expected += scan->work->left[i];
    }
    set->score = gain(scan, set->seen, set->expected) - price(scan, set);
}

/* The best set with one value of label more, of the cells that are marked. */
static struct set add_label(const struct scan *scan, const struct set *set, uint32_t label)
{
    const struct score_cube *cube = scan->cube;
    struct set best = *set;
    uint32_t values = cube->values[label];
    memset(scan->work->seen, 0, values * sizeof *scan->work->seen);
    memset(scan->work->expected, 0, values * sizeof *scan->work->expected);
    for (size_t i = 0; i < cube->cells; i++) {
        if (!scan->work->inside[i])
            continue;
        uint32_t value = cube->at[i * cube->labels + label];
        scan->work->seen[value] += cube->seen[i];
        scan->work->expected[value] += scan->work->left[i];
    }
    best.label[best.labels++] = label;
    double least = price(scan, &best);
    best.score = -INFINITY;
    for (uint32_t v = 0; v < values; v++) {
        double score = gain(scan, scan->work->seen[v], scan->work->expected[v]) - least;
        if (score <= best.score)
            continue;
        best.score = score;
        best.value[best.labels - 1] = v;
    }
    return best;
}

static void grow(const struct scan *scan, struct set *set)
{
    while (set->labels < SCORE_CAUSE_LABELS) {
        struct set best = *set;
        pick(scan, set);
        best.score = set->score;
        for (uint32_t label = 0; label < scan->cube->labels; label++) {
            if (has_label(set, label))
                continue;
            struct set one = add_label(scan, set, label);
            if (one.score > best.score)
                best = one;
        }
        if (best.labels == set->labels)
            break;
        *set = best;
    }
    pick(scan, set);
}

/* Takes labels off as long as that raises the score. */
static void prune(const struct scan *scan, struct set *set)
{
    for (size_t i = 0; i < set->labels;) {
        struct set fewer = *set;
        fewer.labels--;
        for (size_t j = i; j < fewer.labels; j++) {
            fewer.label[j] = set->label[j + 1];
            fewer.value[j] = set->value[j + 1];
        }
        pick(scan, &fewer);
        if (fewer.score > set->score) {
            *set = fewer;
            i = 0;
        } else {
            i++;
        }
    }
}

/* Labels in ascending order. */
static void order(struct set *set)
{
    for (size_t i = 1; i < set->labels; i++) {
        for (size_t j = i; j > 0 && set->label[j] < set->label[j - 1]; j--) {
            uint32_t label = set->label[j], value = set->value[j];
            set->label[j] = set->label[j - 1];
            set->value[j] = set->value[j - 1];
            set->label[j - 1] = label;
            set->value[j - 1] = value;
        }
    }
}

static struct set find_cause(const struct scan *scan)
{
    struct set best = {0};
    grow(scan, &best);
    prune(scan, &best);
    for (uint32_t label = 0; label < scan->cube->labels; label++) {
        struct set none = {0};
        pick(scan, &none);
        struct set one = add_label(scan, &none, label);
        grow(scan, &one);
        prune(scan, &one);
        if (one.score > best.score)
            best = one;
    }
    order(&best);
    return best;
}

static double find_excess(const struct scan *scan)
{
    double excess = 0;
    for (size_t i = 0; i < scan->cube->cells; i++)
        excess += scan->cube->seen[i] - scan->work->left[i];
    return scan->fall ? -excess : excess;
}

static void explain(const struct scan *scan, const struct set *set)
{
    for (size_t i = 0; i < scan->cube->cells; i++)
        if (has_values(scan, set, i))
            scan->work->left[i] = scan->cube->seen[i];
}

size_t score_attribute(const struct score_cube *cube, bool fall, const struct score_cube_work *work,
                       struct score_cause causes[SCORE_CAUSES])
{
    struct scan scan = {cube, work, fall};
    size_t count = 0;
    if (cube->cells == 0)
        return 0;
    memcpy(work->left, cube->expected, cube->cells * sizeof *work->left);
    double whole = find_excess(&scan);
    for (unsigned found = 0; found < SCORE_CAUSES && whole > 0; found++) {
        if (find_excess(&scan) < LEFT_LEAST * whole)
            break;
        struct set set = find_cause(&scan);
        if (!(set.score > SCORE_LEAST))
            break;
        double excess = fall ? set.expected - set.seen : set.seen - set.expected;
        explain(&scan, &set);
        if (excess < SHARE_LEAST * whole)
            continue;
        struct score_cause *cause = &causes[count++];
        *cause = (struct score_cause){.labels = set.labels,
                                      .seen = set.seen,
                                      .expected = set.expected,
                                      .share = excess / whole,
                                      .score = set.score};
        memcpy(cause->label, set.label, set.labels * sizeof *set.label);
        memcpy(cause->value, set.value, set.labels * sizeof *set.value);
    }
    return count;
}
