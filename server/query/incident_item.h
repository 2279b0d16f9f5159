/* An incident's item (CONTRACT 9) as JSON, whoever found it: scoring (server/detect) or a deploy's verdict.
 * Values in, text out; any thread. */
#ifndef TM_QUERY_INCIDENT_ITEM_H
#define TM_QUERY_INCIDENT_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/marker.h"
#include "storage/model/str.h"

/* Labels are encoded throughout; nothing is owned. */
struct incident_item_cause {
    struct str labels;
    double share; /* 0..1 */
};

/* A series of it, as it was when it was farthest off. */
struct incident_item_series {
    struct str labels, metric;
    time_ms_t time; /* since when */
    double score, observed, expected, spread, effect;
};

struct incident_item_fingerprint {
    struct str fingerprint, type;
    double observed, expected, excess;
};

/* What was marked before it. */
struct incident_item_marker {
    uint64_t id;
    enum marker_kind kind;
    struct str what; /* version, class or note */
    time_ms_t time;
};

/* An incident that is part of it. */
struct incident_item_part {
    uint64_t id;
    struct str service, env;
};

/* Zero-initialised, an empty one. */
struct incident_item {
    uint64_t id;
    struct str service, env;
    time_ms_t start;
    time_ms_t end; /* 0: it goes on */
    time_ms_t peak;
    double score, severity;
    struct str text;
    uint64_t series;                            /* that were looked at */
    uint64_t anomalies;                         /* of them those that were unusual */
    uint64_t cause_id;                          /* 0: none */
    const struct incident_item_marker *markers; /* the nearest first */
    size_t marker_count;
    const struct incident_item_cause *causes;
    size_t cause_count;
    const struct incident_item_cause *excess; /* where the excess of its sums lies */
    size_t excess_count;
    const struct incident_item_series *onset;
    size_t onset_count;
    const struct incident_item_fingerprint *fingerprints;
    size_t fingerprint_count;
    uint64_t part_of; /* the incident that it is part of; 0: none */
    const struct incident_item_part *related;
    size_t related_count;
    uint64_t related_all; /* with those that are not named */
};

/* Appends it. Entries of lists that are over 12 KiB, or begin behind 40 KiB, are left out, so that it fits in
 * a finding whatever labels it names. out->failed without memory. */
void incident_item_put(const struct incident_item *item, struct bytes *out);

#endif
