/* Which group of pages a URL belongs to: the first configured pattern that is found in its path, else a
 * pattern learned from the URLs seen so far ("/p/{n}/review/{n}").
 *
 * One object per service; one thread at a time. What is learned depends on nothing but the order of the URLs,
 * and can be kept over restarts as bytes. */
#ifndef TM_EVENTS_PAGE_GROUPS_H
#define TM_EVENTS_PAGE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum {
    PAGE_GROUPS_RULES_MAX = 10000,
    PAGE_GROUPS_CACHE_DEFAULT = 256 /* paths; about 32 KiB */
};

/* Beyond the bound on learned groups. */
#define PAGE_GROUP_OVERFLOW_NAME "_overflow"

/* A configured group: PCRE2 syntax on bytes, case counts, searched anywhere in the path (anchor with ^). */
struct page_group_rule {
    struct str name;
    struct str match;
};

struct page_groups_options {
    const struct page_group_rule *rules; /* copied */
    size_t rule_count;
    uint32_t groups_max;  /* learned ones (events.url_groups_per_service), 1 or more */
    uint32_t cache_paths; /* a power of two; 0: no cache */
    bool one_by_one;      /* try the rules with PCRE2 one after the other, even where all at once is there */
};

enum page_group_from { PAGE_GROUP_RULE, PAGE_GROUP_LEARNED, PAGE_GROUP_OVERFLOW };

struct page_group {
    struct str name; /* valid until the next call with these page groups */
    enum page_group_from from;
    size_t rule; /* PAGE_GROUP_RULE: which one */
};

struct page_groups;

/* Compiles the rules. TM_INVALID with the rule and the place in why; TM_LIMIT past PAGE_GROUPS_RULES_MAX;
 * TM_NOMEM. A thousand rules take about a second where they are compiled into one: not for a thread that
 * others wait for. The caller owns *out. */
enum tm_err page_groups_new(const struct page_groups_options *options, struct page_groups **out,
                            struct tm_why *why) TM_MUST_CHECK;

/* NULL is allowed. */
void page_groups_free(struct page_groups *groups);

/* The group of a URL, and learns from it. Never fails: without memory a new URL is PAGE_GROUP_OVERFLOW. */
struct page_group page_groups_find(struct page_groups *groups, struct str url);

/* Appends, for a person, which path was looked at, which rule matched where, or how each of its parts was
 * folded and why. Learns nothing. Errors stay in out (bytes_error). */
void page_groups_explain(struct page_groups *groups, struct str url, struct bytes *out);

/* What has been learned, appended as bytes that page_groups_import reads. Errors stay in out. */
void page_groups_export(const struct page_groups *groups, struct bytes *out);

/* Replaces what has been learned. TM_CORRUPT if the bytes are none of ours, TM_NOMEM: then nothing is
 * changed. More groups than groups_max stay, and no new ones come. */
enum tm_err page_groups_import(struct page_groups *groups, struct str state) TM_MUST_CHECK;

struct page_groups_counts {
    size_t rules;        /* configured */
    uint32_t groups;     /* learned and alive */
    uint64_t folds;      /* places where different parts were folded into {slug} */
    uint64_t overflows;  /* URLs that got PAGE_GROUP_OVERFLOW_NAME */
    uint64_t cache_hits; /* URLs answered from the cache */
    uint64_t stopped;    /* searches of a rule that passed PCRE2's bounds and count as no match */
    bool all_at_once;    /* rules are searched all at once */
};

/* The figures of now. */
struct page_groups_counts page_groups_counts(const struct page_groups *groups);

#endif
