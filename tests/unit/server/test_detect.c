/* Scoring without its thread, on a real store and with injected time: when minutes close, what late data
 * does, what a restart changes (nothing), what memory bounds. */
#include "tests/unit/server/detect_rig.h"

#include "server/detect/detect_private.h"

/* ---- closing ---- */

static void a_minute_closes_when_the_newest_event_is_past_its_end_and_the_delay(void **state)
{
    struct rig *rig = *state;
    run(rig); /* scoring begins in an empty folder */
    send_gauges(rig, 0, 2, 1, -1, 1);
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + MINUTE_MS); /* newest is 0:20 in the second minute */
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "load", "pod", "p0");
    assert_int_equal(store_batch_sample(batch, id, BEGIN + 2 * MINUTE_MS + 14999, number_of_double(1)), 0);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + MINUTE_MS);
    batch = store_batch_new(rig->f->store);
    id = series_of(rig, batch, "load", "pod", "p0");
    assert_int_equal(store_batch_sample(batch, id, BEGIN + 2 * MINUTE_MS + 15000, number_of_double(1)), 0);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + 2 * MINUTE_MS);
}

static void live_minutes_close_by_the_clock(void **state)
{
    struct rig *rig = *state;
    run(rig);
    send_gauges(rig, 0, 2, 1, -1, 1);
    rig->wall = BEGIN + 2 * MINUTE_MS + 14999;
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + MINUTE_MS);
    rig->wall = BEGIN + 2 * MINUTE_MS + 15000;
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + 2 * MINUTE_MS);
    rig->wall = BEGIN + 300 * MINUTE_MS; /* long silence: it is live no more */
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + 2 * MINUTE_MS);
}

static void silence_of_days_is_passed_over(void **state)
{
    struct rig *rig = *state;
    run(rig);
    send_gauges(rig, 0, 200, 1, -1, 100);
    send_gauges(rig, 10000, 10002, 1, -1, 1);
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + INT64_C(10001) * MINUTE_MS);
    assert_true(figures_of(rig).minutes < 200 + 1440 + 200);
}

/* ---- the same data, otherwise ---- */

enum { SAME_MINUTES = 26 * HOUR, SAME_FAULT = 25 * HOUR + 30 };

static struct rig *open_steady(void)
{
    struct rig *steady = open_rig();
    run(steady);
    send_gauges(steady, 0, SAME_MINUTES, 2, SAME_FAULT, SAME_MINUTES);
    run(steady);
    assert_true(look(steady) > 20);
    return steady;
}

static void scores_are_equal_whatever_the_batching(void **state)
{
    static const int minutes[] = {1, 7, 61, 500};
    struct rig *rig = *state, *steady = open_steady();
    run(rig);
    for (int at = 0, i = 0; at < SAME_MINUTES; i++) {
        int to = at + minutes[i % 4] < SAME_MINUTES ? at + minutes[i % 4] : SAME_MINUTES;
        send_gauges(rig, at, to, 2, SAME_FAULT, i % 3 + 1);
        run_steps(rig, i % 5);
        at = to;
    }
    run(rig);
    assert_same_anomalies(steady, rig);
    assert_int_equal(closed_of(steady), closed_of(rig));
    close_rig(steady);
}

static void what_is_sent_twice_is_scored_once(void **state)
{
    struct rig *rig = *state, *steady = open_steady();
    run(rig);
    for (int at = 0; at < SAME_MINUTES; at += 30) {
        send_gauges(rig, at, at + 30, 2, SAME_FAULT, 30);
        run(rig);
        send_gauges(rig, at > 5 ? at - 5 : 0, at + 30, 2, SAME_FAULT, 10);
        run(rig);
    }
    assert_same_anomalies(steady, rig);
    close_rig(steady);
}

/* The wall's jumps: a year, an hour, to the data's own time and away again. */
static void jumps_of_the_clock_change_no_scores(void **state)
{
    struct rig *rig = *state, *steady = open_steady();
    run(rig);
    for (int at = 0, i = 0; at < SAME_MINUTES; at += 20, i++) {
        const time_ms_t newest = BEGIN + (time_ms_t)(at + 20) * MINUTE_MS;
        const time_ms_t jumps[] = {WALL_START,
                                   WALL_START - 365 * INT64_C(86400000),
                                   WALL_START + 365 * INT64_C(86400000),
                                   newest,
                                   newest + 4 * MINUTE_MS,
                                   newest - 60 * MINUTE_MS,
                                   0};
        send_gauges(rig, at, at + 20, 2, SAME_FAULT, 20);
        rig->wall = jumps[i % 7];
        run(rig);
    }
    rig->wall = WALL_START;
    run(rig);
    assert_same_anomalies(steady, rig);
    close_rig(steady);
}

static void a_sample_an_hour_is_scored_and_a_gap_of_days_is_no_fault(void **state)
{
    enum { HOURS = 220, GAP_FROM = 150, GAP_TO = 200, OFF = 215 };
    struct rig *rig = *state;
    run(rig);
    for (int hour = 0; hour < HOURS; hour++) {
        struct batch *batch = store_batch_new(rig->f->store);
        series_id id = series_of(rig, batch, "load", "pod", "p0");
        double value = 100 + 5 * noise((uint64_t)hour) + (hour == OFF ? 500 : 0);
        time_ms_t time = BEGIN + (time_ms_t)hour * HOUR * MINUTE_MS;
        if (hour < GAP_FROM || hour >= GAP_TO)
            assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
        run(rig);
    }
    assert_int_equal(figures_of(rig).scored, 1);
    assert_int_equal(look(rig), 1);
    assert_true(rig->found[0].score > 40);
}

/* ---- late data ---- */

static void a_fault_is_told_once_and_no_other_data_in_order_twice(void **state)
{
    struct rig *rig = *state;
    run(rig);
    for (int hour = 0; hour < 26; hour++) {
        send_gauges(rig, hour * HOUR, (hour + 1) * HOUR, 3, 25 * HOUR + 30, 30);
        run(rig);
    }
    assert_true(look(rig) >= 3);
    assert_int_equal(figures_of(rig).rescored, 0);
    assert_int_equal(figures_of(rig).anomalies, rig->count);
    double most = 0;
    for (size_t i = 0; i < rig->count; i++)
        most = fmax(most, rig->found[i].score);
    assert_true(most > 60);
}

/* In order, and with each fifth minute eight minutes late, the fault among them. */
static void late_data_within_the_grace_gives_the_scores_of_data_in_order(void **state)
{
    enum { MINUTES = 26 * HOUR, FAULT = 25 * HOUR + 30, LATE = 8 };
    struct rig *late = *state, *ordered = open_rig();
    run(ordered);
    run(late);
    send_gauges(ordered, 0, MINUTES, 2, FAULT, 60);
    run(ordered);
    for (int minute = 0; minute < MINUTES + LATE; minute++) {
        if (minute < MINUTES && minute % 5 != 0)
            send_gauges(late, minute, minute + 1, 2, FAULT, 1);
        if (minute >= LATE && (minute - LATE) % 5 == 0)
            send_gauges(late, minute - LATE, minute - LATE + 1, 2, FAULT, 1);
        if (minute > 24 * HOUR || minute % 50 == 0)
            run(late);
    }
    assert_true(figures_of(late).rescored > 0 || look(late) > 0);
    /* what came last has closed nothing; so neither has what is behind it in the other */
    assert_same_anomalies(ordered, late);
    close_rig(ordered);
}

static void data_later_than_the_grace_changes_no_scores(void **state)
{
    struct rig *rig = *state;
    run(rig);
    send_gauges(rig, 0, 24 * HOUR, 1, -1, 60);
    run(rig);
    size_t before = look(rig);
    send_gauges(rig, 22 * HOUR, 22 * HOUR + 1, 1, 22 * HOUR, 1); /* another value, far off */
    run(rig);
    assert_int_equal(look(rig), before);
}

/* ---- restarts ---- */

/* The same data, with a crash after each so many minutes; keeps: the states are kept now and then. */
static void compare_with_crashes(struct rig *crashing, int every, bool keeps)
{
    enum { MINUTES = 27 * HOUR, FAULT = 25 * HOUR + 30 };
    struct rig *steady = open_rig();
    struct tm_why why;
    run(steady);
    run(crashing);
    send_gauges(steady, 0, MINUTES, 3, FAULT, 60);
    run(steady);
    for (int minute = 0; minute < MINUTES; minute += every) {
        send_gauges(crashing, minute, minute + every < MINUTES ? minute + every : MINUTES, 3, FAULT, 60);
        run_steps(crashing, 2 + minute / every * 5 % 13);
        for (int i = 0; keeps && i < 200; i++)
            assert_int_equal(detect_engine_keep(crashing->engine, &why), TM_OK);
        crash(crashing);
    }
    run(crashing);
    assert_true(look(steady) > 50);
    assert_same_anomalies(steady, crashing);
    assert_int_equal(closed_of(steady), closed_of(crashing));
    close_rig(steady);
}

static void scores_over_crashes_equal_those_without(void **state)
{
    compare_with_crashes(*state, 173, false);
}

static void kept_states_go_on_where_they_were(void **state)
{
    struct rig *rig = *state;
    compare_with_crashes(rig, 131, true);
    assert_int_equal(figures_of(rig).lost_states, 0);
}

static void data_from_before_scoring_is_learned_and_not_told(void **state)
{
    struct rig *rig = *state;
    send_gauges(rig, 0, 26 * HOUR, 2, 24 * HOUR, 60);
    run(rig); /* the first look of all: this is old */
    assert_int_equal(look(rig), 0);
    assert_int_equal(figures_of(rig).scored, 2);
    assert_int_equal(closed_of(rig), BEGIN + (26 * HOUR - 1) * MINUTE_MS);
    send_gauges(rig, 26 * HOUR, 27 * HOUR, 2, 26 * HOUR + 30, 60);
    run(rig);
    assert_true(look(rig) >= 2);
}

/* ---- news ---- */

struct told_news {
    int calls;
    time_ms_t oldest, newest;
};

static void take_news(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    struct told_news *told = arg;
    assert_true(str_equal(service, STR("cart")));
    *told = (struct told_news){told->calls + 1, oldest, newest};
}

static void news_are_told_once_and_the_daemons_own_are_none(void **state)
{
    struct rig *rig = *state;
    struct told_news told = {0};
    send_gauges(rig, 3, 7, 1, -1, 2);
    store_news(rig->f->store, take_news, &told);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.oldest, BEGIN + 3 * MINUTE_MS + 20000);
    assert_int_equal(told.newest, BEGIN + 6 * MINUTE_MS + 20000);
    store_news(rig->f->store, take_news, &told);
    assert_int_equal(told.calls, 1);
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "load", "pod", "p0");
    assert_int_equal(store_batch_sample(batch, id, BEGIN, number_of_double(1)), TM_OK);
    store_batch_own(batch);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    store_news(rig->f->store, take_news, &told);
    assert_int_equal(told.calls, 1);
    send_cell(rig, 5, "tally_sale_total", "pod", "a", 1); /* to the 10 s, but no later than it was */
    store_news(rig->f->store, take_news, &told);
    assert_int_equal(told.calls, 2);
    assert_int_equal(told.oldest, BEGIN + 5 * MINUTE_MS + 20000);
    assert_int_equal(told.newest, BEGIN + 5 * MINUTE_MS + 20000);
}

/* ---- bounds ---- */

static void a_series_has_a_state_from_100_samples_on(void **state)
{
    struct rig *rig = *state;
    run(rig);
    send_gauges(rig, 0, 25, 1, -1, 25);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 0);
    assert_int_equal(figures_of(rig).learning, 1);
    send_gauges(rig, 25, 140, 1, -1, 60);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 1);
}

static void states_stay_within_scoring_memory(void **state)
{
    struct rig *rig = *state;
    detect_engine_free(rig->engine);
    rig->options.memory_bytes = 20000;
    open_engine(rig);
    run(rig);
    send_gauges(rig, 0, 300, 20, -1, 60);
    run(rig);
    struct detect_figures figures = figures_of(rig);
    assert_int_equal(figures.scored, 4);
    assert_int_equal(figures.left_out, 16);
    assert_true(figures.memory_bytes <= 20000);
}

static void what_the_daemon_makes_itself_is_not_scored(void **state)
{
    struct rig *rig = *state;
    run(rig);
    for (int minute = 0; minute < 300; minute += 100) {
        struct batch *batch = store_batch_new(rig->f->store);
        for (int m = minute; m < minute + 100; m++) {
            series_id id = series_of(rig, batch, "tidemark_x", "pod", "a");
            assert_int_equal(
                store_batch_sample(batch, id, BEGIN + (time_ms_t)m * MINUTE_MS, number_of_double(m)), TM_OK);
        }
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    }
    run(rig);
    assert_int_equal(figures_of(rig).scored + figures_of(rig).learning, 0);
}

/* ---- what is derived ---- */

static void errors_are_scored_as_a_ratio_with_their_volume(void **state)
{
    struct rig *rig = *state;
    run(rig);
    for (int minute = 0; minute < 200; minute++) {
        send_cell(rig, minute, "http_events_total", "status", "200", 1000);
        if (minute % 3 == 0)
            send_cell(rig, minute, "http_events_total", "status", "500", 5);
    }
    run(rig);
    /* two series; requests, their classes 2xx, 4xx and 5xx, and two ratios */
    assert_int_equal(figures_of(rig).scored, 2 + 4 + 2);
}

/* ---- another choice ---- */

struct choosing {
    struct selector selector;
    struct detect_choice choice;
};

/* The engine goes on with this in scoring.exclude. */
static void exclude(struct rig *rig, struct choosing *choosing, const char *selector)
{
    struct tm_why why;
    *choosing = (struct choosing){.choice = {.exclude = &choosing->selector, .exclude_count = 1}};
    assert_int_equal(selector_parse(str_of(selector), &choosing->selector, &why), TM_OK);
    detect_engine_choose(rig->engine, &choosing->choice);
    run(rig);
}

static void exclude_nothing(struct rig *rig, struct choosing *choosing)
{
    detect_engine_choose(rig->engine, &(struct detect_choice){.include = NULL});
    selector_fini(&choosing->selector);
    run(rig);
}

static void what_is_no_longer_chosen_gives_its_state_back_and_learns_anew_when_it_is(void **state)
{
    struct rig *rig = *state, *steady = open_rig();
    struct choosing choosing;
    run(rig);
    run(steady);
    send_gauges(rig, 0, 300, 4, -1, 60);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 4);
    exclude(rig, &choosing, "load{pod=~\"p[01]\"}");
    assert_int_equal(figures_of(rig).scored, 2);
    assert_int_equal(figures_of(rig).memory_bytes, 2 * DETECT_STATE_BYTES);
    send_gauges(rig, 300, 500, 4, -1, 60);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 2);
    exclude_nothing(rig, &choosing);
    assert_int_equal(figures_of(rig).scored, 4);
    assert_int_equal(figures_of(rig).memory_bytes, 4 * DETECT_STATE_BYTES);
    send_gauges(steady, 0, 500, 4, -1, 60);
    send_gauges(rig, 500, SAME_MINUTES, 4, SAME_FAULT, 60);
    send_gauges(steady, 500, SAME_MINUTES, 4, SAME_FAULT, 60);
    run(rig);
    run(steady);
    assert_true(look(rig) >= 4);
    assert_same_anomalies(rig, steady); /* it knows all that is stored */
    close_rig(steady);
}

static void what_is_derived_is_chosen_anew_too(void **state)
{
    struct rig *rig = *state;
    struct choosing choosing;
    run(rig);
    for (int minute = 0; minute < 200; minute++)
        send_cell(rig, minute, "http_events_total", "status", minute % 3 ? "200" : "500", 1000);
    run(rig);
    uint64_t all = figures_of(rig).scored;
    exclude(rig, &choosing, "http_error_ratio");
    assert_int_equal(figures_of(rig).scored, all - 2); /* of 4xx and 5xx */
    exclude_nothing(rig, &choosing);
    assert_int_equal(figures_of(rig).scored, all);
}

/* ---- values ---- */

static struct reader *reader_of(struct rig *rig, uint32_t *series)
{
    struct reader *reader = reader_of_store(rig->f->store);
    struct selector selector;
    struct index_ids ids;
    struct tm_why why;
    assert_int_equal(selector_parse(STR("{service=\"cart\"}"), &selector, &why), TM_OK);
    assert_int_equal(reader_select(reader, &selector, &ids, &why), TM_OK);
    assert_int_equal(ids.count, 1);
    *series = ids.ids[0];
    index_ids_fini(&ids);
    selector_fini(&selector);
    return reader;
}

static void a_counter_is_a_rate_and_a_fall_a_restart(void **state)
{
    static const double values[] = {100, 130, 160, 20, 50};
    struct rig *rig = *state;
    static double columns[2 * DETECT_SPAN_MINUTES];
    struct detect_window window = {BEGIN / MINUTE_MS, BEGIN / MINUTE_MS + 5, BEGIN / MINUTE_MS + 5,
                                   MINUTE_MS};
    struct detect_seen seen = {DETECT_NEVER, DETECT_NEVER};
    int64_t last;
    uint32_t series;
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "jobs_total", "pod", "a");
    for (int i = 0; i < 5; i++)
        assert_int_equal(store_batch_sample(batch, id, BEGIN + i * MINUTE_MS, number_of_double(values[i])),
                         0);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    struct reader *reader = reader_of(rig, &series);
    assert_int_equal(detect_kind_of(STR("jobs_total")), DETECT_COUNTER);
    assert_int_equal(detect_values_read(reader, series, DETECT_COUNTER, &window, &seen, columns, &last), 0);
    assert_true(isnan(columns[0]));
    assert_true(columns[1] == 30 && columns[2] == 30 && columns[3] == 20 && columns[4] == 30);
    assert_int_equal(last, BEGIN / MINUTE_MS + 4);
    reader_close(reader);
}

static void minutes_without_events_count_as_nought_for_a_day(void **state)
{
    struct rig *rig = *state;
    static double columns[2 * DETECT_SPAN_MINUTES];
    int64_t first = BEGIN / MINUTE_MS;
    struct detect_window window = {first - 5, first + 1500, first + 1500, MINUTE_MS};
    struct detect_seen seen = {DETECT_NEVER, DETECT_NEVER};
    int64_t last;
    uint32_t series;
    send_cell(rig, 0, "tally_sale_total", "pod", "a", 7);
    struct reader *reader = reader_of(rig, &series);
    assert_int_equal(detect_values_read(reader, series, DETECT_COUNTS, &window, &seen, columns, &last), 0);
    assert_true(isnan(columns[4]) && columns[5] == 7 && columns[6] == 0 && columns[5 + 1440] == 0);
    assert_true(isnan(columns[5 + 1441]));
    assert_int_equal(seen.seen, first);
    /* what follows knows of them */
    window = (struct detect_window){first + 1000, first + 1010, first + 1010, MINUTE_MS};
    assert_int_equal(detect_values_read(reader, series, DETECT_COUNTS, &window, &seen, columns, &last), 0);
    assert_true(columns[0] == 0);
    reader_close(reader);
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROMISE(a_minute_closes_when_the_newest_event_is_past_its_end_and_the_delay),
        PROMISE(live_minutes_close_by_the_clock),
        PROMISE(silence_of_days_is_passed_over),
        PROMISE(scores_are_equal_whatever_the_batching),
        PROMISE(what_is_sent_twice_is_scored_once),
        PROMISE(jumps_of_the_clock_change_no_scores),
        PROMISE(a_sample_an_hour_is_scored_and_a_gap_of_days_is_no_fault),
        PROMISE(a_fault_is_told_once_and_no_other_data_in_order_twice),
        PROMISE(late_data_within_the_grace_gives_the_scores_of_data_in_order),
        PROMISE(data_later_than_the_grace_changes_no_scores),
        PROMISE(scores_over_crashes_equal_those_without),
        PROMISE(kept_states_go_on_where_they_were),
        PROMISE(data_from_before_scoring_is_learned_and_not_told),
        PROMISE(news_are_told_once_and_the_daemons_own_are_none),
        PROMISE(a_series_has_a_state_from_100_samples_on),
        PROMISE(states_stay_within_scoring_memory),
        PROMISE(what_the_daemon_makes_itself_is_not_scored),
        PROMISE(errors_are_scored_as_a_ratio_with_their_volume),
        PROMISE(what_is_no_longer_chosen_gives_its_state_back_and_learns_anew_when_it_is),
        PROMISE(what_is_derived_is_chosen_anew_too),
        PROMISE(a_counter_is_a_rate_and_a_fall_a_restart),
        PROMISE(minutes_without_events_count_as_nought_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
