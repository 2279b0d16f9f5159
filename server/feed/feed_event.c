#include "server/feed/feed_event.h"

#include <inttypes.h>
#include <string.h>

#include "server/feed/feed.h"

/* The next of a list; false at its end. */
static bool take_topic(struct str *list, struct str *topic)
{
    if (list->len == 0)
        return false;
    const char *comma = memchr(list->ptr, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->ptr) : list->len;
    size_t taken = len + (comma ? 1 : 0);
    *topic = (struct str){list->ptr, len};
    *list = (struct str){list->ptr + taken, list->len - taken};
    return true;
}

bool feed_takes(struct str topics, struct str topic)
{
    struct str wanted;
    if (topics.len == 0)
        return true;
    while (take_topic(&topics, &wanted)) {
        if (wanted.len == 0 || wanted.len > topic.len || memcmp(wanted.ptr, topic.ptr, wanted.len) != 0)
            continue;
        if (wanted.len == topic.len || topic.ptr[wanted.len] == '.')
            return true;
    }
    return false;
}

/* Its first word is a kind that is told; another one would wait for nothing, in silence. */
static bool is_known(struct str topic)
{
    static const char *const kinds[] = {"anomaly", "incident", "verdict", "status"};
    const char *dot = memchr(topic.ptr, '.', topic.len);
    struct str kind = {topic.ptr, dot ? (size_t)(dot - topic.ptr) : topic.len};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_equal(kind, str_of(kinds[i])))
            return true;
    return false;
}

bool feed_topics_are_valid(struct str topics, size_t max)
{
    struct str topic;
    size_t count = 0;
    while (take_topic(&topics, &topic)) {
        if (++count > max || topic.len == 0 || !is_known(topic))
            return false;
        for (size_t i = 0; i < topic.len; i++) {
            if (topic.ptr[i] <= ' ' || topic.ptr[i] > '~')
                return false;
        }
    }
    return true;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '~';
}

void feed_topic(const char *kind, struct str service, struct bytes *out)
{
    bytes_printf(out, "%s", kind);
    if (service.len > 0)
        bytes_u8(out, '.');
    for (size_t i = 0; i < service.len; i++) {
        unsigned char c = (unsigned char)service.ptr[i];
        if (is_plain(c))
            bytes_u8(out, c);
        else
            bytes_printf(out, "%%%02X", c);
    }
    bytes_u8(out, '\0');
}

void feed_event(struct bytes *out, uint64_t id, struct str topic, struct str json)
{
    const char *dot = topic.len > 0 ? memchr(topic.ptr, '.', topic.len) : NULL;
    struct str kind = {topic.ptr, dot ? (size_t)(dot - topic.ptr) : topic.len};
    bytes_printf(out, "event: %.*s\nid: %" PRIu64 "\ndata: ", STR_ARG(kind), id);
    size_t at = out->len;
    bytes_put(out, json.ptr, json.len);
    /* JSON has line ends between its parts only; one would end the field here */
    for (; !out->failed && at < out->len; at++) {
        if (out->data[at] == '\n' || out->data[at] == '\r')
            out->data[at] = ' ';
    }
    bytes_put(out, "\n\n", 2);
}
