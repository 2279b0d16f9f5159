/* The values of a column that most events have, against another span. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/endpoints.h"
#include "server/query/event_choice.h"
#include "server/query/gap_json.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/model/labels.h"
#include "storage/model/when.h"

enum { K_DEFAULT = 10, K_MAX = 10000, SHOWN_BYTES = 100 };

#define HOUR_MS INT64_C(3600000)
#define WEEK_MS (7 * 24 * HOUR_MS)

struct top {
    struct event_choice choice;
    struct span span;
    struct span before; /* compared with */
    bool is_compared;
    struct events_ranking_by by;
    char *field; /* as it was asked for; the tag's name is in it */
    size_t k;
    int part; /* the next one to be made */
    struct events_ranking *now_ranking;
    struct events_ranking *before_ranking;
    size_t given;
};

static void free_top(void *state)
{
    struct top *t = state;
    event_choice_fini(&t->choice);
    events_ranking_free(t->now_ranking);
    events_ranking_free(t->before_ranking);
    free(t->field);
    free(t);
}

/* ---- the answer ---- */

/* What was counted, and how well it is known. */
static void put_totals(const struct events_ranking_total *total, struct bytes *out)
{
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    bytes_printf(out, "\"from\":\"%s\",\"to\":\"%s\",\"total\":%" PRIu64 ",\"exact\":%s,\"error\":%" PRIu64,
                 when_text(total->span.from, from), when_text(total->span.to, to), total->count,
                 total->error == 0 && !total->is_cut ? "true" : "false", total->error);
}

static void put_head(const struct top *t, struct bytes *out)
{
    struct events_ranking_total now, before = {0};
    events_ranking_total(t->now_ranking, &now);
    bytes_printf(out, "{\"status\":\"success\",\"data\":{\"by\":");
    bytes_json_string(out, str_of(t->field));
    bytes_u8(out, ',');
    put_totals(&now, out);
    if (t->is_compared) {
        events_ranking_total(t->before_ranking, &before);
        bytes_printf(out, ",\"compare\":{");
        put_totals(&before, out);
        bytes_u8(out, '}');
    } else {
        bytes_printf(out, ",\"compare\":null");
    }
    bytes_printf(out, ",\"keys\":%" PRIu64 ",\"items\":[", now.keys);
}

/* By how much of itself the rate has changed: both spans may differ in length. */
static double change_of(const struct events_ranking_total *totals, uint64_t now, uint64_t before)
{
    double length = (double)(totals[0].span.to - totals[0].span.from);
    double length_before = (double)(totals[1].span.to - totals[1].span.from);
    return (double)now / length / ((double)before / length_before) - 1;
}

static void put_item(struct top *t, const struct events_rank *now, const struct events_rank *before,
                     struct bytes *out)
{
    struct events_ranking_total totals[2] = {{0}};
    events_ranking_total(t->now_ranking, &totals[0]);
    double share = totals[0].count > 0 ? (double)now->count / (double)totals[0].count : 0;
    bytes_printf(out, "%s{\"key\":", t->given++ > 0 ? "," : "");
    bytes_json_string(out, now->key);
    bytes_printf(out, ",\"count\":%" PRIu64 ",\"error\":%" PRIu64 ",\"share\":%.6f", now->count, now->error,
                 share);
    if (!t->is_compared) {
        bytes_printf(out, ",\"before\":null,\"before_error\":null,\"change\":null,\"state\":null}");
        return;
    }
    events_ranking_total(t->before_ranking, &totals[1]);
    bytes_printf(out, ",\"before\":%" PRIu64 ",\"before_error\":%" PRIu64, before->count, before->error);
    if (before->count > 0)
        bytes_printf(out, ",\"change\":%.6f", change_of(totals, now->count, before->count));
    else
        bytes_printf(out, ",\"change\":null");
    bytes_printf(out, ",\"state\":\"%s\"}", before->count == 0 ? "new" : now->count == 0 ? "gone" : "same");
}

static void put_items(struct top *t, struct bytes *out)
{
    struct events_rank now, before = {0};
    for (size_t i = 0; i < t->k && events_ranking_at(t->now_ranking, i, &now) == TM_OK; i++) {
        if (t->is_compared)
            events_ranking_find(t->before_ranking, now.key, &before);
        put_item(t, &now, &before, out);
    }
    for (size_t i = 0; t->is_compared && i < t->k; i++) {
        if (events_ranking_at(t->before_ranking, i, &before) != TM_OK)
            break;
        events_ranking_find(t->now_ranking, before.key, &now);
        if (now.count > 0)
            continue;
        now.key = before.key;
        put_item(t, &now, &before, out);
    }
}

static enum tm_err rank(struct top *t, struct reader *reader, struct span span, struct events_ranking **out,
                        struct tm_why *why)
{
    t->choice.span = span;
    struct events_query query = event_choice_query(&t->choice);
    return events_rank(reader, &query, &t->by, out, why);
}

static const char cut_text[] =
    "some days of this span are older than storage.retention.events: only their rankings are kept, "
    "which can't be asked with a filter; they are left out";

static bool is_cut(const struct top *t)
{
    struct events_ranking_total now, before = {0};
    events_ranking_total(t->now_ranking, &now);
    if (t->is_compared)
        events_ranking_total(t->before_ranking, &before);
    return now.is_cut || before.is_cut;
}

static enum tm_err step_top(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                            struct tm_why *why)
{
    enum { RANK_NOW, RANK_BEFORE };
    struct top *t = state;
    int part = t->part++;
    if (part == RANK_NOW)
        return rank(t, reader, t->span, &t->now_ranking, why);
    if (part == RANK_BEFORE && t->is_compared)
        return rank(t, reader, t->before, &t->before_ranking, why);
    put_head(t, out);
    put_items(t, out);
    bytes_printf(out, "],\"next\":null}");
    const struct span spans[] = {t->span, t->before};
    enum tm_err err = gap_json_member(reader, READER_EVENTS, spans, t->is_compared ? 2 : 1,
                                      is_cut(t) ? cut_text : NULL, out, why);
    bytes_printf(out, "}\n");
    *is_done = true;
    return err;
}

static const struct query_kind top_kind = {.step = step_top, .free = free_top};

/* ---- the request ---- */

/* A column, or the name of a tag, with or without "tag." before it. */
static enum tm_err read_by(struct top *t, const struct params *params, struct tm_why *why)
{
    const struct str prefix = STR("tag.");
    struct str text = STR("url");
    (void)params_get(params, "by", &text);
    if (text.len == 0)
        text = STR("url");
    t->field = strndup(text.ptr, text.len);
    if (!t->field)
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    struct str name = str_of(t->field);
    bool is_column = event_column(name, &t->by.column) == TM_OK &&
                     (t->by.column < EVENTS_TAGS || str_equal(name, STR("status")));
    if (is_column)
        return TM_OK;
    if (name.len > prefix.len && memcmp(name.ptr, prefix.ptr, prefix.len) == 0)
        name = (struct str){name.ptr + prefix.len, name.len - prefix.len};
    t->by.column = EVENTS_TAGS;
    t->by.tag = name;
    if (label_name_valid(name) && event_column(name, &(enum events_column){0}) == TM_NOT_FOUND)
        return TM_OK;
    return tm_fail(
        why, TM_INVALID,
        "invalid parameter \"by\": \"%.*s\" cannot be ranked; there are url, page_group, status, agent, "
        "method, service, env, cache, user_agent, and the name of any other tag",
        (int)(text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len), text.ptr);
}

/* The last hour, if nothing is said; a comparison needs both ends. */
static enum tm_err read_span(struct top *t, const struct params *params, time_ms_t now, struct tm_why *why)
{
    enum tm_err err = params_from_to(params, now, &t->span, why);
    if (err)
        return err;
    if (t->span.to == INT64_MAX)
        t->span.to = now;
    if (t->span.from == INT64_MIN)
        t->span.from = t->span.to - HOUR_MS;
    if (t->span.from < t->span.to)
        return TM_OK;
    return tm_fail(why, TM_INVALID, "invalid parameter \"from\": it is not before to");
}

static enum tm_err read_compare(struct top *t, const struct params *params, time_ms_t now, struct tm_why *why)
{
    struct str text;
    int64_t length = t->span.to - t->span.from;
    t->is_compared = params_get(params, "compare", &text) && text.len > 0;
    if (!t->is_compared)
        return TM_OK;
    if (str_equal(text, STR("previous")))
        t->before = (struct span){t->span.from - length, t->span.from};
    else if (str_equal(text, STR("week")))
        t->before = (struct span){t->span.from - WEEK_MS, t->span.to - WEEK_MS};
    else
        return params_two_times("compare", text, "none of previous, week and FROM..TO", now, &t->before, why);
    return TM_OK;
}

static enum tm_err read_top(struct top *t, const struct params *params, time_ms_t now, struct tm_why *why)
{
    enum tm_err err = read_by(t, params, why);
    if (!err)
        err = read_span(t, params, now, why);
    if (!err)
        err = read_compare(t, params, now, why);
    if (!err)
        err = params_count(params, "k", K_DEFAULT, &t->k, why);
    if (!err && (t->k == 0 || t->k > K_MAX))
        err = tm_fail(why, TM_INVALID, "invalid parameter \"k\": it must be in 1 to %d", K_MAX);
    return err ? err : event_choice_read(params, &t->choice, why);
}

void query_top(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct top *t = calloc(1, sizeof *t);
    enum tm_err err = request_begin(&params, exchange, t, &why);
    if (!err)
        err = read_top(t, &params, queries_now_ms(queries), &why);
    params_fini(&params);
    request_end(queries, exchange, &top_kind, t, err, &why);
}
