#include "server/query/anomaly_series.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "storage/model/labels.h"

static const struct str events_name = {"http_events_total", 17};
static const struct str exceptions_name = {"exception_events_total", 22};
static const struct str ratio_name = {"http_error_ratio", 16};

void anomaly_series_fini(struct anomaly_series *series)
{
    selector_fini(&series->selector);
    bytes_fini(&series->labels);
    *series = (struct anomaly_series){.form = ANOMALY_OWN};
}

/* ---- what the body says ---- */

static struct str text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* The labels as views of the body's. False: they are none. */
static bool read_labels(const json_t *item, struct labels *out)
{
    json_t *labels = json_object_get(item, "labels");
    if (!json_is_object(labels))
        return false;
    for (void *at = json_object_iter(labels); at; at = json_object_iter_next(labels, at)) {
        const json_t *value = json_object_iter_value(at);
        struct str text = {json_string_value(value), json_string_length(value)};
        if (!json_is_string(value) || labels_add(out, str_of(json_object_iter_key(at)), text) != TM_OK)
            return false;
    }
    return true;
}

/* Whether all of the labels are among these. */
static bool has_only(const struct labels *labels, const char *const *names, size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        known += labels_get(labels, str_of(names[i])).len > 0;
    return known == labels->count;
}

static bool read_class(const struct labels *labels, char *class)
{
    struct str text = labels_get(labels, STR("class"));
    *class = text.len > 0 ? text.ptr[0] : '\0';
    return text.len == 0 ||
           (text.len == 3 && memcmp(text.ptr + 1, "xx", 2) == 0 && *class >= '1' && *class <= '5');
}

/* ---- the selector ---- */

static enum tm_err add_matcher(struct selector *selector, struct str name, struct str value)
{
    struct tm_why why;
    enum tm_err err = matcher_new(MATCH_EQUAL, name, value, &selector->matchers[selector->count], &why);
    selector->count += !err;
    return err == TM_NOMEM ? TM_NOMEM : err ? TM_NOT_FOUND : TM_OK;
}

/* Counts by service, env and, if it is named, page group. */
static enum tm_err select_sum(const struct labels *labels, struct str metric, struct selector *out)
{
    static const char *const names[] = {"service", "env", "page_group"};
    enum tm_err err = add_matcher(out, STR(LABEL_NAME), metric);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !err; i++) {
        struct str value = labels_get(labels, str_of(names[i]));
        bool is_named = value.len > 0 || i < 2; /* empty: those without the label */
        if (is_named)
            err = add_matcher(out, str_of(names[i]), value.len > 0 ? value : STR(""));
    }
    return err;
}

/* Whether it is what is added up of several series, by its labels; a series its own has more. */
static bool is_sum(const struct labels *labels, struct str metric)
{
    static const char *const names[] = {"class", "service", "env", "page_group"};
    size_t count = sizeof names / sizeof names[0];
    if (str_equal(metric, exceptions_name))
        return has_only(labels, names + 1, count - 1);
    return str_equal(metric, events_name) && has_only(labels, names, count);
}

static enum tm_err read_sum(const struct labels *labels, struct str metric, struct anomaly_series *out)
{
    bool is_ratio = str_equal(metric, ratio_name);
    if ((is_ratio && !is_sum(labels, events_name)) || !read_class(labels, &out->class) ||
        (is_ratio && !out->class))
        return TM_NOT_FOUND;
    out->form = is_ratio ? ANOMALY_RATIO : ANOMALY_SUM;
    out->kind = DETECT_COUNTS;
    return select_sum(labels, is_ratio ? events_name : metric, &out->selector);
}

/* Takes the label that scoring gave to a histogram's values away. False: it has none. */
static bool drop_quantile(struct labels *labels, bool *is_p95)
{
    struct str quantile = labels_get(labels, STR("quantile"));
    *is_p95 = str_equal(quantile, STR("0.95"));
    if (!*is_p95 && !str_equal(quantile, STR("0.5")))
        return false;
    for (size_t i = 0; i < labels->count; i++)
        if (str_equal(labels->at[i].name, STR("quantile")))
            labels->at[i] = labels->at[--labels->count];
    return true;
}

static enum tm_err read_own(struct labels *labels, struct str metric, struct anomaly_series *out)
{
    struct str twice;
    enum tm_err err = TM_OK;
    out->form = ANOMALY_OWN;
    out->kind = detect_kind_of(metric);
    if ((out->kind == DETECT_HISTOGRAM && !drop_quantile(labels, &out->is_p95)) ||
        labels_get(labels, STR(LABEL_NAME)).len > 0 || labels_add(labels, STR(LABEL_NAME), metric) != TM_OK ||
        labels_sort(labels, &twice) != TM_OK)
        return TM_NOT_FOUND;
    labels_encode(labels, &out->labels);
    for (size_t i = 0; i < labels->count && i < SELECTOR_MATCHERS_MAX && !err; i++)
        err = add_matcher(&out->selector, labels->at[i].name, labels->at[i].value);
    return err ? err : bytes_error(&out->labels);
}

static enum tm_err read_item(const json_t *item, struct anomaly_series *out)
{
    const json_t *parts = json_object_get(item, "parts");
    struct str metric = text_of(item, "metric");
    struct labels labels = {.count = 0};
    if (metric.len == 0 || !read_labels(item, &labels))
        return TM_NOT_FOUND;
    out->interval_ms = json_number_value(json_object_get(parts, "interval_ms"));
    /* a series of that name might have been pushed; only the ratio that is made here says of what */
    bool is_ratio = str_equal(metric, ratio_name) && json_is_number(json_object_get(parts, "whole"));
    if (is_ratio || is_sum(&labels, metric))
        return read_sum(&labels, metric, out);
    return read_own(&labels, metric, out);
}

enum tm_err anomaly_series_read(struct str body, struct anomaly_series *out)
{
    json_t *item = json_loadb(body.ptr, body.len, 0, NULL);
    *out = (struct anomaly_series){.form = ANOMALY_OWN};
    enum tm_err err = item ? read_item(item, out) : TM_NOT_FOUND;
    json_decref(item);
    return err;
}

enum anomaly_role anomaly_series_role(const struct anomaly_series *series, struct str encoded)
{
    struct labels labels = {.count = 0};
    if (series->form == ANOMALY_OWN)
        return str_equal(encoded, bytes_view(&series->labels)) ? ANOMALY_PART : ANOMALY_NOTHING;
    if (labels_decode(encoded, &labels) != TM_OK)
        return ANOMALY_NOTHING;
    struct str status = labels_get(&labels, STR("status"));
    bool is_part = series->class == '\0' || (status.len > 0 && status.ptr[0] == series->class);
    return is_part ? ANOMALY_PART : ANOMALY_REST;
}
