#include "server/config/config_describe.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/config/config_field.h"

static void describe_bounds(const struct setting *setting, const char *kind, char *out, size_t size)
{
    (void)snprintf(out, size, "%s, %s to %s", kind, field_number_text(setting, setting->min).text,
                   field_number_text(setting, setting->max).text);
}

static void describe_words(const struct setting *setting, const char *lead, char *out, size_t size)
{
    int at = snprintf(out, size, "%s", lead);
    for (size_t i = 0; setting->words[i] && at > 0 && (size_t)at < size; i++)
        at += snprintf(out + at, size - (size_t)at, "%s%s", i ? ", " : " ", setting->words[i]);
}

void setting_describe(const struct setting *setting, char *out, size_t size)
{
    switch (setting->type) {
    case SETTING_BOOL:
        (void)snprintf(out, size, "true or false");
        break;
    case SETTING_INTEGER:
        describe_bounds(setting, "integer", out, size);
        break;
    case SETTING_DURATION:
        describe_bounds(setting, "duration", out, size);
        break;
    case SETTING_SIZE:
        describe_bounds(setting, "size", out, size);
        break;
    case SETTING_STRING:
        (void)snprintf(out, size, "%s, at most %" PRId64 " bytes", setting->kind, setting->max);
        break;
    case SETTING_WORD:
        describe_words(setting, "one of", out, size);
        break;
    case SETTING_STRINGS:
        (void)snprintf(out, size, "list of %s, %s%" PRId64 " items", setting->kind,
                       setting->min > 0 ? "1 to " : "at most ", setting->max);
        break;
    case SETTING_WORDS:
        describe_words(setting, "list of", out, size);
        break;
    default:
        (void)snprintf(out, size, "list of mappings, at most %" PRId64 " items", setting->max);
        break;
    }
}

void setting_facts(const struct setting *setting, char *out, size_t size)
{
    char type[160];
    setting_describe(setting, type, sizeof type);
    (void)snprintf(out, size, "%s; default %s; %s", type,
                   setting->default_text[0] ? setting->default_text : "empty",
                   setting->restart ? "restart" : "reload");
}
