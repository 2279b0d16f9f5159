#include "server/query/finding_json.h"

#include <stdlib.h>
#include <string.h>

#include "server/wire/reply.h"
#include "storage/model/marker.h"
#include "storage/model/when.h"
#include "storage/query.h"

/* A body of ours begins with these; storage has checked the braces. */
static const struct str own_id = {"{\"id\":", 6};
static const struct str incident_field = {"\"incident\":\"", 12};

static bool begins_with(struct str text, struct str with)
{
    return text.len >= with.len && memcmp(text.ptr, with.ptr, with.len) == 0;
}

/* Whether an object without its braces has members. */
static bool has_members(struct str inside)
{
    for (size_t i = 0; i < inside.len; i++) {
        if (!strchr(" \t\r\n", inside.ptr[i]))
            return true;
    }
    return false;
}

struct findings_wanted finding_by_id(enum finding_kind kind, struct str id)
{
    struct findings_wanted wanted = {.kind = kind, .id = marker_id_of(id), .span = READER_ALWAYS};
    if (wanted.id == 0) /* that of none */
        wanted.id = UINT64_MAX;
    return wanted;
}

void finding_json_open(const struct finding *finding, struct bytes *out)
{
    char id[MARKER_ID_TEXT + 1];
    struct str inside = {finding->body.ptr + 1, finding->body.len - 2};
    bytes_u8(out, '{');
    if (!begins_with(finding->body, own_id)) {
        bytes_printf(out, "\"id\":\"%s\"", marker_id_text(finding->id, id));
        if (has_members(inside))
            bytes_u8(out, ',');
    }
    bytes_put(out, inside.ptr, inside.len);
}

void finding_json(const struct finding *finding, const struct str *feedback, struct bytes *out)
{
    finding_json_open(finding, out);
    if (feedback) {
        bytes_printf(out, ",\"feedback\":[");
        bytes_put(out, feedback->ptr, feedback->len);
        bytes_u8(out, ']');
    }
    bytes_u8(out, '}');
}

/* ---- feedback ---- */

void feedback_fini(struct feedback_list *list)
{
    free(list->said);
    bytes_fini(&list->bodies);
    *list = (struct feedback_list){0};
}

void feedback_body(const struct feedback_words *words, struct bytes *out)
{
    char id[MARKER_ID_TEXT + 1], time[WHEN_TEXT_BYTES];
    bytes_printf(out, "{\"id\":\"%s\",", marker_id_text(words->id, id));
    bytes_printf(out, "\"incident\":\"%s\",\"feedback\":", marker_id_text(words->incident, id));
    bytes_json_string(out, words->feedback);
    bytes_printf(out, ",\"note\":");
    bytes_json_string(out, words->note);
    bytes_printf(out, ",\"time\":\"%s\"}", when_text(words->time, time));
}

/* As feedback_body wrote it: the id, a comma, the incident. 0: it is none of ours. */
static uint64_t incident_of(struct str body)
{
    size_t at = own_id.len + MARKER_ID_TEXT + 3, need = at + incident_field.len + MARKER_ID_TEXT;
    struct str rest = {body.ptr + at, body.len > at ? body.len - at : 0};
    if (body.len < need || !begins_with(rest, incident_field))
        return 0;
    return marker_id_of((struct str){rest.ptr + incident_field.len, MARKER_ID_TEXT});
}

static bool take_feedback(void *arg, const struct finding *finding)
{
    struct feedback_list *list = arg;
    size_t capacity = list->capacity;
    if (list->count == capacity) {
        capacity = capacity * 2 + 16;
        struct feedback_said *said = realloc(list->said, capacity * sizeof *said);
        if (!said) {
            list->err = TM_NOMEM;
            return false;
        }
        list->said = said;
        list->capacity = capacity;
    }
    list->said[list->count++] =
        (struct feedback_said){finding->id, incident_of(finding->body), list->bodies.len, finding->body.len};
    bytes_put(&list->bodies, finding->body.ptr, finding->body.len);
    return true;
}

static int compare_said(const void *a, const void *b)
{
    const struct feedback_said *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

enum tm_err feedback_load(struct feedback_list *list, struct reader *reader, struct str service,
                          struct str env, struct tm_why *why)
{
    uint64_t damaged = 0;
    const struct findings_wanted wanted = {
        .kind = FINDING_FEEDBACK, .service = service, .env = env, .span = READER_ALWAYS, .damaged = &damaged};
    enum tm_err err = findings_search(reader, &wanted, take_feedback, list, why);
    if (!err && (list->err || list->bodies.failed))
        err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    if (!err && list->count > 1) /* ids grow with time */
        qsort(list->said, list->count, sizeof *list->said, compare_said);
    return err;
}

void feedback_json(const struct feedback_list *list, uint64_t incident, struct bytes *out)
{
    size_t count = 0, first = list->count;
    while (first > 0 && count < FINDING_FEEDBACK_SHOWN)
        count += list->said[--first].incident == incident;
    bool is_first = true;
    for (size_t i = first; i < list->count; i++) {
        const struct feedback_said *said = &list->said[i];
        if (said->incident != incident)
            continue;
        if (!is_first)
            bytes_u8(out, ',');
        is_first = false;
        bytes_put(out, list->bodies.data + said->at, said->len);
    }
}
