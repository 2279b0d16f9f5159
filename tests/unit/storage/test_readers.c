/* Readers on their own threads beside the writer, flushes, seals and drops; run it under the thread
 * sanitizer. Nothing that was acknowledged before a reader began may be missing from what it reads. */
#include <stdatomic.h>

#include "tests/unit/storage/engine.h"

enum {
    READERS = 3,
    SERIES = 3,
    ROUNDS = 240,
    PER_ROUND = 24,
    STEP_MS = 60000,
    KEEP_DAYS = 2,
    WAIT_EVERY = 40
};

/* What the writer tells the readers, and what they found. */
struct scene {
    struct fixture *f;
    atomic_int acknowledged; /* rounds */
    atomic_bool over;
    atomic_int reads;
    atomic_int faults;
    char first_fault[200]; /* written by who raised faults to 1 */
    bool drops;
};

static void tell_fault(struct scene *scene, const char *what, int64_t number)
{
    if (atomic_fetch_add(&scene->faults, 1) == 0)
        (void)snprintf(scene->first_fault, sizeof scene->first_fault, "%s: %lld", what, (long long)number);
}

/* Sample n of a series: its time and value follow from n. */
static time_ms_t time_of(int n)
{
    return DAY0 + (time_ms_t)n * STEP_MS;
}

struct find {
    struct str name;
    uint32_t found;
};

static bool find_one(void *arg, uint32_t series, struct str encoded)
{
    struct find *find = arg;
    struct labels labels;
    if (labels_decode(encoded, &labels) == TM_OK &&
        str_equal(labels_get(&labels, STR(LABEL_NAME)), find->name))
        find->found = series;
    return !find->found;
}

/* What is older may be dropped. */
static time_ms_t oldest_kept(const struct scene *scene)
{
    return scene->drops ? still_wall(&scene->f->clock) - KEEP_DAYS * DAY_MS : INT64_MIN;
}

/* Is it the next one? Of those below sure none may be missing that is kept. Returns the number behind it. */
static int check_sample(struct scene *scene, time_ms_t time, double value, int next, int sure)
{
    int n = (int)((time - DAY0) / STEP_MS);
    if (time != time_of(n) || value != n)
        tell_fault(scene, "a wrong sample", n);
    if (n < next)
        tell_fault(scene, "a sample is there twice", n);
    if (n > next && next < sure && time_of(next) >= oldest_kept(scene))
        tell_fault(scene, "an acknowledged sample is missing", next);
    return n + 1;
}

/* Of the samples [0, sure) all must be there, or the newest of them if days are dropped; of later ones any
 * may. */
static void check_samples(struct scene *scene, struct reader *reader, uint32_t series, int sure)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct tm_why why;
    struct reader_walk walk;
    enum tm_err err;
    int next = 0;
    reader_walk_init(&walk, series, EVERYTHING);
    while ((err = reader_walk_next(reader, &walk, &times, &values, &count, &why)) == TM_OK) {
        for (size_t i = 0; i < count; i++)
            next = check_sample(scene, times[i], values[i], next, sure);
    }
    if (err != TM_NOT_FOUND)
        tell_fault(scene, tm_err_text(err), next);
    if (next < sure)
        tell_fault(scene, "acknowledged samples are missing from", next);
}

struct numbers {
    uint32_t of[SERIES];
};

static bool note_number(void *arg, uint32_t series, struct str encoded)
{
    struct numbers *numbers = arg;
    struct labels labels;
    char name[16];
    for (int s = 0; s < SERIES && labels_decode(encoded, &labels) == TM_OK; s++) {
        (void)snprintf(name, sizeof name, "s%d", s);
        if (str_equal(labels_get(&labels, STR(LABEL_NAME)), str_of(name)))
            numbers->of[s] = series;
    }
    return true;
}

/* The last day of the samples [0, sure), of all series together. */
static void check_rows(struct scene *scene, struct reader *reader, int sure)
{
    struct numbers numbers = {{0}};
    struct reader_row rows[READER_ROWS_MAX];
    struct span span = {time_of(sure) - DAY_MS, time_of(sure)};
    int first = sure > DAY_MS / STEP_MS ? sure - (int)(DAY_MS / STEP_MS) : 0;
    if (sure == 0 || reader_series(reader, note_number, &numbers) != TM_OK)
        return;
    for (size_t at = 0, given = 0; at < SERIES; at += given) {
        enum tm_err err = reader_rows(reader, numbers.of + at, SERIES - at, span, rows, &given);
        if (err) {
            tell_fault(scene, tm_err_text(err), sure);
            return;
        }
        for (size_t i = 0; i < given; i++) {
            int next = first;
            for (size_t k = 0; k < rows[i].count; k++)
                next = check_sample(scene, rows[i].times[k], rows[i].values[k], next, sure);
            if (next < sure && time_of(sure - 1) >= oldest_kept(scene))
                tell_fault(scene, "acknowledged samples are missing from a row at", next);
        }
    }
}

struct events {
    struct scene *scene;
    int next;
};

static bool check_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct events *events = arg;
    char text[16];
    (void)kind;
    (void)snprintf(text, sizeof text, "%.*s", (int)(line.len < 15 ? line.len : 15), line.ptr);
    if (atoi(text) != events->next || time != time_of(events->next * PER_ROUND))
        tell_fault(events->scene, "an event is missing, doubled or out of order", events->next);
    events->next++;
    return true;
}

static void check_selection(struct scene *scene, struct reader *reader, int sure)
{
    struct selector selector;
    struct index_list list = {0};
    struct index_ids ids = {0};
    struct tm_why why;
    if (sure == 0 || selector_parse(STR("{service=\"shop\"}"), &selector, &why) != TM_OK)
        return;
    struct reader_filter filter = {&selector, 1, {time_of(sure - 1), time_of(sure)}};
    struct reader_listing listing = {.filter = filter};
    /* Each round names SERIES lasting series, and one of its own. */
    if (reader_find(reader, &filter, &ids, &why) != TM_OK || ids.count < SERIES)
        tell_fault(scene, "series with a newest sample are missing", (int64_t)ids.count);
    if (reader_sort(reader, &ids) != TM_OK)
        tell_fault(scene, "no order", 0);
    if (reader_values(reader, STR(LABEL_NAME), &listing, &list, &why) != TM_OK || list.count < ids.count)
        tell_fault(scene, "names are missing", (int64_t)list.count);
    index_list_fini(&list);
    index_ids_fini(&ids);
    selector_fini(&selector);
}

static void read_once(struct scene *scene, int which)
{
    struct events events = {scene, 0};
    struct tm_why why;
    char name[16];
    struct find find;
    int rounds = atomic_load(&scene->acknowledged);
    struct reader *reader = reader_of_store(scene->f->store);
    (void)snprintf(name, sizeof name, "s%d", which % SERIES);
    find = (struct find){str_of(name), 0};
    assert_int_equal(reader_series(reader, find_one, &find), TM_OK);
    if (find.found)
        check_samples(scene, reader, find.found, rounds * PER_ROUND);
    else if (rounds > 0)
        tell_fault(scene, "a series is missing", which);
    if (reader_events(reader, EVENT_HTTP, EVERYTHING, check_event, &events, &why) != TM_OK)
        tell_fault(scene, "events fail", events.next);
    if (events.next < rounds)
        tell_fault(scene, "acknowledged events are missing from", events.next);
    check_selection(scene, reader, rounds * PER_ROUND);
    check_rows(scene, reader, rounds * PER_ROUND);
    reader_close(reader);
    atomic_fetch_add(&scene->reads, 1);
}

struct reading {
    struct scene *scene;
    int number;
};

static void *run_reader(void *arg)
{
    struct reading *reading = arg;
    for (int i = 0; !atomic_load(&reading->scene->over); i++)
        read_once(reading->scene, reading->number + i);
    return NULL;
}

static void send_round(struct scene *scene, int round)
{
    struct store *store = scene->f->store;
    struct batch *batch = store_batch_new(store);
    char name[16], line[16];
    assert_non_null(batch);
    for (int s = 0; s < SERIES; s++) {
        (void)snprintf(name, sizeof name, "s%d", s);
        for (int n = round * PER_ROUND; n < (round + 1) * PER_ROUND; n++)
            put(store, batch, name, time_of(n), n);
    }
    (void)snprintf(name, sizeof name, "own%d", round);
    put(store, batch, name, time_of(round * PER_ROUND), round);
    (void)snprintf(line, sizeof line, "%d", round);
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, time_of(round * PER_ROUND), str_of(line)), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
    atomic_store(&scene->acknowledged, round + 1);
}

static void run_scene(struct scene *scene)
{
    pthread_t threads[READERS];
    struct reading readings[READERS];
    for (int i = 0; i < READERS; i++) {
        readings[i] = (struct reading){scene, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readings[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        send_round(scene, round);
        pass_time(scene->f, (int64_t)PER_ROUND * STEP_MS);
        store_poll(scene->f->store);
        if (round % WAIT_EVERY == WAIT_EVERY - 1) /* else the writer may be done before the first flush is */
            flush_now(scene->f);
    }
    store_poll(scene->f->store);
    int before = atomic_load(&scene->reads);
    while (atomic_load(&scene->reads) < before + READERS)
        store_poll(scene->f->store);
    atomic_store(&scene->over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&scene->faults) > 0)
        print_error("%d faults, the first: %s\n", atomic_load(&scene->faults), scene->first_fault);
    assert_int_equal(atomic_load(&scene->faults), 0);
}

static void what_was_acknowledged_is_read_beside_flushes_and_seals(void **state)
{
    struct fixture *f = *state;
    struct scene scene = {.f = f};
    fixture_close(f);
    f->options.head_bytes = 24 << 10;
    fixture_open(f);
    run_scene(&scene);
    flush_settle(f->store);
    assert_true(stats_of(f->store).flushes > 3);
    assert_true(stats_of(f->store).sealed_days > 0);
}

static void what_is_kept_is_read_beside_drops(void **state)
{
    struct fixture *f = *state;
    struct scene scene = {.f = f, .drops = true};
    fixture_close(f);
    f->options.head_bytes = 24 << 10;
    f->options.retention_raw_ms = KEEP_DAYS * DAY_MS;
    fixture_open(f);
    run_scene(&scene);
    flush_settle(f->store);
    assert_true(stats_of(f->store).expired_days > 0);
}

/* ---- one thread ---- */

struct stopper {
    int left;
};

static bool stop_later(void *arg)
{
    struct stopper *stopper = arg;
    return stopper->left-- <= 0;
}

static void a_query_ends_when_it_is_told_to(void **state)
{
    struct fixture *f = *state;
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct stopper stopper = {2};
    const struct reader_limits limits = {.stop = stop_later, .stop_arg = &stopper};
    struct reader_walk walk;
    for (int day = 0; day < 5; day++)
        assert_int_equal(send_one(f->store, "a", DAY0 + day * DAY_MS, day), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    struct find find = {STR("a"), 0};
    assert_int_equal(reader_series(reader, find_one, &find), TM_OK);
    reader_limit(reader, &limits);
    reader_walk_init(&walk, find.found, EVERYTHING);
    assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_OK);
    assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_CLOSED);
    assert_int_equal(walk.span.from, DAY0 + DAY_MS);
    reader_close(reader);
}

static void a_query_reads_no_more_samples_than_it_may(void **state)
{
    struct fixture *f = *state;
    const time_ms_t *times;
    const double *values;
    size_t count;
    const struct reader_limits limits = {.max_samples = 3};
    struct reader_walk walk;
    for (int day = 0; day < 4; day++)
        assert_int_equal(send_one(f->store, "a", DAY0 + day * DAY_MS, day), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    struct find find = {STR("a"), 0};
    assert_int_equal(reader_series(reader, find_one, &find), TM_OK);
    reader_limit(reader, &limits);
    reader_walk_init(&walk, find.found, EVERYTHING);
    for (int day = 0; day < 3; day++)
        assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_OK);
    assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_LIMIT);
    assert_non_null(strstr(f->why.text, "limits.query_max_samples (3)"));
    assert_int_equal(reader_samples_read(reader), 4);
    reader_close(reader);
}

static void expect_found(struct fixture *f, const char *text, struct span span, const char *expected)
{
    struct selector selector;
    struct index_ids ids;
    struct bytes names = {0};
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(selector_parse(str_of(text), &selector, &f->why), TM_OK);
    const struct reader_filter filter = {&selector, 1, span};
    assert_int_equal(reader_find(reader, &filter, &ids, &f->why), TM_OK);
    assert_int_equal(reader_sort(reader, &ids), TM_OK);
    for (size_t i = 0; i < ids.count; i++) {
        struct labels labels;
        struct bytes encoded = {0};
        reader_labels(reader, ids.ids[i], &encoded);
        assert_int_equal(labels_decode(bytes_view(&encoded), &labels), TM_OK);
        bytes_printf(&names, "%.*s ", STR_ARG(labels_get(&labels, STR(LABEL_NAME))));
        bytes_fini(&encoded);
    }
    bytes_put(&names, "", 1);
    assert_string_equal((char *)names.data, expected);
    bytes_fini(&names);
    index_ids_fini(&ids);
    selector_fini(&selector);
    reader_close(reader);
}

static void series_are_found_by_when_they_have_samples(void **state)
{
    struct fixture *f = *state;
    const struct span first = {DAY0, DAY0 + HOUR_MS}, second = {DAY0 + DAY_MS, DAY0 + 2 * DAY_MS};
    for (int is_flushed = 0; is_flushed < 2; is_flushed++) {
        if (!is_flushed) {
            assert_int_equal(send_one(f->store, "zebra", DAY0, 1), TM_OK);
            assert_int_equal(send_one(f->store, "ant", DAY0 + DAY_MS, 1), TM_OK);
            assert_int_equal(send_one(f->store, "mole", DAY0 + HOUR_MS, 1), TM_OK);
            assert_int_equal(send_one(f->store, "mole", DAY0 + DAY_MS, 1), TM_OK);
        } else {
            flush_now(f);
        }
        expect_found(f, "{service=\"shop\"}", EVERYTHING, "ant mole zebra ");
        expect_found(f, "{service=\"shop\"}", first, "zebra ");
        expect_found(f, "{service=\"shop\"}", second, "ant mole ");
        expect_found(f, "{__name__=~\"a.*|z.*\"}", second, "ant ");
        expect_found(f, "{service=\"shop\"}", (struct span){DAY0 + 5 * DAY_MS, INT64_MAX}, "");
    }
}

/* More values than are judged in one step, and patterns that need the regex engine, either way round. */
static void costly_patterns_take_what_they_should(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    char name[16];
    for (int i = 0; i < 700; i++) {
        (void)snprintf(name, sizeof name, "n%03d", i);
        put(f->store, batch, name, DAY0, i);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    expect_found(
        f, "{__name__=~\"n[0-6]([0-9])[8]|n00[2-3]\",service=~\"s[a-z]op\",__name__!~\"n[0-5].+|n.[1-9].\"}",
        EVERYTHING, "n608 ");
    expect_found(f, "{service=\"shop\",__name__!~\"n[0-5]..|n6[1-9]\\\\d|n60[^37]\"}", EVERYTHING,
                 "n603 n607 ");
    assert_int_equal(send_one(f->store, "n6x7", DAY0, 1), TM_OK);
    expect_found(f, "{__name__=~\"n6[0x]7\"}", EVERYTHING, "n607 n6x7 ");
}

/* "text/series/values/bytes " of each. */
static char *list_text(const struct index_list *list)
{
    struct bytes out = {0};
    for (size_t i = 0; i < list->count; i++)
        bytes_printf(&out, "%.*s/%llu/%llu/%llu ", STR_ARG(list->items[i].text),
                     (unsigned long long)list->items[i].series, (unsigned long long)list->items[i].values,
                     (unsigned long long)list->items[i].bytes);
    bytes_put(&out, "", 1);
    return (char *)out.data;
}

static void expect_list(struct index_list *list, const char *expected)
{
    char *text = list_text(list);
    assert_string_equal(text, expected);
    free(text);
    index_list_fini(list);
}

static void labels_are_listed_and_counted(void **state)
{
    struct fixture *f = *state;
    struct index_list list;
    struct reader_listing all = {.filter = {.span = EVERYTHING}};
    struct reader_listing later = {.filter = {.span = {DAY0 + DAY_MS, INT64_MAX}}};
    struct reader_head head;
    assert_int_equal(send_one(f->store, "one", DAY0, 1), TM_OK);
    flush_now(f);
    assert_int_equal(send_one(f->store, "three", DAY0 + DAY_MS + 5, 1), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(reader_names(reader, &all, &list, &f->why), TM_OK);
    expect_list(&list, "__name__/2/2/0 service/2/1/0 ");
    assert_int_equal(reader_values(reader, STR("__name__"), &all, &list, &f->why), TM_OK);
    expect_list(&list, "one/1/0/0 three/1/0/0 ");
    assert_int_equal(reader_values(reader, STR("__name__"), &later, &list, &f->why), TM_OK);
    expect_list(&list, "three/1/0/0 ");
    assert_int_equal(reader_values(reader, STR("nothing"), &all, &list, &f->why), TM_OK);
    expect_list(&list, "");
    assert_int_equal(reader_services(reader, &all, &list, &f->why), TM_OK);
    expect_list(&list, "shop/2/0/0 ");
    assert_int_equal(reader_pairs(reader, 1, &list, &f->why), TM_OK);
    expect_list(&list, "service=shop/2/0/0 ");
    assert_int_equal(reader_value_bytes(reader, 9, &list, &f->why), TM_OK);
    expect_list(&list, "__name__/0/0/8 service/0/0/4 ");
    assert_int_equal(reader_head(reader, &head, &f->why), TM_OK);
    assert_int_equal(head.series, 2);
    assert_int_equal(head.label_pairs, 3);
    assert_int_equal(head.samples, 1);
    assert_int_equal(head.oldest_ms, DAY0 + DAY_MS);
    assert_int_equal(head.newest_ms, DAY0 + DAY_MS + 5);
    reader_close(reader);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_query_ends_when_it_is_told_to),
        WITH_STORE(a_query_reads_no_more_samples_than_it_may),
        WITH_STORE(series_are_found_by_when_they_have_samples),
        WITH_STORE(costly_patterns_take_what_they_should),
        WITH_STORE(labels_are_listed_and_counted),
        WITH_STORE(what_was_acknowledged_is_read_beside_flushes_and_seals),
        WITH_STORE(what_is_kept_is_read_beside_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
