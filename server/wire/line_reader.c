/* The reader: from line to line through a batch, and on behind a bad one. */
#include "server/wire/line_parse.h"

#include <string.h>

#include "server/wire/scan.h"

enum { NS_PER_MS = 1000000, US_PER_MS = 1000, MS_PER_S = 1000 };

struct precision_word {
    struct str text;
    enum precision precision;
};

static const struct precision_word precisions[] = {
    {{"ns", 2}, PRECISION_NS}, {{"us", 2}, PRECISION_US}, {{"ms", 2}, PRECISION_MS},
    {{"s", 1}, PRECISION_S},   {{"n", 1}, PRECISION_NS},  {{"u", 1}, PRECISION_US},
};

enum tm_err precision_parse(struct str text, enum precision *out)
{
    for (size_t i = 0; i < sizeof precisions / sizeof precisions[0]; i++) {
        if (str_equal(text, precisions[i].text)) {
            *out = precisions[i].precision;
            return TM_OK;
        }
    }
    return TM_INVALID;
}

static int64_t divide_down(int64_t units, int64_t by)
{
    return units / by - (units % by < 0);
}

enum tm_err precision_to_ms(int64_t units, enum precision precision, time_ms_t *out)
{
    switch (precision) {
    case PRECISION_NS:
        *out = divide_down(units, NS_PER_MS);
        return TM_OK;
    case PRECISION_US:
        *out = divide_down(units, US_PER_MS);
        return TM_OK;
    case PRECISION_MS:
        *out = units;
        return TM_OK;
    case PRECISION_S:
        return __builtin_mul_overflow(units, (int64_t)MS_PER_S, out) ? TM_TOO_LARGE : TM_OK;
    }
    return TM_INVALID;
}

void line_reader_init(struct line_reader *reader, struct str text, enum precision precision,
                      uint32_t first_number)
{
    reader->at = text.ptr;
    reader->end = text.len ? text.ptr + text.len : text.ptr;
    reader->precision = precision;
    reader->number = first_number - 1;
    reader->next = first_number;
    reader->why.text[0] = '\0';
}

static const char *find_feed(const char *at, const char *end)
{
    const char *feed = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
    return feed ? feed : end;
}

/* Moves behind the line feed at `at`, if the text does not end there. */
static void pass_feed(struct line_reader *reader, const char *at)
{
    reader->at = at;
    if (at == reader->end)
        return;
    reader->at++;
    reader->next++;
}

/* Moves over empty lines and comments. Returns the first byte of content of the next line, NULL at the end;
 * reader->at stays at the line's first byte. */
static const char *find_content(struct line_reader *reader)
{
    while (reader->at < reader->end) {
        const char *at = reader->at;
        while (at < reader->end && (*at == ' ' || *at == '\t'))
            at++;
        bool comment = at < reader->end && *at == '#';
        if (!comment && !line_ends_at(at, reader->end))
            return at;
        pass_feed(reader, find_feed(at, reader->end));
    }
    return NULL;
}

/* The string's close, if it has a proper one: a quote with a comma, a space or a line end behind it. */
static const char *find_close(const char *open, const char *end, uint32_t *feeds)
{
    const char *close = line_string_end(open + 1, end, feeds);
    return close && line_value_ends_at(close + 1, end) ? close : NULL;
}

/* The line feed that ends a line whose fault is at `at`: the first one outside a well-closed string. Lines in
 * a string's content must never pass for lines of the sender, and a string that is broken must not swallow
 * the lines behind it. Every byte is looked at twice at most: a broken string's content holds no further
 * opening quote. */
static const char *find_end_of_bad(const char *from, const char *end, uint32_t *feeds)
{
    for (const char *at = from;; at++) {
        while (at < end && *at != '\n' && *at != '"')
            at++;
        if (at == end || *at == '\n')
            return at;
        uint32_t inside = 0;
        const char *close = at > from && at[-1] == '=' ? find_close(at, end, &inside) : NULL;
        if (close) {
            *feeds += inside;
            at = close;
        }
    }
}

static void recover(struct line_reader *reader, const struct line_parse *p)
{
    uint32_t feeds = p->broken ? p->broken_feeds : p->feeds;
    const char *from = p->broken ? p->broken + 1 : p->at;
    const char *feed = find_end_of_bad(from, reader->end, &feeds);
    reader->next = reader->number + feeds;
    pass_feed(reader, feed);
}

enum line_step line_next(struct line_reader *reader, struct line *out)
{
    const char *content = find_content(reader);
    if (!content)
        return LINE_END;
    struct line_parse p = {.start = reader->at, .at = content, .end = reader->end, .why = &reader->why};
    reader->number = reader->next;
    if (line_parse(&p, reader->precision, out) != TM_OK) {
        recover(reader, &p);
        return LINE_BAD;
    }
    out->number = reader->number;
    reader->next = reader->number + p.feeds;
    pass_feed(reader, p.at < reader->end && *p.at == '\r' ? p.at + 1 : p.at);
    return LINE_OK;
}
