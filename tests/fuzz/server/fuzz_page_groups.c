/* First byte: groups_max; second: how many bytes of state to import first. Then lines: URLs in order. Names
 * are bounded valid paths, never more groups than allowed, the cache changes nothing, and exported state goes
 * on the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/events/page_groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct page_groups *make(uint32_t groups_max, uint32_t cache_paths)
{
    static const struct page_group_rule rules[] = {{{"r", 1}, {"^/rule/[0-9]+", 13}},
                                                   {{"s", 1}, {"(a|b)+c$", 8}}};
    const struct page_groups_options options = {.rules = rules,
                                                .rule_count = 2,
                                                .groups_max = groups_max,
                                                .cache_paths = cache_paths,
                                                .one_by_one = true};
    struct page_groups *groups;
    assert(page_groups_new(&options, &groups, NULL) == TM_OK);
    return groups;
}

static void check_group(const struct page_group *group)
{
    assert(group->name.len > 0 && group->name.len <= 1024);
    for (size_t i = 0; i < group->name.len; i++)
        assert((unsigned char)group->name.ptr[i] >= 0x20);
    assert(group->from != PAGE_GROUP_LEARNED || group->name.ptr[0] == '/');
}

static void same_state(const struct page_groups *a, const struct page_groups *b)
{
    struct bytes states[2] = {{0}, {0}};
    page_groups_export(a, &states[0]);
    page_groups_export(b, &states[1]);
    assert(str_equal(bytes_view(&states[0]), bytes_view(&states[1])));
    bytes_fini(&states[0]);
    bytes_fini(&states[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint32_t groups_max = 1 + data[0] % 40U;
    struct page_groups *plain = make(groups_max, 0);
    struct page_groups *cached = make(groups_max, 4);
    struct bytes text = {0};
    const char *at = (const char *)data + 2;
    const char *end = (const char *)data + size;
    size_t state_len = data[1] < size - 2 ? data[1] : size - 2;
    if (state_len > 0) {
        struct str state = {at, state_len};
        enum tm_err err = page_groups_import(plain, state);
        assert(err == page_groups_import(cached, state));
        at += state_len;
    }
    uint32_t before = page_groups_counts(plain).groups;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct str url = {at, (size_t)((feed ? feed : end) - at)};
        struct page_group group = page_groups_find(plain, url);
        check_group(&group);
        struct page_group other = page_groups_find(cached, url);
        assert(group.from == other.from && str_equal(group.name, other.name));
        bytes_clear(&text);
        page_groups_explain(plain, url, &text);
        assert(text.len > 0);
        uint32_t groups = page_groups_counts(plain).groups;
        assert(groups <= groups_max || groups <= before);
        at = feed ? feed + 1 : end;
    }
    same_state(plain, cached);
    bytes_clear(&text);
    page_groups_export(plain, &text);
    assert(page_groups_import(cached, bytes_view(&text)) == TM_OK);
    same_state(plain, cached);
    bytes_fini(&text);
    page_groups_free(plain);
    page_groups_free(cached);
    return 0;
}
