/* label_replace() and label_join(): the same values under other labels. */
#include <stdlib.h>

#include "server/promql/eval.h"
#include "storage/selector/matcher_re2.h"
#include "storage/selector/matcher_regex.h"

/* A value of a label that is made here: nested, the functions could double it without end. */
enum { GROUP_NUMBER_MAX = 100000000, VALUE_BYTES_MAX = 64 << 10 };

struct labelling {
    struct eval *eval;
    const struct ast_node *call;
    struct series_table series; /* the results: two of what comes in may get the same labels */
    struct str destination;
    struct bytes value; /* of the destination */
    struct bytes labels;
    struct str source;      /* label_replace: whose value is searched */
    struct str replacement; /* with $1 and ${name} */
    struct regex *regex;
};

/* Sets the destination in labels; without a value it goes. */
static enum tm_err set_label(struct labelling *labelling, const struct labels *set)
{
    struct labels changed = {.count = 0};
    struct str twice;
    enum tm_err err = TM_OK;
    if (labelling->value.len > VALUE_BYTES_MAX)
        return tm_fail(labelling->eval->why, TM_LIMIT, "%s(): a label value of more than %d bytes",
                       labelling->call->call.function->name, VALUE_BYTES_MAX);
    for (size_t i = 0; !err && i < set->count; i++) {
        if (!str_equal(set->at[i].name, labelling->destination))
            err = labels_add(&changed, set->at[i].name, set->at[i].value);
    }
    if (!err)
        err = labels_add(&changed, labelling->destination, bytes_view(&labelling->value));
    if (!err)
        err = labels_sort(&changed, &twice);
    if (err)
        return tm_fail(labelling->eval->why, TM_INVALID, "%s(): more than %d labels",
                       labelling->call->call.function->name, LABELS_MAX);
    labels_encode(&changed, &labelling->labels);
    return TM_OK;
}

/* ---- label_replace ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name at text, which stands behind a `$`: `name` or `{name}`; *len is what it takes. false: no name. */
static bool read_reference(struct str text, struct str *name, size_t *len)
{
    bool in_braces = text.len > 0 && text.ptr[0] == '{';
    size_t from = in_braces, to = from;
    while (to < text.len && is_word(text.ptr[to]))
        to++;
    if (to == from || (in_braces && (to == text.len || text.ptr[to] != '}')))
        return false;
    *name = (struct str){text.ptr + from, to - from};
    *len = to + in_braces;
    return true;
}

/* What a group holds; of digits alone the name is a number. */
static struct str find_group(const struct regex *regex, struct str name)
{
    size_t number = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9' || number >= GROUP_NUMBER_MAX) {
            number = regex_group_number(regex, name);
            return number ? regex_group(regex, number) : (struct str){"", 0};
        }
        number = number * 10 + (size_t)(name.ptr[i] - '0');
    }
    if (name.len > 1 && name.ptr[0] == '0')
        return (struct str){"", 0}; /* as in Go: no number */
    return regex_group(regex, number);
}

/* The replacement with what the groups hold, as Go's Expand writes it. */
static void expand(struct labelling *labelling)
{
    struct str text = labelling->replacement;
    bytes_clear(&labelling->value);
    for (size_t at = 0; at < text.len && labelling->value.len <= VALUE_BYTES_MAX; at++) {
        struct str rest = {text.ptr + at + 1, text.len - at - 1}, name;
        size_t len;
        if (text.ptr[at] != '$') {
            bytes_u8(&labelling->value, (uint8_t)text.ptr[at]);
        } else if (rest.len > 0 && rest.ptr[0] == '$') {
            bytes_u8(&labelling->value, '$');
            at++;
        } else if (read_reference(rest, &name, &len)) {
            struct str group = find_group(labelling->regex, name);
            bytes_put(&labelling->value, group.ptr, group.len);
            at += len;
        } else {
            bytes_u8(&labelling->value, '$');
        }
    }
}

static enum tm_err replace_label(struct labelling *labelling, struct str labels, const struct labels *set)
{
    bool matches;
    enum tm_err err = regex_matches(labelling->regex, labels_get(set, labelling->source), &matches);
    if (err)
        return tm_fail(labelling->eval->why, err,
                       "label_replace(): the pattern is too costly: make it simpler");
    if (matches) {
        expand(labelling);
        return set_label(labelling, set);
    }
    bytes_put(&labelling->labels, labels.ptr, labels.len);
    return TM_OK;
}

/* ---- label_join ---- */

static enum tm_err join_labels(struct labelling *labelling, const struct labels *set)
{
    const struct ast_node *call = labelling->call;
    struct str separator = eval_string(call->call.args[2]);
    bytes_clear(&labelling->value);
    for (size_t i = 3; i < call->call.count && labelling->value.len <= VALUE_BYTES_MAX; i++) {
        struct str value = labels_get(set, eval_string(call->call.args[i]));
        if (i > 3)
            bytes_put(&labelling->value, separator.ptr, separator.len);
        bytes_put(&labelling->value, value.ptr, value.len);
    }
    return set_label(labelling, set);
}

/* ---- both ---- */

static enum tm_err label_series(void *arg, struct str labels, const double *column)
{
    struct labelling *labelling = arg;
    struct labels set;
    if (!has_values(column, labelling->series.width))
        return TM_OK;
    bytes_clear(&labelling->labels);
    enum tm_err err = labels_decode(labels, &set);
    if (!err)
        err = labelling->regex ? replace_label(labelling, labels, &set) : join_labels(labelling, &set);
    if (err)
        return err;
    if (bytes_error(&labelling->labels) || bytes_error(&labelling->value))
        return eval_no_memory(labelling->eval);
    return eval_merge(labelling->eval, &labelling->series, bytes_view(&labelling->labels), column);
}

static enum tm_err label_all(struct labelling *labelling, const struct timeline *timeline,
                             const struct sink *out)
{
    labelling->series.width = timeline->count;
    enum tm_err err = eval_vector(labelling->eval, labelling->call->call.args[0], timeline,
                                  &(struct sink){.each = label_series, .arg = labelling});
    if (!err)
        err = eval_put_rows(labelling->eval, &labelling->series, out);
    eval_table_fini(labelling->eval, &labelling->series);
    bytes_fini(&labelling->value);
    bytes_fini(&labelling->labels);
    return err;
}

static enum tm_err make_regex(struct labelling *labelling, struct str pattern)
{
    struct bytes translated = {0};
    struct tm_why why;
    enum tm_err err = re2_translate_groups(pattern, &translated, &why);
    if (!err)
        err = regex_new_capturing(bytes_view(&translated), &labelling->regex, &why);
    bytes_fini(&translated);
    if (err == TM_NOMEM)
        return eval_no_memory(labelling->eval);
    if (err)
        return tm_fail(labelling->eval->why, TM_INVALID,
                       "invalid regular expression in label_replace(): %.*s", STR_ARG(pattern));
    return TM_OK;
}

enum tm_err eval_label_replace(struct eval *eval, const struct ast_node *call,
                               const struct timeline *timeline, const struct sink *out)
{
    struct labelling labelling = {.eval = eval,
                                  .call = call,
                                  .destination = eval_string(call->call.args[1]),
                                  .replacement = eval_string(call->call.args[2]),
                                  .source = eval_string(call->call.args[3])};
    enum tm_err err = make_regex(&labelling, eval_string(call->call.args[4]));
    if (!err && !label_name_valid(labelling.destination))
        err = tm_fail(eval->why, TM_INVALID, "invalid destination label name in label_replace(): %.*s",
                      STR_ARG(labelling.destination));
    if (!err)
        err = label_all(&labelling, timeline, out);
    regex_free(labelling.regex);
    return err;
}

enum tm_err eval_label_join(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                            const struct sink *out)
{
    struct labelling labelling = {.eval = eval, .call = call, .destination = eval_string(call->call.args[1])};
    for (size_t i = 3; i < call->call.count; i++) {
        struct str name = eval_string(call->call.args[i]);
        if (!label_name_valid(name))
            return tm_fail(eval->why, TM_INVALID, "invalid source label name in label_join(): %.*s",
                           STR_ARG(name));
    }
    if (!label_name_valid(labelling.destination))
        return tm_fail(eval->why, TM_INVALID, "invalid destination label name in label_join(): %.*s",
                       STR_ARG(labelling.destination));
    return label_all(&labelling, timeline, out);
}
