/* count_values: how many series have which value. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/promql/eval.h"
#include "storage/model/number.h"

enum { VALUE_TEXT_BYTES = 400 };

/* The shortest decimal without an exponent, as Go's format 'f' has it. */
static size_t write_value(double value, char text[VALUE_TEXT_BYTES])
{
    char shortest[NUMBER_TEXT_BYTES];
    size_t len = number_text(value, shortest);
    char *e = memchr(shortest, 'e', len);
    if (!e) {
        memcpy(text, shortest, len);
        return len;
    }
    /* Of a small number: as many decimals as the mantissa has, and the exponent's. Of a large one the digits
     * of the mantissa, then zeros, which %.0f would replace by others. */
    int exponent = 0;
    (void)sscanf(e + 1, "%d", &exponent);
    char digits[NUMBER_TEXT_BYTES];
    size_t count = 0, out = 0;
    for (const char *at = shortest; at < e; at++) {
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    }
    if (shortest[0] == '-')
        text[out++] = '-';
    if (exponent < 0) {
        text[out++] = '0';
        text[out++] = '.';
        for (int i = -1; i > exponent; i--)
            text[out++] = '0';
        memcpy(text + out, digits, count);
        return out + count;
    }
    memcpy(text + out, digits, count);
    for (size_t i = count; i < (size_t)exponent + 1; i++)
        text[out + i] = '0';
    return out + (size_t)exponent + 1;
}

struct valuing {
    struct eval *eval;
    const struct ast_node *node;
    struct str name; /* of the label that the value becomes */
    struct series_table groups;
    size_t steps;
    struct bytes key;
};

/* The labels of a group: those of the series with the value among them. */
static enum tm_err find_group(struct valuing *valuing, const struct labels *series, double value)
{
    char text[VALUE_TEXT_BYTES];
    struct label added = {valuing->name, {text, write_value(value, text)}};
    const struct ast_node *node = valuing->node;
    struct labels kept = {.count = 0};
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i <= series->count; i++) {
        const struct label *label = i < series->count ? &series->at[i] : &added;
        bool is_value = str_equal(label->name, valuing->name);
        bool is_named = !node->aggregate.without && is_value;
        if (is_value && i < series->count)
            continue;
        for (size_t n = 0; n < node->aggregate.by.count; n++)
            is_named = is_named || str_equal(node->aggregate.by.at[n], label->name);
        bool goes = node->aggregate.without && str_equal(label->name, STR(LABEL_NAME));
        if (is_named != node->aggregate.without && !goes)
            err = labels_add(&kept, label->name, label->value);
    }
    struct str twice;
    if (!err)
        err = labels_sort(&kept, &twice);
    if (err)
        return tm_fail(valuing->eval->why, TM_INVALID, "count_values: more than %d labels", LABELS_MAX);
    bytes_clear(&valuing->key);
    labels_encode(&kept, &valuing->key);
    return bytes_error(&valuing->key) ? eval_no_memory(valuing->eval) : TM_OK;
}

static bool same_bits(double a, double b)
{
    uint64_t a_bits, b_bits;
    memcpy(&a_bits, &a, sizeof a);
    memcpy(&b_bits, &b, sizeof b);
    return a_bits == b_bits;
}

static enum tm_err count_series(void *arg, struct str labels, const double *column)
{
    struct valuing *valuing = arg;
    struct labels set;
    size_t row = 0;
    bool is_new;
    double last = absent();
    enum tm_err err = labels_decode(labels, &set);
    for (size_t i = 0; !err && i < valuing->steps; i++) {
        if (is_absent(column[i]))
            continue;
        if (!same_bits(column[i], last)) {
            err = find_group(valuing, &set, column[i]);
            if (!err)
                err = eval_row(valuing->eval, &valuing->groups, bytes_view(&valuing->key), &row, &is_new);
            if (err)
                return err;
            last = column[i];
        }
        double *count = &series_table_values(&valuing->groups, row)[i];
        *count = is_absent(*count) ? 1 : *count + 1;
    }
    return err;
}

enum tm_err eval_count_values(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                              const struct sink *out)
{
    struct valuing valuing = {
        .eval = eval, .node = node, .name = eval_string(node->aggregate.parameter), .steps = timeline->count};
    valuing.groups.width = timeline->count;
    if (!label_name_valid(valuing.name))
        return tm_fail(eval->why, TM_INVALID, "invalid label name \"%.*s\"", STR_ARG(valuing.name));
    enum tm_err err = eval_vector(eval, node->aggregate.inner, timeline,
                                  &(struct sink){.each = count_series, .arg = &valuing});
    if (!err)
        err = eval_put_rows(eval, &valuing.groups, out);
    eval_table_fini(eval, &valuing.groups);
    bytes_fini(&valuing.key);
    return err;
}
