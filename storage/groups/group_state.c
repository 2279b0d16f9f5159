/* What a group's past says of it now. */
#include "storage/groups/group.h"

enum { ESCALATING_MIN = 20, ESCALATING_TIMES = 3, DAY_HOURS = 24, WEEK_DAYS = 7 };

static const struct str names[GROUP_STATE_COUNT] = {
    [GROUP_NEW] = {"new", 3},
    [GROUP_ONGOING] = {"ongoing", 7},
    [GROUP_ESCALATING] = {"escalating", 10},
    [GROUP_REGRESSED] = {"regressed", 9},
    [GROUP_RESOLVED] = {"resolved", 8},
};

struct str group_state_name(enum group_state state)
{
    return names[state];
}

enum group_state group_state_of(struct str name)
{
    int state = 0;
    while (state < GROUP_STATE_COUNT && !str_equal(name, names[state]))
        state++;
    return (enum group_state)state;
}

/* The last moment at which it had been quiet for long. */
static time_ms_t find_quiet(const struct group *group, time_ms_t now)
{
    time_ms_t quiet = GROUP_NEVER;
    for (size_t i = 0; i + 1 < group->hour_count; i++) {
        time_ms_t end = (group->hours[i].hour + 1) * GROUP_HOUR_MS;
        if (group->hours[i + 1].hour * GROUP_HOUR_MS - end >= GROUP_QUIET_MS)
            quiet = end + GROUP_QUIET_MS;
    }
    return now - group->last >= GROUP_QUIET_MS ? group->last + GROUP_QUIET_MS : quiet;
}

/* The moment from which on it counts as resolved. */
static time_ms_t find_resolution(const struct group *group, time_ms_t now)
{
    time_ms_t quiet = find_quiet(group, now);
    return quiet > group->reopened_ms && quiet > group->resolved_ms ? quiet : group->resolved_ms;
}

/* Whether something that counts was seen behind a moment. */
static bool is_seen_again(const struct group *group, time_ms_t at, const struct group_order *order)
{
    struct str service = str_of(group->service), env = str_of(group->env);
    time_ms_t newest = group_order_newest(order, service, env, at);
    for (size_t i = 0; i < group->release_count; i++) {
        const struct group_release *r = &group->releases[i];
        if (r->last > at && (r->name.len == 0 || group_order_of(order, service, env, r->name, at) >= newest))
            return true;
    }
    return false;
}

/* The first hour behind a moment in which it was seen; now if that can't be told. */
static time_ms_t find_return(const struct group *group, time_ms_t at, time_ms_t now)
{
    for (size_t i = 0; i < group->hour_count; i++) {
        if ((group->hours[i].hour + 1) * GROUP_HOUR_MS > at)
            return group->hours[i].hour * GROUP_HOUR_MS;
    }
    return now;
}

static bool is_escalating(const struct group *group, time_ms_t now)
{
    int64_t hour = now / GROUP_HOUR_MS;
    uint64_t today = 0, before = 0;
    for (size_t i = 0; i < group->hour_count; i++) {
        int64_t age = hour - group->hours[i].hour;
        if (age < DAY_HOURS)
            today += group->hours[i].count;
        else if (age < DAY_HOURS * (WEEK_DAYS + 1))
            before += group->hours[i].count;
    }
    return today >= ESCALATING_MIN && today * WEEK_DAYS > before * ESCALATING_TIMES;
}

enum group_state group_judge(const struct group *group, time_ms_t now, const struct group_order *order)
{
    time_ms_t at = find_resolution(group, now);
    if (at != GROUP_NEVER && !is_seen_again(group, at, order))
        return GROUP_RESOLVED;
    if (at != GROUP_NEVER && now - find_return(group, at, now) < GROUP_FRESH_MS)
        return GROUP_REGRESSED;
    if (now - group->first < GROUP_NEW_MS)
        return GROUP_NEW;
    return is_escalating(group, now) ? GROUP_ESCALATING : GROUP_ONGOING;
}

/* Whether the first hour behind a moment in which it was seen begins in span. */
static bool returns_in(const struct group *group, time_ms_t at, struct span span)
{
    time_ms_t back = find_return(group, at, INT64_MAX);
    return back < span.to && back + GROUP_HOUR_MS > span.from;
}

time_ms_t group_came_back(const struct group *group, struct span span, const struct group_order *order)
{
    time_ms_t found = GROUP_NEVER;
    time_ms_t by_hand = group->resolved_ms;
    for (size_t i = 0; i + 1 < group->hour_count; i++) {
        time_ms_t end = (group->hours[i].hour + 1) * GROUP_HOUR_MS, at = end + GROUP_QUIET_MS;
        bool is_quiet = group->hours[i + 1].hour * GROUP_HOUR_MS >= at;
        if (is_quiet && returns_in(group, at, span) && is_seen_again(group, at, order))
            found = at;
    }
    if (by_hand != GROUP_NEVER && by_hand > found && by_hand < span.to && group->first < by_hand &&
        returns_in(group, by_hand, span) && is_seen_again(group, by_hand, order))
        found = by_hand;
    return found;
}
