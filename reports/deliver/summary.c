#include "reports/deliver/summary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/deliver/json_text.h"
#include "reports/escape.h"
#include "reports/files.h"
#include "reports/read_back.h"

static const char *text_in(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text ? text : "";
}

static size_t count_in(const json_t *item, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(item, name));
    return value > 0 ? (size_t)value : 0;
}

static enum tm_err show_service(struct summary *s)
{
    struct bytes shown = {0};
    escape_plain(&shown, s->service[0] ? s->service : "-", SUMMARY_WHAT_MAX / 2);
    if (s->env[0]) {
        bytes_u8(&shown, '@');
        escape_plain(&shown, s->env, SUMMARY_WHAT_MAX / 4);
    }
    (void)snprintf(s->shown, sizeof s->shown, "%.*s", STR_ARG(bytes_view(&shown)));
    enum tm_err err = bytes_error(&shown);
    bytes_fini(&shown);
    return err;
}

enum tm_err summary_read(struct str json, struct summary *out)
{
    *out = (struct summary){.document = NULL};
    enum tm_err err = json_text_read(json, &out->document);
    if (err)
        return err;
    const json_t *quality = json_object_get(out->document, "quality");
    out->service = text_in(out->document, "service");
    out->env = text_in(out->document, "env");
    out->owner = text_in(out->document, "owner");
    out->week = text_in(out->document, "week");
    out->language = text_language(text_in(out->document, "language"));
    out->is_custom = json_is_true(json_object_get(out->document, "custom"));
    out->has_data = json_is_true(json_object_get(quality, "has_data"));
    out->hours = count_in(quality, "hours");
    out->hours_seen = count_in(quality, "hours_seen");
    read_back_strip(out->document, out->strip);
    out->action_count = read_back_actions(out->document, out->actions);
    return out->week[0] && quality ? show_service(out) : TM_CORRUPT;
}

void summary_close(struct summary *summary)
{
    bytes_fini(&summary->changes);
    bytes_fini(&summary->attachment);
    free(summary->link);
    json_decref(summary->document);
    *summary = (struct summary){.document = NULL};
}

/* ---- changes ---- */

/* One line of what files_changes wrote, without its Markdown. */
static void put_plain(struct bytes *out, struct str line)
{
    static const struct {
        struct str markup;
        char is;
    } entities[] = {{STR("&amp;"), '&'}, {STR("&lt;"), '<'}, {STR("&#58;"), ':'}, {STR("&#64;"), '@'}};
    for (size_t i = 0; i < line.len;) {
        size_t k = 0, left = line.len - i;
        while (k < sizeof entities / sizeof *entities &&
               (left < entities[k].markup.len ||
                memcmp(line.ptr + i, entities[k].markup.ptr, entities[k].markup.len) != 0))
            k++;
        if (k < sizeof entities / sizeof *entities) {
            bytes_u8(out, (uint8_t)entities[k].is);
            i += entities[k].markup.len;
            continue;
        }
        i += line.ptr[i] == '\\' && left > 1;
        bytes_u8(out, (uint8_t)line.ptr[i++]);
    }
    bytes_u8(out, '\n');
}

enum tm_err summary_take_changes(struct summary *summary, struct str markdown)
{
    size_t told = 0;
    while (markdown.len > 0) {
        const char *end = memchr(markdown.ptr, '\n', markdown.len);
        struct str line = {markdown.ptr, end ? (size_t)(end - markdown.ptr) : markdown.len};
        size_t step = line.len + (end != NULL);
        markdown = (struct str){markdown.ptr + step, markdown.len - step};
        if (line.len < 2 || memcmp(line.ptr, "- ", 2) != 0)
            continue;
        if (told++ < SUMMARY_CHANGES_MAX)
            put_plain(&summary->changes, line);
        else
            summary->changes_more++;
    }
    return bytes_error(&summary->changes);
}

/* ---- the link ---- */

enum tm_err summary_link(struct summary *summary, const char *base, const char *name)
{
    struct bytes link = {0};
    char file[FILES_FILE_BYTES];
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    if (len == 0)
        return TM_OK;
    (void)files_file(name, summary->week, RENDER_HTML, file);
    bytes_printf(&link, "%.*s/reports/", (int)len, base);
    escape_url(&link, name);
    bytes_printf(&link, "/%s/", summary->week);
    escape_url(&link, file);
    bytes_u8(&link, '\0');
    enum tm_err err = bytes_error(&link);
    if (err) {
        bytes_fini(&link);
        return err;
    }
    summary->link = (char *)link.data;
    return TM_OK;
}
