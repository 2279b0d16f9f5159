/* A series' identity: label names and values, sorted by name, each name once. The metric's name is the label
 * __name__. The encoded form is canonical: equal sets have equal bytes, so bytes are the key everywhere. */
#ifndef TM_MODEL_LABELS_H
#define TM_MODEL_LABELS_H

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { LABELS_MAX = 64 };

#define LABEL_NAME "__name__"

struct label {
    struct str name;
    struct str value;
};

/* Labels being collected; views only, the bytes stay the caller's. Zero-initialised is empty. */
struct labels {
    struct label at[LABELS_MAX];
    size_t count;
};

/* Adds one; TM_LIMIT past LABELS_MAX. An empty value means "no such label" and adds nothing. */
enum tm_err labels_add(struct labels *set, struct str name, struct str value) TM_MUST_CHECK;

/* Sorts by name. TM_EXISTS if a name stands twice, then *twice is that name. */
enum tm_err labels_sort(struct labels *set, struct str *twice) TM_MUST_CHECK;

/* The value of name in a sorted or unsorted set, empty view if absent. */
struct str labels_get(const struct labels *set, struct str name);

/* Appends the canonical bytes of a sorted set: varint count, then name and value as bytes_str. */
void labels_encode(const struct labels *set, struct bytes *out);

/* Reads what labels_encode wrote, in place. TM_CORRUPT if the bytes are not canonical (order, count, trailing
 * bytes, empty value). */
enum tm_err labels_decode(struct str encoded, struct labels *out) TM_MUST_CHECK;

/* The order of two encoded sets as Prometheus has it: pair by pair, name before value; of two where one
 * begins the other the shorter is first. < 0, 0, > 0. */
int labels_compare(struct str a, struct str b);

/* [a-zA-Z_][a-zA-Z0-9_]* */
bool label_name_valid(struct str name);
/* [a-zA-Z_:][a-zA-Z0-9_:]* */
bool metric_name_valid(struct str name);

#endif
