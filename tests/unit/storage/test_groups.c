/* Groups of exceptions: the same whatever the order, once whatever happens, opened again by what counts only.
 */
#include "tests/unit/storage/engine.h"

#include "storage/groups/groups_table.h"

static struct exception seen(const char *fingerprint, const char *release, time_ms_t time)
{
    return (struct exception){.time = time,
                              .service = STR("cart"),
                              .type = STR("NPE"),
                              .release = str_of(release),
                              .fingerprint = str_of(fingerprint),
                              .message = str_of(fingerprint),
                              .stack = STR("at a"),
                              .count = 1};
}

static void tell(struct store *store, const struct exception *e)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_exception(batch, e), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void edit(struct store *store, uint64_t id, enum group_edit what, uint64_t other, time_ms_t at)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_group_edit(batch, at, id, what, other), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* The id of the group of this fingerprint. */
static uint64_t id_of(struct store *store, const char *fingerprint)
{
    time_ms_t now, last;
    struct str service;
    struct groups *groups = store_groups(store, &now);
    for (size_t i = 0; i < groups_count(groups); i++) {
        struct group_view view;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id && groups_view(groups, id, now, &view) == TM_OK &&
            str_equal(view.fingerprint, str_of(fingerprint)))
            return id;
    }
    return 0;
}

static struct group_view view_of(struct store *store, uint64_t id)
{
    time_ms_t now;
    struct group_view view;
    struct groups *groups = store_groups(store, &now);
    assert_int_equal(groups_view(groups, id, now, &view), TM_OK);
    return view;
}

/* All that a group shows, as text. The caller frees. */
static char *text_of(const struct group_view *v)
{
    struct bytes out = {0};
    bytes_printf(&out, "%.*s %.*s %llu %lld-%lld %.*s:", STR_ARG(v->fingerprint), STR_ARG(v->message),
                 (unsigned long long)v->count, (long long)(v->first - DAY0), (long long)(v->last - DAY0),
                 STR_ARG(group_state_name(v->state)));
    for (size_t i = 0; i < v->hour_count; i++)
        bytes_printf(&out, " %lld=%llu", (long long)(v->hours[i].hour - DAY0 / HOUR_MS),
                     (unsigned long long)v->hours[i].count);
    uint64_t releases = 0;
    for (size_t i = 0; i < v->release_count; i++)
        releases +=
            v->releases[i].count * (uint64_t)(v->releases[i].name.ptr[0] + v->releases[i].last % 1000);
    bytes_printf(&out, " %llu", (unsigned long long)releases);
    bytes_put(&out, "", 1);
    assert_int_equal(bytes_error(&out), TM_OK);
    return (char *)out.data;
}

static enum group_state state_of(struct store *store, const char *fingerprint)
{
    return view_of(store, id_of(store, fingerprint)).state;
}

static void exceptions_of_one_fingerprint_are_one_group(void **state)
{
    struct fixture *f = *state;
    struct exception e = seen("a", "1", DAY0);
    e.count = 5;
    tell(f->store, &e);
    e = seen("a", "2", DAY0 + HOUR_MS);
    e.message = STR("newest");
    e.tags.at[e.tags.count++] = (struct label){STR("pod"), STR("p1")};
    tell(f->store, &e);
    e = seen("a", "1", DAY0 - 1);
    e.message = STR("late");
    tell(f->store, &e);
    struct group_view v = view_of(f->store, id_of(f->store, "a"));
    assert_int_equal(v.count, 7);
    assert_int_equal(v.first, DAY0 - 1);
    assert_int_equal(v.last, DAY0 + HOUR_MS);
    assert_int_equal(v.hour_count, 3);
    assert_int_equal(v.release_count, 2);
    assert_int_equal(v.label_count, 1);
    assert_true(str_equal(v.message, STR("newest")) && str_equal(v.type, STR("NPE")));
    e = seen("a", "1", DAY0);
    e.env = STR("prod");
    tell(f->store, &e);
    time_ms_t now;
    assert_int_equal(groups_count(store_groups(f->store, &now)), 2);
}

/* The same exceptions in other orders, with flushes and restarts in between. */
static void groups_are_equal_whatever_the_order_and_the_restarts(void **state)
{
    struct fixture *f = *state;
    char *first = NULL;
    for (int order = 0; order < 6; order++) {
        static const int steps[] = {1, 7, 11, 13, 17, 29}; /* each has no factor in common with 30 */
        for (int i = 0; i < 30; i++) {
            int n = (i * steps[order] + order) % 30;
            char name[16];
            (void)snprintf(name, sizeof name, "%c", 'a' + order); /* a group of its own each time */
            struct exception e = seen(name, n % 3 ? "2" : "1", DAY0 + n * (HOUR_MS / 4));
            char message[16];
            (void)snprintf(message, sizeof message, "m%d", n);
            e.message = str_of(message);
            tell(f->store, &e);
            if (i % 9 == 4)
                flush_now(f);
            if (i % 7 == 3)
                fixture_reopen(f);
        }
        char name[16];
        (void)snprintf(name, sizeof name, "%c", 'a' + order);
        struct group_view v = view_of(f->store, id_of(f->store, name));
        char *text = text_of(&v);
        if (first)
            assert_string_equal(text + 1, first + 1);
        else
            first = strdup(text);
        free(text);
    }
    free(first);
}

static void what_was_resolved_is_opened_by_a_new_release_and_not_by_late_or_old_ones(void **state)
{
    struct fixture *f = *state;
    struct exception e = seen("a", "1", DAY0);
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_NEW);
    e = seen("b", "2", DAY0 + HOUR_MS); /* release 2 is out */
    tell(f->store, &e);
    uint64_t id = id_of(f->store, "a");
    edit(f->store, id, GROUP_RESOLVE, 0, DAY0 + 2 * HOUR_MS);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    e = seen("a", "2", DAY0 + HOUR_MS); /* late: before it was resolved */
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    e = seen("a", "1", DAY0 + 5 * HOUR_MS); /* a machine that still runs the old release */
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    fixture_reopen(f);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    e = seen("a", "2", DAY0 + 6 * HOUR_MS);
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_REGRESSED);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(state_of(f->store, "a"), GROUP_REGRESSED);
    edit(f->store, id, GROUP_RESOLVE, 0, DAY0 + 7 * HOUR_MS);
    edit(f->store, id, GROUP_REOPEN, 0, DAY0 + 7 * HOUR_MS);
    assert_int_equal(state_of(f->store, "a"), GROUP_NEW);
}

static void tell_deploy(struct store *store, const char *version, const char *env, time_ms_t time)
{
    struct marker marker = {.kind = MARKER_DEPLOY, .time = time, .end = MARKER_NO_END};
    struct batch *batch = store_batch_new(store);
    marker.text[MARKER_SERVICE] = seen("", "", time).service;
    marker.text[MARKER_ENV] = str_of(env);
    marker.text[MARKER_VERSION] = str_of(version);
    assert_int_equal(store_batch_marker(batch, &marker, NULL), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* Release 1 is the only one that was ever seen to fail, but not the one in place. */
static void a_deploy_makes_the_releases_before_it_old(void **state)
{
    struct fixture *f = *state;
    struct exception e = seen("a", "1", DAY0);
    tell(f->store, &e);
    tell_deploy(f->store, "1", "", DAY0 - HOUR_MS);
    tell_deploy(f->store, "2", "", DAY0 + HOUR_MS);
    tell_deploy(f->store, "3", "elsewhere", DAY0 + HOUR_MS + 1);
    edit(f->store, id_of(f->store, "a"), GROUP_RESOLVE, 0, DAY0 + 2 * HOUR_MS);
    e = seen("a", "1", DAY0 + 5 * HOUR_MS); /* told of late, by the old release */
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    e = seen("a", "2", DAY0 + 6 * HOUR_MS);
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_REGRESSED);
    edit(f->store, id_of(f->store, "a"), GROUP_RESOLVE, 0, DAY0 + 7 * HOUR_MS);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    tell_deploy(f->store, "1", "", DAY0 + 6 * HOUR_MS + 1); /* back to it: now it counts */
    e = seen("a", "1", DAY0 + 8 * HOUR_MS);
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_REGRESSED);
}

static void what_was_quiet_for_long_is_resolved_and_regresses(void **state)
{
    struct fixture *f = *state;
    struct exception e = seen("a", "", DAY0);
    tell(f->store, &e);
    assert_int_equal(send_event(f->store, EVENT_TALLY, DAY0 + GROUP_QUIET_MS - 1, "t"), TM_OK);
    assert_int_equal(state_of(f->store, "a"), GROUP_ONGOING);
    assert_int_equal(send_event(f->store, EVENT_TALLY, DAY0 + GROUP_QUIET_MS, "t"), TM_OK);
    assert_int_equal(state_of(f->store, "a"), GROUP_RESOLVED);
    e.time = DAY0 + GROUP_QUIET_MS + 2 * HOUR_MS;
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_REGRESSED);
    e.time = DAY0 + GROUP_QUIET_MS / 2; /* it was not quiet after all */
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_ONGOING);
}

static enum tm_err came_back(struct groups *groups, uint64_t id, time_ms_t from, time_ms_t *resolved)
{
    return groups_came_back(groups, id, (struct span){from, from + 7 * DAY_MS}, resolved);
}

static void a_group_comes_back_in_the_week_in_which_it_is_seen_again(void **state)
{
    struct fixture *f = *state;
    struct tm_why why;
    struct reader *reader;
    const time_ms_t back = DAY0 + GROUP_QUIET_MS + 2 * HOUR_MS;
    const time_ms_t times[] = {DAY0, back, back + 10 * DAY_MS};
    for (size_t i = 0; i < 3; i++) {
        struct exception e = seen("a", "", times[i]);
        tell(f->store, &e);
    }
    uint64_t id = id_of(f->store, "a");
    edit(f->store, id, GROUP_RESOLVE, 0, back + 9 * DAY_MS);
    for (int flushed = 0; flushed < 2; flushed++) { /* by another process, from the journal and from files */
        time_ms_t resolved = 0;
        assert_int_equal(reader_open_gathered(f->dir, &reader, &why), TM_OK);
        struct groups *groups = reader_groups(reader);
        assert_int_equal(came_back(groups, id, DAY0, &resolved), TM_NOT_FOUND);
        assert_int_equal(came_back(groups, id, back - HOUR_MS, &resolved), TM_OK);
        assert_int_equal(resolved, DAY0 + HOUR_MS + GROUP_QUIET_MS);
        assert_int_equal(came_back(groups, id, back + 8 * DAY_MS, &resolved), TM_OK);
        assert_int_equal(resolved, back + 9 * DAY_MS);
        assert_int_equal(came_back(groups, 77, DAY0, &resolved), TM_NOT_FOUND);
        assert_int_equal(markers_count(reader_markers(reader)), 0);
        reader_close(reader);
        flush_now(f);
    }
    assert_int_equal(reader_open(f->dir, &reader, &why), TM_OK);
    assert_null(reader_groups(reader));
    reader_close(reader);
}

static void far_more_than_before_is_escalating(void **state)
{
    struct fixture *f = *state;
    struct exception e = seen("a", "", DAY0);
    e.count = 7 * 7;
    tell(f->store, &e);
    e.time = DAY0 + 3 * DAY_MS;
    e.count = 21;
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_ONGOING);
    e.count = 1;
    tell(f->store, &e);
    assert_int_equal(state_of(f->store, "a"), GROUP_ESCALATING);
}

static void merged_groups_are_one_and_a_split_gives_them_back(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a", "b", "c"};
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        struct exception e = seen(names[i], "1", DAY0 + i * HOUR_MS);
        tell(f->store, &e);
        ids[i] = id_of(f->store, names[i]);
    }
    edit(f->store, ids[0], GROUP_MERGE, ids[1], DAY0);
    edit(f->store, ids[1], GROUP_MERGE, ids[2], DAY0);
    edit(f->store, ids[2], GROUP_MERGE, ids[0], DAY0); /* a ring: nothing */
    for (int i = 0; i < 3; i++) {
        struct exception e = seen("a", "2", DAY0 + i); /* to what was merged already */
        tell(f->store, &e);
        time_ms_t now;
        assert_int_equal(groups_root(store_groups(f->store, &now), ids[0]), ids[2]);
        struct group_view v = view_of(f->store, ids[2]);
        assert_int_equal(v.count, 4 + (uint64_t)i);
        assert_int_equal(v.member_count, 2);
        assert_int_equal(v.first, DAY0);
        if (i == 0)
            flush_now(f);
        fixture_reopen(f);
    }
    edit(f->store, ids[1], GROUP_SPLIT, 0, DAY0);
    assert_int_equal(view_of(f->store, ids[2]).count, 1);
    assert_int_equal(view_of(f->store, ids[1]).count, 5);
    edit(f->store, ids[0], GROUP_SPLIT, 0, DAY0);
    fixture_reopen(f);
    assert_int_equal(view_of(f->store, ids[0]).count, 4);
    assert_int_equal(view_of(f->store, ids[1]).count, 1);
}

static void groups_go_with_the_retention_of_exceptions_and_come_anew(void **state)
{
    struct fixture *f = *state;
    const struct store_retention keep = {.exceptions_ms = 10 * DAY_MS};
    struct exception old = seen("old", "1", WALL_START - 20 * DAY_MS), young = seen("young", "1", WALL_START);
    store_set_retention(f->store, &keep);
    tell(f->store, &old);
    tell(f->store, &young);
    flush_now(f);
    assert_int_equal(id_of(f->store, "old"), 0);
    fixture_reopen(f);
    assert_int_equal(id_of(f->store, "old"), 0);
    assert_int_not_equal(id_of(f->store, "young"), 0);
    old.time = WALL_START;
    tell(f->store, &old);
    assert_int_equal(view_of(f->store, id_of(f->store, "old")).count, 1);
}

static void failed_requests_form_groups_by_status_and_page_group(void **state)
{
    struct fixture *f = *state;
    struct http_event event = {.time = DAY0,
                               .service = STR("shop"),
                               .method = STR("GET"),
                               .page_group = STR("/p/{n}"),
                               .status = 404,
                               .bytes = -1,
                               .duration_us = -1,
                               .origin_us = -1,
                               .edge_us = -1,
                               .count = 3};
    static const int32_t status[] = {404, 404, 200, 399, 400, 503};
    for (size_t i = 0; i < sizeof status / sizeof status[0]; i++) {
        struct batch *batch = store_batch_new(f->store);
        event.status = status[i];
        assert_int_equal(store_batch_http(batch, &event), TM_OK);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        if (i % 2)
            flush_now(f);
        fixture_reopen(f);
    }
    time_ms_t now;
    assert_int_equal(groups_count(store_groups(f->store, &now)), 3);
    assert_int_equal(view_of(f->store, id_of(f->store, "HTTP 404 /p/{n}")).count, 6);
}

/* Every byte of an event and of a stored group changed, every length cut. */
static void hostile_bytes_break_nothing(void **state)
{
    (void)state;
    struct exception e = seen("a", "1", DAY0), out;
    e.tags.at[e.tags.count++] = (struct label){STR("pod"), STR("p1")};
    struct bytes bytes = {0}, saved = {0};
    struct groups *groups = groups_new();
    exception_encode(&e, &bytes);
    assert_int_equal(groups_apply(groups, DAY0, bytes_view(&bytes)), TM_OK);
    groups_save(groups, &saved);
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *part = malloc(len + 1);
        memcpy(part, bytes.data, len);
        assert_int_equal(exception_decode((struct str){(char *)part, len}, &out), TM_CORRUPT);
        free(part);
    }
    struct cursor in = cursor_of(saved.data, saved.len);
    uint64_t id = cursor_u64(&in);
    struct str value = cursor_str(&in);
    for (size_t at = 0; at < value.len; at++) {
        for (int byte = 0; byte < 256; byte += 5) {
            uint8_t *copy = malloc(value.len);
            memcpy(copy, value.ptr, value.len);
            copy[at] = (uint8_t)byte;
            struct groups *other = groups_new();
            time_ms_t last;
            struct str service;
            struct group_view view;
            if (groups_load(other, id, cursor_of(copy, value.len - (byte == 50))) == TM_OK) {
                (void)groups_at(other, 0, &last, &service);
                (void)!groups_view(other, id, DAY0, &view);
            }
            groups_free(other);
            free(copy);
        }
    }
    for (size_t at = 0; at < bytes.len; at++) {
        uint8_t before = bytes.data[at];
        bytes.data[at] ^= 0x81;
        assert_int_equal(groups_apply(groups, DAY0, bytes_view(&bytes)), TM_OK);
        bytes.data[at] = before;
    }
    groups_free(groups);
    bytes_fini(&saved);
    bytes_fini(&bytes);
}

/* Counts an exception in, without a store. */
static void apply(struct groups *groups, const char *fingerprint, int64_t hour)
{
    struct exception e = seen(fingerprint, "1", WALL_START + hour * HOUR_MS);
    struct bytes bytes = {0};
    exception_encode(&e, &bytes);
    assert_int_equal(groups_apply(groups, e.time, bytes_view(&bytes)), TM_OK);
    bytes_fini(&bytes);
}

static struct group_view shown(struct groups *groups, const char *fingerprint)
{
    for (size_t i = 0; i < groups_count(groups); i++) {
        struct group_view view;
        time_ms_t last;
        struct str service;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id && groups_view(groups, id, WALL_START, &view) == TM_OK &&
            str_equal(view.fingerprint, str_of(fingerprint)))
            return view;
    }
    return (struct group_view){.count = 0};
}

static void past_the_bound_of_groups_new_ones_count_as_overflow(void **state)
{
    struct groups *groups = groups_new();
    char name[16];
    (void)state;
    assert_non_null(groups);
    groups_limit(groups, 100, GROUPS_BYTES_MAX);
    for (int i = 0; i < 120; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        apply(groups, name, 0);
    }
    apply(groups, "f3", 1);
    assert_int_equal(groups_count(groups), 101);
    assert_int_equal(shown(groups, "f99").count, 1);
    assert_int_equal(shown(groups, "f100").count, 0);
    assert_int_equal(shown(groups, "f3").count, 2);
    assert_int_equal(shown(groups, "_overflow").count, 20);
    groups_free(groups);
    /* As many as are allowed have room, each of them a week old and seen in every third hour. */
    assert_true((size_t)GROUPS_MAX * (1536 + 16 * 56) <= GROUPS_BYTES_MAX);
}

static void past_the_bound_of_bytes_nothing_grows_and_every_exception_counts(void **state)
{
    struct groups *groups = groups_new();
    (void)state;
    assert_non_null(groups);
    for (int hour = 0; hour < 10; hour++)
        apply(groups, "old", hour);
    assert_true(shown(groups, "old").has_all_hours);
    groups_limit(groups, GROUPS_MAX, groups_bytes(groups));
    for (int hour = 10; hour < 30; hour++)
        apply(groups, "old", hour);
    apply(groups, "first", 30);
    apply(groups, "second", 30);
    struct group_view old = shown(groups, "old");
    assert_int_equal(old.count, 30);
    assert_int_equal(old.hour_count, 10);
    assert_int_equal(old.hours[0].hour, WALL_START / HOUR_MS + 20);
    assert_false(old.has_all_hours);
    assert_int_equal(shown(groups, "first").count, 0);
    assert_int_equal(shown(groups, "_overflow").count, 2);
    size_t bytes = groups_bytes(groups);
    for (int i = 0; i < 1000; i++)
        apply(groups, "old", 31 + i);
    assert_true(groups_bytes(groups) <= bytes + 200);
    assert_int_equal(shown(groups, "old").count, 1030);
    groups_free(groups);
}

int main(void)
{
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_the_bound_of_groups_new_ones_count_as_overflow),
        cmocka_unit_test(past_the_bound_of_bytes_nothing_grows_and_every_exception_counts),
        ON_STORE(exceptions_of_one_fingerprint_are_one_group),
        ON_STORE(groups_are_equal_whatever_the_order_and_the_restarts),
        ON_STORE(what_was_resolved_is_opened_by_a_new_release_and_not_by_late_or_old_ones),
        ON_STORE(a_deploy_makes_the_releases_before_it_old),
        ON_STORE(what_was_quiet_for_long_is_resolved_and_regresses),
        ON_STORE(a_group_comes_back_in_the_week_in_which_it_is_seen_again),
        ON_STORE(far_more_than_before_is_escalating),
        ON_STORE(merged_groups_are_one_and_a_split_gives_them_back),
        ON_STORE(groups_go_with_the_retention_of_exceptions_and_come_anew),
        ON_STORE(failed_requests_form_groups_by_status_and_page_group),
        cmocka_unit_test(hostile_bytes_break_nothing),
    };
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
