/* The HTML's tables. On a narrow screen a row becomes a card, its cells with the column's name in front; the
 * roles say that it still is a table. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/html.h"
#include "reports/render_html_private.h"

enum { SPARK_WIDTH = 64, SPARK_HEIGHT = 22, SPARK_BAR = 8 };

struct column {
    enum text text;
    bool is_number;
};

static void begin_table(const struct page *p, const struct column *columns, size_t count, const char *label)
{
    bytes_printf(p->out,
                 "<table class=\"stack\" role=\"table\" aria-label=\"%s\">\n"
                 "<thead role=\"rowgroup\"><tr role=\"row\">",
                 label);
    for (size_t i = 0; i < count; i++)
        bytes_printf(p->out, "<th scope=\"col\" role=\"columnheader\"%s>%s</th>",
                     columns[i].is_number ? " class=\"n\"" : "", page_say(p, columns[i].text));
    bytes_printf(p->out, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

static void end_table(const struct page *p)
{
    bytes_printf(p->out, "</tbody></table>\n");
}

static void begin_cell(const struct page *p, const char *class_name, enum text label)
{
    bytes_printf(p->out, "<td role=\"cell\" class=\"%s\" data-l=\"%s\">", class_name, page_say(p, label));
}

static void put_cell(const struct page *p, enum text label, const char *value)
{
    begin_cell(p, "n", label);
    bytes_printf(p->out, "%s</td>", value);
}

static void put_ratio(const struct page *p, double ratio, double low, double high)
{
    char a[TEXT_FIGURE_BYTES], b[TEXT_FIGURE_BYTES], c[TEXT_FIGURE_BYTES];
    begin_cell(p, "n l", TEXT_RATIO);
    bytes_printf(p->out, "<span>%s", text_times(ratio, a));
    if (isfinite(low) && isfinite(high))
        bytes_printf(p->out, "<span class=\"ci\">%s–%s</span>", text_times(low, b), text_times(high, c));
    bytes_printf(p->out, "</span></td>");
}

/* ---- groups ---- */

static void put_spark(const struct page *p, const struct report_group *g)
{
    char number[TEXT_FIGURE_BYTES];
    uint64_t most = 1;
    for (int i = 0; i < REPORT_TREND_WEEKS; i++)
        most = g->weeks[i] > most ? g->weeks[i] : most;
    bytes_printf(
        p->out,
        "<svg class=\"spark\" role=\"img\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" aria-label=\"",
        SPARK_WIDTH, SPARK_HEIGHT, SPARK_WIDTH, SPARK_HEIGHT);
    for (int i = 0; i < REPORT_TREND_WEEKS; i++)
        bytes_printf(p->out, "%s%s", i > 0 ? ", " : "", text_number((double)g->weeks[i], number));
    bytes_printf(p->out, "\">");
    for (int i = 0; i < REPORT_TREND_WEEKS; i++) {
        int height = (int)((double)g->weeks[i] / (double)most * (SPARK_HEIGHT - 2) + 0.5);
        height = g->weeks[i] > 0 && height < 2 ? 2 : height < 1 ? 1 : height;
        bytes_printf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", i * SPARK_BAR,
                     SPARK_HEIGHT - height, SPARK_BAR - 2, height);
    }
    bytes_printf(p->out, "</svg>");
}

static void put_what(const struct page *p, const struct report_group *g)
{
    char percent[TEXT_FIGURE_BYTES];
    bytes_printf(p->out, "<tr role=\"row\"><td role=\"cell\" class=\"w\">");
    if (!g->is_request) {
        bytes_printf(p->out, "<strong>");
        html_text(p->out, g->type, PAGE_WHAT_MAX);
        bytes_printf(p->out, "</strong> ");
    }
    html_text(p->out, g->message, PAGE_WHAT_MAX);
    if (g->frame[0]) {
        bytes_printf(p->out, "<span class=\"f m\">");
        html_text(p->out, g->frame, PAGE_WHAT_MAX);
        bytes_printf(p->out, "</span>");
    }
    if (g->release[0] || g->dimension[0])
        bytes_printf(p->out, "<span class=\"f\">");
    if (g->release[0]) {
        bytes_printf(p->out, "%s ", page_say(p, TEXT_RELEASE));
        html_text(p->out, g->release, PAGE_NAME_MAX);
        bytes_printf(p->out, "%s", g->dimension[0] ? " · " : "");
    }
    if (g->dimension[0]) {
        html_text(p->out, g->dimension, PAGE_WHAT_MAX);
        bytes_printf(p->out, " %s", text_percent(100 * g->dimension_share, percent));
    }
    bytes_printf(p->out, "%s</td>", g->release[0] || g->dimension[0] ? "</span>" : "");
}

static void put_group(const struct page *p, const struct report_group *g)
{
    char text[TEXT_FIGURE_BYTES], first[WEEK_TIME_BYTES], last[WEEK_TIME_BYTES];
    put_what(p, g);
    put_cell(p, TEXT_COUNT, text_number((double)g->count, text));
    put_cell(p, TEXT_EXPECTED, text_number(g->expected, text));
    put_ratio(p, g->ratio, g->low, g->high);
    put_cell(p, TEXT_SHARE, text_percent(100 * g->share, text));
    put_cell(p, TEXT_PER_10K, text_number(g->per_10k, text));
    begin_cell(p, "l", TEXT_EIGHT_WEEKS);
    put_spark(p, g);
    bytes_printf(p->out, "</td>");
    begin_cell(p, "l t", TEXT_SEEN);
    /* Minutes are enough: the zone stands above. */
    bytes_printf(p->out, "<span>%.16s<br>%.16s</span></td></tr>\n", week_time_text(g->first, first),
                 week_time_text(g->last, last));
}

static void put_list(const struct page *p, enum report_list list)
{
    static const struct column columns[] = {
        {TEXT_WHAT, false}, {TEXT_COUNT, true},   {TEXT_EXPECTED, true},     {TEXT_RATIO, true},
        {TEXT_SHARE, true}, {TEXT_PER_10K, true}, {TEXT_EIGHT_WEEKS, false}, {TEXT_SEEN, false}};
    const struct report *r = p->r;
    size_t from = r->list_start[list], to = r->list_start[list + 1];
    size_t most = list == LIST_ONGOING ? REPORT_ONGOING_MAX : PAGE_LISTED_MAX;
    size_t end = to - from > most ? from + most : to;
    uint64_t rest = 0;
    bytes_printf(p->out, "<h3>%s (%zu)</h3>\n<p class=\"hint\">%s</p>\n", text_of_list(p->language, list),
                 to - from, text_of_list_hint(p->language, list));
    if (from == to) {
        bytes_printf(p->out, "<p>%s</p>\n", page_say(p, TEXT_EMPTY_LIST));
        return;
    }
    begin_table(p, columns, sizeof columns / sizeof *columns, text_of_list(p->language, list));
    for (size_t i = from; i < end; i++)
        put_group(p, &r->groups[i]);
    end_table(p);
    for (size_t i = end; i < to; i++)
        rest += r->groups[i].count;
    if (end < to) {
        bytes_printf(p->out, "<p class=\"hint\">");
        text_put_rest(p->out, p->language, to - end, rest);
        bytes_printf(p->out, "</p>\n");
    }
}

void page_lists(const struct page *p)
{
    page_section(p, "lists", TEXT_LISTS);
    for (int list = 0; list < LIST_COUNT; list++)
        put_list(p, (enum report_list)list);
    page_section_end(p);
}

/* ---- incidents ---- */

static void put_excess(const struct page *p, const struct report_incident *n)
{
    static const struct column columns[] = {{TEXT_WHAT, false},
                                            {TEXT_COUNT, true},
                                            {TEXT_EXPECTED, true},
                                            {TEXT_TIMES, true},
                                            {TEXT_SHARE, true}};
    char text[TEXT_FIGURE_BYTES];
    begin_table(p, columns, sizeof columns / sizeof *columns, page_say(p, TEXT_INCIDENTS));
    for (size_t k = 0; k < n->excess_count; k++) {
        const struct report_excess *e = &n->excess[k];
        bytes_printf(p->out, "<tr role=\"row\"><td role=\"cell\" class=\"w\">");
        html_text(p->out, e->what, PAGE_WHAT_MAX);
        bytes_printf(p->out, "</td>");
        put_cell(p, TEXT_COUNT, text_number((double)e->count, text));
        put_cell(p, TEXT_EXPECTED, text_number(e->expected, text));
        put_cell(p, TEXT_TIMES, text_times_normal(p->language, e->ratio, e->expected, text));
        put_cell(p, TEXT_SHARE, text_percent(100 * e->share, text));
        bytes_printf(p->out, "</tr>\n");
    }
    end_table(p);
}

static void put_series(const struct page *p, const struct report_incident *n)
{
    static const struct column columns[] = {{TEXT_SERIES, false},
                                            {TEXT_MEANWHILE, true},
                                            {TEXT_NORMALLY, true},
                                            {TEXT_TIMES, true},
                                            {TEXT_SCORE, true}};
    char text[TEXT_FIGURE_BYTES];
    bytes_printf(p->out, "<p class=\"hint\">");
    text_put_series(p->out, p->language, n);
    bytes_printf(p->out, "</p>\n");
    if (n->series_count == 0)
        return;
    begin_table(p, columns, sizeof columns / sizeof *columns, page_say(p, TEXT_SERIES));
    for (size_t k = 0; k < n->series_count; k++) {
        const struct report_series *s = &n->series[k];
        bytes_printf(p->out, "<tr role=\"row\"><td role=\"cell\" class=\"w\">");
        html_text(p->out, s->what, PAGE_WHAT_MAX);
        bytes_printf(p->out, "</td>");
        put_cell(p, TEXT_MEANWHILE, text_level(p->language, s->level, s->observed, text));
        put_cell(p, TEXT_NORMALLY, text_level(p->language, s->level, s->normal, text));
        put_cell(p, TEXT_TIMES, text_times_normal(p->language, render_times(s), s->normal, text));
        put_cell(p, TEXT_SCORE, text_number(s->score, text));
        bytes_printf(p->out, "</tr>\n");
    }
    end_table(p);
}

static void put_against_normal(const struct page *p, const struct report_incident *n)
{
    bytes_printf(p->out, "<p class=\"hint\">");
    if (n->base_weeks > 0)
        text_put_against(p->out, p->language, n->base_weeks);
    else
        bytes_printf(p->out, "%s", page_say(p, TEXT_NO_BASE));
    bytes_printf(p->out, "</p>\n");
    if (n->excess_count > 0)
        put_excess(p, n);
    if (n->series_looked > 0)
        put_series(p, n);
}

void page_incidents(const struct page *p)
{
    char from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], score[TEXT_FIGURE_BYTES];
    page_section(p, "incidents", TEXT_INCIDENTS);
    for (size_t i = 0; i < p->r->incident_count; i++) {
        const struct report_incident *n = &p->r->incidents[i];
        bytes_printf(p->out, "<h3>%.16s – %.16s · %s %s</h3>\n<p class=\"hint\">",
                     week_time_text(n->start, from),
                     n->end == INT64_MIN ? page_say(p, TEXT_GOES_ON) : week_time_text(n->end, to),
                     page_say(p, TEXT_SCORE), text_number(n->score, score));
        html_text(p->out, n->text, 0);
        bytes_printf(p->out, "</p>\n");
        put_against_normal(p, n);
    }
    if (p->r->incident_count == 0)
        bytes_printf(p->out, "<p>%s</p>\n", page_say(p, TEXT_NO_INCIDENTS));
    page_section_end(p);
}

/* ---- deploys ---- */

static const char *verdict_class(const char *verdict)
{
    if (strcmp(verdict, "bad") == 0)
        return "tag bad-text";
    if (strcmp(verdict, "suspect") == 0)
        return "tag warn-text";
    return strcmp(verdict, "ok") == 0 ? "tag good-text" : "tag";
}

static void put_part(const struct page *p, enum text label, double k, double n)
{
    char a[TEXT_FIGURE_BYTES], b[TEXT_FIGURE_BYTES];
    begin_cell(p, "n l", label);
    bytes_printf(p->out, "%s / %s</td>", text_number(k, a), text_number(n, b));
}

void page_deploys(const struct page *p)
{
    static const struct column columns[] = {{TEXT_VERSION, false},  {TEXT_TIME, false}, {TEXT_VERDICT, false},
                                            {TEXT_BEFORE, true},    {TEXT_AFTER, true}, {TEXT_RATIO, true},
                                            {TEXT_NEW_GROUPS, true}};
    char time[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES];
    page_section(p, "deploys", TEXT_DEPLOYS);
    if (p->r->deploy_count > 0)
        begin_table(p, columns, sizeof columns / sizeof *columns, page_say(p, TEXT_DEPLOYS));
    for (size_t i = 0; i < p->r->deploy_count; i++) {
        const struct report_deploy *d = &p->r->deploys[i];
        bytes_printf(p->out, "<tr role=\"row\"><td role=\"cell\"><strong>");
        html_text(p->out, d->version, PAGE_NAME_MAX);
        bytes_printf(p->out, "</strong>");
        if (d->is_rollback || d->is_rolled_back)
            bytes_printf(p->out, " <span class=\"tag\">%s</span>",
                         page_say(p, d->is_rollback ? TEXT_ROLLBACK : TEXT_ROLLED_BACK));
        bytes_printf(p->out, "</td>");
        begin_cell(p, "l t", TEXT_TIME);
        bytes_printf(p->out, "%.16s</td>", week_time_text(d->time, time));
        begin_cell(p, "l", TEXT_VERDICT);
        bytes_printf(p->out, "<span class=\"%s\">%s</span></td>", verdict_class(d->verdict),
                     text_of_verdict(p->language, d->verdict));
        put_part(p, TEXT_BEFORE, d->before_k, d->before_n);
        put_part(p, TEXT_AFTER, d->after_k, d->after_n);
        put_ratio(p, d->ratio, d->low, d->high);
        put_cell(p, TEXT_NEW_GROUPS, text_number((double)d->new_groups, number));
        bytes_printf(p->out, "</tr>\n");
    }
    if (p->r->deploy_count > 0)
        end_table(p);
    else
        bytes_printf(p->out, "<p>%s</p>\n", page_say(p, TEXT_NO_DEPLOYS));
    page_section_end(p);
}

/* ---- planned events ---- */

static void put_event(const struct page *p, const struct report_event *e)
{
    char time[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES];
    bytes_printf(p->out, "<tr role=\"row\"><td role=\"cell\" class=\"w\"><strong>");
    html_text(p->out, e->class_name[0] ? e->class_name : e->kind, PAGE_WHAT_MAX);
    bytes_printf(p->out, "</strong> <span class=\"tag\">%s</span>",
                 page_say(p, e->is_coming ? TEXT_COMING : TEXT_PAST));
    if (e->note[0]) {
        bytes_printf(p->out, "<span class=\"f\">");
        html_text(p->out, e->note, PAGE_WHAT_MAX);
        bytes_printf(p->out, "</span>");
    }
    bytes_printf(p->out, "</td>");
    begin_cell(p, "l t", TEXT_TIME);
    bytes_printf(p->out, "<span>%.16s", week_time_text(e->time, time));
    if (e->end != INT64_MIN)
        bytes_printf(p->out, " – %.16s", week_time_text(e->end, time));
    bytes_printf(p->out, "</span></td>");
    put_cell(p, TEXT_REQUESTS, text_number(e->requests, number));
    put_cell(p, TEXT_FAILURES, text_number(e->failed, number));
    begin_cell(p, "l", TEXT_LAST_OF_CLASS);
    bytes_printf(p->out, "<span>%.16s",
                 e->before == INT64_MIN ? page_say(p, TEXT_UNKNOWN) : week_time_text(e->before, time));
    if (isfinite(e->requests_before)) {
        bytes_printf(p->out, "<br>%s %s", page_say(p, TEXT_REQUESTS),
                     text_number(e->requests_before, number));
        bytes_printf(p->out, ", %s %s", page_say(p, TEXT_FAILURES), text_number(e->failed_before, number));
    }
    bytes_printf(p->out, "</span></td></tr>\n");
}

void page_events(const struct page *p)
{
    static const struct column columns[] = {{TEXT_WHAT, false},
                                            {TEXT_TIME, false},
                                            {TEXT_REQUESTS, true},
                                            {TEXT_FAILURES, true},
                                            {TEXT_LAST_OF_CLASS, false}};
    page_section(p, "events", TEXT_EVENTS);
    if (p->r->event_count > 0)
        begin_table(p, columns, sizeof columns / sizeof *columns, page_say(p, TEXT_EVENTS));
    for (size_t i = 0; i < p->r->event_count; i++)
        put_event(p, &p->r->events[i]);
    if (p->r->event_count > 0)
        end_table(p);
    else
        bytes_printf(p->out, "<p>%s</p>\n", page_say(p, TEXT_NO_EVENTS));
    page_section_end(p);
}
