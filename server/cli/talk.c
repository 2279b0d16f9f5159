#include "server/cli/talk.h"

#include <stdlib.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/json_print.h"
#include "server/cli/series_text.h"

int talk_open(const struct args *args, struct talk *talk)
{
    struct tm_why why = {0};
    *talk = (struct talk){.args = args};
    enum tm_err err = command_connect(args, &talk->http, &why);
    return err ? command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why) : EXIT_OK;
}

void talk_close(struct talk *talk)
{
    bytes_fini(&talk->answer.body);
    json_decref(talk->root);
    http_close(talk->http);
}

/* The method GET takes no body. */
static enum tm_err send(struct talk *talk, const char *method, const char *path, const char *body,
                        struct tm_why *why)
{
    if (strcmp(method, "GET") == 0)
        return http_get(talk->http, path, TALK_TIMEOUT_MS, &talk->answer, why);
    return http_send(talk->http, method, path, str_of(body), TALK_TIMEOUT_MS, &talk->answer, why);
}

/* What the daemon warns of, on stderr. */
static void warn(const json_t *root)
{
    const json_t *text;
    size_t i;
    json_array_foreach(json_object_get(root, "warnings"), i, text)
    {
        struct bytes plain = {0};
        series_text_plain((struct str){json_string_value(text), json_string_length(text)}, &plain);
        fprintf(stderr, "tidemark: warning: %.*s\n", (int)plain.len,
                plain.len ? (const char *)plain.data : "");
        bytes_fini(&plain);
    }
}

static bool has_option(const struct args *args, const char *name)
{
    const struct option *option;
    for (size_t i = 0; (option = options_shown(args->command, i)); i++)
        if (strcmp(option->name, name) == 0)
            return true;
    return false;
}

/* `invalid parameter "min_score": ...` is --min-score to who typed it. */
static void name_option(const struct args *args, struct tm_why *why)
{
    enum { NAME_BYTES = 32 };
    static const char lead[] = "invalid parameter \"";
    char name[NAME_BYTES];
    struct tm_why told = *why;
    if (strncmp(told.text, lead, sizeof lead - 1) != 0)
        return;
    const char *word = told.text + sizeof lead - 1;
    size_t len = strcspn(word, "[\"");
    const char *rest = strchr(word, '"');
    if (!rest || len >= sizeof name)
        return;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)(word[i] == '_' ? '-' : word[i]);
    name[len] = '\0';
    if (has_option(args, name))
        tm_why_write(why, "--%s%s", name, rest + 1);
}

/* What the daemon says of its paths, in commands. */
static void name_command(struct tm_why *why)
{
    static const char *const ways[][2] = {
        {"GET /api/v1/markers?kind=event lists", "`tidemark marker list --kind event` lists"},
        {"GET /api/v1/markers?kind=deploy lists", "`tidemark marker list --kind deploy` lists"},
        {"GET /api/v1/markers lists", "`tidemark marker list` lists"},
        {"GET /api/v1/exceptions lists", "`tidemark exceptions` lists"},
        {"GET /api/v1/incidents lists", "`tidemark incidents` lists"},
        {"GET /api/v1/anomalies lists", "`tidemark anomalies` lists"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct tm_why told = *why;
        const char *at = strstr(told.text, ways[i][0]);
        if (!at)
            continue;
        tm_why_write(why, "%.*s%s%s", (int)(at - told.text), told.text, ways[i][1], at + strlen(ways[i][0]));
        return;
    }
}

int talk_ask(struct talk *talk, const char *method, const char *path, const json_t *body, const json_t **data)
{
    enum { OK = 200, BAD_REQUEST = 400 };
    struct tm_why why = {0};
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    *data = NULL;
    enum tm_err err = body && !text ? tm_fail(&why, TM_NOMEM, "out of memory")
                                    : send(talk, method, path, text ? text : "", &why);
    free(text);
    if (err)
        return command_fail(EXIT_FAILED, &why);
    json_decref(talk->root);
    talk->root = json_loadb((const char *)talk->answer.body.data, talk->answer.body.len, 0, NULL);
    *data = json_object_get(talk->root, "data");
    if (talk->answer.status == OK && *data) {
        if (!talk->is_warned)
            warn(talk->root);
        talk->is_warned = true;
        return EXIT_OK;
    }
    http_error_text(&talk->answer, &why);
    name_option(talk->args, &why);
    name_command(&why);
    return command_fail(talk->answer.status == BAD_REQUEST ? EXIT_USAGE : EXIT_FAILED, &why);
}

void talk_put_value(const char *name, struct str value, struct bytes *path)
{
    bool has_query = path->len > 0 && memchr(path->data, '?', path->len) != NULL;
    bytes_printf(path, "%c%s=", has_query ? '&' : '?', name);
    http_escape(value, path);
}

void talk_put_option(const struct args *args, const char *name, struct bytes *path)
{
    if (options_given(args, name))
        talk_put_value(name, str_of(options_text(args, name)), path);
}

/* One page behind *cursor, which moves on; NULL: it was the last. EXIT_OK, or the exit code. */
static int take_page(struct talk *talk, const struct bytes *path, int64_t limit, char **cursor, json_t *items)
{
    struct bytes page = {0};
    const json_t *data = NULL;
    char number[32];
    bytes_put(&page, path->data, path->len);
    (void)snprintf(number, sizeof number, "%lld", (long long)(limit < TALK_PAGE ? limit : TALK_PAGE));
    talk_put_value("limit", str_of(number), &page);
    if (*cursor)
        talk_put_value("cursor", str_of(*cursor), &page);
    bytes_u8(&page, '\0');
    struct tm_why why;
    int code = bytes_error(&page) ? (tm_why_write(&why, "out of memory"), command_fail(EXIT_FAILED, &why))
                                  : talk_ask(talk, "GET", (const char *)page.data, NULL, &data);
    bytes_fini(&page);
    free(*cursor);
    *cursor = NULL;
    if (code)
        return code;
    const char *next = json_string_value(json_object_get(data, "next"));
    *cursor = next ? strdup(next) : NULL;
    (void)json_array_extend(items, json_object_get(data, "items"));
    return EXIT_OK;
}

int talk_list(struct talk *talk, const struct bytes *path, json_t **list)
{
    int64_t limit = 0;
    struct tm_why why = {0};
    char *cursor = NULL;
    *list = NULL;
    if (options_number(talk->args, "limit", 1, INT32_MAX, &limit, &why))
        return command_fail(EXIT_USAGE, &why);
    json_t *items = json_array();
    int code = EXIT_OK;
    do
        code = take_page(talk, path, limit - (int64_t)json_array_size(items), &cursor, items);
    while (!code && cursor && (int64_t)json_array_size(items) < limit);
    if (!code)
        *list = json_pack("{s:O,s:s?}", "items", items, "next", cursor);
    json_decref(items);
    free(cursor);
    if (!code && !*list)
        code = command_fail(EXIT_FAILED, (tm_why_write(&why, "out of memory"), &why));
    return code;
}

int talk_print_json(const json_t *data)
{
    return json_print_document(data);
}

struct str talk_text(const json_t *item, const char *name)
{
    const json_t *value = json_object_get(item, name);
    const char *text = json_string_value(value);
    return (struct str){text ? text : "", text ? json_string_length(value) : 0};
}

void talk_put_text(const json_t *item, const char *name, const char *before, struct bytes *out)
{
    struct str text = talk_text(item, name);
    if (text.len == 0)
        return;
    bytes_printf(out, "%s", before);
    series_text_plain(text, out);
}

/* ---- whole commands ---- */

int talk_show(const struct args *args, struct bytes *path, talk_print_fn *print)
{
    struct talk talk = {0};
    const json_t *data = NULL;
    struct tm_why why = {"out of memory"};
    bytes_u8(path, '\0');
    int code = bytes_error(path) ? command_fail(EXIT_FAILED, &why) : talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, "GET", (const char *)path->data, NULL, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code)
        print(args, data);
    talk_close(&talk);
    return code;
}

int talk_show_list(const struct args *args, const struct bytes *path, talk_item_fn *print, const char *none)
{
    struct talk talk = {0};
    json_t *list = NULL;
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_list(&talk, path, &list);
    if (!code && options_given(args, "json")) {
        code = talk_print_json(list);
    } else if (!code) {
        const json_t *items = json_object_get(list, "items");
        for (size_t i = 0; i < json_array_size(items); i++)
            print(json_array_get(items, i));
        if (json_array_size(items) == 0)
            fprintf(stderr, "tidemark: %s\n", none);
    }
    json_decref(list);
    talk_close(&talk);
    return code;
}
