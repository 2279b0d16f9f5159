#include "reports/deliver/settings.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reports/deliver/channel.h"
#include "reports/deliver/json_text.h"

enum { TIMEOUT_MS = 30000 };

static const char *text_in(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text ? text : "";
}

static enum tm_err take_receivers(const json_t *list, struct deliver_settings *out, struct tm_why *why)
{
    size_t count = json_array_size(list), i;
    const json_t *item;
    if (count > SETTINGS_RECEIVERS_MAX)
        return tm_fail(why, TM_LIMIT, "there may be %d receivers of reports", SETTINGS_RECEIVERS_MAX);
    out->receivers = calloc(count + 1, sizeof *out->receivers);
    if (!out->receivers)
        return tm_fail(why, TM_NOMEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        struct receiver *receiver = &out->receivers[out->receiver_count];
        receiver->to = text_in(item, "to");
        receiver->service = json_string_value(json_object_get(item, "service"));
        ledger_id(&receiver->to, 1, receiver->id);
        if (!channel_of(receiver->to))
            return tm_fail(why, TM_INVALID, "receiver %zu of reports is no http(s):// or mailto: address",
                           i + 1);
        out->receiver_count++;
    }
    return TM_OK;
}

enum tm_err settings_parse(struct str text, struct deliver_settings *out, struct tm_why *why)
{
    *out = (struct deliver_settings){.document = NULL};
    enum tm_err err = json_text_read(text, &out->document);
    if (err == TM_NOMEM)
        return tm_fail(why, err, "out of memory");
    if (err)
        return tm_fail(why, TM_INVALID, "the settings of delivery are no JSON object");
    const json_t *mail = json_object_get(out->document, "mail");
    json_int_t timeout_ms = json_integer_value(json_object_get(out->document, "timeout_ms"));
    out->url = text_in(out->document, "url");
    out->timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_MS;
    out->mail_server = text_in(mail, "server");
    out->mail_from = text_in(mail, "from");
    out->mail_user = text_in(mail, "user");
    out->mail_password_file = text_in(mail, "password_file");
    return take_receivers(json_object_get(out->document, "receivers"), out, why);
}

void settings_close(struct deliver_settings *settings)
{
    free(settings->receivers);
    json_decref(settings->document);
    *settings = (struct deliver_settings){.document = NULL};
}
