/* Sentences and what they are made of. */
#include "reports/figures/telling.h"

void telling_say(const struct telling *telling, enum word word, const struct str *args, size_t count)
{
    if (telling->out->len)
        bytes_u8(telling->out, ' ');
    words_put(telling->out, telling->language, word, args, count);
}

static struct str seen(const struct telling *telling, struct bytes *buffer)
{
    telling->out->failed = telling->out->failed || buffer->failed;
    return bytes_view(buffer);
}

struct str telling_name(const struct telling *telling, struct str name, struct bytes *buffer)
{
    enum { ROOM = 40 };
    bytes_clear(buffer);
    lettering_put(telling->lettering, buffer, name, ROOM);
    return seen(telling, buffer);
}

struct str telling_time(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                        struct bytes *buffer)
{
    bytes_clear(buffer);
    words_put_time(buffer, telling->language, words_clock(week, time));
    return seen(telling, buffer);
}

struct str telling_day(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                       struct bytes *buffer)
{
    bytes_clear(buffer);
    words_put_day(buffer, telling->language, words_clock(week, time));
    return seen(telling, buffer);
}
