/* All patterns in one pass, by Hyperscan. Without its headers, or on a processor it does not know, there is
 * no such pass and PCRE2 tries them one after the other. */
#include "server/events/page_rules.h"

#include <stdlib.h>

#if defined(__has_include)
#if __has_include(<hs/hs.h>)
#define HAVE_HYPERSCAN 1
#endif
#endif

#ifdef HAVE_HYPERSCAN
#include <hs/hs.h>

/* Once is enough; "" matches where PCRE2 says so. */
enum { FLAGS = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY };

struct page_scan {
    hs_database_t *database;
    hs_scratch_t *scratch;
    enum page_scan_kind *kinds; /* by rule */
};

/* The patterns that take part, as hs_compile_multi wants them. */
struct parts {
    const char **pattern;
    unsigned *flags;
    unsigned *id;
    unsigned count;
};

static bool is_taken(const char *pattern, unsigned flags)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    bool taken = hs_expression_info(pattern, flags, &info, &error) == HS_SUCCESS;
    free(info);
    (void)hs_free_compile_error(error);
    return taken;
}

/* Verbs at the start mean other things to the two engines. */
static enum page_scan_kind kind_of(const char *pattern)
{
    if (strncmp(pattern, "(*", 2) == 0)
        return PAGE_SCAN_NOT;
    if (is_taken(pattern, FLAGS))
        return PAGE_SCAN_EXACT;
    return is_taken(pattern, FLAGS | HS_FLAG_PREFILTER) ? PAGE_SCAN_MAYBE : PAGE_SCAN_NOT;
}

static void collect(struct parts *parts, const char *const *patterns, size_t count,
                    const enum page_scan_kind *kinds)
{
    parts->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == PAGE_SCAN_NOT)
            continue;
        parts->pattern[parts->count] = patterns[i];
        parts->flags[parts->count] = kinds[i] == PAGE_SCAN_MAYBE ? FLAGS | HS_FLAG_PREFILTER : FLAGS;
        parts->id[parts->count++] = (unsigned)i;
    }
}

/* Compiles; a pattern that turns out to be too much is left out, a few times. */
static hs_database_t *compile(struct parts *parts, const char *const *patterns, size_t count,
                              enum page_scan_kind *kinds)
{
    enum { LEFT_OUT_MAX = 16 };
    for (int tries = 0; tries <= LEFT_OUT_MAX; tries++) {
        hs_database_t *database = NULL;
        hs_compile_error_t *error = NULL;
        collect(parts, patterns, count, kinds);
        if (parts->count == 0)
            return NULL;
        if (hs_compile_multi(parts->pattern, parts->flags, parts->id, parts->count, HS_MODE_BLOCK, NULL,
                             &database, &error) == HS_SUCCESS)
            return database;
        int bad = error ? error->expression : -1;
        (void)hs_free_compile_error(error);
        if (bad < 0 || (unsigned)bad >= parts->count)
            return NULL;
        kinds[parts->id[bad]] = PAGE_SCAN_NOT;
    }
    return NULL;
}

enum tm_err page_scan_new(const char *const *patterns, size_t count, enum page_scan_kind *kinds,
                          struct page_scan **out)
{
    struct parts parts = {.pattern = calloc(count, sizeof *parts.pattern),
                          .flags = calloc(count, sizeof *parts.flags),
                          .id = calloc(count, sizeof *parts.id)};
    struct page_scan *scan = calloc(1, sizeof *scan);
    enum tm_err err = TM_NOMEM;
    *out = NULL;
    if (!parts.pattern || !parts.flags || !parts.id || !scan)
        goto out;
    err = TM_OK;
    if (hs_valid_platform() != HS_SUCCESS)
        goto out;
    for (size_t i = 0; i < count; i++)
        kinds[i] = kind_of(patterns[i]);
    scan->database = compile(&parts, patterns, count, kinds);
    scan->kinds = kinds;
    if (!scan->database || hs_alloc_scratch(scan->database, &scan->scratch) != HS_SUCCESS)
        goto out;
    *out = scan;
    scan = NULL;
out:
    page_scan_free(scan);
    free(parts.pattern);
    free(parts.flags);
    free(parts.id);
    return err;
}

void page_scan_free(struct page_scan *scan)
{
    if (!scan)
        return;
    (void)hs_free_scratch(scan->scratch);
    (void)hs_free_database(scan->database);
    free(scan);
}

struct pass {
    const enum page_scan_kind *kinds;
    struct page_scan_found *found;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct pass *pass = context;
    struct page_scan_found *found = pass->found;
    (void)from;
    (void)to;
    (void)flags;
    if (pass->kinds[id] == PAGE_SCAN_EXACT) {
        found->first = id < found->first ? id : found->first;
        return 0;
    }
    if (found->maybe_count < PAGE_SCAN_MAYBE_MAX)
        found->maybe[found->maybe_count] = id;
    found->maybe_count += found->maybe_count <= PAGE_SCAN_MAYBE_MAX;
    return 0;
}

bool page_scan_run(struct page_scan *scan, struct str path, struct page_scan_found *found)
{
    struct pass pass = {.kinds = scan->kinds, .found = found};
    found->first = UINT32_MAX;
    found->maybe_count = 0;
    return hs_scan(scan->database, path.ptr, (unsigned)path.len, 0, scan->scratch, on_match, &pass) ==
           HS_SUCCESS;
}

#else

enum tm_err page_scan_new(const char *const *patterns, size_t count, enum page_scan_kind *kinds,
                          struct page_scan **out)
{
    (void)patterns;
    (void)count;
    (void)kinds;
    *out = NULL;
    return TM_OK;
}

void page_scan_free(struct page_scan *scan)
{
    (void)scan;
}

bool page_scan_run(struct page_scan *scan, struct str path, struct page_scan_found *found)
{
    (void)scan;
    (void)path;
    (void)found;
    return false;
}

#endif
