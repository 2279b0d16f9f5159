/* The promises of store.h: batches, series, producers, limits. */
#include "tests/unit/storage/fixture.h"

/* ---- batches ---- */

static void an_acknowledged_sample_is_visible(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1000, 0.5), TM_OK);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_true(last_of(f->store, "cpu") == 0.5);
}

static void an_acknowledged_sample_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1000, 0.5), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_true(last_of(f->store, "cpu") == 0.5);
    assert_int_equal(stats_of(f->store).replayed_records, 1);
}

static void nothing_is_visible_before_it_is_synced(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0, TM_OK};
    struct batch *batch = one_sample(f->store, "cpu", 1000, 1);
    faulty_hold(&f->faulty, true);
    assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answer), TM_OK);
    store_poll(f->store);
    assert_int_equal(answer.calls, 0);
    assert_int_equal(count_of(f->store, "cpu"), 0);
    assert_true(stats_of(f->store).pending_bytes > 0);
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &answer);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_int_equal(stats_of(f->store).pending_bytes, 0);
}

static void close_answers_every_batch(void **state)
{
    struct fixture *f = *state;
    struct answer answers[20] = {{0, TM_OK}};
    for (int i = 0; i < 20; i++) {
        struct batch *batch = one_sample(f->store, "cpu", i, i);
        assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answers[i]), TM_OK);
    }
    fixture_close(f);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].err, TM_OK);
    }
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 20);
}

static void a_group_takes_one_sync(void **state)
{
    struct fixture *f = *state;
    struct answer answers[50] = {{0, TM_OK}};
    struct batch *first = one_sample(f->store, "cpu", 0, 0);
    faulty_hold(&f->faulty, true);
    assert_int_equal(store_submit(f->store, &first, NULL, answer_done, &answers[0]), TM_OK);
    const struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL); /* the thread waits in its sync now; the rest queues up behind it */
    int before = faulty_calls(&f->faulty, CALL_SYNC);
    for (int i = 1; i < 50; i++) {
        struct batch *batch = one_sample(f->store, "cpu", i, i);
        assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answers[i]), TM_OK);
    }
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &answers[49]);
    assert_int_equal(faulty_calls(&f->faulty, CALL_SYNC), before + 1);
    assert_int_equal(stats_of(f->store).journal_syncs, 2);
    assert_int_equal(stats_of(f->store).journal_records, 50);
}

static void the_last_value_of_a_time_wins(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1000, 1), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", 3000, 3), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", 1000, 2), TM_OK);
    for (int i = 0; i < 2; i++) {
        const time_ms_t *times;
        const double *values;
        struct reader *reader = reader_of_store(f->store);
        assert_int_equal(read_in(reader, "cpu", &times, &values), 2);
        assert_int_equal(times[0], 1000);
        assert_true(values[0] == 2);
        assert_int_equal(times[1], 3000);
        assert_true(values[1] == 3);
        reader_close(reader);
        fixture_reopen(f);
    }
}

static void samples_in_any_order_are_read_by_time(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    for (int i = 0; i < 1000; i++)
        put(f->store, batch, "cpu", (i * 7919) % 1000, (i * 7919) % 1000);
    assert_int_equal(store_batch_count(batch), 1000);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    const time_ms_t *times;
    const double *values;
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(read_in(reader, "cpu", &times, &values), 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(times[i], i);
        assert_true(values[i] == i);
    }
    reader_close(reader);
}

static void a_span_is_half_open(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(f->store, "cpu", i * 10, i), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    struct search search = {.name = STR("cpu")};
    const time_ms_t *times;
    const double *values;
    size_t count;
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    struct span span = {20, 50};
    assert_int_equal(reader_samples(reader, search.found, span, &times, &values, &count), TM_OK);
    assert_int_equal(count, 3);
    assert_int_equal(times[0], 20);
    assert_int_equal(times[2], 40);
    span = (struct span){50, 20};
    assert_int_equal(reader_samples(reader, search.found, span, &times, &values, &count), TM_OK);
    assert_int_equal(count, 0);
    reader_close(reader);
}

struct events {
    char text[256];
};

static bool note_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct events *events = arg;
    size_t len = strlen(events->text);
    (void)snprintf(events->text + len, sizeof events->text - len, "%d@%ld=%.*s;", (int)kind, (long)time,
                   STR_ARG(line));
    return true;
}

static void events_are_read_in_the_order_written(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, 5, STR("first")), TM_OK);
    assert_int_equal(store_batch_event(batch, EVENT_MARKER, 6, STR("deploy")), TM_OK);
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, 3, STR("")), TM_OK);
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, 4, STR("third")), TM_OK);
    assert_int_equal(store_batch_count(batch), 4);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    for (int i = 0; i < 2; i++) {
        struct events events = {""};
        struct reader *reader = reader_of_store(f->store);
        assert_int_equal(reader_events(reader, EVENT_HTTP, EVERYTHING, note_event, &events, &f->why), TM_OK);
        assert_string_equal(events.text, "1@5=first;1@3=;1@4=third;");
        events.text[0] = '\0';
        assert_int_equal(reader_events(reader, EVENT_HTTP, (struct span){4, 5}, note_event, &events, &f->why),
                         TM_OK);
        assert_string_equal(events.text, "1@4=third;");
        reader_close(reader);
        assert_int_equal(stats_of(f->store).events, 4);
        assert_int_equal(stats_of(f->store).newest_ms, 5); /* a marker may lie ahead */
        fixture_reopen(f);
    }
}

static void too_much_pending_is_busy_and_stays_the_callers(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.max_pending_bytes = 2000;
    fixture_open(f);
    struct answer answer = {0, TM_OK};
    struct batch *first = one_sample(f->store, "cpu", 1, 1);
    for (int i = 0; i < 200; i++)
        put(f->store, first, "cpu", i, i);
    struct batch *second = one_sample(f->store, "cpu", 500, 2);
    faulty_hold(&f->faulty, true);
    assert_int_equal(store_submit(f->store, &first, NULL, answer_done, &answer), TM_OK);
    assert_int_equal(store_submit(f->store, &second, NULL, answer_done, &answer), TM_BUSY);
    assert_non_null(second);
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &answer);
    assert_int_equal(send_batch(f->store, second, NULL), TM_OK);
    assert_int_equal(count_of(f->store, "cpu"), 201);
}

/* ---- series ---- */

static void equal_labels_under_two_hashes_are_one_series(void **state)
{
    struct fixture *f = *state;
    struct labels labels = {0};
    struct tm_why why;
    series_id first, second;
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), STR("cpu")), TM_OK);
    struct batch *batch = store_batch_new(f->store);
    assert_int_equal(store_series_intern(f->store, batch, hash_of("a"), &labels, STR("shop"), &first, &why),
                     TM_OK);
    assert_int_equal(store_series_intern(f->store, batch, hash_of("b"), &labels, STR("shop"), &second, &why),
                     TM_OK);
    assert_int_equal(first, second);
    assert_int_equal(store_series_find(f->store, hash_of("a")), first);
    assert_int_equal(store_series_find(f->store, hash_of("b")), first);
    assert_int_equal(store_series_find(f->store, hash_of("c")), 0);
    assert_true(str_equal(store_series_service(f->store, first), STR("shop")));
    assert_int_equal(stats_of(f->store).series, 1);
    store_batch_drop(f->store, batch);
}

static void a_dropped_batch_undoes_its_series(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = one_sample(f->store, "cpu", 1, 1);
    assert_true(store_series_find(f->store, hash_of("cpu")) != 0);
    assert_int_equal(stats_of(f->store).series, 1);
    store_batch_drop(f->store, batch);
    assert_int_equal(store_series_find(f->store, hash_of("cpu")), 0);
    assert_int_equal(stats_of(f->store).series, 0);
}

static void a_series_that_another_batch_uses_stays(void **state)
{
    struct fixture *f = *state;
    struct batch *first = one_sample(f->store, "cpu", 1, 1);
    struct batch *second = one_sample(f->store, "cpu", 2, 2);
    store_batch_drop(f->store, first);
    store_poll(f->store);
    assert_true(store_series_find(f->store, hash_of("cpu")) != 0);
    assert_int_equal(send_batch(f->store, second, NULL), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_true(last_of(f->store, "cpu") == 2);
}

static void undone_series_give_their_memory_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "stays", 1, 1), TM_OK);
    for (int round = 0; round < 5; round++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < 3000; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "r%d_%d", round, i);
            put(f->store, batch, name, 1, 1);
        }
        store_batch_drop(f->store, batch);
        store_poll(f->store);
    }
    /* A number is given again and means the new series. */
    struct batch *batch = one_sample(f->store, "again", 1, 7);
    assert_true(store_series_find(f->store, hash_of("again")) < 3005);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    assert_true(last_of(f->store, "again") == 7);
    assert_true(last_of(f->store, "stays") == 1);
    fixture_reopen(f);
    assert_true(last_of(f->store, "again") == 7);
    assert_true(last_of(f->store, "stays") == 1);
    assert_int_equal(stats_of(f->store).series, 2);
}

static void a_full_service_is_refused_by_name_and_others_are_not(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.max_series_per_service = 3;
    fixture_open(f);
    struct batch *batch = store_batch_new(f->store);
    series_id id;
    struct tm_why why;
    const char *names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(series_try(f->store, batch, names[i], "cart", &id, &why), TM_OK);
    assert_int_equal(series_try(f->store, batch, "d", "cart", &id, &why), TM_LIMIT);
    assert_non_null(strstr(why.text, "max_series_per_service of 3"));
    assert_non_null(strstr(why.text, "'cart'"));
    assert_int_equal(id, 0);
    assert_int_equal(series_try(f->store, batch, "a", "cart", &id, &why), TM_OK);
    assert_int_equal(series_try(f->store, batch, "e", "shop", &id, &why), TM_OK);
    assert_int_equal(stats_of(f->store).series_refused, 1);
    uint64_t count;
    assert_true(str_equal(store_top_service(f->store, &count), STR("cart")));
    assert_int_equal(count, 3);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    fixture_reopen(f);
    batch = store_batch_new(f->store);
    assert_int_equal(series_try(f->store, batch, "d", "cart", &id, &why), TM_LIMIT);
    assert_true(str_equal(store_top_service(f->store, &count), STR("cart")));
    store_batch_drop(f->store, batch);
}

static void the_limit_on_all_series_names_the_worst_service(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.max_series = 3;
    fixture_open(f);
    struct batch *batch = store_batch_new(f->store);
    series_id id;
    struct tm_why why;
    assert_int_equal(series_try(f->store, batch, "a", "cart", &id, &why), TM_OK);
    assert_int_equal(series_try(f->store, batch, "b", "shop", &id, &why), TM_OK);
    assert_int_equal(series_try(f->store, batch, "c", "shop", &id, &why), TM_OK);
    assert_int_equal(series_try(f->store, batch, "d", "new", &id, &why), TM_LIMIT);
    assert_non_null(strstr(why.text, "max_series of 3"));
    assert_non_null(strstr(why.text, "'shop' has the most, 2"));
    store_batch_drop(f->store, batch);
    batch = store_batch_new(f->store);
    assert_int_equal(series_try(f->store, batch, "d", "new", &id, &why), TM_OK);
    store_batch_drop(f->store, batch);
}

static void a_service_that_no_label_bears_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    struct labels labels = {0};
    struct tm_why why;
    series_id id;
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), STR("cpu")), TM_OK);
    struct batch *batch = store_batch_new(f->store);
    assert_int_equal(store_series_intern(f->store, batch, hash_of("a"), &labels, STR("other"), &id, &why),
                     TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    fixture_reopen(f);
    batch = store_batch_new(f->store);
    assert_int_equal(store_series_intern(f->store, batch, hash_of("a"), &labels, STR("x"), &id, &why), TM_OK);
    assert_true(str_equal(store_series_service(f->store, id), STR("other")));
    store_batch_drop(f->store, batch);
}

/* ---- producers ---- */

static enum tm_err send_marked(struct store *store, uint64_t epoch, uint64_t seq)
{
    struct producer_mark mark = mark_of("agent", epoch, seq);
    return send_batch(store, one_sample(store, "cpu", (time_ms_t)(epoch * 100 + seq), (double)seq), &mark);
}

static enum producer_state check(struct store *store, uint64_t epoch, uint64_t seq)
{
    struct producer_mark mark = mark_of("agent", epoch, seq);
    return store_producer_check(store, &mark);
}

static void a_settled_seq_is_a_duplicate_over_restarts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(check(f->store, 5, 1), PRODUCER_NEW);
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    assert_int_equal(send_marked(f->store, 5, 2), TM_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(check(f->store, 5, 1), PRODUCER_DUPLICATE);
        assert_int_equal(check(f->store, 5, 2), PRODUCER_DUPLICATE);
        assert_int_equal(check(f->store, 5, 3), PRODUCER_NEW);
        assert_int_equal(stats_of(f->store).producers, 1);
        fixture_reopen(f);
    }
    assert_int_equal(count_of(f->store, "cpu"), 2);
}

static void the_same_seq_with_other_bytes_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    struct producer_mark mark = mark_of("agent", 5, 1);
    mark.body_hash++;
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_SEQ_CONFLICT);
    fixture_reopen(f);
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_SEQ_CONFLICT);
}

static void an_older_epoch_is_stale_and_a_newer_one_starts_anew(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 9), TM_OK);
    assert_int_equal(check(f->store, 4, 10), PRODUCER_STALE_EPOCH);
    assert_int_equal(check(f->store, 6, 1), PRODUCER_NEW);
    assert_int_equal(send_marked(f->store, 6, 1), TM_OK);
    assert_int_equal(check(f->store, 5, 10), PRODUCER_STALE_EPOCH);
    assert_int_equal(stats_of(f->store).producer_gaps, 0);
}

static void a_gap_is_taken_and_counted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    assert_int_equal(check(f->store, 5, 4), PRODUCER_NEW_AFTER_GAP);
    assert_int_equal(send_marked(f->store, 5, 4), TM_OK);
    assert_int_equal(stats_of(f->store).producer_gaps, 1);
    assert_int_equal(check(f->store, 5, 3), PRODUCER_DUPLICATE);
    fixture_reopen(f);
    assert_int_equal(stats_of(f->store).producer_gaps, 1);
    assert_int_equal(count_of(f->store, "cpu"), 2);
}

static void a_pending_duplicate_is_answered_when_the_first_is_durable(void **state)
{
    struct fixture *f = *state;
    struct answer first = {0, TM_OK}, second = {0, TM_OK}, third = {0, TM_OK};
    struct producer_mark mark = mark_of("agent", 5, 1);
    struct batch *batch = one_sample(f->store, "cpu", 1, 1);
    faulty_hold(&f->faulty, true);
    assert_int_equal(store_submit(f->store, &batch, &mark, answer_done, &first), TM_OK);
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE_PENDING);
    assert_int_equal(store_producer_await(f->store, &mark, answer_done, &second), TM_OK);
    assert_int_equal(store_producer_await(f->store, &mark, answer_done, &third), TM_OK);
    struct producer_mark other = mark;
    other.body_hash++;
    assert_int_equal(store_producer_check(f->store, &other), PRODUCER_SEQ_CONFLICT);
    assert_int_equal(check(f->store, 4, 1), PRODUCER_STALE_EPOCH);
    assert_int_equal(check(f->store, 5, 2), PRODUCER_NEW);
    store_poll(f->store);
    assert_int_equal(second.calls, 0);
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &first);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.err, TM_OK);
    assert_int_equal(third.calls, 1);
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
    assert_int_equal(store_producer_await(f->store, &mark, answer_done, &second), TM_NOT_FOUND);
}

static void an_empty_batch_settles_its_seq(void **state)
{
    struct fixture *f = *state;
    struct producer_mark mark = mark_of("agent", 5, 1);
    assert_int_equal(send_batch(f->store, store_batch_new(f->store), &mark), TM_OK);
    fixture_reopen(f);
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
}

static void a_failed_batch_settles_nothing(void **state)
{
    struct fixture *f = *state;
    faulty_fail(&f->faulty, CALL_SYNC, 1, EIO);
    assert_int_equal(send_marked(f->store, 5, 1), TM_READ_ONLY);
    assert_int_equal(check(f->store, 5, 1), PRODUCER_NEW);
    fixture_reopen(f);
    assert_int_equal(check(f->store, 5, 1), PRODUCER_NEW);
    assert_int_equal(count_of(f->store, "cpu"), 0);
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void a_duplicate_can_not_be_submitted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    struct producer_mark mark = mark_of("agent", 5, 1);
    struct batch *batch = one_sample(f->store, "cpu", 77, 1);
    assert_int_equal(store_submit(f->store, &batch, &mark, NULL, NULL), TM_INVALID);
    assert_null(batch);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void pass_all_time(struct fixture *f, int64_t ms)
{
    still_pass(&f->clock, ms * 1000000);
    store_poll(f->store);
}

static void a_producer_is_forgotten_after_thirty_days(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    pass_all_time(f, PRODUCER_FORGET_MS);
    assert_int_equal(check(f->store, 4, 1), PRODUCER_STALE_EPOCH);
    pass_all_time(f, 1000);
    assert_int_equal(check(f->store, 4, 1), PRODUCER_NEW);
    struct producer_mark other = mark_of("other", 1, 1);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "cpu", 78, 1), &other), TM_OK);
    fixture_reopen(f);
    assert_int_equal(stats_of(f->store).producers, 1);
    assert_int_equal(check(f->store, 4, 1), PRODUCER_NEW);
}

static void a_seq_that_a_later_pending_one_passes_waits_for_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_marked(f->store, 5, 1), TM_OK);
    struct answer first = {0, TM_OK}, second = {0, TM_OK};
    struct producer_mark late = mark_of("agent", 5, 2), mark = mark_of("agent", 5, 3);
    struct batch *batch = one_sample(f->store, "cpu", 3, 3);
    faulty_hold(&f->faulty, true);
    assert_int_equal(store_submit(f->store, &batch, &mark, answer_done, &first), TM_OK);
    assert_int_equal(store_producer_check(f->store, &late), PRODUCER_DUPLICATE_PENDING);
    assert_int_equal(store_producer_await(f->store, &late, answer_done, &second), TM_OK);
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &first);
    assert_int_equal(second.calls, 1);
    assert_int_equal(store_producer_check(f->store, &late), PRODUCER_DUPLICATE);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_acknowledged_sample_is_visible),
        WITH_STORE(an_acknowledged_sample_survives_a_restart),
        WITH_STORE(nothing_is_visible_before_it_is_synced),
        WITH_STORE(close_answers_every_batch),
        WITH_STORE(a_group_takes_one_sync),
        WITH_STORE(the_last_value_of_a_time_wins),
        WITH_STORE(samples_in_any_order_are_read_by_time),
        WITH_STORE(a_span_is_half_open),
        WITH_STORE(events_are_read_in_the_order_written),
        WITH_STORE(too_much_pending_is_busy_and_stays_the_callers),
        WITH_STORE(equal_labels_under_two_hashes_are_one_series),
        WITH_STORE(a_dropped_batch_undoes_its_series),
        WITH_STORE(a_series_that_another_batch_uses_stays),
        WITH_STORE(undone_series_give_their_memory_back),
        WITH_STORE(a_full_service_is_refused_by_name_and_others_are_not),
        WITH_STORE(the_limit_on_all_series_names_the_worst_service),
        WITH_STORE(a_service_that_no_label_bears_survives_a_restart),
        WITH_STORE(a_settled_seq_is_a_duplicate_over_restarts),
        WITH_STORE(the_same_seq_with_other_bytes_is_a_conflict),
        WITH_STORE(an_older_epoch_is_stale_and_a_newer_one_starts_anew),
        WITH_STORE(a_gap_is_taken_and_counted),
        WITH_STORE(a_pending_duplicate_is_answered_when_the_first_is_durable),
        WITH_STORE(an_empty_batch_settles_its_seq),
        WITH_STORE(a_failed_batch_settles_nothing),
        WITH_STORE(a_duplicate_can_not_be_submitted),
        WITH_STORE(a_producer_is_forgotten_after_thirty_days),
        WITH_STORE(a_seq_that_a_later_pending_one_passes_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
