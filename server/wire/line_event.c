/* The rules of each kind of event line (PROTOCOL.md, "Events"). */
#include "server/wire/line.h"

#include <assert.h>

enum field_rule_type {
    RULE_TEXT,     /* a string */
    RULE_FILLED,   /* a string that is not empty */
    RULE_COUNT,    /* an integer >= 1 */
    RULE_SIZE,     /* an integer >= 0 */
    RULE_TIME,     /* an integer */
    RULE_DURATION, /* a number >= 0 */
    RULE_TYPE_COUNT
};

/* What a reason says was expected. */
static const char *const expected[RULE_TYPE_COUNT] = {
    [RULE_TEXT] = "a string in double quotes",
    [RULE_FILLED] = "a string in double quotes that is not empty",
    [RULE_COUNT] = "an integer of 1 or more, written with i",
    [RULE_SIZE] = "an integer of 0 or more, written with i",
    [RULE_TIME] = "a timestamp in the message's precision, written with i",
    [RULE_DURATION] = "a number of 0 or more",
};

struct field_rule {
    struct str field;
    enum field_rule_type type;
};

#define FIELD(name) .field = {name, sizeof(name) - 1}

static const struct field_rule http_rules[] = {
    {FIELD("url"), .type = RULE_TEXT},           {FIELD("user_agent"), .type = RULE_TEXT},
    {FIELD("bytes"), .type = RULE_SIZE},         {FIELD("duration_ms"), .type = RULE_DURATION},
    {FIELD("origin_ms"), .type = RULE_DURATION}, {FIELD("edge_ms"), .type = RULE_DURATION},
    {FIELD("count"), .type = RULE_COUNT},
};

static const struct field_rule exception_rules[] = {
    {FIELD("message"), .type = RULE_TEXT},
    {FIELD("stack"), .type = RULE_TEXT},
    {FIELD("fingerprint"), .type = RULE_TEXT},
    {FIELD("count"), .type = RULE_COUNT},
};

static const struct field_rule marker_rules[] = {
    {FIELD("version"), .type = RULE_TEXT}, {FIELD("class"), .type = RULE_TEXT},
    {FIELD("note"), .type = RULE_TEXT},    {FIELD("by"), .type = RULE_TEXT},
    {FIELD("end"), .type = RULE_TIME},
};

static const struct field_rule deploy_rule = {FIELD("version"), .type = RULE_FILLED};

#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

static bool is_integer(const struct line_value *value)
{
    /* Unsigned ones only as far as they are the same as signed. */
    return value->type == VALUE_INT || (value->type == VALUE_UINT && value->integer >= 0);
}

static bool is_kept(enum field_rule_type rule, const struct line_value *value)
{
    switch (rule) {
    case RULE_TEXT:
        return value->type == VALUE_STRING;
    case RULE_FILLED:
        return value->type == VALUE_STRING && value->text.len > 0;
    case RULE_COUNT:
        return is_integer(value) && value->integer >= 1;
    case RULE_SIZE:
        return is_integer(value) && value->integer >= 0;
    case RULE_TIME:
        return is_integer(value);
    case RULE_DURATION:
        return value->type != VALUE_STRING && value->type != VALUE_BOOL && value->number.value >= 0;
    case RULE_TYPE_COUNT:
        break;
    }
    return false;
}

static size_t column_of(const struct line *line, const struct line_field *field)
{
    return (size_t)(field->name.ptr - line->raw.ptr) + 1;
}

static enum tm_err check_fields(const struct field_rule *rules, size_t count, const struct line *line,
                                struct tm_why *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct line_field *field = line_find_field(line, rules[i].field);
        assert(rules[i].type < RULE_TYPE_COUNT);
        if (field && !is_kept(rules[i].type, &field->value))
            return tm_fail(why, TM_INVALID, "column %zu: field %s must be %s", column_of(line, field),
                           rules[i].field.ptr, expected[rules[i].type]);
    }
    return TM_OK;
}

static bool is_status(struct str text)
{
    return text.len == 3 && text.ptr[0] >= '1' && text.ptr[0] <= '5' && text.ptr[1] >= '0' &&
           text.ptr[1] <= '9' && text.ptr[2] >= '0' && text.ptr[2] <= '9';
}

/* At most this much of a sender's text is repeated in a reason. */
static int shown_len(struct str text)
{
    return text.len < 64 ? (int)text.len : 64;
}

static enum tm_err check_http(const struct line_key *key, const struct line *line, struct tm_why *why)
{
    struct str status = labels_get(&key->tags, STR("status"));
    if (!is_status(status))
        return tm_fail(why, TM_INVALID, "tag status must be an integer from 100 to 599, not %.*s",
                       shown_len(status), status.ptr);
    return check_fields(http_rules, COUNT_OF(http_rules), line, why);
}

static enum tm_err check_tally(const struct line *line, struct tm_why *why)
{
    if (line->field_count == 0)
        return tm_fail(why, TM_INVALID, "a tally needs a field: an integer, written with i");
    for (size_t i = 0; i < line->field_count; i++) {
        const struct line_field *field = &line->field[i];
        if (field->value.type != VALUE_INT)
            return tm_fail(why, TM_INVALID, "column %zu: a tally's fields must be integers, written with i",
                           column_of(line, field));
    }
    return TM_OK;
}

static const struct str marker_kinds[] = {
    {"deploy", 6}, {"rollback", 8}, {"config", 6}, {"event", 5}, {"maintenance", 11}, {"incident", 8},
};

static bool is_marker_kind(struct str kind)
{
    for (size_t i = 0; i < COUNT_OF(marker_kinds); i++) {
        if (str_equal(kind, marker_kinds[i]))
            return true;
    }
    return false;
}

static enum tm_err check_deploy(const struct line *line, struct tm_why *why)
{
    if (!line_find_field(line, deploy_rule.field))
        return tm_fail(why, TM_INVALID, "a deploy needs the field version: %s", expected[deploy_rule.type]);
    return check_fields(&deploy_rule, 1, line, why);
}

/* `deploy,... version="1"` is short for `marker,kind=deploy,... version="1"`. */
static enum tm_err check_marker(const struct line_key *key, const struct line *line, struct tm_why *why)
{
    struct str kind = labels_get(&key->tags, STR("kind"));
    bool shorthand = str_equal(key->measurement, STR("deploy"));
    bool deploy = str_equal(kind, STR("deploy"));
    if (shorthand && kind.len > 0 && !deploy)
        return tm_fail(why, TM_INVALID, "a deploy line's kind is deploy, not %.*s; use marker,kind=%.*s",
                       shown_len(kind), kind.ptr, shown_len(kind), kind.ptr);
    if (!shorthand && !is_marker_kind(kind))
        return tm_fail(why, TM_INVALID,
                       "tag kind must be deploy, rollback, config, event, maintenance or incident, not %.*s",
                       shown_len(kind), kind.ptr);
    if (shorthand || deploy) {
        enum tm_err err = check_deploy(line, why);
        if (err != TM_OK)
            return err;
    }
    return check_fields(marker_rules, COUNT_OF(marker_rules), line, why);
}

enum tm_err line_event_check(enum event_kind kind, const struct line_key *key, const struct line *line,
                             struct tm_why *why)
{
    switch (kind) {
    case EVENT_HTTP:
        return check_http(key, line, why);
    case EVENT_EXCEPTION:
        return check_fields(exception_rules, COUNT_OF(exception_rules), line, why);
    case EVENT_TALLY:
        return check_tally(line, why);
    case EVENT_MARKER:
        return check_marker(key, line, why);
    case EVENT_METRIC:
    case EVENT_REQUEST:
    case EVENT_FINDING:
    case EVENT_KIND_COUNT:
        break;
    }
    return TM_OK;
}
