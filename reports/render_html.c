/* One HTML file that needs no other. The parts with tables are in render_html_tables.c. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/html.h"
#include "reports/render_html_private.h"
#include "storage/model/number.h"

enum { TITLE_BYTES = 600, PICTURES_MAX_BYTES = 1400 << 10 };

const char *page_say(const struct page *p, enum text text)
{
    return text_of(p->language, text);
}

void page_section(const struct page *p, const char *id, enum text text)
{
    bytes_printf(p->out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id,
                 page_say(p, text));
}

void page_section_end(const struct page *p)
{
    bytes_printf(p->out, "</section>\n");
}

/* ---- head ---- */

static void put_meta(const struct page *p, enum text name, const char *value)
{
    bytes_printf(p->out, "<div><dt>%s</dt><dd>", page_say(p, name));
    html_text(p->out, value, PAGE_NAME_MAX);
    bytes_printf(p->out, "</dd></div>\n");
}

static void put_note(const struct page *p, const char *kind, const char *strong, const char *text)
{
    bytes_printf(p->out, "<p class=\"note %s\">", kind);
    if (strong)
        bytes_printf(p->out, "<strong>%s</strong>", strong);
    bytes_printf(p->out, "%s</p>\n", text);
}

static void put_head(const struct page *p)
{
    const struct report *r = p->r;
    char week[WEEK_TEXT_BYTES], from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], percent[TEXT_FIGURE_BYTES],
        range[2 * WEEK_TIME_BYTES + 8];
    bytes_printf(
        p->out, "<a class=\"skip\" href=\"#actions\">%s</a>\n<header>\n<p class=\"kicker\">%s · %s</p>\n<h1>",
        page_say(p, TEXT_SKIP), page_say(p, TEXT_TITLE), week_text(r->week, week));
    html_text(p->out, r->service[0] ? r->service : page_say(p, TEXT_UNKNOWN), 0);
    if (r->env[0]) {
        bytes_printf(p->out, " <span class=\"env\">@ ");
        html_text(p->out, r->env, 0);
        bytes_printf(p->out, "</span>");
    }
    bytes_printf(p->out, "</h1>\n<dl class=\"meta\">\n");
    put_meta(p, TEXT_OWNER, r->owner[0] ? r->owner : page_say(p, TEXT_NOBODY));
    (void)snprintf(range, sizeof range, "%s – %s", week_time_text(r->span.from, from),
                   week_time_text(r->span.to, to));
    put_meta(p, TEXT_RANGE, range);
    put_meta(p, TEXT_ZONE, r->zone);
    bytes_printf(p->out, "<div><dt>%s</dt><dd>%s (", page_say(p, TEXT_COMPLETENESS),
                 text_percent(r->quality.completeness, percent));
    text_put_hours(p->out, p->language, r->quality.hours_seen, r->quality.hours);
    bytes_printf(p->out, ")</dd></div>\n</dl>\n");
    if (!r->quality.has_data)
        put_note(p, "bad", page_say(p, TEXT_NO_DATA), page_say(p, TEXT_NO_DATA_HINT));
    else if (r->total == 0)
        put_note(p, "good", NULL, page_say(p, TEXT_CLEAN));
    if (!r->quality.is_over)
        put_note(p, "", NULL, page_say(p, TEXT_NOT_OVER));
    bytes_printf(p->out, "</header>\n<main>\n");
}

/* ---- strip ---- */

/* Is more of it worse? Of requests and deploys it is neither. */
static bool is_worse_up(enum report_key key)
{
    return key != KEY_REQUESTS && key != KEY_DEPLOYS && key != KEY_ROLLBACKS && key != KEY_RESOLVED &&
           key != KEY_GROUPS;
}

static void put_figure(const struct page *p, enum report_key key)
{
    const struct report_figure *f = &p->r->strip[key];
    char now[TEXT_FIGURE_BYTES], last[TEXT_FIGURE_BYTES], median[TEXT_FIGURE_BYTES],
        change[TEXT_FIGURE_BYTES];
    bytes_printf(p->out, "<li><span class=\"k\">%s</span><span class=\"v\">%s</span>",
                 text_of_key(p->language, key), text_key_value(key, f->now, now));
    if (isfinite(f->last_week)) {
        const char *class_name = !is_worse_up(key) || f->now == f->last_week ? ""
                                 : f->now > f->last_week                     ? "up"
                                                                             : "down";
        bytes_printf(p->out, "<span class=\"d\"><span>%s</span><span class=\"r\">%s",
                     page_say(p, TEXT_LAST_WEEK), text_key_value(key, f->last_week, last));
        if (f->now != f->last_week && text_change(key, f->now, f->last_week, change)[0])
            bytes_printf(p->out, " <span class=\"%s\">%s</span>", class_name, change);
        bytes_printf(p->out, "</span></span>");
    }
    if (f->weeks > 0) {
        bytes_printf(p->out, "<span class=\"d\"><span>");
        text_put_median(p->out, p->language, f->weeks);
        bytes_printf(p->out, "</span><span class=\"r\">%s</span></span>",
                     text_key_value(key, f->median, median));
    }
    if (!isfinite(f->last_week) && f->weeks == 0)
        bytes_printf(p->out, "<span class=\"d\">%s</span>", page_say(p, TEXT_FIRST_WEEK));
    bytes_printf(p->out, "</li>\n");
}

static void put_strip(const struct page *p)
{
    page_section(p, "strip", TEXT_STRIP);
    bytes_printf(p->out, "<ul class=\"strip\">\n");
    for (int key = 0; key < KEY_COUNT; key++)
        if (isfinite(p->r->strip[key].now) || isfinite(p->r->strip[key].last_week))
            put_figure(p, (enum report_key)key);
    bytes_printf(p->out, "</ul>\n");
    page_section_end(p);
}

/* ---- actions ---- */

static const char *reason_class(enum report_reason reason)
{
    switch (reason) {
    case REASON_BAD_DEPLOY:
    case REASON_REGRESSED:
    case REASON_NEW_SERVER_ERROR:
    case REASON_INCIDENT:
        return "bad-text";
    case REASON_ESCALATING:
    case REASON_NEW:
    case REASON_FREQUENT:
    case REASON_DATA:
    case REASON_COUNT:
        break;
    }
    return "warn-text";
}

static void put_action(const struct page *p, const struct report_action *a)
{
    char number[TEXT_FIGURE_BYTES];
    bytes_printf(p->out, "<li><div class=\"t\"><span class=\"tag %s\">%s</span> ",
                 a->progress == PROGRESS_DONE ? "good-text" : reason_class(a->reason),
                 text_of_reason(p->language, a->reason));
    if (a->reason == REASON_DATA)
        bytes_printf(p->out, "%" PRIu64 " %s", a->count, page_say(p, TEXT_MISSING_HOURS));
    else
        html_text(p->out, a->what, PAGE_WHAT_MAX);
    bytes_printf(p->out, "</div><div class=\"s\">%s", text_of_progress(p->language, a->progress));
    if (a->weeks_open > 1) {
        bytes_u8(p->out, ' ');
        text_put_open(p->out, p->language, a->weeks_open);
    }
    if (a->reason != REASON_DATA && a->count > 0)
        bytes_printf(p->out, " · %s %s", page_say(p, TEXT_COUNT), text_number((double)a->count, number));
    if (isfinite(a->ratio))
        bytes_printf(p->out, " · %s %s", page_say(p, TEXT_RATIO), text_times(a->ratio, number));
    if (a->version[0] && a->reason != REASON_BAD_DEPLOY) {
        bytes_printf(p->out, " · %s ", page_say(p, TEXT_SINCE_DEPLOY));
        html_text(p->out, a->version, PAGE_NAME_MAX);
    }
    bytes_printf(p->out, "</div></li>\n");
}

static void put_actions(const struct page *p)
{
    page_section(p, "actions", TEXT_ACTIONS);
    if (p->r->action_count == 0)
        bytes_printf(p->out, "<p>%s</p>\n", page_say(p, TEXT_NO_ACTIONS));
    else
        bytes_printf(p->out, "<ol class=\"actions\">\n");
    for (size_t i = 0; i < p->r->action_count; i++)
        put_action(p, &p->r->actions[i]);
    if (p->r->action_count > 0)
        bytes_printf(p->out, "</ol>\n");
    page_section_end(p);
}

/* ---- figures ---- */

static void put_base64(struct bytes *out, struct str data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < data.len; i += 3) {
        uint32_t left = (uint32_t)(data.len - i), word = 0;
        for (uint32_t k = 0; k < 3; k++)
            word = word << 8 | (k < left ? (unsigned char)data.ptr[i + k] : 0u);
        bytes_u8(out, (uint8_t)digits[word >> 18]);
        bytes_u8(out, (uint8_t)digits[word >> 12 & 63]);
        bytes_u8(out, left > 1 ? (uint8_t)digits[word >> 6 & 63] : '=');
        bytes_u8(out, left > 2 ? (uint8_t)digits[word & 63] : '=');
    }
}

static void put_pictures(const struct page *p, const struct render_pictures *pictures)
{
    size_t used = 0;
    if (!pictures || pictures->count == 0)
        return;
    page_section(p, "figures", TEXT_FIGURES);
    bytes_printf(p->out, "<div class=\"figures\">\n");
    for (size_t i = 0; i < pictures->count; i++) {
        const struct render_picture *picture = &pictures->at[i];
        bytes_printf(p->out, "<figure>");
        used += (picture->svg.len + picture->svg_narrow.len) / 3 * 4 + 8;
        if (picture->svg.len > 0 && used <= PICTURES_MAX_BYTES) {
            bytes_printf(p->out, "<picture>");
            if (picture->svg_narrow.len > 0) {
                bytes_printf(p->out,
                             "<source media=\"(max-width:34rem)\" srcset=\"data:image/svg+xml;base64,");
                put_base64(p->out, picture->svg_narrow);
                bytes_printf(p->out, "\">");
            }
            bytes_printf(p->out, "<img alt=\"");
            escape_html(p->out, picture->text, 0);
            bytes_printf(p->out, "\" src=\"data:image/svg+xml;base64,");
            put_base64(p->out, picture->svg);
            bytes_printf(p->out, "\"></picture>");
        }
        bytes_printf(p->out, "<figcaption><strong>");
        escape_html(p->out, picture->title, 0);
        bytes_printf(p->out, ".</strong> ");
        html_text(p->out, picture->text, 0);
        bytes_printf(p->out, "</figcaption></figure>\n");
    }
    bytes_printf(p->out, "</div>\n");
    page_section_end(p);
}

/* ---- foot ---- */

static void put_quality(const struct page *p)
{
    const struct report_quality *q = &p->r->quality;
    char from[WEEK_TIME_BYTES], to[WEEK_TIME_BYTES], number[TEXT_FIGURE_BYTES];
    page_section(p, "quality", TEXT_QUALITY);
    bytes_printf(p->out, "<ul class=\"plain\">\n");
    for (size_t i = 0; i < q->gap_count; i++) {
        bytes_printf(p->out, "<li>%s: %s – %s, ", page_say(p, TEXT_GAPS),
                     week_time_text(q->gaps[i].from, from), week_time_text(q->gaps[i].to, to));
        html_text(p->out, q->gaps[i].text[0] ? q->gaps[i].text : page_say(p, TEXT_SILENCE), 0);
        bytes_printf(p->out, "</li>\n");
    }
    if (q->gap_count == 0)
        bytes_printf(p->out, "<li>%s</li>\n", page_say(p, TEXT_NO_GAPS));
    bytes_printf(p->out, "<li>%s: %s</li>\n", page_say(p, TEXT_OVERFLOWED),
                 text_number((double)q->overflowed, number));
    bytes_printf(p->out, "<li>%s: %s</li>\n</ul>\n", page_say(p, TEXT_UNNAMED),
                 text_number((double)q->unnamed, number));
    page_section_end(p);
}

static void put_foot(const struct page *p)
{
    bytes_printf(p->out, "</main>\n<footer>\n<h2 id=\"method\">%s</h2>\n<ul>\n", page_say(p, TEXT_METHOD));
    for (int text = TEXT_METHOD_1; text <= TEXT_METHOD_4; text++)
        bytes_printf(p->out, "<li>%s</li>\n", page_say(p, (enum text)text));
    bytes_printf(p->out, "</ul>\n<p>tidemark " TIDEMARK_VERSION ", schema %d</p>\n</footer>\n",
                 REPORT_SCHEMA);
}

void render_html(const struct report *report, const struct render_pictures *pictures, struct bytes *out)
{
    const struct page p = {report, out, text_language(report->language)};
    char title[TITLE_BYTES], week[WEEK_TEXT_BYTES];
    (void)snprintf(title, sizeof title, "%.250s%s%.100s %s – %s", report->service,
                   report->env[0] ? " @ " : "", report->env, week_text(report->week, week),
                   text_of(p.language, TEXT_TITLE));
    html_begin(out, p.language, title);
    put_head(&p);
    put_strip(&p);
    put_actions(&p);
    put_pictures(&p, pictures);
    page_lists(&p);
    page_incidents(&p);
    page_deploys(&p);
    page_events(&p);
    put_quality(&p);
    put_foot(&p);
    html_end(out);
}
