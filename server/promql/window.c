/* Which function of a range vector is which. */
#include "server/promql/window.h"

static window_fn *const functions[FUNCTION_COUNT] = {
    [FUNCTION_RATE] = window_rate,
    [FUNCTION_INCREASE] = window_increase,
    [FUNCTION_DELTA] = window_delta,
    [FUNCTION_IRATE] = window_irate,
    [FUNCTION_IDELTA] = window_idelta,
    [FUNCTION_COUNT_OVER_TIME] = window_count_over_time,
    [FUNCTION_PRESENT_OVER_TIME] = window_present,
    [FUNCTION_LAST_OVER_TIME] = window_last,
    [FUNCTION_SUM_OVER_TIME] = window_sum,
    [FUNCTION_AVG_OVER_TIME] = window_avg,
    [FUNCTION_STDDEV_OVER_TIME] = window_stddev,
    [FUNCTION_STDVAR_OVER_TIME] = window_stdvar,
    [FUNCTION_MAX_OVER_TIME] = window_max,
    [FUNCTION_MIN_OVER_TIME] = window_min,
    [FUNCTION_QUANTILE_OVER_TIME] = window_quantile,
    [FUNCTION_CHANGES] = window_changes,
    [FUNCTION_RESETS] = window_resets,
    [FUNCTION_DERIV] = window_deriv,
    [FUNCTION_PREDICT_LINEAR] = window_predict_linear,
    [FUNCTION_HOLT_WINTERS] = window_holt_winters,
};

window_fn *window_function(enum function_id id)
{
    return functions[id];
}
