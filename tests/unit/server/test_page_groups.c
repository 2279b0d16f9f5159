/* Page groups: configured patterns first, learned ones then, bounded, the same for the same order of URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/events/page_groups.h"

#define RULE(n, m)                                                                                           \
    {                                                                                                        \
        .name = {n, sizeof(n) - 1}, .match = { m, sizeof(m) - 1 }                                            \
    }

static const struct page_group_rule shop_rules[] = {
    RULE("product", "^/p/[0-9]+$"),     RULE("review", "/review(/|$)"),    RULE("search", "^/(de|en)/search"),
    RULE("assets", "\\.(css|js|png)$"), RULE("not-admin", "^/(?!admin)a"), RULE("umlaut", "^/caf\xc3\xa9"),
    RULE("everything under x", "^/x"),  RULE("never reached", "^/x/y"),
};

static struct page_groups *make(const struct page_group_rule *rules, size_t count, uint32_t groups_max,
                                uint32_t cache, bool one_by_one)
{
    struct page_groups *groups;
    struct tm_why why;
    const struct page_groups_options options = {.rules = rules,
                                                .rule_count = count,
                                                .groups_max = groups_max,
                                                .cache_paths = cache,
                                                .one_by_one = one_by_one};
    assert_int_equal(page_groups_new(&options, &groups, &why), TM_OK);
    return groups;
}

static struct page_groups *shop(bool one_by_one)
{
    return make(shop_rules, sizeof shop_rules / sizeof shop_rules[0], 200, 0, one_by_one);
}

static struct page_groups *learner(uint32_t groups_max)
{
    return make(NULL, 0, groups_max, 0, false);
}

static void expect(struct page_groups *groups, const char *url, const char *name)
{
    struct page_group group = page_groups_find(groups, str_of(url));
    char text[1024];
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(group.name));
    assert_string_equal(text, name);
}

static void the_first_rule_found_in_the_path_names_the_group(void **state)
{
    (void)state;
    for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
        struct page_groups *groups = shop(one_by_one);
        expect(groups, "/p/17", "product");
        expect(groups, "/p/17/review/2", "review");
        expect(groups, "/de/search?q=/p/1", "search");
        expect(groups, "/static/app.js", "assets");
        expect(groups, "/about", "not-admin");
        expect(groups, "/admin", "/admin");
        expect(groups, "/x/y", "everything under x");
        struct page_group group = page_groups_find(groups, STR("/x/y"));
        assert_int_equal(group.from, PAGE_GROUP_RULE);
        assert_int_equal(group.rule, 6);
        page_groups_free(groups);
    }
}

static void only_the_decoded_path_is_searched(void **state)
{
    (void)state;
    struct page_groups *groups = shop(false);
    expect(groups, "https://shop.example:8443/p/17?x=1#y", "product");
    expect(groups, "http://shop.example?q=/p/17", "/");
    expect(groups, "/%70/1%37", "product");
    expect(groups, "/caf%C3%A9/1", "umlaut");
    expect(groups, "/p/17#/review", "product");
    expect(groups, "/p%2F17", "/{slug}"); /* an encoded slash is none */
    expect(groups, "", "/");
    expect(groups, "?x", "/");
    page_groups_free(groups);
}

static void bad_rules_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct page_group_rule rules[] = {RULE("a", "^/a"), RULE("b", "^/(b")};
    const struct page_groups_options options = {.rules = rules, .rule_count = 2, .groups_max = 1};
    struct page_groups *groups;
    struct tm_why why;
    assert_int_equal(page_groups_new(&options, &groups, &why), TM_INVALID);
    assert_null(groups);
    assert_string_equal(why.text,
                        "page group 2 (b): \"^/(b\" is no valid pattern, at offset 4: missing closing "
                        "parenthesis; mend it there");
}

struct example {
    const char *url;
    const char *group;
};

static void parts_that_vary_are_folded(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/p/123/review/9", "/p/{n}/review/{n}"},
        {"/p/7/review/1/", "/p/{n}/review/{n}"},
        {"//p//7", "/p/{n}"},
        {"/order/550e8400-e29b-41d4-a716-446655440000", "/order/{uuid}"},
        {"/commit/3f2a1b9c0d3f2a1b9c0d", "/commit/{hash}"},
        {"/blog/2026-11-23/hello", "/blog/{date}/hello"},
        {"/s/blue-shoes-42", "/s/{slug}"},
        {"/s/blue-shoes-42.html", "/s/{slug}.html"},
        {"/dp/B00X4WHP5E", "/dp/{id}"},
        {"/u/jan@example.com", "/u/{id}"},
        {"/api/v2/cart", "/api/v2/cart"},
        {"/js/jquery-3.6.0.min.js", "/js/jquery-{n}.min.js"},
        {"/js/main.3f2a1b9c.js", "/js/main.{hash}.js"},
        {"/img/17.png", "/img/{n}.png"},
        {"/cart;jsessionid=17AB", "/cart"},
        {"/a/./b", "/a/b"},
        {"/{n}/x", "/{slug}/x"},
        {"/\xff\xfe/x", "/{slug}/x"},
        {"*", "/*"},
        {"/a/b/c/d/e/f/g/h/i/j/k/l/m", "/a/b/c/d/e/f/g/h/i/j/{rest}"},
    };
    struct page_groups *groups = learner(200);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        expect(groups, examples[i].url, examples[i].group);
    page_groups_free(groups);
}

/* A word out of letters only, so that nothing but its variety folds it. */
static const char *word(unsigned n, char text[16])
{
    for (int i = 0; i < 6; i++, n /= 20)
        text[i] = "bcdfghjklmnpqrstvwxz"[n % 20];
    text[6] = '\0';
    return text;
}

static void names_that_vary_too_much_are_folded(void **state)
{
    (void)state;
    struct page_groups *groups = learner(200);
    char url[64];
    char text[16];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(url, sizeof url, "/shop/%s/reviews", word(i, text));
        (void)page_groups_find(groups, str_of(url));
        (void)page_groups_find(groups, STR("/cart"));
    }
    expect(groups, "/shop/anything/reviews", "/shop/{slug}/reviews");
    expect(groups, "/cart", "/cart");
    struct page_groups_counts counts = page_groups_counts(groups);
    assert_int_equal(counts.groups, 2);
    assert_int_equal(counts.folds, 1);
    assert_int_equal(counts.overflows, 0);
    page_groups_free(groups);
}

static void names_that_are_seen_often_stay(void **state)
{
    (void)state;
    struct page_groups *groups = learner(200);
    char url[64];
    char text[16];
    for (unsigned i = 0; i < 500; i++) {
        (void)snprintf(url, sizeof url, "/%s.php", word(i, text)); /* a scanner's finds */
        (void)page_groups_find(groups, str_of(url));
        for (int j = 0; j < 3; j++) {
            (void)page_groups_find(groups, STR("/cart"));
            (void)page_groups_find(groups, STR("/search"));
        }
    }
    expect(groups, "/cart", "/cart");
    expect(groups, "/search", "/search");
    expect(groups, "/bcdfgh.php", "/{slug}");
    expect(groups, "/brand-new", "/{slug}");
    assert_int_equal(page_groups_counts(groups).groups, 3);
    page_groups_free(groups);
}

static void groups_are_bounded_and_the_rest_overflows(void **state)
{
    (void)state;
    struct page_groups *groups = learner(5);
    static const char *const pages[] = {"/a", "/b/b", "/c/c", "/d/d", "/e/e"};
    for (size_t i = 0; i < 5; i++)
        expect(groups, pages[i], pages[i]);
    /* the root's five names are too few to be folded */
    expect(groups, "/f/f", "_overflow");
    assert_int_equal(page_groups_find(groups, STR("/g")).from, PAGE_GROUP_OVERFLOW);
    expect(groups, "/a", "/a");
    assert_int_equal(page_groups_counts(groups).groups, 5);
    assert_int_equal(page_groups_counts(groups).overflows, 2);
    page_groups_free(groups);
}

static void a_full_tree_folds_its_fullest_place_first(void **state)
{
    (void)state;
    struct page_groups *groups = learner(10);
    char url[64];
    char text[16];
    for (unsigned i = 0; i < 9; i++) {
        (void)snprintf(url, sizeof url, "/shop/%s", word(i, text));
        (void)page_groups_find(groups, str_of(url));
    }
    expect(groups, "/cart", "/cart");
    expect(groups, "/help", "/help");
    expect(groups, "/shop/bccccc", "/shop/{slug}");
    assert_int_equal(page_groups_counts(groups).groups, 3);
    page_groups_free(groups);
}

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % bound;
}

static void random_url(char url[128])
{
    size_t len = 0;
    char text[16];
    for (uint32_t parts = 1 + random_below(4); parts > 0; parts--) {
        switch (random_below(4)) {
        case 0:
            len += (size_t)sprintf(url + len, "/%u", random_below(100000));
            break;
        case 1:
            len += (size_t)sprintf(url + len, "/%s", word(random_below(200), text));
            break;
        default:
            len += (size_t)sprintf(url + len, "/%s", word(random_below(5), text));
            break;
        }
    }
}

static void same_group(struct page_groups *a, struct page_groups *b, const char *url)
{
    char first[1024];
    struct page_group group = page_groups_find(a, str_of(url));
    (void)snprintf(first, sizeof first, "%.*s", STR_ARG(group.name));
    expect(b, url, first);
}

static void the_cache_changes_no_answer_and_no_state(void **state)
{
    (void)state;
    random_state = 7;
    struct page_groups *plain = make(shop_rules, 8, 50, 0, false);
    struct page_groups *cached = make(shop_rules, 8, 50, 64, false);
    struct bytes states[2] = {{0}, {0}};
    char recent[16][128];
    for (int i = 0; i < 20000; i++) {
        char *url = recent[random_below(16)];
        if (i < 16)
            url = recent[i];
        if (i < 16 || random_below(3) == 0)
            random_url(url);
        same_group(plain, cached, url);
    }
    assert_true(page_groups_counts(cached).cache_hits > 1000);
    page_groups_export(plain, &states[0]);
    page_groups_export(cached, &states[1]);
    assert_int_equal(states[0].len, states[1].len);
    assert_memory_equal(states[0].data, states[1].data, states[0].len);
    bytes_fini(&states[0]);
    bytes_fini(&states[1]);
    page_groups_free(plain);
    page_groups_free(cached);
}

static void state_goes_on_where_it_was_exported(void **state)
{
    (void)state;
    random_state = 11;
    struct page_groups *one = learner(60);
    struct page_groups *other = learner(60);
    struct bytes exported = {0};
    char url[128];
    for (int i = 0; i < 3000; i++) {
        random_url(url);
        (void)page_groups_find(one, str_of(url));
    }
    page_groups_export(one, &exported);
    assert_int_equal(page_groups_import(other, bytes_view(&exported)), TM_OK);
    assert_int_equal(page_groups_counts(other).groups, page_groups_counts(one).groups);
    for (int i = 0; i < 3000; i++) {
        random_url(url);
        same_group(one, other, url);
    }
    bytes_fini(&exported);
    page_groups_free(one);
    page_groups_free(other);
}

static void damaged_state_changes_nothing(void **state)
{
    (void)state;
    struct page_groups *groups = learner(60);
    struct bytes exported = {0};
    expect(groups, "/p/1", "/p/{n}");
    expect(groups, "/cart", "/cart");
    page_groups_export(groups, &exported);
    for (size_t len = 0; len < exported.len; len++)
        assert_int_equal(page_groups_import(groups, (struct str){(const char *)exported.data, len}),
                         TM_CORRUPT);
    bytes_u8(&exported, 0);
    assert_int_equal(page_groups_import(groups, bytes_view(&exported)), TM_CORRUPT);
    exported.len--;
    exported.data[0] = 9;
    assert_int_equal(page_groups_import(groups, bytes_view(&exported)), TM_CORRUPT);
    assert_int_equal(page_groups_counts(groups).groups, 2);
    expect(groups, "/p/2", "/p/{n}");
    bytes_fini(&exported);
    page_groups_free(groups);
}

static void an_explanation_says_which_rule_or_why(void **state)
{
    (void)state;
    struct page_groups *groups = shop(false);
    struct bytes text = {0};
    page_groups_explain(groups, STR("https://x/p/17/review/2?q"), &text);
    bytes_u8(&text, 0);
    assert_string_equal((char *)text.data,
                        "path: /p/17/review/2\ngroup: review\nrule 2, the first that is found: "
                        "\"/review(/|$)\" matches \"/review/\" at byte 5\n");
    bytes_clear(&text);
    expect(groups, "/q/1", "/q/{n}");
    page_groups_explain(groups, STR("/q/2"), &text);
    bytes_u8(&text, 0);
    assert_string_equal((char *)text.data,
                        "path: /q/2\nno rule of 8 is found in it; learned from its parts:\n"
                        "part 1: q (a name)\npart 2: {n} (only digits)\ngroup: /q/{n}\n");
    bytes_clear(&text);
    page_groups_explain(groups, STR("/new"), &text);
    bytes_u8(&text, 0);
    assert_string_equal((char *)text.data,
                        "path: /new\nno rule of 8 is found in it; learned from its parts:\n"
                        "part 1: new (a name; not seen here before)\n"
                        "group: a new one, or _overflow past 200 of them; 1 are known\n");
    assert_int_equal(page_groups_counts(groups).groups, 1);
    bytes_fini(&text);
    page_groups_free(groups);
}

/* Patterns of every kind, among them some that only PCRE2 knows. */
static const struct page_group_rule mixed_rules[] = {
    RULE("0", "^/(\\w+)/\\1$"),
    RULE("1", "^/bbbbbb/[0-9]{2,4}$"),
    RULE("2", "/d(?=b+)"),
    RULE("3", "(?i)^/BBBBBB/DBBBBB"),
    RULE("4", "\\d{5}"),
    RULE("5", "^/(?:bbbbbb|cbbbbb)/f"),
    RULE("6", "(?<!b)/gbbbbb$"),
    RULE("7", "[^/]+/[^/]+/[^/]+/\\d"),
    RULE("8", "^$|^/$"),
    RULE("9", "/(?>cb+)d?/f"),
    RULE("10", "^/fbbbbb\\b"),
    RULE("11", "bb/\\d+$"),
    RULE("12", "(*ANYCRLF)^/dbbbbb/bbb"),
    RULE("13", "b.*d.*f"),
};

static void one_pass_and_one_by_one_agree(void **state)
{
    (void)state;
    random_state = 3;
    const size_t count = sizeof mixed_rules / sizeof mixed_rules[0];
    struct page_groups *at_once = make(mixed_rules, count, 200, 0, false);
    struct page_groups *one_by_one = make(mixed_rules, count, 200, 0, true);
    assert_false(page_groups_counts(one_by_one).all_at_once);
    size_t by_rule[sizeof mixed_rules / sizeof mixed_rules[0]] = {0};
    for (int i = 0; i < 50000; i++) {
        char url[128];
        random_url(url);
        struct page_group group = page_groups_find(at_once, str_of(url));
        enum page_group_from from = group.from;
        size_t rule = group.rule;
        group = page_groups_find(one_by_one, str_of(url));
        assert_int_equal(group.from, from);
        assert_int_equal(group.rule, rule);
        by_rule[rule] += from == PAGE_GROUP_RULE;
    }
    for (size_t i = 0; i < 7; i++) /* they were asked something */
        if (i != 2 && i != 3)
            assert_true(by_rule[i] > 0);
    page_groups_free(at_once);
    page_groups_free(one_by_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_found_in_the_path_names_the_group),
        cmocka_unit_test(only_the_decoded_path_is_searched),
        cmocka_unit_test(bad_rules_are_refused_with_their_place),
        cmocka_unit_test(parts_that_vary_are_folded),
        cmocka_unit_test(names_that_vary_too_much_are_folded),
        cmocka_unit_test(names_that_are_seen_often_stay),
        cmocka_unit_test(groups_are_bounded_and_the_rest_overflows),
        cmocka_unit_test(a_full_tree_folds_its_fullest_place_first),
        cmocka_unit_test(the_cache_changes_no_answer_and_no_state),
        cmocka_unit_test(state_goes_on_where_it_was_exported),
        cmocka_unit_test(damaged_state_changes_nothing),
        cmocka_unit_test(an_explanation_says_which_rule_or_why),
        cmocka_unit_test(one_pass_and_one_by_one_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
