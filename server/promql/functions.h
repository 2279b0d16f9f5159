/* The functions that PromQL has: those of Prometheus 2.42, and three of our own. */
#ifndef TM_PROMQL_FUNCTIONS_H
#define TM_PROMQL_FUNCTIONS_H

#include "server/promql/ast.h"

enum { FUNCTION_ARGS_MAX = 5 };

enum function_id {
    FUNCTION_ABS,
    FUNCTION_ABSENT,
    FUNCTION_ABSENT_OVER_TIME,
    FUNCTION_ACOS,
    FUNCTION_ACOSH,
    FUNCTION_ANOMALY_SCORE,
    FUNCTION_ASIN,
    FUNCTION_ASINH,
    FUNCTION_ATAN,
    FUNCTION_ATANH,
    FUNCTION_AVG_OVER_TIME,
    FUNCTION_BASELINE,
    FUNCTION_CEIL,
    FUNCTION_CHANGES,
    FUNCTION_CLAMP,
    FUNCTION_CLAMP_MAX,
    FUNCTION_CLAMP_MIN,
    FUNCTION_COS,
    FUNCTION_COSH,
    FUNCTION_COUNT_OVER_TIME,
    FUNCTION_DAY_OF_MONTH,
    FUNCTION_DAY_OF_WEEK,
    FUNCTION_DAY_OF_YEAR,
    FUNCTION_DAYS_IN_MONTH,
    FUNCTION_DEG,
    FUNCTION_DELTA,
    FUNCTION_DERIV,
    FUNCTION_EXP,
    FUNCTION_FLOOR,
    FUNCTION_HISTOGRAM_COUNT,
    FUNCTION_HISTOGRAM_FRACTION,
    FUNCTION_HISTOGRAM_QUANTILE,
    FUNCTION_HISTOGRAM_SUM,
    FUNCTION_HOLT_WINTERS,
    FUNCTION_HOUR,
    FUNCTION_IDELTA,
    FUNCTION_INCREASE,
    FUNCTION_IRATE,
    FUNCTION_LABEL_JOIN,
    FUNCTION_LABEL_REPLACE,
    FUNCTION_LAST_OVER_TIME,
    FUNCTION_LN,
    FUNCTION_LOG10,
    FUNCTION_LOG2,
    FUNCTION_MAX_OVER_TIME,
    FUNCTION_MIN_OVER_TIME,
    FUNCTION_MINUTE,
    FUNCTION_MONTH,
    FUNCTION_PI,
    FUNCTION_PREDICT_LINEAR,
    FUNCTION_PRESENT_OVER_TIME,
    FUNCTION_QUANTILE_OVER_TIME,
    FUNCTION_RAD,
    FUNCTION_RATE,
    FUNCTION_RESETS,
    FUNCTION_ROUND,
    FUNCTION_SAME_TIME_LAST_WEEK,
    FUNCTION_SCALAR,
    FUNCTION_SGN,
    FUNCTION_SIN,
    FUNCTION_SINH,
    FUNCTION_SORT,
    FUNCTION_SORT_DESC,
    FUNCTION_SQRT,
    FUNCTION_STDDEV_OVER_TIME,
    FUNCTION_STDVAR_OVER_TIME,
    FUNCTION_SUM_OVER_TIME,
    FUNCTION_TAN,
    FUNCTION_TANH,
    FUNCTION_TIME,
    FUNCTION_TIMESTAMP,
    FUNCTION_VECTOR,
    FUNCTION_YEAR,
    FUNCTION_COUNT
};

struct function {
    const char *name;
    enum function_id id;
    enum ast_type returns;
    enum ast_type args[FUNCTION_ARGS_MAX];
    int arg_count; /* of args */
    int variadic;  /* 0: exactly arg_count; 1: the last argument may be left out; -1: the last may be left
                      out or repeated without bound */
    bool takes_selector; /* our own: the argument is a vector selector itself */
};

/* The function of that name, of exactly this case; NULL: there is none. Static memory. */
const struct function *function_find(struct str name);

/* By id, below FUNCTION_COUNT. */
const struct function *function_get(enum function_id id);

#endif
