/* GitHub's Markdown: the same sections as the HTML, without pictures. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/render.h"
#include "reports/texts.h"

enum { WHAT_MAX = 160, LISTED_MAX = 50 };

struct markdown {
    const struct report *r;
    struct bytes *out;
    enum language language;
};

static const char *say(const struct markdown *m, enum text text)
{
    return text_of(m->language, text);
}

static void heading(const struct markdown *m, enum text text)
{
    bytes_printf(m->out, "\n## %s\n\n", say(m, text));
}

static void cell(const struct markdown *m, const char *text)
{
    bytes_printf(m->out, " ");
    escape_markdown(m->out, text[0] ? text : say(m, TEXT_UNKNOWN), WHAT_MAX);
    bytes_printf(m->out, " |");
}

static void cell_number(const struct markdown *m, double value)
{
    char text[TEXT_FIGURE_BYTES];
    bytes_printf(m->out, " %s |", text_number(value, text));
}

static void put_head(const struct markdown *m)
{
    const struct report *r = m->r;
    char week[WEEK_TEXT_BYTES], from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], percent[TEXT_FIGURE_BYTES];
    bytes_printf(m->out, "# %s: ", say(m, TEXT_TITLE));
    escape_markdown(m->out, r->service, 0);
    if (r->env[0]) {
        bytes_printf(m->out, " @ ");
        escape_markdown(m->out, r->env, 0);
    }
    bytes_printf(m->out, ", %s\n\n- %s: ", week_text(r->week, week), say(m, TEXT_OWNER));
    escape_markdown(m->out, r->owner[0] ? r->owner : say(m, TEXT_NOBODY), 0);
    bytes_printf(m->out, "\n- %s: %s – %s (%s)\n- %s: %s (", say(m, TEXT_RANGE),
                 week_time_text(r->span.from, from), week_time_text(r->span.to, to), r->zone,
                 say(m, TEXT_COMPLETENESS), text_percent(r->quality.completeness, percent));
    text_put_hours(m->out, m->language, r->quality.hours_seen, r->quality.hours);
    bytes_printf(m->out, ")\n");
    if (!r->quality.has_data)
        bytes_printf(m->out, "\n**%s.** %s\n", say(m, TEXT_NO_DATA), say(m, TEXT_NO_DATA_HINT));
    else if (r->total == 0)
        bytes_printf(m->out, "\n**%s**\n", say(m, TEXT_CLEAN));
    if (!r->quality.is_over)
        bytes_printf(m->out, "\n%s\n", say(m, TEXT_NOT_OVER));
}

static void put_strip(const struct markdown *m)
{
    heading(m, TEXT_STRIP);
    bytes_printf(m->out, "| | %s | %s | Δ | ", say(m, TEXT_WEEK), say(m, TEXT_LAST_WEEK));
    text_put_median(m->out, m->language, m->r->strip[KEY_GROUPS].weeks);
    bytes_printf(m->out, " |\n|---|---:|---:|---:|---:|\n");
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct report_figure *f = &m->r->strip[key];
        char now[TEXT_FIGURE_BYTES], last[TEXT_FIGURE_BYTES], median[TEXT_FIGURE_BYTES],
            change[TEXT_FIGURE_BYTES];
        enum report_key k = (enum report_key)key;
        bytes_printf(m->out, "| %s | %s | %s | %s | %s |\n", text_of_key(m->language, k),
                     text_key_value(k, f->now, now), text_key_value(k, f->last_week, last),
                     text_change(k, f->now, f->last_week, change), text_key_value(k, f->median, median));
    }
}

static void put_actions(const struct markdown *m)
{
    char number[TEXT_FIGURE_BYTES];
    heading(m, TEXT_ACTIONS);
    for (size_t i = 0; i < m->r->action_count; i++) {
        const struct report_action *a = &m->r->actions[i];
        bytes_printf(m->out, "%zu. **%s** ", i + 1, text_of_reason(m->language, a->reason));
        if (a->reason == REASON_DATA)
            bytes_printf(m->out, "%" PRIu64 " %s", a->count, say(m, TEXT_MISSING_HOURS));
        else
            escape_markdown(m->out, a->what, WHAT_MAX);
        if (a->reason != REASON_DATA && a->count > 0)
            bytes_printf(m->out, " – %s", text_number((double)a->count, number));
        if (isfinite(a->ratio))
            bytes_printf(m->out, " (%s)", text_times(a->ratio, number));
        if (a->version[0] && a->reason != REASON_BAD_DEPLOY) {
            bytes_printf(m->out, ", %s ", say(m, TEXT_SINCE_DEPLOY));
            escape_markdown(m->out, a->version, WHAT_MAX);
        }
        bytes_printf(m->out, " \\[%s\\]\n", text_of_progress(m->language, a->progress));
    }
    if (m->r->action_count == 0)
        bytes_printf(m->out, "%s\n", say(m, TEXT_NO_ACTIONS));
}

static void put_group(const struct markdown *m, const struct report_group *g)
{
    char text[TEXT_FIGURE_BYTES], first[WEEK_TIME_BYTES], last[WEEK_TIME_BYTES];
    bytes_printf(m->out, "| ");
    if (!g->is_request) {
        bytes_printf(m->out, "**");
        escape_markdown(m->out, g->type, WHAT_MAX);
        bytes_printf(m->out, "** ");
    }
    escape_markdown(m->out, g->message, WHAT_MAX);
    bytes_printf(m->out, " | %s |", text_number((double)g->count, text));
    cell_number(m, g->expected);
    bytes_printf(m->out, " %s |", text_times(g->ratio, text));
    bytes_printf(m->out, " %s |", text_percent(100 * g->share, text));
    cell_number(m, g->per_10k);
    cell_number(m, (double)g->last_week);
    bytes_printf(m->out, " %s | %s |", week_time_text(g->first, first), week_time_text(g->last, last));
    cell(m, g->release);
    bytes_printf(m->out, "\n");
}

static void put_rest(const struct markdown *m, size_t from, size_t to)
{
    uint64_t count = 0;
    for (size_t i = from; i < to; i++)
        count += m->r->groups[i].count;
    if (to <= from)
        return;
    bytes_u8(m->out, '\n');
    text_put_rest(m->out, m->language, to - from, count);
    bytes_u8(m->out, '\n');
}

static void put_lists(const struct markdown *m)
{
    const struct report *r = m->r;
    static const enum text columns[] = {TEXT_WHAT,  TEXT_COUNT,   TEXT_EXPECTED,  TEXT_RATIO,
                                        TEXT_SHARE, TEXT_PER_10K, TEXT_LAST_WEEK, TEXT_FIRST,
                                        TEXT_LAST,  TEXT_RELEASE};
    heading(m, TEXT_LISTS);
    for (int list = 0; list < LIST_COUNT; list++) {
        size_t from = r->list_start[list], to = r->list_start[list + 1];
        size_t most = list == LIST_ONGOING ? REPORT_ONGOING_MAX : LISTED_MAX;
        size_t end = to - from > most ? from + most : to;
        bytes_printf(m->out, "### %s (%zu)\n\n%s\n\n", text_of_list(m->language, (enum report_list)list),
                     to - from, text_of_list_hint(m->language, (enum report_list)list));
        if (to == from) {
            bytes_printf(m->out, "%s\n\n", say(m, TEXT_EMPTY_LIST));
            continue;
        }
        bytes_u8(m->out, '|');
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            bytes_printf(m->out, " %s |", say(m, columns[i]));
        bytes_printf(m->out, "\n|---|---:|---:|---:|---:|---:|---:|---|---|---|\n");
        for (size_t i = from; i < end; i++)
            put_group(m, &r->groups[i]);
        put_rest(m, end, to);
        bytes_u8(m->out, '\n');
    }
}

static void put_series(const struct markdown *m, const struct report_incident *n)
{
    char observed[TEXT_FIGURE_BYTES], normal[TEXT_FIGURE_BYTES], times[TEXT_FIGURE_BYTES],
        score[TEXT_FIGURE_BYTES];
    bytes_printf(m->out, "  - ");
    text_put_series(m->out, m->language, n);
    bytes_u8(m->out, '\n');
    for (size_t k = 0; k < n->series_count; k++) {
        const struct report_series *s = &n->series[k];
        bytes_printf(m->out, "    - ");
        escape_markdown(m->out, s->what, WHAT_MAX);
        bytes_printf(m->out, ": %s (%s %s", text_level(m->language, s->level, s->observed, observed),
                     say(m, TEXT_NORMALLY), text_level(m->language, s->level, s->normal, normal));
        bytes_printf(m->out, ", %s, %s %s)\n",
                     text_times_normal(m->language, render_times(s), s->normal, times), say(m, TEXT_SCORE),
                     text_number(s->score, score));
    }
}

static void put_incidents(const struct markdown *m)
{
    const struct report *r = m->r;
    char from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES], ratio[TEXT_FIGURE_BYTES];
    heading(m, TEXT_INCIDENTS);
    for (size_t i = 0; i < r->incident_count; i++) {
        const struct report_incident *n = &r->incidents[i];
        bytes_printf(m->out, "- %s – %s, %s %s: ", week_time_text(n->start, from),
                     n->end == INT64_MIN ? say(m, TEXT_GOES_ON) : week_time_text(n->end, to),
                     say(m, TEXT_SCORE), text_number(n->score, number));
        escape_markdown(m->out, n->text, 0);
        bytes_u8(m->out, '\n');
        for (size_t k = 0; k < n->excess_count; k++) {
            bytes_printf(m->out, "  - ");
            escape_markdown(m->out, n->excess[k].what, WHAT_MAX);
            bytes_printf(m->out, ": %s (%s %s", text_number((double)n->excess[k].count, number),
                         say(m, TEXT_EXPECTED), text_number(n->excess[k].expected, ratio));
            bytes_printf(m->out, ", %s)\n",
                         text_times_normal(m->language, n->excess[k].ratio, n->excess[k].expected, ratio));
        }
        if (n->base_weeks == 0)
            bytes_printf(m->out, "  - %s\n", say(m, TEXT_NO_BASE));
        if (n->series_looked > 0)
            put_series(m, n);
    }
    if (r->incident_count == 0)
        bytes_printf(m->out, "%s\n", say(m, TEXT_NO_INCIDENTS));
}

static void put_deploys(const struct markdown *m)
{
    const struct report *r = m->r;
    char time[WEEK_TIME_BYTES], k[TEXT_FIGURE_BYTES], n[TEXT_FIGURE_BYTES], low[TEXT_FIGURE_BYTES],
        high[TEXT_FIGURE_BYTES];
    heading(m, TEXT_DEPLOYS);
    if (r->deploy_count == 0) {
        bytes_printf(m->out, "%s\n", say(m, TEXT_NO_DEPLOYS));
        return;
    }
    bytes_printf(m->out, "| %s | %s | %s | %s | %s | %s | %s |\n|---|---|---|---:|---:|---:|---:|\n",
                 say(m, TEXT_TIME), say(m, TEXT_VERSION), say(m, TEXT_VERDICT), say(m, TEXT_BEFORE),
                 say(m, TEXT_AFTER), say(m, TEXT_RATIO), say(m, TEXT_NEW_GROUPS));
    for (size_t i = 0; i < r->deploy_count; i++) {
        const struct report_deploy *d = &r->deploys[i];
        bytes_printf(m->out, "| %s |", week_time_text(d->time, time));
        cell(m, d->version);
        bytes_printf(m->out, " %s%s%s |", text_of_verdict(m->language, d->verdict),
                     d->is_rollback || d->is_rolled_back ? ", " : "",
                     d->is_rollback      ? say(m, TEXT_ROLLBACK)
                     : d->is_rolled_back ? say(m, TEXT_ROLLED_BACK)
                                         : "");
        bytes_printf(m->out, " %s / %s |", text_number(d->before_k, k), text_number(d->before_n, n));
        bytes_printf(m->out, " %s / %s |", text_number(d->after_k, k), text_number(d->after_n, n));
        bytes_printf(m->out, " %s (%s–%s) |", text_times(d->ratio, k), text_times(d->low, low),
                     text_times(d->high, high));
        bytes_printf(m->out, " %zu |\n", d->new_groups);
    }
}

static void put_events(const struct markdown *m)
{
    const struct report *r = m->r;
    char time[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES];
    heading(m, TEXT_EVENTS);
    for (size_t i = 0; i < r->event_count; i++) {
        const struct report_event *e = &r->events[i];
        bytes_printf(m->out, "- %s, %s: **", say(m, e->is_coming ? TEXT_COMING : TEXT_PAST),
                     week_time_text(e->time, time));
        escape_markdown(m->out, e->class_name[0] ? e->class_name : e->kind, WHAT_MAX);
        bytes_printf(m->out, "** ");
        escape_markdown(m->out, e->note, WHAT_MAX);
        if (isfinite(e->requests)) {
            bytes_printf(m->out, " (%s %s", say(m, TEXT_REQUESTS), text_number(e->requests, number));
            bytes_printf(m->out, ", %s %s)", say(m, TEXT_FAILURES), text_number(e->failed, number));
        }
        bytes_u8(m->out, '\n');
    }
    if (r->event_count == 0)
        bytes_printf(m->out, "%s\n", say(m, TEXT_NO_EVENTS));
}

static void put_quality(const struct markdown *m)
{
    const struct report_quality *q = &m->r->quality;
    char from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES];
    heading(m, TEXT_QUALITY);
    for (size_t i = 0; i < q->gap_count; i++) {
        bytes_printf(m->out, "- %s: %s – %s, ", say(m, TEXT_GAPS), week_time_text(q->gaps[i].from, from),
                     week_time_text(q->gaps[i].to, to));
        escape_markdown(m->out, q->gaps[i].text[0] ? q->gaps[i].text : say(m, TEXT_SILENCE), 0);
        bytes_u8(m->out, '\n');
    }
    if (q->gap_count == 0)
        bytes_printf(m->out, "- %s\n", say(m, TEXT_NO_GAPS));
    bytes_printf(m->out, "- %s: %s\n", say(m, TEXT_OVERFLOWED), text_number((double)q->overflowed, number));
    bytes_printf(m->out, "- %s: %s\n", say(m, TEXT_UNNAMED), text_number((double)q->unnamed, number));
    heading(m, TEXT_METHOD);
    for (int text = TEXT_METHOD_1; text <= TEXT_METHOD_4; text++)
        bytes_printf(m->out, "- %s\n", say(m, (enum text)text));
}

void render_markdown(const struct report *report, struct bytes *out)
{
    const struct markdown m = {report, out, text_language(report->language)};
    put_head(&m);
    put_strip(&m);
    put_actions(&m);
    put_lists(&m);
    put_incidents(&m);
    put_deploys(&m);
    put_events(&m);
    put_quality(&m);
}
