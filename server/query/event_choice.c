#include "server/query/event_choice.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_DIGITS = 3, CLASS = 100, SHOWN_BYTES = 100 };

enum tm_err event_column(struct str name, enum events_column *out)
{
    static const struct {
        const char *name;
        enum events_column column;
    } columns[] = {
        {"service", EVENTS_SERVICE},       {"env", EVENTS_ENV},
        {"method", EVENTS_METHOD},         {"url", EVENTS_URL},
        {"page_group", EVENTS_PAGE_GROUP}, {"group", EVENTS_PAGE_GROUP},
        {"cache", EVENTS_CACHE},           {"agent", EVENTS_AGENT},
        {"user_agent", EVENTS_USER_AGENT}, {"tag.", EVENTS_TAGS},
        {"status", EVENTS_STATUS},         {"class", EVENTS_STATUS},
        {"bytes", EVENTS_BYTES},           {"duration_ms", EVENTS_DURATION},
        {"origin_ms", EVENTS_ORIGIN},      {"edge_ms", EVENTS_EDGE},
        {"count", EVENTS_COUNT},
    };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (str_equal(name, str_of(columns[i].name))) {
            *out = columns[i].column;
            return TM_OK;
        }
    }
    return TM_NOT_FOUND;
}

/* ---- reading ---- */

/* "404", "4xx". */
static enum tm_err read_status(struct str text, struct filter_statuses *out, struct tm_why *why)
{
    bool is_class = text.len == STATUS_DIGITS && text.ptr[1] == 'x' && text.ptr[2] == 'x';
    bool is_sound = text.len == STATUS_DIGITS && text.ptr[0] >= '1' && text.ptr[0] <= '5';
    int32_t status = 0;
    for (size_t i = 0; i < text.len && is_sound; i++) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        is_sound = is_digit || (is_class && i > 0);
        status = status * 10 + (is_digit ? text.ptr[i] - '0' : 0);
    }
    if (!is_sound)
        return tm_fail(
            why, TM_INVALID,
            "invalid parameter \"status\": \"%.*s\" is neither a status like 404 nor a class like 4xx",
            (int)(text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len), text.ptr);
    *out = (struct filter_statuses){status, status + (is_class ? CLASS : 1)};
    return TM_OK;
}

static enum tm_err read_filter(struct str text, struct event_choice *out, struct tm_why *why)
{
    struct filter_fault fault = {.column = 1};
    enum tm_err err = filter_new(text, &out->filter, &fault);
    if (err == TM_NOMEM)
        return tm_fail(why, err, "out of memory; try again");
    if (err)
        return tm_fail(why, TM_INVALID, "invalid parameter \"filter\": column %zu: %.300s", fault.column,
                       fault.why.text);
    struct str field;
    for (size_t i = 0; (field = filter_field_at(out->filter, i)).len > 0; i++) {
        enum events_column column;
        if (event_column(field, &column) == TM_OK)
            out->needs |= EVENTS_BIT(column);
        else
            out->needs = UINT32_MAX;
    }
    struct filter_statuses statuses = filter_statuses(out->filter);
    if (statuses.from > out->statuses.from)
        out->statuses.from = statuses.from;
    if (statuses.to < out->statuses.to)
        out->statuses.to = statuses.to;
    return TM_OK;
}

enum tm_err event_choice_read(const struct params *params, struct event_choice *out, struct tm_why *why)
{
    struct str text;
    enum tm_err err = TM_OK;
    out->statuses = (struct filter_statuses){0, HTTP_EVENT_STATUS_MAX + 1};
    if (params_get(params, "status", &text) && text.len > 0)
        err = read_status(text, &out->statuses, why);
    if (!err && params_get(params, "filter", &text) && text.len > 0)
        err = read_filter(text, out, why);
    struct str service = {"", 0};
    bool is_one = !err && params_get(params, "service", &text) && text.len > 0;
    if (is_one)
        service = text;
    else if (!err && out->filter)
        is_one = filter_service(out->filter, &service);
    if (!err && is_one && !(out->service = strndup(service.ptr, service.len)))
        err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    return err;
}

void event_choice_fini(struct event_choice *choice)
{
    filter_free(choice->filter);
    free(choice->service);
    *choice = (struct event_choice){0};
}

/* ---- asking ---- */

static bool is_meant(void *arg, const struct http_event *event)
{
    struct event_choice *choice = arg;
    return event->status >= choice->statuses.from && event->status < choice->statuses.to &&
           (!choice->filter || filter_matches(choice->filter, event));
}

struct events_query event_choice_query(struct event_choice *choice)
{
    bool is_bounded = choice->statuses.from > 0 || choice->statuses.to <= HTTP_EVENT_STATUS_MAX;
    struct events_query query = {
        .span = choice->span,
        .is_one_service = choice->service != NULL,
        .service = choice->service ? str_of(choice->service) : (struct str){"", 0},
    };
    if (is_bounded) {
        query.status_from = choice->statuses.from;
        query.status_to = choice->statuses.to;
    }
    if (is_bounded && choice->statuses.from == choice->statuses.to)
        query.span.to = query.span.from; /* no status is left: 0 as a bound would be none */
    if (choice->filter) {
        query.matches = is_meant;
        query.matches_arg = choice;
        query.needs = choice->needs | EVENTS_BIT(EVENTS_STATUS);
    }
    return query;
}
