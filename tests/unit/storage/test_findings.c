/* Findings: each once, as told last, wherever it stands. */
#include "tests/unit/storage/engine.h"

#include <pthread.h>
#include <stdatomic.h>

#include "storage/catalog/catalog_private.h"
#include "storage/findings/findings_codec.h"

static struct finding finding_of(enum finding_kind kind, uint64_t id, time_ms_t time, const char *service)
{
    return (struct finding){.kind = kind,
                            .id = id,
                            .time = time,
                            .score = 50,
                            .service = str_of(service),
                            .body = STR("{\"n\":1}")};
}

static void tell(struct store *store, const struct finding *finding)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_finding(batch, finding), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void tell_plain(struct store *store, enum finding_kind kind, uint64_t id, time_ms_t offset_ms)
{
    const struct finding finding = finding_of(kind, id, DAY0 + offset_ms, "shop");
    tell(store, &finding);
}

static struct findings_wanted all_of(enum finding_kind kind)
{
    return (struct findings_wanted){.kind = kind, .span = READER_ALWAYS};
}

static bool write_one(void *arg, const struct finding *finding)
{
    struct bytes *out = arg;
    bytes_printf(out, "%llu@%lld:%.*s ", (unsigned long long)finding->id, (long long)(finding->time - DAY0),
                 STR_ARG(finding->body));
    return true;
}

static void expect_in(struct reader *reader, const struct findings_wanted *wanted, const char *expected)
{
    struct bytes out = {0};
    struct tm_why why;
    assert_non_null(reader);
    assert_int_equal(findings_search(reader, wanted, write_one, &out, &why), TM_OK);
    bytes_put(&out, "", 1);
    assert_int_equal(bytes_error(&out), TM_OK);
    assert_string_equal((char *)out.data, expected);
    bytes_fini(&out);
}

/* In the store itself, and as another process sees it. */
static void expect(const struct fixture *f, const struct findings_wanted *wanted, const char *expected)
{
    struct tm_why why;
    struct reader *own = reader_of_store(f->store), *other;
    expect_in(own, wanted, expected);
    reader_close(own);
    assert_int_equal(reader_open(f->dir, &other, &why), TM_OK);
    expect_in(other, wanted, expected);
    reader_close(other);
}

static void a_finding_told_again_replaces_what_was(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted anomalies = all_of(FINDING_ANOMALY), incidents = all_of(FINDING_INCIDENT);
    tell_plain(f->store, FINDING_ANOMALY, 7, 1000);
    tell_plain(f->store, FINDING_ANOMALY, 8, 2000);
    tell_plain(f->store, FINDING_INCIDENT, 7, 3000);
    for (int i = 0; i < 3; i++) {
        struct finding again = finding_of(FINDING_ANOMALY, 7, DAY0 + 4000 + i, "shop");
        char body[32], expected[128];
        (void)snprintf(body, sizeof body, "{\"n\":%d}", i + 2);
        again.body = str_of(body);
        tell(f->store, &again);
        (void)snprintf(expected, sizeof expected, "7@%d:{\"n\":%d} 8@2000:{\"n\":1} ", 4000 + i, i + 2);
        expect(f, &anomalies, expected);
        flush_now(f);
        expect(f, &anomalies, expected);
        expect(f, &incidents, "7@3000:{\"n\":1} ");
    }
}

static void findings_outlive_flushes_and_restarts(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted wanted = all_of(FINDING_CLOSING);
    tell_plain(f->store, FINDING_CLOSING, 1, 1000);
    fixture_reopen(f);
    expect(f, &wanted, "1@1000:{\"n\":1} ");
    tell_plain(f->store, FINDING_CLOSING, 2, 500);
    flush_now(f);
    fixture_reopen(f);
    tell_plain(f->store, FINDING_CLOSING, 1, 2000);
    expect(f, &wanted, "1@2000:{\"n\":1} 2@500:{\"n\":1} ");
    fixture_reopen(f);
    expect(f, &wanted, "1@2000:{\"n\":1} 2@500:{\"n\":1} ");
}

/* ---- lists ---- */

static void a_list_is_newest_first_and_goes_on_behind_a_place(void **state)
{
    struct fixture *f = *state;
    struct findings_wanted wanted = all_of(FINDING_ANOMALY);
    for (uint64_t id = 1; id <= 6; id++) {
        tell_plain(f->store, FINDING_ANOMALY, id, (time_ms_t)(id / 3) * 1000);
        if (id == 3)
            flush_now(f);
    }
    expect(
        f, &wanted,
        "6@2000:{\"n\":1} 5@1000:{\"n\":1} 4@1000:{\"n\":1} 3@1000:{\"n\":1} 2@0:{\"n\":1} 1@0:{\"n\":1} ");
    wanted.behind = (struct findings_place){DAY0 + 1000, 4, true};
    expect(f, &wanted, "3@1000:{\"n\":1} 2@0:{\"n\":1} 1@0:{\"n\":1} ");
    flush_now(f);
    expect(f, &wanted, "3@1000:{\"n\":1} 2@0:{\"n\":1} 1@0:{\"n\":1} ");
    wanted.span = (struct span){DAY0 + 1, DAY0 + 5000};
    expect(f, &wanted, "3@1000:{\"n\":1} ");
}

static void each_filter_is_held(void **state)
{
    struct fixture *f = *state;
    struct finding one = finding_of(FINDING_ANOMALY, 1, DAY0, "shop");
    for (int round = 0; round < 2; round++) {
        struct findings_wanted wanted = all_of(FINDING_ANOMALY);
        tell(f->store, &one);
        struct finding other = finding_of(FINDING_ANOMALY, 2, DAY0 + 1000, "cart");
        other.env = STR("prod");
        other.score = 70;
        tell(f->store, &other);
        wanted.service = STR("shop");
        expect(f, &wanted, "1@0:{\"n\":1} ");
        wanted.env = STR("prod");
        expect(f, &wanted, "");
        wanted.service = STR("");
        expect(f, &wanted, "2@1000:{\"n\":1} ");
        wanted = all_of(FINDING_ANOMALY);
        wanted.min_score = 70;
        expect(f, &wanted, "2@1000:{\"n\":1} ");
        wanted.min_score = 70.5;
        expect(f, &wanted, "");
        wanted = all_of(FINDING_ANOMALY);
        wanted.id = 1;
        expect(f, &wanted, "1@0:{\"n\":1} ");
        wanted.id = 3;
        expect(f, &wanted, "");
        flush_now(f);
    }
}

static void what_lasts_reaches_into_a_span(void **state)
{
    struct fixture *f = *state;
    struct finding open = finding_of(FINDING_INCIDENT, 1, DAY0 - 100 * DAY_MS, "shop");
    struct finding over = finding_of(FINDING_INCIDENT, 2, DAY0 - 90 * DAY_MS, "shop");
    struct finding minute = finding_of(FINDING_ANOMALY, 3, DAY0 - 30000, "shop");
    struct finding point = finding_of(FINDING_ANOMALY, 4, DAY0 - 30000, "shop");
    over.end = DAY0 + 1;
    minute.end = DAY0 + 30000;
    tell(f->store, &open), tell(f->store, &over), tell(f->store, &minute), tell(f->store, &point);
    for (int round = 0; round < 2; round++) {
        struct findings_wanted incidents = all_of(FINDING_INCIDENT), anomalies = all_of(FINDING_ANOMALY);
        incidents.span = anomalies.span = (struct span){DAY0, DAY0 + 1000};
        expect(f, &incidents, "2@-7776000000:{\"n\":1} 1@-8640000000:{\"n\":1} ");
        expect(f, &anomalies, "3@-30000:{\"n\":1} ");
        incidents.span.from = DAY0 + 1;
        expect(f, &incidents, "1@-8640000000:{\"n\":1} ");
        anomalies.span.from = DAY0 + 30000;
        expect(f, &anomalies, "");
        flush_now(f);
    }
}

static bool count_three(void *arg, const struct finding *finding)
{
    (void)finding;
    return ++*(int *)arg < 3;
}

static void a_caller_may_stop(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted wanted = all_of(FINDING_ANOMALY);
    struct tm_why why;
    for (uint64_t id = 1; id <= 10; id++) {
        tell_plain(f->store, FINDING_ANOMALY, id, 0);
        if (id == 8)
            flush_now(f);
    }
    int count = 0;
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(findings_search(reader, &wanted, count_three, &count, &why), TM_OK);
    assert_int_equal(count, 3);
    reader_close(reader);
}

/* ---- against a model ---- */

enum { MODEL_IDS = 400, MODEL_STEPS = 6000, MODEL_TIMES = 50, MODEL_BODY = 700 };

struct model {
    struct {
        bool is_there;
        time_ms_t time;
        unsigned version;
    } at[MODEL_IDS + 1];
    uint64_t seed;
};

static unsigned draw(struct model *m, unsigned below)
{
    m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->seed >> 33) % below;
}

/* Bodies of many lengths, short ones and such as are packed. */
static struct str model_body(char text[MODEL_BODY], uint64_t id, unsigned version)
{
    int len = snprintf(text, MODEL_BODY, "{\"id\":%llu,\"v\":%u,\"x\":\"%0*u\"}", (unsigned long long)id,
                       version, (int)(id * 7 % 600), version * 31);
    return (struct str){text, (size_t)len};
}

static void tell_some(struct fixture *f, struct model *m)
{
    char bodies[8][MODEL_BODY];
    struct batch *batch = store_batch_new(f->store);
    for (int i = 0; i < 8; i++) {
        uint64_t id = 1 + draw(m, MODEL_IDS);
        struct finding finding =
            finding_of(FINDING_ANOMALY, id, DAY0 + (time_ms_t)draw(m, MODEL_TIMES) * 1000, "shop");
        m->at[id].is_there = true;
        m->at[id].time = finding.time;
        finding.body = model_body(bodies[i], id, ++m->at[id].version);
        assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

struct comparing {
    const struct model *model;
    size_t count;
    time_ms_t time;
    uint64_t id;
};

static bool compare_one(void *arg, const struct finding *finding)
{
    struct comparing *c = arg;
    char body[MODEL_BODY];
    assert_in_range(finding->id, 1, MODEL_IDS);
    assert_true(c->model->at[finding->id].is_there && c->model->at[finding->id].time == finding->time);
    struct str wanted = model_body(body, finding->id, c->model->at[finding->id].version);
    assert_true(str_equal(finding->body, wanted));
    assert_true(c->count == 0 || finding->time < c->time ||
                (finding->time == c->time && finding->id < c->id));
    c->time = finding->time;
    c->id = finding->id;
    c->count++;
    return true;
}

static void compare_model(struct reader *reader, const struct model *m, struct span span)
{
    struct findings_wanted wanted = all_of(FINDING_ANOMALY);
    struct comparing comparing = {.model = m};
    struct tm_why why;
    size_t count = 0;
    wanted.span = span;
    for (size_t id = 1; id <= MODEL_IDS; id++)
        count += m->at[id].is_there && m->at[id].time >= span.from && m->at[id].time < span.to;
    assert_int_equal(findings_search(reader, &wanted, compare_one, &comparing, &why), TM_OK);
    assert_int_equal(comparing.count, count);
}

static void whatever_is_told_flushed_and_opened_again_the_list_is_the_models(void **state)
{
    struct fixture *f = *state;
    struct model *m = calloc(1, sizeof *m);
    m->seed = 7;
    for (int step = 0; step < MODEL_STEPS / 8; step++) {
        tell_some(f, m);
        if (draw(m, 40) == 0)
            flush_now(f);
        if (draw(m, 60) == 0)
            fixture_reopen(f);
        if (step % 25 != 0)
            continue;
        struct reader *reader = reader_of_store(f->store), *other;
        time_ms_t from = DAY0 + (time_ms_t)draw(m, MODEL_TIMES) * 1000;
        compare_model(reader, m, READER_ALWAYS);
        compare_model(reader, m, (struct span){from, from + 5000});
        reader_close(reader);
        if (step % 100 != 0)
            continue;
        assert_int_equal(reader_open(f->dir, &other, &f->why), TM_OK);
        compare_model(other, m, READER_ALWAYS);
        reader_close(other);
    }
    free(m);
}

/* More than one step takes, of one time: the place within it is found again. */
static void a_long_list_is_whole(void **state)
{
    enum { MANY = 2600 };
    struct fixture *f = *state;
    struct bytes out = {0};
    struct tm_why why;
    struct batch *batch = store_batch_new(f->store);
    for (uint64_t id = 1; id <= MANY; id++) {
        const struct finding finding = finding_of(FINDING_ANOMALY, id, DAY0, "shop");
        assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    flush_now(f);
    struct reader *reader = reader_of_store(f->store);
    const struct findings_wanted wanted = all_of(FINDING_ANOMALY);
    assert_int_equal(findings_search(reader, &wanted, write_one, &out, &why), TM_OK);
    bytes_put(&out, "", 1);
    const char *at = (const char *)out.data;
    for (uint64_t id = MANY; id > 0; id--) {
        char *end;
        assert_int_equal(strtoull(at, &end, 10), id);
        at = strchr(end, ' ') + 1;
    }
    assert_int_equal(*at, 0);
    reader_close(reader);
    bytes_fini(&out);
}

/* ---- beside the owner ---- */

enum { RACE_IDS = 60, RACE_ROUNDS = 120, RACE_READERS = 2 };

struct race {
    struct store *store;
    atomic_uint acknowledged; /* version that all have at least */
    atomic_bool is_over;
    atomic_uint faults;
    atomic_uint searches;
};

struct race_look {
    unsigned least;
    uint64_t last;
    size_t count;
    bool is_wrong;
};

static bool look_one(void *arg, const struct finding *finding)
{
    struct race_look *look = arg;
    unsigned version = 0;
    look->is_wrong = look->is_wrong || sscanf(finding->body.ptr, "{\"v\":%u", &version) != 1 ||
                     version < look->least || (look->last != 0 && finding->id >= look->last);
    look->last = finding->id;
    look->count++;
    return true;
}

static void *race_read(void *arg)
{
    struct race *race = arg;
    const struct findings_wanted wanted = all_of(FINDING_INCIDENT);
    while (!atomic_load(&race->is_over)) {
        struct race_look look = {.least = atomic_load(&race->acknowledged)};
        struct reader *reader = reader_of_store(race->store);
        struct tm_why why;
        enum tm_err err = findings_search(reader, &wanted, look_one, &look, &why);
        bool is_wrong = err || look.is_wrong || (look.least > 0 && look.count != RACE_IDS);
        atomic_fetch_add(&race->faults, is_wrong);
        atomic_fetch_add(&race->searches, 1);
        reader_close(reader);
    }
    return NULL;
}

static void a_search_beside_flushes_has_each_once_and_none_older_than_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct race race = {.store = f->store};
    pthread_t threads[RACE_READERS];
    for (int i = 0; i < RACE_READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race_read, &race), 0);
    for (unsigned round = 1; round <= RACE_ROUNDS; round++) {
        struct batch *batch = store_batch_new(f->store);
        for (uint64_t id = 1; id <= RACE_IDS; id++) {
            struct finding finding = finding_of(FINDING_INCIDENT, id, DAY0, "shop");
            char body[32];
            (void)snprintf(body, sizeof body, "{\"v\":%u}", round);
            finding.body = str_of(body);
            assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        atomic_store(&race.acknowledged, round);
        if (round % 5 == 0)
            flush_now(f);
    }
    while (atomic_load(&race.searches) < RACE_READERS)
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    atomic_store(&race.is_over, true);
    for (int i = 0; i < RACE_READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&race.faults), 0);
}

/* ---- retention ---- */

static void keep_findings(struct fixture *f, int64_t keep_ms)
{
    const struct store_retention retention = {.findings_ms = keep_ms};
    store_set_retention(f->store, &retention);
    tell_plain(f->store, FINDING_ANOMALY, 999, 0);
    flush_now(f);
    pass_time(f, HOUR_MS);
    store_poll(f->store);
    flush_settle(f->store);
}

static void old_ones_go_but_closings_and_the_newest_verdict_stay(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted anomalies = all_of(FINDING_ANOMALY), incidents = all_of(FINDING_INCIDENT);
    const struct findings_wanted closings = all_of(FINDING_CLOSING), verdicts = all_of(FINDING_VERDICT);
    const struct findings_wanted feedback = all_of(FINDING_FEEDBACK);
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++) {
        tell_plain(f->store, (enum finding_kind)kind, 1, -400 * DAY_MS);
        tell_plain(f->store, (enum finding_kind)kind, 2, -390 * DAY_MS);
        tell_plain(f->store, (enum finding_kind)kind, 3, -1 * DAY_MS);
    }
    struct finding other = finding_of(FINDING_VERDICT, 4, DAY0 - 500 * DAY_MS, "cart");
    tell(f->store, &other);
    other = finding_of(FINDING_VERDICT, 5, DAY0 - 510 * DAY_MS, "cart");
    tell(f->store, &other);
    other.id = 6;
    other.env = STR("prod");
    tell(f->store, &other);
    keep_findings(f, 0);
    expect(f, &incidents, "3@-86400000:{\"n\":1} 2@-33696000000:{\"n\":1} 1@-34560000000:{\"n\":1} ");
    keep_findings(f, 395 * DAY_MS);
    expect(f, &incidents, "3@-86400000:{\"n\":1} 2@-33696000000:{\"n\":1} ");
    keep_findings(f, 30 * DAY_MS);
    expect(f, &incidents, "3@-86400000:{\"n\":1} ");
    expect(f, &feedback, "3@-86400000:{\"n\":1} ");
    expect(f, &anomalies, "999@0:{\"n\":1} 3@-86400000:{\"n\":1} ");
    expect(f, &closings, "3@-86400000:{\"n\":1} 2@-33696000000:{\"n\":1} 1@-34560000000:{\"n\":1} ");
    expect(f, &verdicts, "3@-86400000:{\"n\":1} 4@-43200000000:{\"n\":1} 6@-44064000000:{\"n\":1} ");
    struct findings_wanted gone = incidents;
    gone.id = 1;
    expect(f, &gone, "");
}

/* More than one transaction removes. */
static void many_old_ones_go(void **state)
{
    enum { MANY = 9000 };
    struct fixture *f = *state;
    const struct findings_wanted anomalies = all_of(FINDING_ANOMALY);
    struct batch *batch = store_batch_new(f->store);
    for (uint64_t id = 1; id <= MANY; id++) {
        const struct finding finding =
            finding_of(FINDING_ANOMALY, 1000 + id, DAY0 - 400 * DAY_MS + (time_ms_t)id, "shop");
        assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    keep_findings(f, 30 * DAY_MS);
    expect(f, &anomalies, "999@0:{\"n\":1} ");
}

/* ---- what is none ---- */

static void what_breaks_a_bound_is_refused(void **state)
{
    struct fixture *f = *state;
    static char long_body[FINDING_BODY_MAX + 2];
    memset(long_body, ' ', sizeof long_body);
    long_body[0] = '{';
    long_body[sizeof long_body - 1] = '}';
    struct batch *batch = store_batch_new(f->store);
    const struct finding good = finding_of(FINDING_ANOMALY, 1, DAY0, "shop");
    struct finding bad[12];
    for (size_t i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].kind = FINDING_KIND_COUNT;
    bad[1].id = 0;
    bad[2].score = 100.5;
    bad[3].score = -1;
    bad[4].score = 0.0 / 0.0;
    bad[5].body = STR("");
    bad[6].body = STR("[]");
    bad[7].body = (struct str){long_body, sizeof long_body};
    bad[8].service = (struct str){long_body, FINDING_NAME_MAX + 1};
    bad[9].env = (struct str){long_body, FINDING_NAME_MAX + 1};
    bad[10].end = DAY0 - 1;
    bad[11].end = DAY0 + FINDING_SHORT_MS + 1;
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(store_batch_finding(batch, &bad[i]), TM_INVALID);
    assert_int_equal(store_batch_count(batch), 0);
    struct finding big = good;
    big.body = (struct str){long_body, FINDING_BODY_MAX};
    long_body[FINDING_BODY_MAX - 1] = '}';
    big.end = DAY0 + FINDING_SHORT_MS;
    assert_int_equal(store_batch_finding(batch, &big), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

/* Any byte that is changed, any end that is missing: never a read out of bounds, never another finding. */
static void hostile_bytes_are_no_findings(void **state)
{
    (void)state;
    struct finding finding = finding_of(FINDING_INCIDENT, 77, DAY0, "shop"), out;
    struct finding_packed packed;
    struct bytes line = {0}, value = {0}, body = {0};
    struct finding_zip zip = {NULL, NULL};
    char text[400];
    (void)snprintf(text, sizeof text, "{\"x\":\"%0300d\"}", 5);
    finding.body = str_of(text);
    finding_encode(&finding, &line);
    finding_pack(&finding, &zip, &value);
    assert_true(value.len < line.len / 2);
    assert_int_equal(finding_decode(DAY0, bytes_view(&line), &out), TM_OK);
    assert_true(str_equal(out.body, finding.body) && out.id == 77 && out.score == 50);
    assert_int_equal(finding_unpack(&finding, cursor_of(value.data, value.len), &packed), TM_OK);
    assert_int_equal(finding_unpack_body(&packed, &zip, &body), TM_OK);
    assert_true(str_equal(bytes_view(&body), finding.body));
    for (size_t len = 0; len < line.len; len++)
        assert_int_equal(finding_decode(DAY0, (struct str){(char *)line.data, len}, &out), TM_CORRUPT);
    for (size_t len = 0; len < value.len; len++) {
        bytes_clear(&body);
        if (finding_unpack(&finding, cursor_of(value.data, len), &packed) == TM_OK)
            assert_int_equal(finding_unpack_body(&packed, &zip, &body), TM_CORRUPT);
    }
    for (size_t at = 0; at < value.len * 8; at++) {
        value.data[at / 8] ^= (uint8_t)(1 << at % 8);
        bytes_clear(&body);
        if (finding_unpack(&finding, cursor_of(value.data, value.len), &packed) == TM_OK &&
            finding_unpack_body(&packed, &zip, &body) == TM_OK)
            assert_true(body.len >= 2 && body.data[0] == '{');
        value.data[at / 8] ^= (uint8_t)(1 << at % 8);
    }
    bytes_fini(&line);
    bytes_fini(&value);
    finding_zip_fini(&zip);
    bytes_fini(&body);
}

/* Puts a value without a right checksum in place of an anomaly's. */
static void damage(const struct fixture *f, uint64_t id, time_ms_t time)
{
    uint8_t key[CATALOG_FINDING_KEY];
    char path[512], junk[40] = "junk";
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    catalog_finding_key(key, FINDING_ANOMALY, time, id);
    MDB_val k = {sizeof key, key}, v = {sizeof junk, junk};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0640), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "findings", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_damaged_one_is_an_error_or_left_out_and_counted(void **state)
{
    struct fixture *f = *state;
    struct findings_wanted wanted = all_of(FINDING_ANOMALY);
    struct bytes out = {0};
    uint64_t damaged = 0;
    for (uint64_t id = 1; id <= 3; id++)
        tell_plain(f->store, FINDING_ANOMALY, id, (time_ms_t)id * 1000);
    flush_now(f);
    fixture_close(f);
    damage(f, 2, DAY0 + 2000);
    fixture_open(f);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(findings_search(reader, &wanted, write_one, &out, &f->why), TM_CORRUPT);
    assert_non_null(strstr(f->why.text, "tidemark verify"));
    wanted.id = 2;
    assert_int_equal(findings_search(reader, &wanted, write_one, &out, &f->why), TM_CORRUPT);
    wanted.id = 0;
    wanted.damaged = &damaged;
    expect_in(reader, &wanted, "3@3000:{\"n\":1} 1@1000:{\"n\":1} ");
    assert_int_equal(damaged, 1);
    reader_close(reader);
    bytes_fini(&out);
    tell_plain(f->store, FINDING_ANOMALY, 2, 5000); /* told again it is whole */
    wanted.damaged = NULL;
    flush_now(f);
    expect(f, &wanted, "2@5000:{\"n\":1} 3@3000:{\"n\":1} 1@1000:{\"n\":1} ");
}

int main(void)
{
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_STORE(a_finding_told_again_replaces_what_was),
        ON_STORE(findings_outlive_flushes_and_restarts),
        ON_STORE(a_list_is_newest_first_and_goes_on_behind_a_place),
        ON_STORE(each_filter_is_held),
        ON_STORE(what_lasts_reaches_into_a_span),
        ON_STORE(a_caller_may_stop),
        ON_STORE(whatever_is_told_flushed_and_opened_again_the_list_is_the_models),
        ON_STORE(a_long_list_is_whole),
        ON_STORE(a_search_beside_flushes_has_each_once_and_none_older_than_acknowledged),
        ON_STORE(old_ones_go_but_closings_and_the_newest_verdict_stay),
        ON_STORE(many_old_ones_go),
        ON_STORE(what_breaks_a_bound_is_refused),
        ON_STORE(a_damaged_one_is_an_error_or_left_out_and_counted),
        cmocka_unit_test(hostile_bytes_are_no_findings),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
