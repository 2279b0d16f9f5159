#include "server/cli/findings.h"

#include <string.h>

#include "server/cli/command.h"
#include "server/cli/follow.h"
#include "server/cli/json_print.h"
#include "server/cli/series_text.h"

bool findings_is_id(const char *text)
{
    return strlen(text) == FINDING_ID_BYTES && strspn(text, "0123456789abcdef") == FINDING_ID_BYTES;
}

void findings_put_service(const json_t *item, struct bytes *out)
{
    talk_put_text(item, "service", "  ", out);
    talk_put_text(item, "env", "@", out);
}

void findings_put_labels(const json_t *labels, struct bytes *out)
{
    void *at = json_object_iter((json_t *)(uintptr_t)labels);
    bytes_u8(out, '{');
    for (bool is_first = true; at; is_first = false) {
        const char *name = json_object_iter_key(at);
        if (!is_first)
            bytes_u8(out, ',');
        series_text_plain(str_of(name), out);
        bytes_printf(out, "=\"");
        series_text_plain(talk_text(labels, name), out);
        bytes_u8(out, '"');
        at = json_object_iter_next((json_t *)(uintptr_t)labels, at);
    }
    bytes_u8(out, '}');
}

void findings_print(struct bytes *out)
{
    if (!bytes_error(out))
        printf("%.*s\n", (int)out->len, out->len > 0 ? (const char *)out->data : "");
    bytes_fini(out);
}

int findings_list(const struct args *args, const char *path, const char *const *names, size_t count,
                  talk_item_fn *print, const char *none)
{
    struct bytes full = {0};
    bytes_printf(&full, "%s", path);
    for (size_t i = 0; i < count; i++) {
        struct str value = str_of(options_text(args, names[i]));
        bool is_score = strcmp(names[i], "min-score") == 0; /* parameters have no hyphens */
        if (options_given(args, names[i]))
            talk_put_value(is_score ? "min_score" : names[i], value, &full);
    }
    int code = talk_show_list(args, &full, print, none);
    bytes_fini(&full);
    return code;
}

/* ---- live ---- */

struct following {
    const struct args *args;
    talk_item_fn *print;
    double min_score;
};

static void take_item(void *arg, const json_t *item)
{
    const struct following *f = arg;
    const char *env = options_text(f->args, "env");
    if (env && *env && !str_equal(str_of(env), talk_text(item, "env")))
        return;
    if (json_number_value(json_object_get(item, "score")) < f->min_score)
        return;
    if (options_given(f->args, "json")) {
        (void)json_print(item, false, stdout);
        putchar('\n');
    } else {
        f->print(item);
    }
    (void)fflush(stdout);
}

int findings_follow(const struct args *args, const char *topic, talk_item_fn *print)
{
    enum { SCORE_MAX = 100 };
    struct following f = {.args = args, .print = print};
    struct tm_why why = {0};
    if (options_decimal(args, "min-score", 0, SCORE_MAX, &f.min_score, &why))
        return command_fail(EXIT_USAGE, &why);
    return follow(args, topic, take_item, &f);
}
