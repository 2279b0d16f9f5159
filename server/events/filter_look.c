/* What a filter is about, for those who have indexes and columns. */
#include "server/events/filter.h"

#include "server/events/filter_private.h"

struct str filter_field_at(const struct filter *filter, size_t i)
{
    return i < filter->test_count ? filter_field_name(filter->test[i].field) : (struct str){"", 0};
}

/* Must every test be true for an event to be taken? */
static bool is_plain(const struct filter *filter)
{
    for (size_t i = 0; i < filter->step_count; i++) {
        if (filter->step[i].kind != STEP_TEST && filter->step[i].kind != STEP_END_IF_FALSE)
            return false;
    }
    return true;
}

bool filter_service(const struct filter *filter, struct str *service)
{
    for (size_t i = 0; i < filter->test_count && is_plain(filter); i++) {
        const struct filter_test *test = &filter->test[i];
        if (test->field != FIELD_SERVICE || test->relation != OPERATOR_EQUAL)
            continue;
        *service = test->text;
        return true;
    }
    return false;
}

/* Whole statuses: what lies between two of them is rounded to where none is lost. */
static void narrow(struct filter_statuses *range, int32_t from, int32_t to)
{
    range->from = from > range->from ? from : range->from;
    range->to = to < range->to ? to : range->to;
}

static void narrow_by(const struct filter_test *test, struct filter_statuses *range)
{
    enum { CLASS = 100 };
    if (test->number < 0 || test->number > HTTP_EVENT_STATUS_MAX)
        return;
    int32_t number = (int32_t)test->number;
    if (test->field == FIELD_CLASS && test->relation == OPERATOR_EQUAL)
        narrow(range, number * CLASS, (number + 1) * CLASS);
    if (test->field != FIELD_STATUS)
        return;
    if (test->relation == OPERATOR_EQUAL)
        narrow(range, number, number + 1);
    if (test->relation == OPERATOR_LESS || test->relation == OPERATOR_AT_MOST)
        narrow(range, range->from, number + 1);
    if (test->relation == OPERATOR_MORE || test->relation == OPERATOR_AT_LEAST)
        narrow(range, number, range->to);
}

struct filter_statuses filter_statuses(const struct filter *filter)
{
    struct filter_statuses range = {0, HTTP_EVENT_STATUS_MAX + 1};
    for (size_t i = 0; i < filter->test_count && is_plain(filter); i++)
        narrow_by(&filter->test[i], &range);
    if (range.to < range.from)
        range.to = range.from;
    return range;
}
