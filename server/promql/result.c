#include "server/promql/result.h"

#include <stdlib.h>

#include "server/promql/result_private.h"
#include "storage/model/labels.h"

void promql_result_free(struct promql_result *result)
{
    if (!result)
        return;
    bytes_fini(&result->text);
    series_table_fini(&result->series);
    free(result->order);
    free(result->times);
    free(result->values);
    free(result->ends);
    free(result);
}

enum ast_type promql_result_type(const struct promql_result *result)
{
    return result->type;
}

struct str promql_result_string(const struct promql_result *result)
{
    return bytes_view(&result->text);
}

size_t promql_result_count(const struct promql_result *result)
{
    return result->series.count;
}

uint64_t promql_result_held(const struct promql_result *result)
{
    return result->series.held + (result->ends ? result->samples : 0);
}

uint64_t promql_result_samples(const struct promql_result *result)
{
    return result->samples;
}

static size_t row_of(const struct promql_result *result, size_t series)
{
    return result->order ? result->order[series] : series;
}

struct str promql_result_labels(const struct promql_result *result, size_t series)
{
    return series_table_labels(&result->series, row_of(result, series));
}

bool promql_result_next(const struct promql_result *result, size_t series, size_t *position, time_ms_t *time,
                        double *value)
{
    size_t row = row_of(result, series);
    if (result->ends) {
        size_t at = (row ? result->ends[row - 1] : 0) + *position;
        if (at >= result->ends[row])
            return false;
        *time = result->times[at];
        *value = result->values[at];
        ++*position;
        return true;
    }
    const double *values = series_table_values(&result->series, row);
    while (*position < result->timeline.count && is_absent(values[*position]))
        ++*position;
    if (*position == result->timeline.count)
        return false;
    *time = timeline_at(&result->timeline, *position);
    *value = values[*position];
    ++*position;
    return true;
}

/* ---- making one ---- */

static bool make_room(struct promql_result *result, size_t count)
{
    if (result->series.count > result->ends_capacity) {
        size_t wanted = result->series.count * 2;
        size_t *ends = realloc(result->ends, wanted * sizeof *ends);
        if (!ends)
            return false;
        result->ends = ends;
        result->ends_capacity = wanted;
    }
    if (count <= result->capacity)
        return true;
    size_t wanted = count + count / 2;
    time_ms_t *times = realloc(result->times, wanted * sizeof *times);
    if (times)
        result->times = times;
    double *values = realloc(result->values, wanted * sizeof *values);
    if (values)
        result->values = values;
    if (!times || !values)
        return false;
    result->capacity = wanted;
    return true;
}

bool result_add_samples(struct promql_result *result, const struct samples *samples)
{
    size_t row = result->series.count - 1;
    size_t used = row ? result->ends[row - 1] : 0;
    size_t count = samples->count;
    if (!make_room(result, used + count))
        return false;
    memcpy(result->times + used, samples->times, count * sizeof *result->times);
    memcpy(result->values + used, samples->values, count * sizeof *result->values);
    result->ends[row] = used + count;
    return true;
}

/* ---- order ---- */

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct series_table *series = arg;
    return labels_compare(series_table_labels(series, *(const size_t *)a),
                          series_table_labels(series, *(const size_t *)b));
}

bool result_sort(struct promql_result *result)
{
    size_t count = result->series.count;
    result->order = malloc((count + 1) * sizeof *result->order);
    if (!result->order)
        return false;
    for (size_t i = 0; i < count; i++)
        result->order[i] = i;
    qsort_r(result->order, count, sizeof *result->order, compare_rows, &result->series);
    return true;
}
