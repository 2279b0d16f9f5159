/* Which series bear which labels: for each label its values, for each value its series. Holds texts and
 * numbers only; the labels of a series are the series table's. How it is laid out and what it costs:
 * storage/index/README.md.
 *
 * Threads: no lock inside. Adding and removing is the owner's; everything that takes a const struct index may
 * run in any number of threads meanwhile nobody adds or removes. Whoever lets query workers in holds one
 * read-write lock over index, series table and head together: one lock for a whole group of new series
 * instead of one each, and the numbers that a selection returns keep their labels and samples until the
 * reader lets go. A lock in here could promise neither. */
#ifndef TM_STORAGE_INDEX_H
#define TM_STORAGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/selector/matcher.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct index;

enum { INDEX_ID_MAX = (1 << 28) - 1 };

/* NULL when out of memory. */
struct index *index_new(void);
/* NULL is allowed. */
void index_free(struct index *ix);

/* ---- the owner's ---- */

/* Adds series id (1..INDEX_ID_MAX) with its canonical labels and its owning service (may be empty). All or
 * nothing: TM_EXISTS if id is in it, TM_CORRUPT if the bytes are no labels, TM_TOO_LARGE for a text over
 * 65,535 bytes, TM_LIMIT, TM_NOMEM. */
enum tm_err index_add(struct index *ix, uint32_t id, struct str labels, struct str service) TM_MUST_CHECK;

/* Removes a series, by the labels and the service that it was added with. TM_NOT_FOUND, TM_CORRUPT, TM_NOMEM
 * (try again): nothing has changed then. */
enum tm_err index_remove(struct index *ix, uint32_t id, struct str labels, struct str service) TM_MUST_CHECK;

/* ---- selecting ---- */

/* What one matcher with a costly pattern takes, found before the selection so that no lock is held meanwhile:
 * texts of values are copied some at a time (with the lock), and judged (without it). Values that come later
 * are judged by the selection. Zero-initialised but for the matcher; the holder owns it. */
struct index_scan {
    struct matcher *matcher;
    uint32_t next; /* values judged */
    uint32_t *places;
    size_t count;
    size_t capacity;
    struct bytes texts; /* copied, not judged yet */
    size_t copied;
    uint64_t removals;
};
/* Does this matcher's pattern need that? */
bool index_scan_pays(const struct matcher *matcher);
/* Copies the next values; scan->copied is 0 if none are left. TM_NOMEM. */
enum tm_err index_scan_copy(const struct index *ix, struct index_scan *scan) TM_MUST_CHECK;
/* Judges what was copied. TM_LIMIT (too costly, why names pattern and value), TM_NOMEM. */
enum tm_err index_scan_judge(struct index_scan *scan, struct tm_why *why) TM_MUST_CHECK;

/* Frees what it found and copied; the matcher is the caller's. It is zeroed then. */
void index_scan_fini(struct index_scan *scan);

/* The conditions of one selection; all must hold. Views, the caller's. */
struct index_query {
    struct matcher *const *matchers;
    size_t count;                   /* 0: all series */
    const struct index_scan *scans; /* of some of the matchers */
    size_t scan_count;
    bool (*stop)(void *arg); /* asked now and then; true ends the selection. NULL: never */
    void *stop_arg;
};

/* Series numbers, sorted; the holder owns the memory. Zero-initialised is empty. */
struct index_ids {
    uint32_t *ids;
    size_t count;
};
/* Releases the memory. */
void index_ids_fini(struct index_ids *ids);

/* The series that every matcher of query takes. TM_LIMIT with the pattern and the value in why if a regex is
 * too costly, TM_BUSY if stopped, TM_NOMEM; *out is empty then. */
enum tm_err index_select(const struct index *ix, const struct index_query *query, struct index_ids *out,
                         struct tm_why *why) TM_MUST_CHECK;

/* ---- listing and counting ---- */

struct index_item {
    struct str text;
    uint64_t series; /* that bear it (and were selected) */
    uint64_t values; /* of a label: how many it has in all; else 0 */
    uint64_t bytes;  /* index_value_bytes; else 0 */
};

/* The holder owns the memory, texts included. Zero-initialised is empty. */
struct index_list {
    struct index_item *items;
    size_t count;
    size_t total; /* what there is, if the list was cut at a limit */
    char *texts;
};
/* Releases the memory. */
void index_list_fini(struct index_list *list);

enum index_order { INDEX_BY_TEXT, INDEX_BY_SERIES /* most first */, INDEX_BY_VALUES /* most first */ };

struct index_listing {
    const struct index_query *query; /* NULL: of all series */
    const struct index_ids *ids;     /* instead of query: of these series alone. NULL: of all */
    enum index_order order;
    size_t limit; /* 0: none */
};

/* The label names. Errors as index_select. */
enum tm_err index_names(const struct index *ix, const struct index_listing *how, struct index_list *out,
                        struct tm_why *why) TM_MUST_CHECK;
/* The values of a label; none if there is no such label. Errors as index_select. */
enum tm_err index_values(const struct index *ix, struct str name, const struct index_listing *how,
                         struct index_list *out, struct tm_why *why) TM_MUST_CHECK;
/* The owning services. Errors as index_select. */
enum tm_err index_services(const struct index *ix, const struct index_listing *how, struct index_list *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* The pairs "name=value" that most series bear, most first, at most limit of them. Walks over every value.
 * TM_NOMEM. */
enum tm_err index_pairs(const struct index *ix, size_t limit, struct index_list *out,
                        struct tm_why *why) TM_MUST_CHECK;
/* The label names whose values have the most bytes, most first, at most limit of them. Walks over every
 * value. TM_NOMEM. */
enum tm_err index_value_bytes(const struct index *ix, size_t limit, struct index_list *out,
                              struct tm_why *why) TM_MUST_CHECK;
/* How many pairs of name and value there are. */
size_t index_pair_count(const struct index *ix);

/* How many series are in it. O(1). */
size_t index_count(const struct index *ix);

/* How many series bear name=value; 0: no such pair. O(1). */
size_t index_value_count(const struct index *ix, struct str name, struct str value);

/* What it takes from the system, in bytes, about. Walks over every value. */
size_t index_bytes(const struct index *ix);

#endif
