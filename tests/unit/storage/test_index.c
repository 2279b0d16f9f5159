/* The label index: what selections, lists and counts say, against a plain walk over all series. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/index/index.h"
#include "storage/index/index_postings.h"
#include "storage/index/index_values.h"
#include "storage/selector/selector.h"

enum { SERIES_MAX = 3000, LABELS_OF_MODEL = 5 };

static struct tm_why why;

/* ---- the model: series as they were added ---- */

struct model_series {
    bool lives;
    char values[LABELS_OF_MODEL][24]; /* empty: no such label */
    char service[24];
    struct bytes encoded;
};

static const char *const model_names[LABELS_OF_MODEL] = {"__name__", "env", "id", "job", "pod"};
static struct model_series model[SERIES_MAX];

static void encode_model(struct model_series *s)
{
    struct labels set = {.count = 0};
    for (size_t i = 0; i < LABELS_OF_MODEL; i++)
        assert_int_equal(labels_add(&set, str_of(model_names[i]), str_of(s->values[i])), TM_OK);
    bytes_clear(&s->encoded);
    labels_encode(&set, &s->encoded);
}

static void make_model(struct model_series *s, unsigned id, unsigned spread)
{
    unsigned r = (unsigned)rand();
    memset(s->values, 0, sizeof s->values);
    (void)snprintf(s->values[0], sizeof s->values[0], "m%u", r % 7);
    if (r & 0x100)
        (void)snprintf(s->values[1], sizeof s->values[1], "%s", r & 0x200 ? "prod" : "test");
    if (r & 0x400)
        (void)snprintf(s->values[2], sizeof s->values[2], "id-%u", id);
    (void)snprintf(s->values[3], sizeof s->values[3], "job%u", (r >> 12) % 3);
    if ((r >> 16) % 5)
        (void)snprintf(s->values[4], sizeof s->values[4], "pod-%u\xc3\xa9", (r >> 16) % spread);
    (void)snprintf(s->service, sizeof s->service, "%s", (r >> 14) % 4 ? s->values[3] : "");
    encode_model(s);
}

static void add_model(struct index *ix, unsigned id, unsigned spread)
{
    struct model_series *s = &model[id];
    make_model(s, id, spread);
    assert_int_equal(index_add(ix, id, bytes_view(&s->encoded), str_of(s->service)), TM_OK);
    s->lives = true;
}

static void remove_model(struct index *ix, unsigned id)
{
    struct model_series *s = &model[id];
    assert_int_equal(index_remove(ix, id, bytes_view(&s->encoded), str_of(s->service)), TM_OK);
    s->lives = false;
}

static void forget_model(void)
{
    for (size_t i = 0; i < SERIES_MAX; i++) {
        bytes_fini(&model[i].encoded);
        model[i] = (struct model_series){.lives = false};
    }
}

static bool model_takes(const struct model_series *s, const struct index_query *query)
{
    struct labels set;
    bool result = s->lives;
    if (!result)
        return false;
    assert_int_equal(labels_decode(bytes_view(&s->encoded), &set), TM_OK);
    for (size_t i = 0; i < query->count && result; i++)
        assert_int_equal(matcher_takes_labels(query->matchers[i], &set, &result), TM_OK);
    return result;
}

/* ---- selecting ---- */

static struct index_ids select_ids(const struct index *ix, const struct index_query *query)
{
    struct index_ids ids;
    if (index_select(ix, query, &ids, &why))
        fail_msg("%s", why.text);
    return ids;
}

static struct index_ids select_text(const struct index *ix, const char *text)
{
    struct selector s;
    if (selector_parse(str_of(text), &s, &why))
        fail_msg("%s: %s", text, why.text);
    struct index_query query = {.matchers = s.matchers, .count = s.count};
    struct index_ids ids = select_ids(ix, &query);
    selector_fini(&s);
    return ids;
}

static void assert_selects(const struct index *ix, const char *text, size_t count, ...)
{
    struct index_ids ids = select_text(ix, text);
    va_list args;
    va_start(args, count);
    if (ids.count != count)
        fail_msg("%s: %zu series, not %zu", text, ids.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ids.ids[i], va_arg(args, unsigned));
    va_end(args);
    index_ids_fini(&ids);
}

static void add_text(struct index *ix, uint32_t id, const char *a, const char *b, const char *service)
{
    struct labels set = {.count = 0};
    struct bytes encoded = {0};
    assert_int_equal(labels_add(&set, STR("a"), str_of(a)), TM_OK);
    assert_int_equal(labels_add(&set, STR("b"), str_of(b)), TM_OK);
    labels_encode(&set, &encoded);
    assert_int_equal(index_add(ix, id, bytes_view(&encoded), str_of(service)), TM_OK);
    bytes_fini(&encoded);
}

static struct index *small_index(void)
{
    struct index *ix = index_new();
    assert_non_null(ix);
    add_text(ix, 1, "x", "1", "s");
    add_text(ix, 2, "y", "1", "s");
    add_text(ix, 3, "x", "2", "t");
    add_text(ix, 4, "", "2", "");
    add_text(ix, 5, "z", "", "t");
    return ix;
}

static void each_operator_selects_its_series(void **state)
{
    (void)state;
    struct index *ix = small_index();
    assert_selects(ix, "{a=\"x\"}", 2, 1U, 3U);
    assert_selects(ix, "{a=\"none\"}", 0);
    assert_selects(ix, "{none=\"x\"}", 0);
    assert_selects(ix, "{a=~\"x|y\"}", 3, 1U, 2U, 3U);
    assert_selects(ix, "{a=~\"[xz]\"}", 3, 1U, 3U, 5U);
    assert_selects(ix, "{a=~\"x.*\",b=\"2\"}", 1, 3U);
    assert_selects(ix, "{a!=\"\",a!=\"x\"}", 2, 2U, 5U);
    assert_selects(ix, "{a!=\"\",a!~\"x|z\"}", 1, 2U);
    assert_selects(ix, "{b=\"1\",a!~\"[y]\"}", 1, 1U);
    assert_selects(ix, "{b=~\".+\"}", 4, 1U, 2U, 3U, 4U);
    index_free(ix);
}

static void a_missing_label_is_matched_as_empty(void **state)
{
    (void)state;
    struct index *ix = small_index();
    assert_selects(ix, "{a=\"\",b=\"2\"}", 1, 4U);
    assert_selects(ix, "{b=\"2\",a!=\"x\"}", 1, 4U);
    assert_selects(ix, "{b=\"2\",a=~\"x|\"}", 2, 3U, 4U);
    assert_selects(ix, "{b=\"2\",a!~\"x|\"}", 0);
    assert_selects(ix, "{b=\"2\",a=~\".*\"}", 2, 3U, 4U);
    assert_selects(ix, "{b=\"2\",a!~\".*\"}", 0);
    assert_selects(ix, "{b=\"2\",a!~\".+\"}", 1, 4U);
    assert_selects(ix, "{b=\"2\",none=\"\"}", 2, 3U, 4U);
    assert_selects(ix, "{b=\"2\",none!=\"\"}", 0);
    assert_selects(ix, "{b=\"2\",none!=\"q\"}", 2, 3U, 4U);
    assert_selects(ix, "{a=\"z\",b=\"\"}", 1, 5U);
    index_free(ix);
}

static void no_matchers_select_all(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct index_query query = {.count = 0};
    struct index_ids ids = select_ids(ix, &query);
    assert_int_equal(ids.count, 5);
    index_ids_fini(&ids);
    index_free(ix);
    ix = index_new();
    ids = select_ids(ix, &query);
    assert_int_equal(ids.count, 0);
    index_ids_fini(&ids);
    index_free(ix);
    index_free(NULL);
}

static void a_series_is_added_once_and_removed_as_it_was_added(void **state)
{
    (void)state;
    struct index *ix = index_new();
    make_model(&model[1], 1, 10);
    make_model(&model[2], 2, 10);
    (void)snprintf(model[2].values[0], sizeof model[2].values[0], "other");
    encode_model(&model[2]);
    struct str one = bytes_view(&model[1].encoded);
    struct str two = bytes_view(&model[2].encoded);
    assert_int_equal(index_remove(ix, 1, one, STR("s")), TM_NOT_FOUND);
    assert_int_equal(index_add(ix, 1, one, STR("s")), TM_OK);
    assert_int_equal(index_add(ix, 1, one, STR("s")), TM_EXISTS);
    assert_int_equal(index_add(ix, 1, two, STR("s")), TM_EXISTS);
    assert_int_equal(index_remove(ix, 1, two, STR("s")), TM_NOT_FOUND);
    assert_int_equal(index_remove(ix, 1, one, STR("t")), TM_NOT_FOUND);
    assert_int_equal(index_remove(ix, 2, one, STR("s")), TM_NOT_FOUND);
    assert_int_equal(index_count(ix), 1);
    assert_int_equal(index_remove(ix, 1, one, STR("s")), TM_OK);
    assert_int_equal(index_remove(ix, 1, one, STR("s")), TM_NOT_FOUND);
    assert_int_equal(index_count(ix), 0);
    index_free(ix);
    forget_model();
}

static void bytes_that_are_no_labels_are_refused(void **state)
{
    (void)state;
    struct index *ix = index_new();
    assert_int_equal(index_add(ix, 1, STR("\x02zz"), STR("s")), TM_CORRUPT);
    assert_int_equal(index_remove(ix, 1, STR("\x02zz"), STR("s")), TM_CORRUPT);
    static char big[VALUES_TEXT_MAX_BYTES + 1];
    assert_int_equal(index_add(ix, 1, STR("\0"), (struct str){big, sizeof big}), TM_TOO_LARGE);
    assert_int_equal(index_add(ix, 1, STR("\0"), (struct str){big, sizeof big - 1}), TM_OK);
    assert_int_equal(index_count(ix), 1);
    index_free(ix);
}

static void an_emptied_index_forgets_names_and_values(void **state)
{
    (void)state;
    struct index *ix = index_new();
    srand(3);
    for (int round = 0; round < 3; round++) {
        for (unsigned id = 1; id < 1500; id++)
            add_model(ix, id, 400);
        size_t full = index_bytes(ix);
        for (unsigned id = 1; id < 1500; id++)
            remove_model(ix, id);
        assert_int_equal(index_count(ix), 0);
        assert_true(index_bytes(ix) <= full);
        struct index_listing how = {.limit = 0};
        struct index_list list;
        assert_int_equal(index_names(ix, &how, &list, &why), TM_OK);
        assert_int_equal(list.count, 0);
        index_list_fini(&list);
        assert_int_equal(index_services(ix, &how, &list, &why), TM_OK);
        assert_int_equal(list.count, 0);
        index_list_fini(&list);
    }
    index_free(ix);
    forget_model();
}

/* ---- lists ---- */

static void assert_item(const struct index_list *list, size_t i, const char *text, uint64_t series,
                        uint64_t values)
{
    assert_true(i < list->count);
    if (!str_equal(list->items[i].text, str_of(text)))
        fail_msg("item %zu is '%.*s', not '%s'", i, STR_ARG(list->items[i].text), text);
    assert_int_equal(list->items[i].series, series);
    assert_int_equal(list->items[i].values, values);
}

static void names_are_listed_with_series_and_values(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct index_list list;
    struct index_listing how = {.order = INDEX_BY_TEXT};
    assert_int_equal(index_names(ix, &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 2);
    assert_item(&list, 0, "a", 4, 3);
    assert_item(&list, 1, "b", 4, 2);
    index_list_fini(&list);
    how.order = INDEX_BY_VALUES;
    assert_int_equal(index_names(ix, &how, &list, &why), TM_OK);
    assert_item(&list, 0, "a", 4, 3);
    index_list_fini(&list);
    index_free(ix);
}

static void values_are_listed_by_text_or_by_series(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct index_list list;
    struct index_listing how = {.order = INDEX_BY_TEXT};
    assert_int_equal(index_values(ix, STR("a"), &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 3);
    assert_item(&list, 0, "x", 2, 0);
    assert_item(&list, 1, "y", 1, 0);
    assert_item(&list, 2, "z", 1, 0);
    index_list_fini(&list);
    how = (struct index_listing){.order = INDEX_BY_SERIES, .limit = 1};
    assert_int_equal(index_values(ix, STR("a"), &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.total, 3);
    assert_item(&list, 0, "x", 2, 0);
    index_list_fini(&list);
    assert_int_equal(index_values(ix, STR("none"), &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 0);
    index_list_fini(&list);
    assert_int_equal(index_value_count(ix, STR("a"), STR("x")), 2);
    assert_int_equal(index_value_count(ix, STR("a"), STR("none")), 0);
    assert_int_equal(index_value_count(ix, STR("none"), STR("x")), 0);
    index_free(ix);
}

static void lists_can_be_restricted_by_matchers(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct selector s;
    struct index_list list;
    assert_int_equal(selector_parse(STR("{b=\"2\"}"), &s, &why), TM_OK);
    struct index_query query = {.matchers = s.matchers, .count = s.count};
    struct index_listing how = {.query = &query};
    assert_int_equal(index_values(ix, STR("a"), &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 1);
    assert_item(&list, 0, "x", 1, 0);
    index_list_fini(&list);
    assert_int_equal(index_names(ix, &how, &list, &why), TM_OK);
    assert_item(&list, 0, "a", 1, 3);
    assert_item(&list, 1, "b", 2, 2);
    index_list_fini(&list);
    assert_int_equal(index_services(ix, &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 2);
    assert_item(&list, 0, "", 1, 0);
    assert_item(&list, 1, "t", 1, 0);
    index_list_fini(&list);
    selector_fini(&s);
    index_free(ix);
}

static void services_are_counted_worst_first(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct index_list list;
    struct index_listing how = {.order = INDEX_BY_SERIES};
    assert_int_equal(index_services(ix, &how, &list, &why), TM_OK);
    assert_int_equal(list.count, 3);
    assert_item(&list, 0, "s", 2, 0);
    assert_item(&list, 1, "t", 2, 0);
    assert_item(&list, 2, "", 1, 0);
    index_list_fini(&list);
    index_free(ix);
}

static void a_list_outlives_the_index(void **state)
{
    (void)state;
    struct index *ix = small_index();
    struct index_list list;
    struct index_listing how = {.order = INDEX_BY_TEXT};
    assert_int_equal(index_values(ix, STR("a"), &how, &list, &why), TM_OK);
    index_free(ix);
    assert_item(&list, 2, "z", 1, 0);
    index_list_fini(&list);
}

/* ---- bounds ---- */

static bool stop_at_once(void *arg)
{
    ++*(int *)arg;
    return true;
}

static void a_selection_can_be_stopped(void **state)
{
    (void)state;
    struct index *ix = index_new();
    srand(5);
    for (unsigned id = 1; id < SERIES_MAX; id++)
        add_model(ix, id, 2000);
    struct selector s;
    int asked = 0;
    assert_int_equal(selector_parse(STR("{pod=~\"p[o]d.*\"}"), &s, &why), TM_OK);
    struct index_query query = {
        .matchers = s.matchers, .count = s.count, .stop = stop_at_once, .stop_arg = &asked};
    struct index_ids ids;
    assert_int_equal(index_select(ix, &query, &ids, &why), TM_BUSY);
    assert_int_equal(asked, 1);
    assert_null(ids.ids);
    selector_fini(&s);
    index_free(ix);
    forget_model();
}

static void a_hostile_regex_ends_the_selection_and_is_named(void **state)
{
    (void)state;
    struct index *ix = index_new();
    char value[1001];
    memset(value, 'a', 1000);
    value[1000] = '\0';
    add_text(ix, 1, value, "1", "s");
    struct selector s;
    struct index_ids ids;
    assert_int_equal(selector_parse(STR("{a=~\"(a+)+[bc]\"}"), &s, &why), TM_OK);
    struct index_query query = {.matchers = s.matchers, .count = s.count};
    enum tm_err err = index_select(ix, &query, &ids, &why);
    assert_int_equal(err, TM_LIMIT);
    assert_non_null(strstr(why.text, "(a+)+[bc]"));
    assert_null(ids.ids);
    selector_fini(&s);
    index_free(ix);
}

/* ---- parts ---- */

static void postings_hold_any_set_in_any_order(void **state)
{
    (void)state;
    static bool in[70000];
    struct slab slab = {0};
    struct postings p = {0, 0};
    srand(11);
    for (int step = 0; step < 60000; step++) {
        /* Grows for a while, then shrinks: all three forms, both ways. */
        bool adds = (step / 3000) % 2 == 0;
        uint32_t id = (uint32_t)rand() % (step / 6000 % 2 ? 400 : 70000);
        if (adds && !in[id])
            assert_int_equal(postings_add(&slab, &p, id), TM_OK);
        if (!adds) {
            for (uint32_t i = 0; i < 70000 && !in[id]; i++)
                id = (id + 1) % 70000;
            postings_remove(&slab, &p, id);
        }
        in[id] = adds;
        assert_int_equal(postings_has(&slab, &p, id), adds);
        if (step % 500 != 0)
            continue;
        size_t count = 0;
        uint32_t *ids = malloc((postings_count(&p) + 1) * sizeof *ids);
        assert_non_null(ids);
        postings_list(&slab, &p, ids);
        for (uint32_t i = 0; i < 70000; i++) {
            if (in[i])
                assert_int_equal(ids[count++], i);
        }
        assert_int_equal(count, postings_count(&p));
        free(ids);
    }
    postings_fini(&slab, &p);
    assert_int_equal(slab.used_bytes, 0);
    slab_fini(&slab);
}

static void a_value_of_one_series_needs_no_posting_list(void **state)
{
    (void)state;
    struct slab slab = {0};
    struct postings p = {0, 0};
    assert_int_equal(postings_add(&slab, &p, 77), TM_OK);
    assert_int_equal(slab.used_bytes, 0);
    assert_int_equal(postings_add(&slab, &p, 5), TM_OK);
    assert_int_equal(slab.used_bytes, 16);
    postings_remove(&slab, &p, 77);
    assert_int_equal(slab.used_bytes, 0);
    assert_true(postings_has(&slab, &p, 5));
    assert_false(postings_has(&slab, &p, 77));
    slab_fini(&slab);
}

static void freed_blocks_are_used_again(void **state)
{
    (void)state;
    struct slab slab = {0};
    uint32_t blocks[1000];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 1000; i++) {
            blocks[i] = slab_take(&slab, 100 + i);
            assert_int_not_equal(blocks[i], 0);
            memset(slab_at(&slab, blocks[i]), (int)i, 100 + i);
        }
        for (size_t i = 0; i < 1000; i++) {
            assert_int_equal(((uint8_t *)slab_at(&slab, blocks[i]))[99 + i], (uint8_t)i);
            slab_give(&slab, blocks[i], 100 + i);
        }
    }
    assert_int_equal(slab.used_bytes, 0);
    assert_true(slab_bytes(&slab) <= 3 << 18);
    slab_fini(&slab);
}

/* ---- against the model ---- */

static const char *const model_values[] = {
    "",          "m1",    "prod",   "test",   "job0",       "job2",       "id-17",   "pod-3\xc3\xa9",
    "job0|job1", "prod|", "m[1-3]", "pod-.*", ".*",         ".+",         "pod-1.+", "(?i)PROD",
    "id-.*7",    ".*o.*", "none",   "[^p].*", "m1|none|m6", ".*\xc3\xa9", "job.?|x", "|"};

static void check_selection(const struct index *ix, const struct index_query *query)
{
    struct index_ids ids = select_ids(ix, query);
    size_t at = 0;
    for (unsigned id = 1; id < SERIES_MAX; id++) {
        if (!model_takes(&model[id], query))
            continue;
        assert_true(at < ids.count);
        assert_int_equal(ids.ids[at], id);
        at++;
    }
    assert_int_equal(at, ids.count);
    index_ids_fini(&ids);
}

static void check_values(const struct index *ix, const struct index_query *query, size_t label)
{
    struct index_list list;
    struct index_listing how = {.query = query};
    assert_int_equal(index_values(ix, str_of(model_names[label]), &how, &list, &why), TM_OK);
    uint64_t sum = 0;
    for (size_t i = 0; i < list.count; i++) {
        uint64_t series = 0;
        if (i > 0)
            assert_true(str_compare(list.items[i - 1].text, list.items[i].text) < 0);
        for (unsigned id = 1; id < SERIES_MAX; id++)
            series += str_equal(str_of(model[id].values[label]), list.items[i].text) &&
                      model_takes(&model[id], query);
        assert_int_equal(series, list.items[i].series);
        sum += series;
    }
    uint64_t expected = 0;
    for (unsigned id = 1; id < SERIES_MAX; id++)
        expected += model[id].values[label][0] && model_takes(&model[id], query);
    assert_int_equal(sum, expected);
    index_list_fini(&list);
}

static void check_random_query(const struct index *ix)
{
    struct matcher *matchers[4];
    struct index_query query = {.matchers = matchers, .count = (size_t)rand() % 5};
    for (size_t i = 0; i < query.count; i++) {
        const char *value = model_values[(size_t)rand() % (sizeof model_values / sizeof model_values[0])];
        const char *name = rand() % 12 ? model_names[(size_t)rand() % LABELS_OF_MODEL] : "none";
        enum matcher_op op = (enum matcher_op)(rand() % MATCHER_OP_COUNT);
        assert_int_equal(matcher_new(op, str_of(name), str_of(value), &matchers[i], &why), TM_OK);
    }
    check_selection(ix, &query);
    if (rand() % 20 == 0)
        check_values(ix, &query, 3);
    for (size_t i = 0; i < query.count; i++)
        matcher_free(matchers[i]);
}

static void random_sets_and_matchers_agree_with_a_plain_walk(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct index *ix = index_new();
        srand(seed);
        unsigned reach = seed % 2 ? SERIES_MAX : 300;
        for (int step = 0; step < 12000; step++) {
            unsigned id = 1 + (unsigned)rand() % (reach - 1);
            bool grows = (step / 3000) % 2 == 0;
            if (!model[id].lives && (grows || rand() % 4 == 0))
                add_model(ix, id, 60);
            else if (model[id].lives && (!grows || rand() % 4 == 0))
                remove_model(ix, id);
            if (step % 60 == 0)
                check_random_query(ix);
        }
        index_free(ix);
        forget_model();
    }
}

struct index_reader {
    const struct index *ix;
    size_t count;
};

static void *select_often(void *arg)
{
    struct index_reader *reader = arg;
    for (int round = 0; round < 50; round++) {
        struct index_ids ids =
            select_text(reader->ix, "{__name__=~\"m[1-3]\",env!=\"prod\",pod=~\"pod-1.*\"}");
        reader->count = ids.count;
        index_ids_fini(&ids);
    }
    return NULL;
}

static void many_threads_select_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct index_reader reader[THREADS];
    pthread_t threads[THREADS];
    struct index *ix = index_new();
    srand(9);
    for (unsigned id = 1; id < SERIES_MAX; id++)
        add_model(ix, id, 60);
    for (size_t i = 0; i < THREADS; i++) {
        reader[i].ix = ix;
        assert_int_equal(pthread_create(&threads[i], NULL, select_often, &reader[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(reader[i].count, reader[0].count);
    assert_true(reader[0].count > 0);
    index_free(ix);
    forget_model();
}

/* Enough series for whole bitmaps to be cut with each other. */
static void large_sets_are_cut_as_bitmaps(void **state)
{
    (void)state;
    struct index *ix = index_new();
    size_t both = 0;
    size_t only = 0;
    for (uint32_t id = 1; id <= 200000; id++) {
        add_text(ix, id, id % 2 ? "odd" : "even", id % 3 ? "rest" : "third", id % 5 ? "s" : "t");
        both += id % 2 && id % 3 == 0;
        only += id % 2 && id % 3;
    }
    struct index_ids ids = select_text(ix, "{a=\"odd\",b=\"third\"}");
    assert_int_equal(ids.count, both);
    for (size_t i = 0; i < ids.count; i++)
        assert_int_equal(ids.ids[i], 3 + 6 * i);
    index_ids_fini(&ids);
    ids = select_text(ix, "{a=\"odd\",b!=\"third\"}");
    assert_int_equal(ids.count, only);
    index_ids_fini(&ids);
    ids = select_text(ix, "{a=\"odd\",b=\"third\",a!=\"\",b!=\"rest\",a!~\"e.*\"}");
    assert_int_equal(ids.count, both);
    index_ids_fini(&ids);
    ids = select_text(ix, "{a=~\"odd|even\"}");
    assert_int_equal(ids.count, 200000);
    index_ids_fini(&ids);
    assert_true(index_bytes(ix) < 200000 * 8);
    index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator_selects_its_series),
        cmocka_unit_test(a_missing_label_is_matched_as_empty),
        cmocka_unit_test(no_matchers_select_all),
        cmocka_unit_test(a_series_is_added_once_and_removed_as_it_was_added),
        cmocka_unit_test(bytes_that_are_no_labels_are_refused),
        cmocka_unit_test(an_emptied_index_forgets_names_and_values),
        cmocka_unit_test(names_are_listed_with_series_and_values),
        cmocka_unit_test(values_are_listed_by_text_or_by_series),
        cmocka_unit_test(lists_can_be_restricted_by_matchers),
        cmocka_unit_test(services_are_counted_worst_first),
        cmocka_unit_test(a_list_outlives_the_index),
        cmocka_unit_test(a_selection_can_be_stopped),
        cmocka_unit_test(a_hostile_regex_ends_the_selection_and_is_named),
        cmocka_unit_test(postings_hold_any_set_in_any_order),
        cmocka_unit_test(a_value_of_one_series_needs_no_posting_list),
        cmocka_unit_test(freed_blocks_are_used_again),
        cmocka_unit_test(random_sets_and_matchers_agree_with_a_plain_walk),
        cmocka_unit_test(many_threads_select_at_once),
        cmocka_unit_test(large_sets_are_cut_as_bitmaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
