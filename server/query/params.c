#include "server/query/params.h"

#include <stdlib.h>
#include <string.h>

#include "storage/model/when.h"

/* ---- reading ---- */

struct gathering {
    struct params *params;
    enum tm_err err;
};

/* Texts lie behind one another; offsets, since they move while they grow. */
static void end_text(struct params *params, size_t which)
{
    params->offsets[which + 1] = params->text.len;
}

static bool has_room(struct gathering *g)
{
    if (g->params->count == PARAMS_MAX)
        g->err = TM_LIMIT;
    return !g->err;
}

static void add_decoded(void *arg, const char *name, const char *value)
{
    struct gathering *g = arg;
    struct params *params = g->params;
    if (!has_room(g))
        return;
    bytes_put(&params->text, name, strlen(name));
    end_text(params, params->count * 2);
    bytes_put(&params->text, value, strlen(value));
    end_text(params, params->count * 2 + 1);
    params->count++;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_encoded(struct gathering *g, struct str text, size_t which)
{
    struct params *params = g->params;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                g->err = TM_INVALID;
                return;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        bytes_put(&params->text, &c, 1);
    }
    end_text(params, which);
}

static struct str cut_at(struct str *text, char end)
{
    const char *found = text->len ? memchr(text->ptr, end, text->len) : NULL;
    struct str before = {text->ptr, found ? (size_t)(found - text->ptr) : text->len};
    size_t taken = before.len + (found != NULL);
    *text = (struct str){text->ptr + taken, text->len - taken};
    return before;
}

static void add_form(struct gathering *g, struct str form)
{
    while (form.len > 0 && !g->err) {
        struct str value = cut_at(&form, '&');
        if (value.len == 0)
            continue;
        struct str name = cut_at(&value, '=');
        if (!has_room(g))
            return;
        add_encoded(g, name, g->params->count * 2);
        if (!g->err)
            add_encoded(g, value, g->params->count * 2 + 1);
        if (!g->err)
            g->params->count++;
    }
}

static struct str text_at(const struct params *params, size_t which)
{
    return (struct str){(const char *)params->text.data + params->offsets[which],
                        params->offsets[which + 1] - params->offsets[which]};
}

enum tm_err params_read(struct params *params, const struct http_exchange *exchange, struct tm_why *why)
{
    struct gathering g = {.params = params};
    params->count = 0;
    params->text = (struct bytes){0};
    params->offsets[0] = 0;
    bytes_reserve(&params->text, 1); /* so that an empty text has an address */
    if (http_has_form(exchange))
        add_form(&g, http_body(exchange));
    if (g.err == TM_INVALID)
        return tm_fail(why, TM_INVALID, "the form in the body is not URL-encoded");
    http_each_query(exchange, add_decoded, &g);
    if (g.err)
        return tm_fail(why, g.err, "a request has at most %d parameters", PARAMS_MAX);
    if (bytes_error(&params->text))
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    for (size_t i = 0; i < params->count; i++)
        params->at[i] = (struct param){text_at(params, i * 2), text_at(params, i * 2 + 1)};
    return TM_OK;
}

void params_fini(struct params *params)
{
    bytes_fini(&params->text);
    params->count = 0;
}

/* ---- meaning ---- */

bool params_get(const struct params *params, const char *name, struct str *out)
{
    for (size_t i = 0; i < params->count; i++) {
        if (str_equal(params->at[i].name, str_of(name))) {
            *out = params->at[i].value;
            return true;
        }
    }
    return false;
}

static enum tm_err read_time(const struct params *params, const char *name, time_ms_t now, time_ms_t *out,
                             struct tm_why *why)
{
    struct str text;
    struct tm_why inner;
    if (!params_get(params, name, &text) || text.len == 0)
        return TM_OK;
    if (when_parse(text, now, out, &inner) == TM_OK)
        return TM_OK;
    return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": cannot parse \"%.*s\" to a valid timestamp",
                   name, (int)(text.len > 100 ? 100 : text.len), text.ptr);
}

enum tm_err params_start_end(const struct params *params, time_ms_t now, struct span *out, struct tm_why *why)
{
    *out = (struct span){INT64_MIN, INT64_MAX};
    enum tm_err err = read_time(params, "start", now, &out->from, why);
    if (!err)
        err = read_time(params, "end", now, &out->to, why);
    if (!err && out->to < INT64_MAX)
        out->to++;
    return err;
}

enum tm_err params_from_to(const struct params *params, time_ms_t now, struct span *out, struct tm_why *why)
{
    *out = (struct span){INT64_MIN, INT64_MAX};
    enum tm_err err = read_time(params, "from", now, &out->from, why);
    if (!err)
        err = read_time(params, "to", now, &out->to, why);
    if (!err && out->from > out->to)
        return tm_fail(why, TM_INVALID, "invalid parameter \"to\": it is before from");
    return err;
}

/* Of what somebody sent, in a sentence. */
enum { SHOWN_BYTES = 100 };

enum tm_err params_two_times(const char *name, struct str text, const char *otherwise, time_ms_t now,
                             struct span *out, struct tm_why *why)
{
    struct tm_why inner;
    const char *dots = text.len > 0 ? memmem(text.ptr, text.len, "..", 2) : NULL;
    if (!dots)
        return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": \"%.*s\" is %s", name,
                       (int)(text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len), text.ptr, otherwise);
    struct str from = {text.ptr, (size_t)(dots - text.ptr)};
    struct str to = {dots + 2, text.len - from.len - 2};
    enum tm_err err = when_parse(from, now, &out->from, &inner);
    if (!err)
        err = when_parse(to, now, &out->to, &inner);
    if (err)
        return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": %s", name, inner.text);
    if (out->from >= out->to)
        return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": its begin is not before its end", name);
    return TM_OK;
}

enum tm_err params_count(const struct params *params, const char *name, size_t otherwise, size_t *out,
                         struct tm_why *why)
{
    struct str text;
    uint64_t value = 0;
    *out = otherwise;
    if (!params_get(params, name, &text) || text.len == 0)
        return TM_OK;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > UINT32_MAX)
            return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": \"%.*s\" is no whole number from 0 on",
                           name, (int)(text.len > 100 ? 100 : text.len), text.ptr);
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = (size_t)value;
    return TM_OK;
}

enum tm_err params_step(const struct params *params, int64_t *out_ms, struct tm_why *why)
{
    enum { MS_PER_S = 1000 };
    struct str text;
    struct tm_why inner;
    int64_t seconds = 0;
    *out_ms = 0;
    if (!params_get(params, "step", &text) || text.len == 0)
        return TM_OK;
    size_t digits = 0;
    for (; digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9' && seconds <= UINT32_MAX;)
        seconds = seconds * 10 + (text.ptr[digits++] - '0');
    *out_ms = seconds * MS_PER_S;
    enum tm_err err = digits == text.len ? TM_OK : when_parse_duration(text, out_ms, &inner);
    if (!err && *out_ms > 0)
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "invalid parameter \"step\": \"%.*s\" is neither seconds nor a duration like 1m, above 0",
                   (int)(text.len > 100 ? 100 : text.len), text.ptr);
}

enum tm_err params_page(const struct params *params, size_t otherwise, size_t max, size_t *out,
                        struct tm_why *why)
{
    enum tm_err err = params_count(params, "limit", otherwise, out, why);
    if (!err && (*out == 0 || *out > max))
        err = tm_fail(why, TM_INVALID, "invalid parameter \"limit\": it must be in 1 to %zu", max);
    return err;
}

static enum tm_err add_match(struct params_matches *out, struct str text, struct tm_why *why)
{
    struct tm_why inner;
    if (out->count == PARAMS_MATCHES_MAX)
        return tm_fail(why, TM_LIMIT, "a request has at most %d match[]", PARAMS_MATCHES_MAX);
    enum tm_err err = selector_parse(text, &out->at[out->count], &inner);
    if (err)
        return tm_fail(why, err, "invalid parameter \"match[]\": %s", inner.text);
    out->count++;
    return TM_OK;
}

enum tm_err params_matches(const struct params *params, struct params_matches *out, struct tm_why *why)
{
    *out = (struct params_matches){.at = calloc(PARAMS_MATCHES_MAX, sizeof *out->at)};
    enum tm_err err = out->at ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
    for (size_t i = 0; i < params->count && !err; i++) {
        if (str_equal(params->at[i].name, STR("match[]")))
            err = add_match(out, params->at[i].value, why);
    }
    if (err)
        params_matches_fini(out);
    return err;
}

void params_matches_fini(struct params_matches *matches)
{
    for (size_t i = 0; i < matches->count; i++)
        selector_fini(&matches->at[i]);
    free(matches->at);
    *matches = (struct params_matches){0};
}

void params_refuse(struct http_exchange *exchange, enum tm_err err, const struct tm_why *why)
{
    enum { BAD_REQUEST = 400, UNAVAILABLE = 503 };
    bool is_ours = err == TM_NOMEM;
    http_respond_error(exchange, is_ours ? UNAVAILABLE : BAD_REQUEST, is_ours ? "unavailable" : "bad_data",
                       why->text);
}
