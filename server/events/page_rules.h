/* Configured patterns: which is the first that is found in a path. Private to server/events.
 *
 * All are compiled with PCRE2, which judges. Where Hyperscan is there (x86-64), it searches all of them in
 * one pass; what it can't express it only narrows down, and PCRE2 decides. */
#ifndef TM_EVENTS_PAGE_RULES_H
#define TM_EVENTS_PAGE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/events/page_groups.h"

enum { PAGE_RULES_NONE = -1 };

struct page_rules;

/* See page_groups_new. */
enum tm_err page_rules_new(const struct page_group_rule *rules, size_t count, bool one_by_one,
                           struct page_rules **out, struct tm_why *why) TM_MUST_CHECK;

/* NULL is allowed. */
void page_rules_free(struct page_rules *rules);

/* The index of the first rule found in path, PAGE_RULES_NONE if there is none. One thread at a time. */
int page_rules_first(struct page_rules *rules, struct str path);

/* Where PCRE2 finds rule i in path; false if it does not. */
bool page_rules_where(struct page_rules *rules, size_t i, struct str path, size_t *from, size_t *to);

/* Name and pattern of rule i; owned by rules. */
struct page_group_rule page_rules_get(const struct page_rules *rules, size_t i);

/* How many there are. */
size_t page_rules_count(const struct page_rules *rules);
/* Does one pass search all of them? */
bool page_rules_all_at_once(const struct page_rules *rules);
/* Searches that passed PCRE2's bounds. */
uint64_t page_rules_stopped(const struct page_rules *rules);

/* ---- all at once ---- */

enum page_scan_kind { PAGE_SCAN_EXACT, PAGE_SCAN_MAYBE, PAGE_SCAN_NOT };

enum { PAGE_SCAN_MAYBE_MAX = 64 };

/* What one pass found. */
struct page_scan_found {
    uint32_t first; /* the lowest exact one, UINT32_MAX if none */
    uint32_t maybe[PAGE_SCAN_MAYBE_MAX];
    size_t maybe_count; /* past PAGE_SCAN_MAYBE_MAX: any of PAGE_SCAN_MAYBE may be there */
};

struct page_scan;

/* Compiles patterns[0..count) into one; kinds[i] tells how far the pass decides i. *out is NULL where there
 * is no such engine, or it can't take any of them: that is no error. kinds must outlive *out. TM_NOMEM. */
enum tm_err page_scan_new(const char *const *patterns, size_t count, enum page_scan_kind *kinds,
                          struct page_scan **out) TM_MUST_CHECK;
/* NULL is allowed. */
void page_scan_free(struct page_scan *scan);
/* False if the pass failed; then all must be tried. */
bool page_scan_run(struct page_scan *scan, struct str path, struct page_scan_found *found);

#endif
