/* A service whose minutes are made by hand: series, which of them are off and since when, markers; and what
 * is told of it. Included once a program: it stands for server/detect's own detect_out_finding. */
#ifndef TM_TESTS_SERVER_INCIDENT_STAGE_H
#define TM_TESTS_SERVER_INCIDENT_STAGE_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "scoring/first.h"
#include "server/detect/incidents.h"
#include "storage/findings/findings.h"
#include "storage/markers/markers_table.h"
#include "storage/model/labels.h"
#include "tests/unit/scoring/chance.h"

#define STAGE_MINUTE_MS INT64_C(60000)
enum { STAGE_SERIES = 700, STAGE_TEXT = 4096 };

struct stage {
    struct detect_out out; /* first: what is told is known by it */
    struct detect_incidents *incidents;
    bool is_shared;
    char service[32];
    time_ms_t now;
    struct chance chance;
    struct bytes labels[STAGE_SERIES]; /* encoded */
    char metric[STAGE_SERIES][64];
    unsigned series;
    struct detect_score scores[STAGE_SERIES];
    struct score_first_result results[STAGE_SERIES];
    size_t count;
    double observed;             /* of what is off; 0: 412 */
    struct detect_excess excess; /* of the coming minutes */
    struct markers *markers;
    uint64_t marker;
    unsigned told, opened, ids;
    struct finding last;
    json_t *item;
};

void detect_out_finding(struct detect_out *out, const struct finding *finding)
{
    struct stage *stage = (struct stage *)(void *)out;
    assert_int_equal(finding->kind, FINDING_INCIDENT);
    assert_true(finding_is_valid(finding));
    stage->told++;
    stage->ids += finding->id != stage->last.id;
    stage->opened += finding->id != stage->last.id && finding->end == 0;
    stage->last = *finding;
    stage->last.body.ptr = NULL; /* the item has it */
    json_decref(stage->item);
    stage->item = json_loadb(finding->body.ptr, finding->body.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(stage->item);
}

static inline void stage_begin(struct stage *stage, const char *service)
{
    const struct detect_incidents_options options = {.least = 60};
    *stage = (struct stage){.now = INT64_C(1760000400000), .chance = {7}};
    (void)snprintf(stage->service, sizeof stage->service, "%s", service);
    stage->incidents = detect_incidents_new(&options);
    stage->markers = markers_new();
    assert_non_null(stage->incidents);
    assert_non_null(stage->markers);
}

static inline void stage_end(struct stage *stage)
{
    for (unsigned i = 0; i < stage->series; i++)
        bytes_fini(&stage->labels[i]);
    if (!stage->is_shared)
        detect_incidents_free(stage->incidents);
    markers_free(stage->markers);
    json_decref(stage->item);
}

/* Several services before one table; the caller frees it. */
static inline void stage_share(struct stage *stage, struct detect_incidents **shared)
{
    if (*shared)
        detect_incidents_free(stage->incidents);
    else
        *shared = stage->incidents;
    stage->incidents = *shared;
    stage->is_shared = true;
}

/* Adds a series; labels as "name=value,...", sorted. */
static inline void stage_add(struct stage *stage, const char *metric, const char *format, ...)
    TM_PRINTF(3, 4);
static inline void stage_add(struct stage *stage, const char *metric, const char *format, ...)
{
    char text[STAGE_TEXT];
    struct labels labels = {.count = 0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *rest = NULL, *pair = strtok_r(text, ",", &rest); pair; pair = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(pair, '=');
        *value++ = '\0';
        assert_int_equal(labels_add(&labels, str_of(pair), str_of(value)), TM_OK);
    }
    (void)snprintf(stage->metric[stage->series], sizeof stage->metric[0], "%s", metric);
    labels_encode(&labels, &stage->labels[stage->series++]);
}

/* Series i is off in the coming minute, with a return period of 10^figure h, since `age` minutes. */
static inline void stage_off(struct stage *stage, unsigned i, double figure, unsigned age)
{
    struct score_first_result *result = &stage->results[stage->count];
    *result = (struct score_first_result){.return_period_h = pow(10, figure)};
    stage->scores[stage->count++] =
        (struct detect_score){.labels = bytes_view(&stage->labels[i]),
                              .metric = str_of(stage->metric[i]),
                              .score = fmin(100, 20 * figure),
                              .observed = stage->observed > 0 ? stage->observed : 412,
                              .expected = 38,
                              .spread = 11,
                              .effect = 34,
                              .began = stage->now - age * STAGE_MINUTE_MS,
                              .result = result};
}

static inline void stage_each(void *arg, detect_series_fn *each, void *to)
{
    const struct stage *stage = arg;
    for (unsigned i = 0; i < stage->series; i++)
        each(to, bytes_view(&stage->labels[i]), str_of(stage->metric[i]));
}

/* Ends the minute with the scores that were set. */
static inline void stage_minute(struct stage *stage)
{
    const struct detect_minute minute = {.service = str_of(stage->service),
                                         .env = STR(""),
                                         .minute = stage->now,
                                         .scores = stage->scores,
                                         .count = stage->count,
                                         .scored = stage->series,
                                         .excess = stage->excess,
                                         .each_series = stage_each,
                                         .series_arg = stage,
                                         .out = &stage->out};
    detect_incidents_minute(stage->incidents, &minute);
    stage->count = 0;
    stage->now += STAGE_MINUTE_MS;
}

/* Minutes in which chance alone makes series unusual. */
static inline void stage_rest(struct stage *stage, unsigned minutes)
{
    for (unsigned m = 0; m < minutes; m++) {
        unsigned unusual = (unsigned)chance_poisson(&stage->chance, stage->series * pow(10, -0.5) / 60);
        for (unsigned i = 0; i < unusual && i < stage->series; i++)
            stage_off(stage, (unsigned)(chance_next(&stage->chance) % stage->series),
                      0.5 - log10(chance_uniform(&stage->chance)), 0);
        stage_minute(stage);
    }
}

/* Makes a marker; its id. */
static inline uint64_t stage_marker(struct stage *stage, enum marker_kind kind, const char *service,
                                    const char *version, time_ms_t time)
{
    struct bytes bytes = {0};
    struct marker_change change = {
        .op = MARKER_MADE,
        .fields = MARKER_HAS_ALL,
        .to = {.id = ++stage->marker, .kind = kind, .time = time, .end = MARKER_NO_END, .text = {{0}}},
    };
    change.to.text[MARKER_SERVICE] = str_of(service);
    change.to.text[MARKER_VERSION] = str_of(version);
    marker_change_encode(&change, &bytes);
    assert_int_equal(markers_apply(stage->markers, bytes_view(&bytes)), TM_OK);
    bytes_fini(&bytes);
    return stage->marker;
}

static inline void stage_give_markers(struct stage *stage)
{
    struct incident_markers *copy = incident_markers_new(stage->markers);
    assert_non_null(copy);
    detect_incidents_take_markers(stage->incidents, &copy);
    assert_null(copy);
}

static inline const char *stage_text(const struct stage *stage, const char *name)
{
    const char *text = json_string_value(json_object_get(stage->item, name));
    return text ? text : "";
}

static inline long stage_number(const struct stage *stage, const char *name)
{
    return (long)json_number_value(json_object_get(stage->item, name));
}

#endif
