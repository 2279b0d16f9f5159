/* Evaluating a filter. */
#include "server/events/filter.h"

#include <stdlib.h>

#include "server/events/agents.h"
#include "server/events/filter_private.h"

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->test_count; i++)
        pcre2_code_free(filter->test[i].pattern);
    pcre2_match_context_free(filter->bounds);
    pcre2_match_data_free(filter->data);
    free(filter->arena);
    free(filter);
}

static struct str text_of(const struct filter_test *test, const struct http_event *event)
{
    const struct str texts[FIELD_TAG] = {
        [FIELD_SERVICE] = event->service,       [FIELD_ENV] = event->env,
        [FIELD_METHOD] = event->method,         [FIELD_URL] = event->url,
        [FIELD_GROUP] = event->page_group,      [FIELD_CACHE] = event->cache,
        [FIELD_USER_AGENT] = event->user_agent,
    };
    if (test->field < FIELD_TAG)
        return texts[test->field];
    return event->tags ? labels_get(event->tags, test->tag) : (struct str){"", 0};
}

static double class_of(struct str agent)
{
    enum agent_class class;
    return agent_class_parse(agent, &class) == TM_OK ? (double)class : (double)AGENT_OTHER;
}

static bool milliseconds_of(int64_t us, double *out)
{
    *out = (double)us / 1000;
    return us >= 0;
}

/* False: the event has none. */
static bool number_of(enum filter_field field, const struct http_event *event, double *out)
{
    switch (field) {
    case FIELD_STATUS:
        *out = event->status;
        return true;
    case FIELD_CLASS:
        *out = (double)(event->status - event->status % 100) / 100;
        return true;
    case FIELD_AGENT:
        *out = class_of(event->agent);
        return true;
    case FIELD_BYTES:
        *out = (double)event->bytes;
        return event->bytes >= 0;
    case FIELD_DURATION:
        return milliseconds_of(event->duration_us, out);
    case FIELD_ORIGIN:
        return milliseconds_of(event->origin_us, out);
    case FIELD_EDGE:
        return milliseconds_of(event->edge_us, out);
    default:
        *out = (double)event->count;
        return true;
    }
}

static bool is_found(const struct filter *filter, const struct filter_test *test, struct str text)
{
    PCRE2_SPTR at = (PCRE2_SPTR)(text.len ? text.ptr : "");
    return pcre2_match(test->pattern, at, text.len, 0, 0, filter->data, filter->bounds) >= 0;
}

static bool holds(struct str text, struct str part)
{
    return part.len == 0 || (text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

static bool is_text_met(const struct filter *filter, const struct filter_test *test,
                        const struct http_event *event)
{
    struct str text = text_of(test, event);
    switch (test->relation) {
    case OPERATOR_EQUAL:
        return str_equal(text, test->text);
    case OPERATOR_UNEQUAL:
        return !str_equal(text, test->text);
    case OPERATOR_HOLDS:
        return holds(text, test->text);
    case OPERATOR_FOUND:
        return is_found(filter, test, text);
    default:
        return !is_found(filter, test, text);
    }
}

static bool is_number_met(const struct filter_test *test, const struct http_event *event)
{
    double value;
    if (!number_of(test->field, event, &value))
        return false;
    switch (test->relation) {
    case OPERATOR_EQUAL:
        return value == test->number;
    case OPERATOR_UNEQUAL:
        return value != test->number;
    case OPERATOR_LESS:
        return value < test->number;
    case OPERATOR_AT_MOST:
        return value <= test->number;
    case OPERATOR_MORE:
        return value > test->number;
    default:
        return value >= test->number;
    }
}

bool filter_matches(struct filter *filter, const struct http_event *event)
{
    bool truth = true;
    for (size_t at = 0; at < filter->step_count; at++) {
        const struct filter_step *step = &filter->step[at];
        const struct filter_test *test = &filter->test[step->kind == STEP_TEST ? step->to : 0];
        if (step->kind == STEP_TEST)
            truth = test->type == TYPE_TEXT ? is_text_met(filter, test, event) : is_number_met(test, event);
        else if (step->kind == STEP_NOT)
            truth = !truth;
        else if (truth == (step->kind == STEP_END_IF_TRUE))
            at = step->to - 1U;
    }
    return truth;
}
