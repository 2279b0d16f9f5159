#include "server/events/page_rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

/* Of one search. */
enum { STEPS_MAX = 100000, DEPTH_MAX = 10000, HEAP_MAX_KIB = 4096 };

struct rule {
    char *name;
    char *match;
    size_t match_len;
    pcre2_code *code;
};

struct page_rules {
    struct rule *at;
    size_t count;
    struct page_scan *scan;     /* NULL: one after the other */
    enum page_scan_kind *kinds; /* by rule; only with scan */
    uint32_t *inexact;          /* rules that the pass does not decide, ascending */
    size_t inexact_count;
    pcre2_match_data *data;
    pcre2_match_context *bounds;
    uint64_t stopped;
};

static enum tm_err compile_rule(struct rule *rule, size_t i, const struct page_group_rule *from,
                                struct tm_why *why)
{
    int error;
    size_t offset;
    rule->name = strndup(from->name.ptr ? from->name.ptr : "", from->name.len);
    rule->match = strndup(from->match.ptr ? from->match.ptr : "", from->match.len);
    if (!rule->name || !rule->match)
        return tm_fail(why, TM_NOMEM, "no room for page group %zu", i + 1);
    rule->match_len = strlen(rule->match);
    rule->code = pcre2_compile((PCRE2_SPTR)rule->match, rule->match_len, 0, &error, &offset, NULL);
    if (!rule->code) {
        char text[128] = "";
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return tm_fail(
            why, error == PCRE2_ERROR_HEAP_FAILED ? TM_NOMEM : TM_INVALID,
            "page group %zu (%.60s): \"%.100s\" is no valid pattern, at offset %zu: %s; mend it there", i + 1,
            rule->name, rule->match, offset, text);
    }
    /* Where there is no JIT the interpreter does the same, slower. */
    (void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE);
    return TM_OK;
}

static enum tm_err set_bounds(struct page_rules *rules, struct tm_why *why)
{
    rules->data = pcre2_match_data_create(1, NULL);
    rules->bounds = pcre2_match_context_create(NULL);
    if (!rules->data || !rules->bounds)
        return tm_fail(why, TM_NOMEM, "no room for page groups");
    (void)pcre2_set_match_limit(rules->bounds, STEPS_MAX);
    (void)pcre2_set_depth_limit(rules->bounds, DEPTH_MAX);
    (void)pcre2_set_heap_limit(rules->bounds, HEAP_MAX_KIB);
    return TM_OK;
}

static enum tm_err compile_scan(struct page_rules *rules)
{
    const char **patterns = calloc(rules->count, sizeof *patterns);
    enum tm_err err = TM_NOMEM;
    rules->kinds = calloc(rules->count, sizeof *rules->kinds);
    rules->inexact = calloc(rules->count, sizeof *rules->inexact);
    if (!patterns || !rules->kinds || !rules->inexact)
        goto out;
    for (size_t i = 0; i < rules->count; i++)
        patterns[i] = rules->at[i].match;
    err = page_scan_new(patterns, rules->count, rules->kinds, &rules->scan);
    for (size_t i = 0; !err && rules->scan && i < rules->count; i++)
        if (rules->kinds[i] != PAGE_SCAN_EXACT)
            rules->inexact[rules->inexact_count++] = (uint32_t)i;
out:
    free(patterns);
    return err;
}

enum tm_err page_rules_new(const struct page_group_rule *from, size_t count, bool one_by_one,
                           struct page_rules **out, struct tm_why *why)
{
    *out = NULL;
    if (count > PAGE_GROUPS_RULES_MAX)
        return tm_fail(why, TM_LIMIT, "%zu page groups, at most %d: merge some of them", count,
                       PAGE_GROUPS_RULES_MAX);
    struct page_rules *rules = calloc(1, sizeof *rules);
    if (!rules)
        return tm_fail(why, TM_NOMEM, "no room for page groups");
    rules->at = calloc(count ? count : 1, sizeof *rules->at);
    enum tm_err err = rules->at ? set_bounds(rules, why) : tm_fail(why, TM_NOMEM, "no room for page groups");
    for (size_t i = 0; !err && i < count; i++) {
        rules->count = i + 1;
        err = compile_rule(&rules->at[i], i, &from[i], why);
    }
    if (!err && count > 1 && !one_by_one) {
        err = compile_scan(rules);
        if (err)
            (void)tm_fail(why, err, "no room for page groups");
    }
    if (err)
        page_rules_free(rules);
    else
        *out = rules;
    return err;
}

void page_rules_free(struct page_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->at[i].name);
        free(rules->at[i].match);
        pcre2_code_free(rules->at[i].code);
    }
    page_scan_free(rules->scan);
    pcre2_match_context_free(rules->bounds);
    pcre2_match_data_free(rules->data);
    free(rules->kinds);
    free(rules->inexact);
    free(rules->at);
    free(rules);
}

static bool is_found(struct page_rules *rules, size_t i, struct str path)
{
    int found =
        pcre2_match(rules->at[i].code, (PCRE2_SPTR)path.ptr, path.len, 0, 0, rules->data, rules->bounds);
    rules->stopped += found < 0 && found != PCRE2_ERROR_NOMATCH;
    return found >= 0;
}

static int first_one_by_one(struct page_rules *rules, struct str path)
{
    for (size_t i = 0; i < rules->count; i++)
        if (is_found(rules, i, path))
            return (int)i;
    return PAGE_RULES_NONE;
}

static bool may_be(const struct page_rules *rules, const struct page_scan_found *found, uint32_t rule)
{
    if (rules->kinds[rule] == PAGE_SCAN_NOT || found->maybe_count > PAGE_SCAN_MAYBE_MAX)
        return true;
    for (size_t i = 0; i < found->maybe_count; i++)
        if (found->maybe[i] == rule)
            return true;
    return false;
}

int page_rules_first(struct page_rules *rules, struct str path)
{
    struct page_scan_found found;
    if (!rules->scan || !page_scan_run(rules->scan, path, &found))
        return first_one_by_one(rules, path);
    for (size_t i = 0; i < rules->inexact_count && rules->inexact[i] < found.first; i++) {
        uint32_t rule = rules->inexact[i];
        if (may_be(rules, &found, rule) && is_found(rules, rule, path))
            return (int)rule;
    }
    return found.first == UINT32_MAX ? PAGE_RULES_NONE : (int)found.first;
}

bool page_rules_where(struct page_rules *rules, size_t i, struct str path, size_t *from, size_t *to)
{
    if (i >= rules->count || !is_found(rules, i, path))
        return false;
    const size_t *ends = pcre2_get_ovector_pointer(rules->data);
    *from = ends[0];
    *to = ends[1];
    return true;
}

struct page_group_rule page_rules_get(const struct page_rules *rules, size_t i)
{
    const struct rule *rule = &rules->at[i];
    return (struct page_group_rule){.name = str_of(rule->name), .match = {rule->match, rule->match_len}};
}

size_t page_rules_count(const struct page_rules *rules)
{
    return rules->count;
}

bool page_rules_all_at_once(const struct page_rules *rules)
{
    return rules->scan != NULL;
}

uint64_t page_rules_stopped(const struct page_rules *rules)
{
    return rules->stopped;
}
