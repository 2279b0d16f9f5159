/* One row per group; behind them one per series that an incident ranks. */
#include <inttypes.h>
#include <math.h>

#include "reports/escape.h"
#include "reports/names.h"
#include "reports/render.h"
#include "storage/model/marker.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

static const char header[] =
    "week,service,env,list,kind,id,type,message,frame,release,dimension,count,last_week,"
    "expected,excess,ratio,ratio_low,ratio_high,share,per_10k,first,last,observed,normal,effect,score\r\n";

const char *render_extension(enum render_format format)
{
    static const char *const names[RENDER_FORMATS] = {
        [RENDER_HTML] = "html", [RENDER_MARKDOWN] = "md", [RENDER_CSV] = "csv", [RENDER_JSON] = "json"};
    return names[format];
}

static void put_text(struct bytes *out, const char *text)
{
    escape_csv(out, text);
    bytes_u8(out, ',');
}

/* A number of ours is no formula, even if it is below 0; unknown is empty. */
static void put_number(struct bytes *out, double value)
{
    char text[NUMBER_TEXT_BYTES];
    if (isfinite(value))
        bytes_put(out, text, number_text(value, text));
    bytes_u8(out, ',');
}

static void put_row(const struct report *r, const struct report_group *g, struct bytes *out)
{
    char week[WEEK_TEXT_BYTES], id[MARKER_ID_TEXT + 1], time[WHEN_TEXT_BYTES];
    put_text(out, week_text(r->week, week));
    put_text(out, r->service);
    put_text(out, r->env);
    put_text(out, name_of_list(g->list));
    put_text(out, g->is_request ? "request" : "exception");
    put_text(out, marker_id_text(g->id, id));
    put_text(out, g->type);
    put_text(out, g->message);
    put_text(out, g->frame);
    put_text(out, g->release);
    put_text(out, g->dimension);
    bytes_printf(out, "%" PRIu64 ",%" PRIu64 ",", g->count, g->last_week);
    put_number(out, g->expected);
    put_number(out, g->excess);
    put_number(out, g->ratio);
    put_number(out, g->low);
    put_number(out, g->high);
    put_number(out, g->share);
    put_number(out, g->per_10k);
    put_text(out, when_text(g->first, time));
    bytes_printf(out, "%s,,,,\r\n", when_text(g->last, time));
}

double render_times(const struct report_series *series)
{
    return series->normal > 0 && series->observed >= 0 ? series->observed / series->normal : NAN;
}

/* A series of an incident: id is the incident's, first and last are its window. */
static void put_series(const struct report *r, const struct report_incident *n, const struct report_series *s,
                       struct bytes *out)
{
    char week[WEEK_TEXT_BYTES], id[MARKER_ID_TEXT + 1], time[WHEN_TEXT_BYTES], text[NUMBER_TEXT_BYTES];
    put_text(out, week_text(r->week, week));
    put_text(out, r->service);
    put_text(out, r->env);
    bytes_printf(out, "incident,series,");
    put_text(out, marker_id_text(n->id, id));
    put_text(out, name_of_level(s->level));
    put_text(out, s->what);
    bytes_printf(out, ",,,,,,,");
    put_number(out, render_times(s));
    bytes_printf(out, ",,,,");
    put_text(out, when_text(n->series_span.from, time));
    put_text(out, when_text(n->series_span.to, time));
    put_number(out, s->observed);
    put_number(out, s->normal);
    put_number(out, s->effect);
    bytes_put(out, text, number_text(s->score, text));
    bytes_printf(out, "\r\n");
}

void render_csv(const struct report *report, struct bytes *out)
{
    bytes_put(out, header, sizeof header - 1);
    for (size_t i = 0; i < report->group_count; i++)
        put_row(report, &report->groups[i], out);
    for (size_t i = 0; i < report->incident_count; i++)
        for (size_t k = 0; k < report->incidents[i].series_count; k++)
            put_series(report, &report->incidents[i], &report->incidents[i].series[k], out);
}
