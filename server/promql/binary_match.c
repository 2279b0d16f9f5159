/* Arithmetic and comparison of two vectors: each series of the many side meets the one of the one side whose
 * matching labels are the same. */
#include <stdlib.h>

#include "server/promql/binary_sides.h"
#include "server/promql/print_labels.h"

struct matching {
    struct eval *eval;
    const struct ast_node *node;
    const struct timeline *timeline;
    const struct side *many; /* of a one-to-one match the left one */
    const struct side *one;
    size_t *next_of_one;  /* the next series + 1 of the same match */
    size_t *first_of_one; /* by match: series + 1 */
    uint8_t *taken;       /* one-to-one: by match and step, is there a result? */
    struct series_table results;
    struct bytes labels;
    double *column;
};

/* ---- the one side ---- */

static enum tm_err chain_one_side(struct matching *matching, const struct sides *sides)
{
    size_t matches = sides->matches.count, width = matching->timeline->count;
    matching->first_of_one = calloc(matches + 1, sizeof *matching->first_of_one);
    matching->next_of_one = calloc(matching->one->series.count + 1, sizeof *matching->next_of_one);
    if (matching->node->binary.card == AST_ONE_TO_ONE)
        matching->taken = calloc(matches * width + 1, 1);
    if (!matching->first_of_one || !matching->next_of_one ||
        (matching->node->binary.card == AST_ONE_TO_ONE && !matching->taken))
        return eval_no_memory(matching->eval);
    for (size_t i = matching->one->series.count; i-- > 0;) {
        size_t *first = &matching->first_of_one[matching->one->match[i]];
        matching->next_of_one[i] = *first;
        *first = i + 1;
    }
    return TM_OK;
}

static enum tm_err refuse_duplicates(struct matching *matching, const struct sides *sides, size_t a, size_t b)
{
    struct bytes text = {0};
    const struct series_table *one = &matching->one->series;
    bytes_printf(&text, "found duplicate series for the match group ");
    print_labels(series_table_labels(&sides->matches, matching->one->match[a]), &text);
    bytes_printf(&text, " on the %s hand-side of the operation: [",
                 matching->node->binary.card == AST_ONE_TO_MANY ? "left" : "right");
    print_labels(series_table_labels(one, b), &text);
    bytes_printf(&text, ", ");
    print_labels(series_table_labels(one, a), &text);
    bytes_printf(&text, "];many-to-many matching not allowed: matching labels must be unique on one side");
    enum tm_err err = bytes_error(&text) ? eval_no_memory(matching->eval) : TM_INVALID;
    if (err == TM_INVALID)
        tm_why_write(matching->eval->why, "%.*s", (int)text.len, (const char *)text.data);
    bytes_fini(&text);
    return err;
}

/* At which steps has the many side any value? Without one nothing is matched, nor refused. */
static void mark_steps(const struct side *side, uint8_t *any)
{
    for (size_t row = 0; row < side->series.count; row++) {
        const double *values = series_table_values(&side->series, row);
        for (size_t i = 0; i < side->series.width; i++)
            any[i] |= !is_absent(values[i]);
    }
}

/* No two series of the one side with the same matching labels have a value at the same step. */
static enum tm_err check_one_side(struct matching *matching, const struct sides *sides)
{
    size_t width = matching->timeline->count;
    uint8_t *any = calloc(width, 1);
    if (!any)
        return eval_no_memory(matching->eval);
    mark_steps(matching->many, any);
    enum tm_err err = TM_OK;
    for (size_t a = 0; !err && a < matching->one->series.count; a++) {
        const double *values = series_table_values(&matching->one->series, a);
        for (size_t next = matching->next_of_one[a]; !err && next; next = matching->next_of_one[next - 1]) {
            const double *others = series_table_values(&matching->one->series, next - 1);
            for (size_t i = 0; !err && i < width; i++) {
                if (any[i] && !is_absent(values[i]) && !is_absent(others[i]))
                    err = refuse_duplicates(matching, sides, a, next - 1);
            }
        }
    }
    free(any);
    return err;
}

/* ---- the labels of a result ---- */

static bool is_named(const struct ast_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->at[i], name))
            return true;
    }
    return false;
}

/* The many side's labels; of a one-to-one match those that match; and from the one side what group_left asks
 * for. */
static enum tm_err make_labels(struct matching *matching, struct str many, struct str one)
{
    const struct ast_node *node = matching->node;
    struct labels set, other = {.count = 0}, result = {.count = 0};
    enum tm_err err = labels_decode(many, &set);
    if (!err)
        err = labels_decode(one, &other);
    for (size_t i = 0; !err && i < set.count; i++) {
        struct str name = set.at[i].name;
        bool goes = binary_drops_name(node) && str_equal(name, STR(LABEL_NAME));
        if (node->binary.card == AST_ONE_TO_ONE)
            goes = goes || is_named(&node->binary.names, name) != node->binary.on;
        if (!goes && !is_named(&node->binary.include, name))
            err = labels_add(&result, name, set.at[i].value);
    }
    for (size_t i = 0; !err && i < other.count; i++) {
        struct str name = other.at[i].name;
        bool drops = node->binary.returns_bool && str_equal(name, STR(LABEL_NAME));
        if (is_named(&node->binary.include, name) && !drops)
            err = labels_add(&result, name, other.at[i].value);
    }
    struct str twice;
    if (!err)
        err = labels_sort(&result, &twice);
    if (err)
        return tm_fail(matching->eval->why, TM_INVALID, "a result has more than %d labels", LABELS_MAX);
    bytes_clear(&matching->labels);
    labels_encode(&result, &matching->labels);
    return bytes_error(&matching->labels) ? eval_no_memory(matching->eval) : TM_OK;
}

/* ---- matching ---- */

/* The values of one pair into column. */
static bool combine(struct matching *matching, const double *many, const double *one)
{
    const struct ast_node *node = matching->node;
    bool turned = node->binary.card == AST_ONE_TO_MANY;
    bool any = false;
    for (size_t i = 0; i < matching->timeline->count; i++) {
        matching->column[i] = absent();
        if (is_absent(many[i]) || is_absent(one[i]))
            continue;
        double value;
        bool holds = turned ? binary_value(node->binary.op, one[i], many[i], &value)
                            : binary_value(node->binary.op, many[i], one[i], &value);
        if (node->binary.returns_bool)
            value = holds;
        else if (!holds)
            continue;
        matching->column[i] = value;
        any = true;
    }
    return any;
}

/* One-to-one: a match has one result at a step. */
static enum tm_err take_steps(struct matching *matching, size_t match)
{
    size_t width = matching->timeline->count;
    for (size_t i = 0; matching->taken && i < width; i++) {
        if (is_absent(matching->column[i]))
            continue;
        if (matching->taken[match * width + i])
            return tm_fail(matching->eval->why, TM_INVALID,
                           "multiple matches for labels: many-to-one matching must be explicit "
                           "(group_left/group_right)");
        matching->taken[match * width + i] = 1;
    }
    return TM_OK;
}

static enum tm_err match_pair(struct matching *matching, size_t many, size_t one)
{
    const struct series_table *many_series = &matching->many->series, *one_series = &matching->one->series;
    if (!combine(matching, series_table_values(many_series, many), series_table_values(one_series, one)))
        return TM_OK;
    enum tm_err err = take_steps(matching, matching->many->match[many]);
    if (!err)
        err = make_labels(matching, series_table_labels(many_series, many),
                          series_table_labels(one_series, one));
    if (err)
        return err;
    err = eval_merge(matching->eval, &matching->results, bytes_view(&matching->labels), matching->column);
    if (err == TM_INVALID && !matching->taken)
        tm_why_write(matching->eval->why,
                     "multiple matches for labels: grouping labels must ensure unique matches");
    return err;
}

static enum tm_err match_all(struct matching *matching)
{
    enum tm_err err = TM_OK;
    for (size_t many = 0; !err && many < matching->many->series.count; many++) {
        err = eval_check(matching->eval);
        size_t one = matching->first_of_one[matching->many->match[many]];
        for (; !err && one; one = matching->next_of_one[one - 1])
            err = match_pair(matching, many, one - 1);
    }
    return err;
}

enum tm_err eval_match(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                       const struct sink *out)
{
    struct sides sides = {0};
    struct matching matching = {.eval = eval, .node = node, .timeline = timeline};
    bool turned = node->binary.card == AST_ONE_TO_MANY;
    matching.many = turned ? &sides.right : &sides.left;
    matching.one = turned ? &sides.left : &sides.right;
    matching.results.width = timeline->count;
    enum tm_err err = sides_read(&sides, eval, node, timeline);
    if (!err)
        matching.column = eval_column(eval, timeline->count, &err);
    if (!err)
        err = chain_one_side(&matching, &sides);
    if (!err)
        err = check_one_side(&matching, &sides);
    if (!err)
        err = match_all(&matching);
    if (!err)
        err = eval_put_rows(eval, &matching.results, out);
    eval_column_free(eval, matching.column, timeline->count);
    eval_table_fini(eval, &matching.results);
    bytes_fini(&matching.labels);
    free(matching.taken);
    free(matching.first_of_one);
    free(matching.next_of_one);
    sides_fini(&sides, eval);
    return err;
}
