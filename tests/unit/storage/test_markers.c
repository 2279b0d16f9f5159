/* Markers: one table, whatever happened in between. */
#include "tests/unit/storage/engine.h"

#include "storage/markers/markers_table.h"

static struct marker deploy_of(const char *service, const char *version, time_ms_t time)
{
    return (struct marker){
        .kind = MARKER_DEPLOY,
        .time = time,
        .end = MARKER_NO_END,
        .text = {[MARKER_SERVICE] = str_of(service), [MARKER_VERSION] = str_of(version)},
    };
}

static uint64_t tell(struct store *store, const struct marker *marker)
{
    uint64_t id;
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_marker(batch, marker, &id), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
    return id;
}

static void correct(struct store *store, const struct marker *to, uint32_t fields)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_marker_change(batch, DAY0, to, fields), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void remove_marker(struct store *store, uint64_t id)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_marker_delete(batch, DAY0, id), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static const struct markers_wanted all_markers = {.kind = MARKER_KIND_COUNT, .span = {INT64_MIN, INT64_MAX}};

/* "service version note@time " of all that are wanted. The caller frees. */
static char *list(const struct markers *markers, const struct markers_wanted *wanted)
{
    struct bytes out = {0};
    struct markers_place place = {.is_begun = false};
    for (const struct marker *m; (m = markers_next(markers, wanted, &place)) != NULL;)
        bytes_printf(&out, "%.*s %.*s %.*s@%lld ", STR_ARG(m->text[MARKER_SERVICE]),
                     STR_ARG(m->text[MARKER_VERSION]), STR_ARG(m->text[MARKER_NOTE]),
                     (long long)(m->time - DAY0));
    bytes_put(&out, "", 1);
    assert_int_equal(bytes_error(&out), TM_OK);
    return (char *)out.data;
}

static void expect(const struct store *store, const struct markers_wanted *wanted, const char *expected)
{
    char *got = list(store_markers(store), wanted);
    assert_string_equal(got, expected);
    free(got);
}

static void a_deploy_told_twice_is_one(void **state)
{
    struct fixture *f = *state;
    struct marker deploy = deploy_of("cart", "1", DAY0);
    uint64_t id = tell(f->store, &deploy);
    deploy.text[MARKER_BY] = STR("ci"); /* who told it is no part of what it is */
    assert_int_equal(tell(f->store, &deploy), id);
    deploy.text[MARKER_ENV] = STR("prod");
    assert_int_not_equal(tell(f->store, &deploy), id);
    assert_int_equal(markers_count(store_markers(f->store)), 2);
    struct marker sale = {.kind = MARKER_EVENT, .time = DAY0, .end = MARKER_NO_END};
    uint64_t plain = tell(f->store, &sale);
    assert_int_equal(tell(f->store, &sale), plain);
    sale.text[MARKER_NOTE] = STR("more");
    assert_int_not_equal(tell(f->store, &sale), plain);
    assert_int_equal(markers_count(store_markers(f->store)), 4);
}

static void a_change_by_hand_outlives_flushes_and_restarts_and_the_line_told_again(void **state)
{
    struct fixture *f = *state;
    const struct marker a = deploy_of("cart", "1", DAY0), b = deploy_of("shop", "2", DAY0 + 1000);
    const struct marker c = deploy_of("shop", "3", DAY0 + 2000);
    struct marker note = {.id = tell(f->store, &a), .time = DAY0 + 5000, .text = {[MARKER_NOTE] = STR("x")}};
    uint64_t gone = tell(f->store, &b);
    tell(f->store, &c);
    flush_now(f);
    correct(f->store, &note, 1u << MARKER_NOTE | MARKER_HAS_TIME);
    remove_marker(f->store, gone);
    for (int i = 0; i < 4; i++) {
        expect(f->store, &all_markers, "cart 1 x@5000 shop 3 @2000 ");
        if (i % 2 == 0)
            fixture_reopen(f);
        else
            flush_now(f);
        assert_int_equal(tell(f->store, &a), note.id);
    }
    tell(f->store, &b);
    expect(f->store, &all_markers, "cart 1 x@5000 shop 3 @2000 shop 2 @1000 ");
    fixture_reopen(f);
    expect(f->store, &all_markers, "cart 1 x@5000 shop 3 @2000 shop 2 @1000 ");
}

static void changes_of_what_is_not_there_change_nothing(void **state)
{
    struct fixture *f = *state;
    const struct marker a = deploy_of("cart", "1", DAY0);
    tell(f->store, &a);
    correct(f->store, &(struct marker){.id = 77, .text = {[MARKER_NOTE] = STR("x")}}, 1u << MARKER_NOTE);
    remove_marker(f->store, 78);
    assert_int_equal(send_event(f->store, EVENT_MARKER, DAY0, "deploy version=\"1\""), TM_OK);
    expect(f->store, &all_markers, "cart 1 @0 ");
    assert_int_equal(markers_unreadable(store_markers(f->store)), 1);
}

static void a_list_is_newest_first_and_goes_on_from_its_place(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        const struct marker m = deploy_of(i % 2 ? "cart" : "shop", "1", DAY0 + (i * 7 % 5) * 1000);
        tell(f->store, &m);
    }
    expect(f->store, &all_markers, "shop 1 @4000 shop 1 @3000 cart 1 @2000 cart 1 @1000 shop 1 @0 ");
    struct markers_wanted shop = all_markers;
    shop.service = STR("shop");
    shop.span = (struct span){DAY0, DAY0 + 3000};
    expect(f->store, &shop, "shop 1 @0 ");
    struct markers_place place = {.is_begun = false};
    const struct marker *first = markers_next(store_markers(f->store), &all_markers, &place);
    assert_int_equal(first->time, DAY0 + 4000);
    remove_marker(f->store, first->id); /* the place stays, though its marker has gone */
    assert_int_equal(markers_next(store_markers(f->store), &all_markers, &place)->time, DAY0 + 3000);
}

static void a_span_is_found_by_any_part_of_it_and_a_point_by_its_time(void **state)
{
    struct fixture *f = *state;
    struct marker sale = {.kind = MARKER_EVENT, .time = DAY0, .end = DAY0 + 100};
    tell(f->store, &sale);
    struct marker point = {.kind = MARKER_CONFIG, .time = DAY0 + 100, .end = MARKER_NO_END};
    tell(f->store, &point);
    struct markers_wanted wanted = all_markers;
    wanted.span = (struct span){DAY0 + 99, DAY0 + 100};
    expect(f->store, &wanted, "  @0 ");
    wanted.span = (struct span){DAY0 + 100, DAY0 + 101};
    expect(f->store, &wanted, "  @100 ");
    wanted.span = (struct span){DAY0 + 101, DAY0 + 200};
    expect(f->store, &wanted, "");
    wanted.span = (struct span){DAY0 - 5, DAY0 + 200};
    wanted.kind = MARKER_CONFIG;
    expect(f->store, &wanted, "  @100 ");
}

static void a_marker_of_the_future_makes_nothing_newest(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    assert_int_equal(send_event(f->store, EVENT_TALLY, DAY0, "t"), TM_OK);
    const struct marker m = deploy_of("cart", "1", DAY0 + 90 * DAY_MS);
    tell(f->store, &m);
    store_stats(f->store, &stats);
    assert_int_equal(stats.newest_ms, DAY0);
}

static void markers_outlive_every_retention(void **state)
{
    struct fixture *f = *state;
    const struct marker old = deploy_of("cart", "1", DAY0 - 4000 * DAY_MS);
    const struct store_retention short_one = {.raw_ms = DAY_MS, .events_ms = DAY_MS, .exceptions_ms = DAY_MS};
    store_set_retention(f->store, &short_one);
    tell(f->store, &old);
    flush_now(f);
    assert_int_equal(send_event(f->store, EVENT_TALLY, DAY0, "t"), TM_OK);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(markers_count(store_markers(f->store)), 1);
}

static void without_sense_it_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct tm_why why;
    struct marker m = deploy_of("cart", "", DAY0);
    assert_int_equal(marker_check(&m, &why), TM_INVALID);
    assert_string_equal(why.text, "a deploy needs its version");
    m = deploy_of("cart", "1", DAY0);
    assert_int_equal(marker_check(&m, &why), TM_OK);
    m.end = DAY0;
    assert_int_equal(marker_check(&m, &why), TM_INVALID);
    m.end = DAY0 + 1;
    assert_int_equal(marker_check(&m, &why), TM_OK);
    m.time = INT64_MAX;
    assert_int_equal(marker_check(&m, &why), TM_INVALID);
    m.time = DAY0;
    char *long_text = malloc(MARKER_TEXT_MAX + 1);
    assert_non_null(long_text);
    memset(long_text, 'x', MARKER_TEXT_MAX + 1);
    m.text[MARKER_NOTE] = (struct str){long_text, MARKER_TEXT_MAX + 1};
    assert_int_equal(marker_check(&m, &why), TM_INVALID);
    m.text[MARKER_NOTE].len--;
    assert_int_equal(marker_check(&m, &why), TM_OK);
    free(long_text);
}

static void ids_are_written_and_read_the_same(void **state)
{
    (void)state;
    char text[MARKER_ID_TEXT + 1];
    assert_string_equal(marker_id_text(0x00ab, text), "00000000000000ab");
    assert_int_equal(marker_id_of(STR("00000000000000ab")), 0xab);
    assert_int_equal(marker_id_of(STR("00000000000000AB")), 0);
    assert_int_equal(marker_id_of(STR("ab")), 0);
    assert_int_equal(marker_id_of(STR("00000000000000a ")), 0);
}

/* Every byte changed, every length cut: nothing but whole changes is taken. */
static void hostile_bytes_change_nothing_and_break_nothing(void **state)
{
    (void)state;
    struct marker_change change = {MARKER_MADE, MARKER_HAS_ALL, deploy_of("cart", "1.8", DAY0)};
    change.to.id = marker_id(&change.to);
    struct bytes bytes = {0};
    marker_change_encode(&change, &bytes);
    assert_int_equal(bytes_error(&bytes), TM_OK);
    struct marker_change out;
    assert_int_equal(marker_change_decode(bytes_view(&bytes), &out), TM_OK);
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *part = malloc(len + 1); /* so that a read behind its end is seen */
        assert_non_null(part);
        part = realloc(part, len ? len : 1);
        memcpy(part, bytes.data, len);
        assert_int_equal(marker_change_decode((struct str){(char *)part, len}, &out), TM_CORRUPT);
        free(part);
    }
    struct markers *markers = markers_new();
    assert_non_null(markers);
    for (size_t at = 0; at < bytes.len; at++) {
        for (int value = 0; value < 256; value++) {
            uint8_t before = bytes.data[at];
            bytes.data[at] = (uint8_t)value;
            assert_int_equal(markers_apply(markers, bytes_view(&bytes)), TM_OK);
            bytes.data[at] = before;
        }
    }
    char *got = list(markers, &all_markers);
    assert_non_null(strstr(got, "cart 1.8 @0 "));
    free(got);
    markers_free(markers);
    bytes_fini(&bytes);
}

int main(void)
{
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_STORE(a_deploy_told_twice_is_one),
        ON_STORE(a_change_by_hand_outlives_flushes_and_restarts_and_the_line_told_again),
        ON_STORE(changes_of_what_is_not_there_change_nothing),
        ON_STORE(a_list_is_newest_first_and_goes_on_from_its_place),
        ON_STORE(a_span_is_found_by_any_part_of_it_and_a_point_by_its_time),
        ON_STORE(a_marker_of_the_future_makes_nothing_newest),
        ON_STORE(markers_outlive_every_retention),
        cmocka_unit_test(without_sense_it_is_refused_with_a_reason),
        cmocka_unit_test(ids_are_written_and_read_the_same),
        cmocka_unit_test(hostile_bytes_change_nothing_and_break_nothing),
    };
    return cmocka_run_group_tests_name("markers", tests, NULL, NULL);
}
