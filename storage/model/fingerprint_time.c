/* Dates and times of day in a message, in the forms that programs log them. */
#include "storage/model/fingerprint_parts.h"

#include <strings.h>

enum { TIME_TOKENS_MAX = 10, TIME_TEXT_MAX = 64, COMPACT_LEN = 15 };

/* What has been seen so far of one point in time. */
struct seen {
    bool date; /* all of it, in digits */
    bool clock;
    bool seconds;
    bool month;
    unsigned numbers;
};

static size_t digits_len(struct str text, size_t max)
{
    size_t i = 0;
    while (i < max && fold_is_digit(fold_at(text, i)))
        i++;
    return i;
}

/* 2024-01-02, 2024/1/2, 02.01.2024, 20240102T030405 */
static size_t date_len(struct str text)
{
    size_t first = digits_len(text, 9);
    char between = fold_at(text, first);
    if (first == 8 && between == 'T' && digits_len(fold_from(text, 9), 7) == 6)
        return COMPACT_LEN;
    if ((first != 4 && first != 1 && first != 2) || (between != '-' && between != '/' && between != '.'))
        return 0;
    size_t second = digits_len(fold_from(text, first + 1), 3);
    size_t at = first + 1 + second;
    size_t third = fold_at(text, at) == between ? digits_len(fold_from(text, at + 1), 5) : 0;
    bool year_first = first == 4 && third >= 1 && third <= 2;
    bool year_last = first <= 2 && third == 4;
    if (second == 0 || second > 2 || (!year_first && !year_last))
        return 0;
    return at + 1 + third;
}

/* 3:04, 03:04:05, 03:04:05.678 */
static size_t clock_len(struct str text, bool *seconds)
{
    size_t hour = digits_len(text, 3);
    if (hour == 0 || hour > 2 || fold_at(text, hour) != ':' || digits_len(fold_from(text, hour + 1), 3) != 2)
        return 0;
    size_t at = hour + 3;
    *seconds = fold_at(text, at) == ':' && digits_len(fold_from(text, at + 1), 3) == 2;
    if (!*seconds)
        return fold_at(text, at) == ':' ? 0 : at;
    at += 3;
    char point = fold_at(text, at);
    size_t fraction =
        point == '.' || point == ',' || point == ':' ? digits_len(fold_from(text, at + 1), 9) : 0;
    return fraction ? at + 1 + fraction : at;
}

/* A whole word out of a list, by its first three letters or in full. */
static size_t name_len(struct str text, const char *const *names, size_t count)
{
    size_t len = 0;
    while (len < 10 && fold_is_letter(fold_at(text, len)))
        len++;
    for (size_t i = 0; i < count && len >= 3; i++)
        if (strncasecmp(text.ptr, names[i], len) == 0 && (len == 3 || names[i][len] == '\0'))
            return len;
    return 0;
}

static size_t month_len(struct str text)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    return name_len(text, months, sizeof months / sizeof months[0]);
}

static size_t weekday_len(struct str text)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    return name_len(text, days, sizeof days / sizeof days[0]);
}

static const char *const zones[] = {"Z",    "UTC", "GMT", "AM",  "PM",  "CET", "CEST", "EET",
                                    "EEST", "MSK", "BST", "EST", "EDT", "CST", "CDT",  "MST",
                                    "MDT",  "PST", "PDT", "KST", "JST", "IST", "SGT"};

/* Z, UTC, CEST, AM, +01:00, -0800, +00 */
static size_t zone_len(struct str text)
{
    size_t letters = 0;
    while (letters < 6 && fold_is_letter(fold_at(text, letters)))
        letters++;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0] && letters > 0; i++)
        if (strlen(zones[i]) == letters && strncasecmp(text.ptr, zones[i], letters) == 0)
            return letters;
    char sign = fold_at(text, 0);
    size_t digits = digits_len(fold_from(text, 1), 5);
    if ((sign != '+' && sign != '-') || (digits != 2 && digits != 4))
        return 0;
    bool minutes = digits == 2 && fold_at(text, 3) == ':' && digits_len(fold_from(text, 4), 3) == 2;
    return minutes ? 6 : 1 + digits;
}

/* The token at the start of text, 0 if it can't be part of a time. */
static size_t token_len(struct str text, struct seen *seen)
{
    bool seconds = false;
    size_t len = date_len(text);
    if (len) {
        seen->date = true;
        seen->clock = seen->clock || len == COMPACT_LEN;
        return len;
    }
    len = seen->clock ? 0 : clock_len(text, &seconds);
    if (len) {
        seen->clock = true;
        seen->seconds = seconds;
        return len;
    }
    len = month_len(text);
    if (len) {
        seen->month = true;
        return len;
    }
    len = weekday_len(text);
    if (!len && (seen->clock || seen->date))
        len = zone_len(text);
    if (len)
        return len;
    len = digits_len(text, 5);
    if (len != 1 && len != 2 && len != 4)
        return 0;
    seen->numbers++;
    return len;
}

static bool is_time(const struct seen *seen)
{
    return seen->date || seen->seconds ||
           (seen->month && (seen->numbers >= 2 || (seen->clock && seen->numbers)));
}

/* Between two tokens: nothing (03:04:05Z), "T", or up to two of these. */
static size_t gap_len(struct str text)
{
    size_t len = 0;
    while (len < 2 && fold_at(text, len) != '\0' && strchr(" ,/:-T", fold_at(text, len)))
        len++;
    return len;
}

/* A gap may be part of what follows: a zone's sign. */
static size_t next_token(struct str text, struct seen *seen, size_t *gap)
{
    size_t len = *gap = 0;
    if (seen->clock)
        len = zone_len(text);
    if (len)
        return len;
    *gap = gap_len(text);
    return *gap ? token_len(fold_from(text, *gap), seen) : 0;
}

size_t match_time(struct str text, char before)
{
    struct seen seen = {0};
    struct str window = {text.ptr, text.len < TIME_TEXT_MAX ? text.len : TIME_TEXT_MAX};
    if (fold_is_word(before) || before == '.' || !fold_is_alnum(fold_at(text, 0)))
        return 0;
    size_t at = token_len(window, &seen);
    size_t end = 0;
    for (int i = 0; at > 0 && i < TIME_TOKENS_MAX; i++) {
        bool whole = !fold_is_word(fold_at(text, at));
        if (whole && is_time(&seen))
            end = at;
        size_t gap;
        size_t len = next_token(fold_from(window, at), &seen, &gap);
        if (!len)
            break;
        at += gap + len;
    }
    return end;
}
