/* Raw HTTP events, newest first. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/query/endpoints.h"
#include "server/query/event_choice.h"
#include "server/query/gap_json.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { LIMIT_DEFAULT = 100 };

/* Of an answer, in one step. */
enum { STEP_ITEMS = 500 };

struct listing {
    struct event_choice choice;
    struct events_cursor cursor;
    size_t limit;
    size_t given;
    bool is_begun;
    struct bytes *out; /* during a step */
};

static void free_listing(void *state)
{
    struct listing *l = state;
    event_choice_fini(&l->choice);
    free(l);
}

/* ---- one event ---- */

static void put_text(struct bytes *out, const char *name, struct str text)
{
    bytes_printf(out, ",\"%s\":", name);
    bytes_json_string(out, text);
}

/* What the line had as tags, beyond those with a name of their own. */
static void put_tags(struct bytes *out, const struct http_event *event)
{
    bool is_first = event->cache.len == 0;
    bytes_printf(out, ",\"tags\":{");
    if (!is_first) {
        bytes_printf(out, "\"cache\":");
        bytes_json_string(out, event->cache);
    }
    for (size_t i = 0; event->tags && i < event->tags->count; i++) {
        bytes_printf(out, is_first ? "" : ",");
        is_first = false;
        bytes_json_string(out, event->tags->at[i].name);
        bytes_u8(out, ':');
        bytes_json_string(out, event->tags->at[i].value);
    }
    bytes_u8(out, '}');
}

/* Microseconds as milliseconds with the decimals that there are. */
static void put_ms(struct bytes *out, const char *name, int64_t us)
{
    enum { US_PER_MS = 1000 };
    if (us < 0)
        return;
    bytes_printf(out, ",\"%s\":%" PRId64, name, us / US_PER_MS);
    int64_t rest = us % US_PER_MS;
    int digits = 3;
    for (; rest > 0 && rest % 10 == 0; digits--)
        rest /= 10;
    if (rest > 0)
        bytes_printf(out, ".%0*" PRId64, digits, rest);
}

static void put_fields(struct bytes *out, const struct http_event *event)
{
    bytes_printf(out, ",\"fields\":{\"count\":%" PRIu64, event->count);
    if (event->bytes >= 0)
        bytes_printf(out, ",\"bytes\":%" PRId64, event->bytes);
    put_ms(out, "duration_ms", event->duration_us);
    put_ms(out, "origin_ms", event->origin_us);
    put_ms(out, "edge_ms", event->edge_us);
    if (event->user_agent.len > 0)
        put_text(out, "user_agent", event->user_agent);
    bytes_u8(out, '}');
}

static bool put_event(void *arg, const struct http_event *event)
{
    struct listing *l = arg;
    struct bytes *out = l->out;
    char time[WHEN_TEXT_BYTES];
    bytes_printf(out, "%s{\"time\":\"%s\"", l->given++ > 0 ? "," : "", when_text(event->time, time));
    put_text(out, "service", event->service);
    put_text(out, "env", event->env);
    put_text(out, "method", event->method);
    bytes_printf(out, ",\"status\":%" PRId32, event->status);
    put_text(out, "url", event->url);
    put_text(out, "page_group", event->page_group);
    put_text(out, "agent", event->agent);
    put_tags(out, event);
    put_fields(out, event);
    bytes_u8(out, '}');
    return !out->failed;
}

/* ---- pages ---- */

static enum tm_err step_listing(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                struct tm_why *why)
{
    struct listing *l = state;
    struct events_query query = event_choice_query(&l->choice);
    size_t left = l->limit - l->given, before = l->given;
    bool is_more = false;
    const struct events_page page = {
        .cursor = &l->cursor,
        .limit = left < STEP_ITEMS ? left : STEP_ITEMS,
        .is_more = &is_more,
        .each = put_event,
        .arg = l,
    };
    if (!l->is_begun)
        bytes_printf(out, "{\"status\":\"success\",\"data\":{\"items\":[");
    l->is_begun = true;
    l->out = out;
    enum tm_err err = events_search(reader, &query, &page, why);
    if (err)
        return err;
    *is_done = !is_more || l->given == l->limit || l->given == before;
    if (!*is_done)
        return TM_OK;
    if (is_more) {
        char text[EVENTS_CURSOR_BYTES];
        events_cursor_text(&l->cursor, text);
        bytes_printf(out, "],\"next\":\"%s\"}", text);
    } else {
        bytes_printf(out, "],\"next\":null}");
    }
    err = gap_json_member(reader, READER_EVENTS, &l->choice.span, 1, NULL, out, why);
    bytes_printf(out, "}\n");
    return err;
}

static const struct query_kind listing_kind = {.step = step_listing, .free = free_listing};

/* ---- the request ---- */

static enum tm_err read_listing(struct listing *l, const struct params *params, time_ms_t now,
                                struct tm_why *why)
{
    struct str cursor;
    enum tm_err err = params_from_to(params, now, &l->choice.span, why);
    if (!err)
        err = params_page(params, LIMIT_DEFAULT, EVENTS_LIMIT_MAX, &l->limit, why);
    if (!err)
        err = event_choice_read(params, &l->choice, why);
    l->cursor = EVENTS_NEWEST;
    if (!err && params_get(params, "cursor", &cursor) && cursor.len > 0 &&
        events_cursor_parse(cursor, &l->cursor) != TM_OK)
        err = tm_fail(why, TM_INVALID,
                      "invalid parameter \"cursor\": it must be the next of an answer, as it stands there");
    return err;
}

void query_events(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct listing *l = calloc(1, sizeof *l);
    enum tm_err err = request_begin(&params, exchange, l, &why);
    if (!err)
        err = read_listing(l, &params, queries_now_ms(queries), &why);
    params_fini(&params);
    request_end(queries, exchange, &listing_kind, l, err, &why);
}
