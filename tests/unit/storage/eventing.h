/* HTTP events as the tests make, keep and compare them. */
#ifndef TM_TESTS_STORAGE_EVENTING_H
#define TM_TESTS_STORAGE_EVENTING_H

#include <xxhash.h>

#include "storage/events/events.h"
#include "tests/unit/storage/engine.h"

/* What an event is, with its texts. */
struct made_event {
    struct http_event event;
    struct labels tags;
    char url[64];
    char agent[64];
    char tag[16];
};

static inline uint64_t roll(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (*state >> 33) % below;
}

/* Event number n of a seed: few services, many URLs, some fields absent. */
static inline void make_event(struct made_event *made, uint64_t seed, time_ms_t time)
{
    static const char *const services[] = {"shop", "pay", "", "search"};
    static const char *const methods[] = {"GET", "POST", "HEAD", ""};
    static const int statuses[] = {200, 200, 200, 304, 404, 500, 100, 599};
    uint64_t state = seed * 77 + 1;
    (void)snprintf(made->url, sizeof made->url, "/p/%d/review/%d?q=\xc3\xa4", (int)roll(&state, 300),
                   (int)roll(&state, 5));
    (void)snprintf(made->agent, sizeof made->agent, "Mozilla/5.%d (X11)", (int)roll(&state, 40));
    (void)snprintf(made->tag, sizeof made->tag, "dc%d", (int)roll(&state, 3));
    made->tags.count = 0;
    if (roll(&state, 3) > 0) {
        assert_int_equal(labels_add(&made->tags, STR("cdn"), str_of(made->tag)), TM_OK);
        assert_int_equal(labels_add(&made->tags, STR("pop"), STR("fra")), TM_OK);
    }
    made->event = (struct http_event){
        .time = time,
        .service = str_of(services[roll(&state, 4)]),
        .env = roll(&state, 2) ? STR("prod") : STR(""),
        .method = str_of(methods[roll(&state, 4)]),
        .url = roll(&state, 20) ? str_of(made->url) : STR(""),
        .page_group = roll(&state, 9) ? STR("/p/{n}") : STR("other"),
        .cache = roll(&state, 2) ? STR("hit") : STR(""),
        .agent = roll(&state, 5) ? STR("desktop") : STR("crawler"),
        .user_agent = str_of(made->agent),
        .tags = &made->tags,
        .status = statuses[roll(&state, 8)],
        .bytes = roll(&state, 4) ? (int64_t)roll(&state, 100000) : -1,
        .duration_us = roll(&state, 4) ? (int64_t)roll(&state, 5000000) : -1,
        .origin_us = roll(&state, 8) ? -1 : (int64_t)roll(&state, 1000),
        .edge_us = -1,
        .count = roll(&state, 10) ? 1 : 1 + roll(&state, 1000),
    };
}

/* What tells two events apart, and orders them as events_search does. */
struct told {
    time_ms_t time;
    uint64_t hash;
};

struct ledger {
    struct told *at;
    size_t count;
    size_t capacity;
};

static inline struct told told_of(const struct http_event *event)
{
    struct bytes bytes = {0};
    assert_int_equal(http_event_encode(event, &bytes), TM_OK);
    struct told told = {event->time, XXH3_64bits_withSeed(bytes.data, bytes.len, (uint64_t)event->time)};
    bytes_fini(&bytes);
    return told;
}

static inline bool note_told(void *arg, const struct http_event *event)
{
    struct ledger *ledger = arg;
    struct told *at = grow_array(ledger->at, &ledger->capacity, ledger->count + 1, sizeof *at);
    assert_non_null(at);
    ledger->at = at;
    at[ledger->count++] = told_of(event);
    return true;
}

static inline int compare_told(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static inline void sort_ledger(struct ledger *ledger)
{
    if (ledger->count > 1)
        qsort(ledger->at, ledger->count, sizeof *ledger->at, compare_told);
}

static inline void expect_same(const struct ledger *a, const struct ledger *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->at[i].time, b->at[i].time);
        assert_int_equal(a->at[i].hash, b->at[i].hash);
    }
}

static inline void clear_ledger(struct ledger *ledger)
{
    free(ledger->at);
    *ledger = (struct ledger){0};
}

/* Every event that is found by a scan, in order. */
static inline void scan_all(struct reader *reader, const struct events_query *query, struct ledger *out)
{
    struct tm_why why = {""};
    *out = (struct ledger){0};
    enum tm_err err = events_scan(reader, query, note_told, out, &why);
    if (err)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_OK);
    sort_ledger(out);
}

/* The same by pages of limit events. */
static inline void search_all(struct reader *reader, const struct events_query *query, size_t limit,
                              struct ledger *out)
{
    struct events_cursor cursor = EVENTS_NEWEST;
    struct tm_why why = {""};
    bool is_more = true;
    *out = (struct ledger){0};
    while (is_more) {
        char text[EVENTS_CURSOR_BYTES];
        struct events_page page = {&cursor, limit, &is_more, note_told, out};
        size_t before = out->count;
        assert_int_equal(events_search(reader, query, &page, &why), TM_OK);
        assert_true(out->count - before == limit || !is_more);
        events_cursor_text(&cursor, text);
        assert_int_equal(events_cursor_parse(str_of(text), &cursor), TM_OK);
    }
}

static inline void expect_ledger(struct store *store, struct ledger *expected)
{
    const struct events_query all = {.span = EVERYTHING};
    struct ledger got;
    struct reader *reader = reader_of_store(store);
    sort_ledger(expected);
    scan_all(reader, &all, &got);
    expect_same(&got, expected);
    clear_ledger(&got);
    search_all(reader, &all, 97, &got);
    expect_same(&got, expected);
    clear_ledger(&got);
    reader_close(reader);
}

/* Sends count events with seeds from on, at times of their own within span, as one batch; notes them. */
static inline void send_events(struct fixture *f, uint64_t from, size_t count, struct span span,
                               struct ledger *ledger)
{
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    for (size_t i = 0; i < count; i++) {
        struct made_event made;
        uint64_t state = from + i;
        make_event(&made, from + i, span.from + (time_ms_t)roll(&state, (uint64_t)(span.to - span.from)));
        assert_int_equal(store_batch_http(batch, &made.event), TM_OK);
        (void)note_told(ledger, &made.event);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

#endif
