#include "server/wire/line_parse.h"

#include <string.h>

#include "server/wire/decimal.h"
#include "server/wire/scan.h"

static const int64_t exact_integer_max = INT64_C(1) << 53;

const char *line_string_end(const char *at, const char *end, uint32_t *feeds)
{
    for (;;) {
        at = scan_string(at, end);
        if (at == end)
            return NULL;
        if (*at == '"')
            return at;
        if (*at == '\n')
            ++*feeds;
        else if (at + 1 < end && (at[1] == '"' || at[1] == '\\'))
            at++;
        at++;
    }
}

static enum tm_err parse_string(struct line_parse *p, struct line_value *out)
{
    const char *open = p->at;
    uint32_t feeds = p->feeds;
    const char *close = line_string_end(open + 1, p->end, &p->feeds);
    if (!close || !line_value_ends_at(close + 1, p->end)) {
        p->broken = open;
        p->broken_feeds = feeds;
        if (!close)
            return line_fail(p, "the string that begins here has no closing \"");
        if (p->feeds != feeds)
            return line_fail(p, "the string that begins here ends on a later line, at a \" with text behind "
                                "it; write \\\" for a quote inside a string");
        p->at = close + 1;
        return line_fail(p, "expected ',' or a space or the end of the line behind a string; write \\\" for "
                            "a quote inside it");
    }
    out->type = VALUE_STRING;
    out->text = (struct str){open + 1, (size_t)(close - open - 1)};
    p->at = close + 1;
    return TM_OK;
}

/* The word at p->at: letters only. */
static struct str find_word(const struct line_parse *p)
{
    const char *at = p->at;
    while (at < p->end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
        at++;
    return (struct str){p->at, (size_t)(at - p->at)};
}

static bool word_is(struct str word, const char *lower, const char *title, const char *upper)
{
    return str_equal(word, str_of(lower)) || str_equal(word, str_of(title)) ||
           str_equal(word, str_of(upper)) || (word.len == 1 && (*word.ptr == *lower || *word.ptr == *upper));
}

static enum tm_err parse_bool(struct line_parse *p, struct line_value *out)
{
    struct str word = find_word(p);
    bool yes = word_is(word, "true", "True", "TRUE");
    if (!yes && !word_is(word, "false", "False", "FALSE"))
        return line_fail(p, "expected a value: a number, true, false or a string in double quotes");
    out->type = VALUE_BOOL;
    out->integer = yes;
    out->number = number_of_decimal(yes, 0);
    p->at += word.len;
    return TM_OK;
}

/* Whole numbers beyond 2^53 lose digits as samples; their exact value stays in out->integer. */
static struct number number_of_int(int64_t value)
{
    if (value <= exact_integer_max && value >= -exact_integer_max)
        return number_of_decimal(value, 0);
    return number_of_double((double)value);
}

static enum tm_err finish_uint(struct line_parse *p, uint64_t value, bool fits, bool negative,
                               struct line_value *out)
{
    if (negative)
        return line_fail(p, "an unsigned integer (u) can't be negative; write i instead of u");
    if (!fits)
        return line_fail(p, "an unsigned integer is at most 18446744073709551615");
    out->type = VALUE_UINT;
    out->integer = (int64_t)value;
    out->number = value <= (uint64_t)exact_integer_max ? number_of_int((int64_t)value)
                                                       : number_of_double((double)value);
    return TM_OK;
}

static enum tm_err finish_int(struct line_parse *p, uint64_t value, bool fits, bool negative,
                              struct line_value *out)
{
    if (!fits || value > (uint64_t)INT64_MAX + negative)
        return line_fail(p, "an integer is from -9223372036854775808 to 9223372036854775807");
    out->type = VALUE_INT;
    out->integer = negative ? (int64_t)(0 - value) : (int64_t)value;
    out->number = number_of_int(out->integer);
    return TM_OK;
}

static enum tm_err parse_integer(struct line_parse *p, const struct decimal *decimal, bool negative,
                                 struct line_value *out)
{
    if (decimal->fraction || decimal->has_exponent)
        return line_fail(p, "an integer (i or u behind it) has neither a point nor an exponent");
    uint64_t value = decimal->mantissa;
    bool fits = true;
    if (!decimal->digits_fit) {
        const char *digit = decimal->whole;
        fits = decimal_unsigned(&digit, decimal->end, &value) == TM_OK;
    }
    if (*decimal->end == 'u')
        return finish_uint(p, value, fits, negative, out);
    return finish_int(p, value, fits, negative, out);
}

static enum tm_err fail_number(struct line_parse *p, const char *digits, const struct decimal *decimal)
{
    struct str word = find_word(&(struct line_parse){.at = digits, .end = p->end});
    if (word.len >= 3 && (strncasecmp(word.ptr, "nan", 3) == 0 || strncasecmp(word.ptr, "inf", 3) == 0))
        return line_fail(p, "NaN and infinity are no values; leave the field out");
    p->at = decimal->end;
    struct line_shown shown;
    return line_fail(p, "expected a digit, found %s", line_show(p->at, p->end, &shown));
}

static enum tm_err parse_number(struct line_parse *p, struct line_value *out)
{
    bool negative = *p->at == '-';
    const char *digits = p->at + (negative || *p->at == '+');
    struct decimal decimal;
    if (decimal_scan(digits, p->end, &decimal) != TM_OK)
        return fail_number(p, digits, &decimal);
    if (decimal.end < p->end && (*decimal.end == 'i' || *decimal.end == 'u')) {
        enum tm_err err = parse_integer(p, &decimal, negative, out);
        if (err == TM_OK)
            p->at = decimal.end + 1;
        return err;
    }
    if (decimal_number(&decimal, negative, &out->number) != TM_OK)
        return line_fail(p, "the number is beyond what a double holds (about 1.8e308)");
    out->type = VALUE_FLOAT;
    p->at = decimal.end;
    return TM_OK;
}

static enum tm_err fail_value(struct line_parse *p)
{
    struct line_shown shown;
    return line_fail(p, "expected a value: a number, true, false or a string in double quotes, found %s",
                     line_show(p->at, p->end, &shown));
}

enum tm_err line_value_parse(struct line_parse *p, struct line_value *out)
{
    if (p->at == p->end)
        return fail_value(p);
    char first = *p->at;
    if (scan_is_digit(first))
        return parse_number(p, out);
    switch (first) {
    case '"':
        return parse_string(p, out);
    case 't':
    case 'T':
    case 'f':
    case 'F':
        return parse_bool(p, out);
    case '-':
    case '+':
    case '.':
    case 'n': /* NaN and Inf: refused with a reason of their own */
    case 'N':
    case 'i':
    case 'I':
        return parse_number(p, out);
    default:
        return fail_value(p);
    }
}

enum tm_err line_time_parse(struct line_parse *p, enum precision precision, time_ms_t *out)
{
    bool negative = *p->at == '-';
    const char *at = p->at + (negative || *p->at == '+');
    uint64_t value = 0;
    enum tm_err err = decimal_unsigned(&at, p->end, &value);
    if (err == TM_INVALID) {
        struct line_shown shown;
        p->at = at;
        return line_fail(p, "expected a timestamp (an integer) or the end of the line, found %s",
                         line_show(at, p->end, &shown));
    }
    bool fits = err == TM_OK && value <= (uint64_t)INT64_MAX + negative;
    if (!fits || precision_to_ms(negative ? (int64_t)(0 - value) : (int64_t)value, precision, out) != TM_OK)
        return line_fail(p, "the timestamp is too large; is the precision right?");
    p->at = at;
    return TM_OK;
}
