#include "reports/deliver/channel.h"

#include <stdio.h>
#include <string.h>

static const struct channel channels[] = {
    {.scheme = "http://", .compose = compose_slack, .send = send_webhook},
    {.scheme = "https://", .compose = compose_slack, .send = send_webhook},
    {.scheme = "mailto:", .has_attachments = true, .compose = compose_mail, .send = send_mail},
};

const struct channel *channel_of(const char *to)
{
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (strncmp(to, channels[i].scheme, strlen(channels[i].scheme)) == 0)
            return &channels[i];
    return NULL;
}

const char *channel_shown(const char *to, char out[CHANNEL_SHOWN_BYTES])
{
    const char *host = strstr(to, "://");
    size_t len = host ? (size_t)(host - to) + 3 : strlen(to);
    if (host) {
        const char *name = to + len;
        const char *at = memchr(name, '@', strcspn(name, "/?#"));
        (void)snprintf(out, CHANNEL_SHOWN_BYTES, "%.*s%.*s", (int)len, to,
                       (int)strcspn(at ? at + 1 : name, "/?#"), at ? at + 1 : name);
    } else {
        (void)snprintf(out, CHANNEL_SHOWN_BYTES, "%s", to);
    }
    return out;
}
