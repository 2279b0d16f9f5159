#include "storage/model/http_event.h"

enum { VERSION = 1, TEXTS = 8, NUMBERS = 4 };

bool http_event_is_sound(const struct http_event *event)
{
    return event->status >= 0 && event->status <= HTTP_EVENT_STATUS_MAX && event->bytes >= -1 &&
           event->duration_us >= -1 && event->origin_us >= -1 && event->edge_us >= -1 && event->count >= 1;
}

/* As labels_encode wants them, and labels_decode. */
static bool are_tags_sound(const struct labels *tags)
{
    bool is_sound = true;
    for (size_t i = 0; tags && i < tags->count; i++)
        is_sound = is_sound && tags->at[i].value.len > 0 &&
                   (i == 0 || str_compare(tags->at[i - 1].name, tags->at[i].name) < 0);
    return is_sound;
}

enum tm_err http_event_encode(const struct http_event *event, struct bytes *out)
{
    static const struct labels none;
    const struct str texts[TEXTS] = {event->service,    event->env,   event->method, event->url,
                                     event->page_group, event->cache, event->agent,  event->user_agent};
    const int64_t numbers[NUMBERS] = {event->bytes, event->duration_us, event->origin_us, event->edge_us};
    size_t before = out->len;
    if (!http_event_is_sound(event) || !are_tags_sound(event->tags))
        return TM_INVALID;
    bytes_u8(out, VERSION);
    for (size_t i = 0; i < TEXTS; i++)
        bytes_str(out, texts[i]);
    bytes_varint(out, (uint64_t)event->status);
    bytes_varint(out, event->count);
    for (size_t i = 0; i < NUMBERS; i++)
        bytes_varint(out, (uint64_t)(numbers[i] + 1));
    labels_encode(event->tags ? event->tags : &none, out);
    if (bytes_error(out)) {
        out->len = before;
        return TM_NOMEM;
    }
    if (out->len - before <= HTTP_EVENT_BYTES_MAX)
        return TM_OK;
    out->len = before;
    return TM_TOO_LARGE;
}

enum tm_err http_event_views(struct str bytes, struct http_event *out, struct str *tags)
{
    struct cursor c = cursor_of(bytes.ptr, bytes.len);
    struct str *const texts[TEXTS] = {&out->service,    &out->env,   &out->method, &out->url,
                                      &out->page_group, &out->cache, &out->agent,  &out->user_agent};
    int64_t *const numbers[NUMBERS] = {&out->bytes, &out->duration_us, &out->origin_us, &out->edge_us};
    if (cursor_u8(&c) != VERSION)
        return TM_CORRUPT;
    for (size_t i = 0; i < TEXTS; i++)
        *texts[i] = cursor_str(&c);
    uint64_t status = cursor_varint(&c);
    out->status = status <= HTTP_EVENT_STATUS_MAX ? (int32_t)status : -1;
    out->count = cursor_varint(&c);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t number = cursor_varint(&c);
        if (number > INT64_MAX)
            return TM_CORRUPT;
        *numbers[i] = (int64_t)number - 1;
    }
    *tags = cursor_take(&c, cursor_left(&c));
    out->tags = NULL;
    return c.bad || !http_event_is_sound(out) ? TM_CORRUPT : TM_OK;
}

enum tm_err http_event_decode(struct str bytes, struct http_event *out, struct labels *tags)
{
    struct str encoded;
    if (http_event_views(bytes, out, &encoded) != TM_OK || labels_decode(encoded, tags) != TM_OK)
        return TM_CORRUPT;
    out->tags = tags;
    return TM_OK;
}
