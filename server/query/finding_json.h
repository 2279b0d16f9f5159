/* Findings as items of an answer. Any thread. */
#ifndef TM_QUERY_FINDING_JSON_H
#define TM_QUERY_FINDING_JSON_H

#include "storage/findings/findings.h"
#include "storage/model/bytes.h"

/* Appends the item: the body with the id in front, as text, unless the body begins with its own; and behind
 * it "feedback":[...] of these objects with commas between them. NULL: without that field. */
void finding_json(const struct finding *finding, const struct str *feedback, struct bytes *out);

/* What is wanted of a path's ID: that finding, or none if it is no id. */
struct findings_wanted finding_by_id(enum finding_kind kind, struct str id);

/* The same as finding_json without feedback and the brace that ends it: for who adds members. */
void finding_json_open(const struct finding *finding, struct bytes *out);

enum { FINDING_FEEDBACK_SHOWN = 100 };

/* What was said of incidents: filled from the store, oldest first. Zero-initialised is empty. */
struct feedback_list {
    struct feedback_said {
        uint64_t id;
        uint64_t incident;
        size_t at; /* of its body in bodies */
        size_t len;
    } * said;
    size_t count;
    size_t capacity;
    struct bytes bodies;
    enum tm_err err;
};

/* Frees what was said; it is empty then. */
void feedback_fini(struct feedback_list *list);

/* All of a service and env (empty: of all). Damaged ones are left out. Errors as findings_search. */
enum tm_err feedback_load(struct feedback_list *list, struct reader *reader, struct str service,
                          struct str env, struct tm_why *why) TM_MUST_CHECK;

/* Appends what was said of one incident, for finding_json; at most the last FINDING_FEEDBACK_SHOWN. */
void feedback_json(const struct feedback_list *list, uint64_t incident, struct bytes *out);

/* What somebody said of an incident. Views. */
struct feedback_words {
    uint64_t id;
    uint64_t incident;
    struct str feedback;
    struct str note;
    time_ms_t time;
};

/* Appends it as {"id","incident","feedback","note","time"}: the body of a finding, and of an answer. */
void feedback_body(const struct feedback_words *words, struct bytes *out);

#endif
