/* The lines of a message, without markup. */
#include <inttypes.h>
#include <math.h>

#include "reports/deliver/summary.h"
#include "reports/escape.h"

enum report_key summary_key(size_t i)
{
    static const enum report_key keys[SUMMARY_FIGURES] = {
        KEY_REQUESTS,  KEY_EXCEPTIONS, KEY_SERVER_ERRORS, KEY_CLIENT_ERRORS, KEY_NEW,
        KEY_REGRESSED, KEY_ESCALATING, KEY_RESOLVED,      KEY_BAD_DEPLOYS,   KEY_INCIDENTS};
    return keys[i];
}

void summary_put_title(const struct summary *s, struct bytes *out)
{
    bytes_printf(out, "%s: %s, %s", text_of(s->language, TEXT_TITLE), s->shown, s->week);
    if (s->revision > 1)
        bytes_printf(out, " (%s %zu)", text_of(s->language, TEXT_REVISION), s->revision);
}

void summary_put_head(const struct summary *s, struct bytes *out)
{
    bytes_printf(out, "%s: ", text_of(s->language, TEXT_OWNER));
    escape_plain(out, s->owner[0] ? s->owner : text_of(s->language, TEXT_NOBODY), SUMMARY_WHAT_MAX);
    bytes_printf(out, " · ");
    if (s->has_data)
        text_put_hours(out, s->language, s->hours_seen, s->hours);
    else
        bytes_printf(out, "%s", text_of(s->language, TEXT_NO_DATA));
}

void summary_put_figure(const struct summary *s, enum report_key key, struct bytes *out)
{
    const struct report_figure *f = &s->strip[key];
    char now[TEXT_FIGURE_BYTES], median[TEXT_FIGURE_BYTES], change[TEXT_FIGURE_BYTES];
    bytes_printf(out, "%s", text_key_value(key, f->now, now));
    if (!isfinite(f->median))
        return;
    (void)text_change(key, f->now, f->last_week, change);
    bytes_printf(out, " (%s%s", change, change[0] ? ", " : "");
    text_put_median(out, s->language, f->weeks);
    bytes_printf(out, " %s)", text_key_value(key, f->median, median));
}

void summary_put_action(const struct summary *s, const struct report_action *a, struct bytes *out)
{
    char number[TEXT_FIGURE_BYTES];
    bytes_printf(out, "%s: ", text_of_reason(s->language, a->reason));
    if (a->reason == REASON_DATA)
        bytes_printf(out, "%" PRIu64 " %s", a->count, text_of(s->language, TEXT_MISSING_HOURS));
    else
        escape_plain(out, a->what, SUMMARY_WHAT_MAX);
    if (a->reason != REASON_DATA && a->count > 0)
        bytes_printf(out, " – %s", text_number((double)a->count, number));
    if (isfinite(a->ratio))
        bytes_printf(out, " (%s)", text_times(a->ratio, number));
    if (a->version[0] && a->reason != REASON_BAD_DEPLOY) {
        bytes_printf(out, ", %s ", text_of(s->language, TEXT_SINCE_DEPLOY));
        escape_plain(out, a->version, SUMMARY_WHAT_MAX / 2);
    }
    bytes_printf(out, " [%s]", text_of_progress(s->language, a->progress));
}

void summary_put_changed(const struct summary *s, struct bytes *out)
{
    if (s->language == LANGUAGE_KO)
        bytes_printf(out, "개정 %zu 이후 바뀐 점", s->before);
    else
        bytes_printf(out, "Changed since revision %zu", s->before);
}

static void put_changes(const struct summary *s, struct bytes *out)
{
    bytes_u8(out, '\n');
    summary_put_changed(s, out);
    bytes_u8(out, '\n');
    bytes_put(out, s->changes.data, s->changes.len);
    if (s->changes_more > 0)
        bytes_printf(out, "- … +%zu\n", s->changes_more);
}

void summary_put_all(const struct summary *s, struct bytes *out)
{
    summary_put_title(s, out);
    bytes_u8(out, '\n');
    summary_put_head(s, out);
    bytes_printf(out, "\n\n%s\n", text_of(s->language, TEXT_STRIP));
    for (size_t i = 0; i < SUMMARY_FIGURES; i++) {
        bytes_printf(out, "- %s: ", text_of_key(s->language, summary_key(i)));
        summary_put_figure(s, summary_key(i), out);
        bytes_u8(out, '\n');
    }
    bytes_printf(out, "\n%s\n", text_of(s->language, TEXT_ACTIONS));
    for (size_t i = 0; i < summary_actions(s); i++) {
        bytes_printf(out, "%zu. ", i + 1);
        summary_put_action(s, &s->actions[i], out);
        bytes_u8(out, '\n');
    }
    if (s->action_count == 0)
        bytes_printf(out, "%s\n", text_of(s->language, TEXT_NO_ACTIONS));
    if (s->changes.len > 0)
        put_changes(s, out);
    if (s->link)
        bytes_printf(out, "\n%s\n", s->link);
    else if (s->attachment.len > 0)
        bytes_printf(out, "\n%s\n", text_of(s->language, TEXT_ATTACHED));
}
