/* A detect engine on a real store, with injected time: what is sent, and what was found. For tests of
 * server/detect only. */
#ifndef TM_TESTS_DETECT_RIG_H
#define TM_TESTS_DETECT_RIG_H

#include "tests/unit/storage/fixture.h"

#include <math.h>

#include "server/detect/detect_engine.h"
#include "server/detect/detect_values.h"
#include "storage/findings/findings.h"

enum { MINUTE_MS = 60000, ANOMALIES_MAX = 4096, HOUR = 60 };

/* Ten days before the clock: not live. */
#define BEGIN ((WALL_START / MINUTE_MS - 14400) * MINUTE_MS)

struct anomaly {
    uint64_t id;
    double score;
};

struct rig {
    struct fixture *f;
    struct detect_engine *engine;
    struct detect_options options;
    char *dir;
    time_ms_t wall;
    size_t count;
    struct anomaly found[ANOMALIES_MAX];
};

static inline void open_engine(struct rig *rig)
{
    rig->engine = detect_engine_new(&rig->options);
    assert_non_null(rig->engine);
}

static inline struct rig *open_rig(void)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->f = fixture_new();
    fixture_open(rig->f);
    rig->wall = WALL_START;
    assert_true(asprintf(&rig->dir, "%s/scoring", rig->f->dir) > 0);
    rig->options = (struct detect_options){
        .dir = rig->dir,
        .step_ms = MINUTE_MS,
        .delay_ms = 15000,
        .grace_ms = 600000,
        .history_ms = INT64_C(30) * 86400000,
        .memory_bytes = 64 << 20,
    };
    open_engine(rig);
    return rig;
}

static inline void close_rig(struct rig *rig)
{
    detect_engine_free(rig->engine);
    fixture_close(rig->f);
    folder_remove(rig->f->dir);
    free(rig->f);
    free(rig->dir);
    free(rig);
}

static inline int set_up(void **state)
{
    *state = open_rig();
    return 0;
}

static inline int tear_down(void **state)
{
    close_rig(*state);
    return 0;
}

/* ---- sending ---- */

/* Numbers that look like noise, the same each time: 0..1. */
static inline double noise(uint64_t n)
{
    n = (n + 0x9E3779B97F4A7C15U) * 0xBF58476D1CE4E5B9U;
    n = (n ^ (n >> 27)) * 0x94D049BB133111EBU;
    return (double)((n ^ (n >> 31)) >> 11) / 9007199254740992.0;
}

static inline series_id series_of(struct rig *rig, struct batch *batch, const char *metric, const char *name,
                                  const char *value)
{
    struct labels labels = {.count = 0};
    struct str twice;
    struct tm_why why;
    series_id id = 0;
    char key[128];
    (void)snprintf(key, sizeof key, "%s %s %s", metric, name, value);
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), str_of(metric)), TM_OK);
    assert_int_equal(labels_add(&labels, STR("service"), STR("cart")), TM_OK);
    assert_int_equal(labels_add(&labels, str_of(name), str_of(value)), TM_OK);
    assert_int_equal(labels_sort(&labels, &twice), TM_OK);
    assert_int_equal(store_series_intern(rig->f->store, batch, hash_of(key), &labels, STR("cart"), &id, &why),
                     TM_OK);
    return id;
}

/* What a gauge says in a minute; far off at `fault`, and a little so now and then from the 17th hour on. */
static inline double level_at(int minute, int which, int fault)
{
    double day = sin((double)minute / 1440 * 6.2831853);
    double value = 100 + 20 * day + 4 * (noise((uint64_t)(minute * 64 + which)) - 0.5);
    double rare = noise((uint64_t)(minute * 64 + which) + 1000000007U);
    if (minute > 17 * HOUR && rare < 0.04)
        value += 100 * (0.04 - rare) / 0.04 + 20;
    return minute == fault ? value + 600 : value;
}

/* Minutes [from, to) of so many gauges, a batch each `every` minutes. */
static inline void send_gauges(struct rig *rig, int from, int to, int gauges, int fault, int every)
{
    for (int minute = from; minute < to; minute += every) {
        struct batch *batch = store_batch_new(rig->f->store);
        for (int m = minute; m < minute + every && m < to; m++) {
            for (int g = 0; g < gauges; g++) {
                char pod[16];
                (void)snprintf(pod, sizeof pod, "p%d", g);
                series_id id = series_of(rig, batch, "load", "pod", pod);
                time_ms_t time = BEGIN + (time_ms_t)m * MINUTE_MS + 20000;
                assert_int_equal(store_batch_sample(batch, id, time, number_of_double(level_at(m, g, fault))),
                                 TM_OK);
            }
        }
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    }
}

static inline void send_cell(struct rig *rig, int minute, const char *metric, const char *label,
                             const char *value, int64_t count)
{
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, metric, label, value);
    time_ms_t time = BEGIN + (time_ms_t)minute * MINUTE_MS + 20000;
    assert_int_equal(store_batch_cell(batch, id, 0, time, count), TM_OK);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

/* ---- running ---- */

static inline void on_news(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    assert_int_equal(detect_engine_news(((struct rig *)arg)->engine, service, oldest, newest), TM_OK);
}

static inline void store_out(struct rig *rig)
{
    struct batch *batch = store_batch_new(rig->f->store);
    size_t refused = 0;
    assert_int_equal(detect_out_batch(detect_engine_out(rig->engine), rig->f->store, batch, &refused), TM_OK);
    assert_int_equal(refused, 0);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

/* Steps until nothing is left, or so many steps were made. */
static inline void run_steps(struct rig *rig, int most)
{
    enum detect_step step = DETECT_MORE;
    store_news(rig->f->store, on_news, rig);
    detect_engine_look(rig->engine);
    for (int i = 0; i < most && step != DETECT_IDLE; i++) {
        struct reader *reader = reader_of_store(rig->f->store);
        assert_non_null(reader);
        step = detect_engine_step(rig->engine, reader, rig->wall);
        reader_close(reader);
        if (step == DETECT_OUT)
            store_out(rig);
    }
}

static inline void run(struct rig *rig)
{
    run_steps(rig, 100000);
}

/* As after kill -9: nothing is kept but what was durable. */
static inline void crash(struct rig *rig)
{
    detect_engine_free(rig->engine);
    fixture_reopen(rig->f);
    open_engine(rig);
}

static inline struct detect_figures figures_of(const struct rig *rig)
{
    struct detect_figures figures;
    detect_engine_figures(rig->engine, &figures);
    return figures;
}

/* ---- looking ---- */

static inline bool take_anomaly(void *arg, const struct finding *finding)
{
    struct rig *rig = arg;
    assert_true(rig->count < ANOMALIES_MAX);
    rig->found[rig->count++] = (struct anomaly){finding->id, finding->score};
    return true;
}

static inline int compare_anomalies(const void *a, const void *b)
{
    const struct anomaly *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* All anomalies that are stored, by id. */
static inline size_t look(struct rig *rig)
{
    const struct findings_wanted wanted = {
        .kind = FINDING_ANOMALY, .span = EVERYTHING, .min_score = DETECT_KEPT_SCORE};
    struct tm_why why;
    struct reader *reader = reader_of_store(rig->f->store);
    rig->count = 0;
    assert_int_equal(findings_search(reader, &wanted, take_anomaly, rig, &why), TM_OK);
    reader_close(reader);
    qsort(rig->found, rig->count, sizeof rig->found[0], compare_anomalies);
    return rig->count;
}

static inline void assert_same_anomalies(struct rig *a, struct rig *b)
{
    assert_int_equal(look(a), look(b));
    for (size_t i = 0; i < a->count; i++) {
        assert_true(a->found[i].id == b->found[i].id);
        assert_true(fabs(a->found[i].score - b->found[i].score) < 0.005);
    }
}

static inline bool take_closing(void *arg, const struct finding *finding)
{
    *(time_ms_t *)arg = finding->end;
    return true;
}

/* Up to when minutes are closed; -1: none. */
static inline time_ms_t closed_of(struct rig *rig)
{
    const struct findings_wanted wanted = {.kind = FINDING_CLOSING, .span = EVERYTHING};
    struct tm_why why;
    time_ms_t end = -1;
    struct reader *reader = reader_of_store(rig->f->store);
    assert_int_equal(findings_search(reader, &wanted, take_closing, &end, &why), TM_OK);
    reader_close(reader);
    return end;
}

#endif
