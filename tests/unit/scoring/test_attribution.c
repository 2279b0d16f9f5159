/* Causes over label cubes: worked examples, and how often the exact combination is named (CAUSES cubes of
 * each kind, 60 unless told). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/attribution.h"
#include "tests/unit/scoring/chance.h"
#include "tests/unit/scoring/near.h"

enum { LABELS = 4, CELLS = 50 * 5 * 3 * 2 };

static const uint32_t widths[LABELS] = {50, 5, 3, 2};

/* A cube with all its cells, and room for its scan. */
struct box {
    struct score_cube cube;
    uint32_t at[CELLS * LABELS];
    double seen[CELLS], expected[CELLS], left[CELLS], seen_of[50], expected_of[50];
    uint8_t inside[CELLS];
    struct score_cube_work work;
};

static struct box *make_box(void)
{
    static struct box box;
    box.cube = (struct score_cube){LABELS, CELLS, {50, 5, 3, 2}, box.at, box.seen, box.expected};
    box.work = (struct score_cube_work){box.left, box.inside, box.seen_of, box.expected_of};
    for (uint32_t i = 0; i < CELLS; i++) {
        uint32_t rest = i;
        for (uint32_t j = 0; j < LABELS; j++) {
            box.at[i * LABELS + j] = rest % widths[j];
            rest /= widths[j];
        }
        box.seen[i] = box.expected[i] = 2;
    }
    return &box;
}

static void what_is_as_expected_has_no_cause(void **state)
{
    (void)state;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    assert_true(score_cube_is_sound(&box->cube));
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 0);
    assert_int_equal(score_attribute(&box->cube, true, &box->work, causes), 0);
    box->cube.cells = 0;
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 0);
}

/* Page 7 has 60 expected and 160 seen: 160 ln(160/60) - 100 - (2 + ln 50). */
static void a_cause_has_its_formulas_figures(void **state)
{
    (void)state;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    for (size_t i = 0; i < CELLS; i++)
        if (box->at[i * LABELS] == 7)
            box->seen[i] = 160.0 / 30;
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 1);
    assert_int_equal(causes[0].labels, 1);
    assert_int_equal(causes[0].label[0], 0);
    assert_int_equal(causes[0].value[0], 7);
    assert_near(causes[0].seen, 160, 1e-9);
    assert_near(causes[0].expected, 60, 1e-9);
    assert_near(causes[0].share, 1, 1e-9);
    assert_near(causes[0].score, 160 * log(160.0 / 60) - 100 - (2 + log(50)), 1e-9);
}

static void two_causes_are_named_with_their_shares(void **state)
{
    (void)state;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    double first = 0, second = 0;
    for (size_t i = 0; i < CELLS; i++) {
        const uint32_t *at = box->at + i * LABELS;
        if (at[1] == 4 && at[2] == 1) {
            first += 6;
            box->seen[i] += 6;
        } else if (at[0] == 3) {
            second += 20;
            box->seen[i] += 20;
        }
    }
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 2);
    const struct score_cause *pair = causes[0].labels == 2 ? &causes[0] : &causes[1];
    const struct score_cause *page = causes[0].labels == 2 ? &causes[1] : &causes[0];
    assert_true(pair->labels == 2 && pair->label[0] == 1 && pair->value[0] == 4 && pair->label[1] == 2 &&
                pair->value[1] == 1);
    assert_true(page->labels == 1 && page->label[0] == 0 && page->value[0] == 3);
    assert_near(causes[0].share + causes[1].share, 1, 0.02);
    assert_near(page->share, second / (first + second), 0.02);
}

static void a_rise_of_everything_has_no_label(void **state)
{
    (void)state;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    for (size_t i = 0; i < CELLS; i++)
        box->seen[i] = 3;
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 1);
    assert_int_equal(causes[0].labels, 0);
    assert_near(causes[0].share, 1, 1e-9);
}

static void a_fall_has_causes_too(void **state)
{
    (void)state;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    for (size_t i = 0; i < CELLS; i++)
        if (box->at[i * LABELS + 2] == 2)
            box->seen[i] = 0;
    assert_int_equal(score_attribute(&box->cube, false, &box->work, causes), 0);
    assert_int_equal(score_attribute(&box->cube, true, &box->work, causes), 1);
    assert_true(causes[0].labels == 1 && causes[0].label[0] == 2 && causes[0].value[0] == 2);
    assert_near(causes[0].share, 1, 1e-9);
}

static void a_cube_out_of_bounds_is_not_sound(void **state)
{
    (void)state;
    struct box *box = make_box();
    box->seen[5] = NAN;
    assert_false(score_cube_is_sound(&box->cube));
    box->seen[5] = -1;
    assert_false(score_cube_is_sound(&box->cube));
    box->seen[5] = 1;
    box->expected[7] = INFINITY;
    assert_false(score_cube_is_sound(&box->cube));
    box->expected[7] = 1;
    box->at[9] = 50;
    assert_false(score_cube_is_sound(&box->cube));
    box->at[9] = 0;
    box->cube.labels = SCORE_CUBE_LABELS + 1;
    assert_false(score_cube_is_sound(&box->cube));
    box->cube.labels = LABELS;
    box->cube.values[0] = 0;
    assert_false(score_cube_is_sound(&box->cube));
}

/* ---- how often the cause is the exact one ---- */

static bool is_cell_of(const struct box *box, size_t cell, const struct score_cause *cause)
{
    for (size_t k = 0; k < cause->labels; k++)
        if (box->at[cell * LABELS + cause->label[k]] != cause->value[k])
            return false;
    return true;
}

/* labels labels, distinct, ascending. */
static struct score_cause choose(struct chance *chance, size_t labels)
{
    struct score_cause cause = {.labels = labels};
    size_t n = 0;
    for (uint32_t j = 0; n < labels; j++)
        if (chance_uniform(chance) <= (double)(labels - n) / (LABELS - j)) {
            cause.label[n] = j;
            cause.value[n++] = (uint32_t)(chance_uniform(chance) * (widths[j] - 1e-9));
        }
    return cause;
}

/* errors in all with Zipf's shares, everything up or down by 5 %, and an excess of 15 to 60 % in one cause.
 */
static struct score_cause fill(struct box *box, struct chance *chance, double errors, size_t labels)
{
    double whole = 0, inside = 0, wobble = chance_factor(chance, 0.05);
    struct score_cause cause = choose(chance, labels);
    for (size_t i = 0; i < CELLS; i++) {
        box->expected[i] = chance_factor(chance, 0.5);
        for (size_t j = 0; j < LABELS; j++)
            box->expected[i] /= 1 + box->at[i * LABELS + j];
        whole += box->expected[i];
        inside += is_cell_of(box, i, &cause) ? box->expected[i] : 0;
    }
    double excess = chance_between(chance, 0.15, 0.6) * errors;
    for (size_t i = 0; i < CELLS; i++) {
        double more = is_cell_of(box, i, &cause) ? excess * box->expected[i] / inside : 0;
        box->expected[i] *= errors / whole;
        box->seen[i] = chance_poisson(chance, box->expected[i] * wobble + more);
    }
    return cause;
}

static void causes_of_one_to_three_labels_are_named_exactly(void **state)
{
    (void)state;
    const char *text = getenv("CAUSES");
    long runs = text != NULL ? strtol(text, NULL, 10) : 60;
    struct box *box = make_box();
    struct score_cause causes[SCORE_CAUSES];
    for (size_t labels = 1; labels <= SCORE_CAUSE_LABELS; labels++) {
        unsigned exact = 0, alone = 0;
        for (long run = 0; run < runs; run++) {
            struct chance chance = {(uint64_t)run * 31 + labels};
            struct score_cause cause = fill(box, &chance, 3000, labels);
            size_t count = score_attribute(&box->cube, false, &box->work, causes);
            exact += count > 0 && causes[0].labels == labels &&
                     memcmp(causes[0].label, cause.label, labels * sizeof *cause.label) == 0 &&
                     memcmp(causes[0].value, cause.value, labels * sizeof *cause.value) == 0;
            alone += count == 1;
        }
        print_message("%zu labels, 3000 errors: exact %u, alone %u of %ld\n", labels, exact, alone, runs);
        assert_true(exact * 100 >= runs * 95);
        assert_true(alone * 100 >= runs * 85);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_expected_has_no_cause),
        cmocka_unit_test(a_cause_has_its_formulas_figures),
        cmocka_unit_test(two_causes_are_named_with_their_shares),
        cmocka_unit_test(a_rise_of_everything_has_no_label),
        cmocka_unit_test(a_fall_has_causes_too),
        cmocka_unit_test(a_cube_out_of_bounds_is_not_sound),
        cmocka_unit_test(causes_of_one_to_three_labels_are_named_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
