/* Functions of one value, with up to two scalars beside it; and the parts of a date. */
#include <math.h>

#include "server/promql/eval.h"
#include "server/promql/func_date.h"

typedef double math_fn(double value, double a, double b);

#define PLAIN(name, expression)                                                                              \
    static double name(double x, double a, double b)                                                         \
    {                                                                                                        \
        (void)a, (void)b;                                                                                    \
        return expression;                                                                                   \
    }

PLAIN(find_abs, fabs(x))
PLAIN(find_acos, acos(x))
PLAIN(find_acosh, acosh(x))
PLAIN(find_asin, asin(x))
PLAIN(find_asinh, asinh(x))
PLAIN(find_atan, atan(x))
PLAIN(find_atanh, atanh(x))
PLAIN(find_ceil, ceil(x))
PLAIN(find_cos, cos(x))
PLAIN(find_cosh, cosh(x))
PLAIN(find_deg, x * 180 / M_PI)
PLAIN(find_exp, exp(x))
PLAIN(find_floor, floor(x))
PLAIN(find_ln, log(x))
PLAIN(find_log10, log10(x))
PLAIN(find_log2, log2(x))
PLAIN(find_rad, x *M_PI / 180)
PLAIN(find_sgn, x < 0 ? -1 : (x > 0 ? 1 : x))
PLAIN(find_sin, sin(x))
PLAIN(find_sinh, sinh(x))
PLAIN(find_sqrt, sqrt(x))
PLAIN(find_tan, tan(x))
PLAIN(find_tanh, tanh(x))
PLAIN(find_day_of_month, date_part(DATE_DAY_OF_MONTH, x))
PLAIN(find_day_of_week, date_part(DATE_DAY_OF_WEEK, x))
PLAIN(find_day_of_year, date_part(DATE_DAY_OF_YEAR, x))
PLAIN(find_days_in_month, date_part(DATE_DAYS_IN_MONTH, x))
PLAIN(find_hour, date_part(DATE_HOUR, x))
PLAIN(find_minute, date_part(DATE_MINUTE, x))
PLAIN(find_month, date_part(DATE_MONTH, x))
PLAIN(find_year, date_part(DATE_YEAR, x))

/* NaN wins, but for an infinity that decides. */
static double larger_of(double x, double y)
{
    if (x == (double)INFINITY || y == (double)INFINITY)
        return INFINITY;
    return isnan(x) || isnan(y) ? (double)NAN : fmax(x, y);
}

static double smaller_of(double x, double y)
{
    if (x == (double)-INFINITY || y == (double)-INFINITY)
        return -INFINITY;
    return isnan(x) || isnan(y) ? (double)NAN : fmin(x, y);
}

static double clamp(double x, double least, double most)
{
    return least > most ? absent() : larger_of(least, smaller_of(most, x));
}

static double clamp_most(double x, double most, double unused)
{
    (void)unused;
    return smaller_of(most, x);
}

static double clamp_least(double x, double least, double unused)
{
    (void)unused;
    return larger_of(least, x);
}

/* To the nearest multiple, the half up. */
static double find_round(double x, double nearest, double unused)
{
    (void)unused;
    double inverse = 1.0 / nearest;
    return floor(x * inverse + 0.5) / inverse;
}

/* What a scalar is that was left out. */
struct math {
    math_fn *find;
    double otherwise;
    bool is_date; /* without argument it is of the time of evaluation */
};

static const struct math functions[FUNCTION_COUNT] = {
    [FUNCTION_ABS] = {.find = find_abs},
    [FUNCTION_ACOS] = {.find = find_acos},
    [FUNCTION_ACOSH] = {.find = find_acosh},
    [FUNCTION_ASIN] = {.find = find_asin},
    [FUNCTION_ASINH] = {.find = find_asinh},
    [FUNCTION_ATAN] = {.find = find_atan},
    [FUNCTION_ATANH] = {.find = find_atanh},
    [FUNCTION_CEIL] = {.find = find_ceil},
    [FUNCTION_CLAMP] = {.find = clamp},
    [FUNCTION_CLAMP_MAX] = {.find = clamp_most},
    [FUNCTION_CLAMP_MIN] = {.find = clamp_least},
    [FUNCTION_COS] = {.find = find_cos},
    [FUNCTION_COSH] = {.find = find_cosh},
    [FUNCTION_DAY_OF_MONTH] = {.find = find_day_of_month, .is_date = true},
    [FUNCTION_DAY_OF_WEEK] = {.find = find_day_of_week, .is_date = true},
    [FUNCTION_DAY_OF_YEAR] = {.find = find_day_of_year, .is_date = true},
    [FUNCTION_DAYS_IN_MONTH] = {.find = find_days_in_month, .is_date = true},
    [FUNCTION_DEG] = {.find = find_deg},
    [FUNCTION_EXP] = {.find = find_exp},
    [FUNCTION_FLOOR] = {.find = find_floor},
    [FUNCTION_HOUR] = {.find = find_hour, .is_date = true},
    [FUNCTION_LN] = {.find = find_ln},
    [FUNCTION_LOG10] = {.find = find_log10},
    [FUNCTION_LOG2] = {.find = find_log2},
    [FUNCTION_MINUTE] = {.find = find_minute, .is_date = true},
    [FUNCTION_MONTH] = {.find = find_month, .is_date = true},
    [FUNCTION_RAD] = {.find = find_rad},
    [FUNCTION_ROUND] = {.find = find_round, .otherwise = 1},
    [FUNCTION_SGN] = {.find = find_sgn},
    [FUNCTION_SIN] = {.find = find_sin},
    [FUNCTION_SINH] = {.find = find_sinh},
    [FUNCTION_SQRT] = {.find = find_sqrt},
    [FUNCTION_TAN] = {.find = find_tan},
    [FUNCTION_TANH] = {.find = find_tanh},
    [FUNCTION_YEAR] = {.find = find_year, .is_date = true},
};

bool math_has(enum function_id id)
{
    return functions[id].find != NULL;
}

struct mapping {
    const struct math *math;
    struct unname unname;
    double *scalars[2]; /* NULL: left out */
    double *column;
    const struct timeline *timeline;
};

static enum tm_err map_series(void *arg, struct str labels, const double *column)
{
    struct mapping *mapping = arg;
    double a = mapping->math->otherwise, b = 0;
    for (size_t i = 0; i < mapping->timeline->count; i++) {
        a = mapping->scalars[0] ? mapping->scalars[0][i] : a;
        b = mapping->scalars[1] ? mapping->scalars[1][i] : b;
        mapping->column[i] = is_absent(column[i]) ? column[i] : mapping->math->find(column[i], a, b);
    }
    return unname_put(&mapping->unname, labels, mapping->column);
}

/* hour() and its like without argument. */
static enum tm_err map_now(struct mapping *mapping, const struct sink *out)
{
    const uint8_t no_labels[] = {0};
    for (size_t i = 0; i < mapping->timeline->count; i++) {
        time_ms_t now_s = timeline_at(mapping->timeline, i) / 1000;
        mapping->column[i] = mapping->math->find((double)now_s, 0, 0);
    }
    return sink_put(out, (struct str){(const char *)no_labels, sizeof no_labels}, mapping->column);
}

enum tm_err eval_math(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out)
{
    enum tm_err err;
    struct mapping mapping = {.math = &functions[call->call.function->id], .timeline = timeline};
    mapping.column = eval_column(eval, timeline->count, &err);
    if (!mapping.column)
        return err;
    if (call->call.count == 0) {
        err = map_now(&mapping, out);
        eval_column_free(eval, mapping.column, timeline->count);
        return err;
    }
    unname_init(&mapping.unname, eval, call->call.args[0], timeline, out);
    for (size_t i = 1; !err && i < call->call.count; i++)
        err = eval_scalar_column(eval, call->call.args[i], timeline, &mapping.scalars[i - 1]);
    if (!err)
        err = eval_vector(eval, call->call.args[0], timeline,
                          &(struct sink){.each = map_series, .arg = &mapping});
    if (!err)
        err = unname_end(&mapping.unname);
    unname_fini(&mapping.unname);
    for (size_t i = 0; i < sizeof mapping.scalars / sizeof mapping.scalars[0]; i++)
        eval_column_free(eval, mapping.scalars[i], timeline->count);
    eval_column_free(eval, mapping.column, timeline->count);
    return err;
}
