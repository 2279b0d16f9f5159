/* What a metric's name says of it. */
#include <string.h>
#include <strings.h>

#include "server/query/deploy_gauges.h"

enum { WORDS_MAX = 16 };

/* The words of a name. Views. */
struct words {
    struct str at[WORDS_MAX];
    size_t count;
};

/* In the order in which metrics are taken. */
static const struct {
    const char *word;
    bool is_filling;
} watched[] = {
    {"memory", true},    {"mem", true},        {"heap", true},         {"rss", true},
    {"cpu", false},      {"queue", true},      {"backlog", true},      {"lag", false},
    {"threads", true},   {"goroutines", true}, {"connections", true},  {"fds", true},
    {"handles", true},   {"disk", true},       {"filesystem", true},   {"swap", true},
    {"inflight", false}, {"pending", false},   {"utilization", false}, {"usage", false},
    {"load", false},     {"load1", false},     {"load5", false},       {"saturation", false},
};

static const char *const falling[] = {"free", "available", "idle", NULL};
static const char *const counting[] = {"total", "sum", "count", "bucket", NULL};
static const char *const limits[] = {"max", "limit", "limits", "capacity", "quota", NULL};
static const char *const levels[] = {"used", "usage",    "current", "open",  "working",
                                     "set",  "resident", "spec",    "total", NULL};
static const char *const others[] = {"start", "uptime", "info",    "created", "version",   "requests",
                                     "spec",  "peak",   "created", "target",  "requested", NULL};
static const char *const made[] = {"tidemark_", "http_event",    "exception_events_",
                                   "tally_",    "anomaly_score", NULL};

static bool is_word(struct str word, const char *other)
{
    return word.len == strlen(other) && strncasecmp(word.ptr, other, word.len) == 0;
}

static bool is_one_of(struct str word, const char *const *list)
{
    for (size_t i = 0; list[i]; i++)
        if (is_word(word, list[i]))
            return true;
    return false;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Does a word end before place i? At _ and :, and inside "MemFree". */
static bool is_end(struct str name, size_t i)
{
    if (i == name.len || name.ptr[i] == '_' || name.ptr[i] == ':')
        return true;
    return i > 0 && is_upper(name.ptr[i]) && !is_upper(name.ptr[i - 1]);
}

static struct words split(struct str name)
{
    struct words words = {.count = 0};
    size_t begin = 0;
    for (size_t i = 0; i <= name.len && words.count < WORDS_MAX; i++) {
        if (!is_end(name, i))
            continue;
        if (i > begin)
            words.at[words.count++] = (struct str){name.ptr + begin, i - begin};
        bool is_between = i < name.len && (name.ptr[i] == '_' || name.ptr[i] == ':');
        begin = is_between ? i + 1 : i;
    }
    return words;
}

static bool has_one_of(const struct words *words, const char *const *list)
{
    for (size_t i = 0; i < words->count; i++)
        if (is_one_of(words->at[i], list))
            return true;
    return false;
}

static bool find_watched(const struct words *words, struct deploy_gauge_kind *out)
{
    for (unsigned place = 0; place < sizeof watched / sizeof watched[0]; place++)
        for (size_t i = 0; i < words->count; i++)
            if (is_word(words->at[i], watched[place].word)) {
                out->place = place;
                out->is_filling = watched[place].is_filling;
                return true;
            }
    return false;
}

static bool is_made(struct str name)
{
    for (size_t i = 0; made[i]; i++)
        if (name.len >= strlen(made[i]) && memcmp(name.ptr, made[i], strlen(made[i])) == 0)
            return true;
    return false;
}

bool deploy_gauge_kind(struct str name, struct deploy_gauge_kind *out)
{
    static const char *const cpu[] = {"cpu", NULL};
    struct words words = split(name);
    *out = (struct deploy_gauge_kind){.direction = SCORE_UP_IS_BAD};
    if (words.count == 0 || is_made(name) || has_one_of(&words, limits) || has_one_of(&words, others) ||
        !find_watched(&words, out))
        return false;
    bool is_counter = is_one_of(words.at[words.count - 1], counting);
    if (is_counter)
        out->is_rate = str_equal(words.at[words.count - 1], STR("total")) && has_one_of(&words, cpu);
    else if (has_one_of(&words, counting))
        return false; /* memory_total_bytes */
    if (has_one_of(&words, falling)) {
        out->direction = SCORE_DOWN_IS_BAD;
        out->is_filling = false;
    }
    return !is_counter || out->is_rate;
}

bool deploy_gauge_is_limit(struct str name, struct str limit)
{
    struct words a = split(name), b = split(limit);
    size_t i = 0, j = 0;
    if (!has_one_of(&b, limits) || has_one_of(&a, limits))
        return false;
    for (;;) {
        while (i < a.count && is_one_of(a.at[i], levels))
            i++;
        while (j < b.count && (is_one_of(b.at[j], levels) || is_one_of(b.at[j], limits)))
            j++;
        if (i == a.count || j == b.count)
            return i == a.count && j == b.count;
        if (!str_equal(a.at[i++], b.at[j++]))
            return false;
    }
}
