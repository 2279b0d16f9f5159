#include <math.h>

#include "server/detect/detect_cube.h"
#include "server/detect/incident_private.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
enum { VALUE_BYTES = 80, LABELS_SAID = 4 };

/* Text, cut to what a sentence bears. */
static void put_short(struct bytes *out, struct str text)
{
    if (text.len > VALUE_BYTES) {
        bytes_put(out, text.ptr, VALUE_BYTES);
        bytes_printf(out, "...");
        return;
    }
    bytes_put(out, text.ptr, text.len);
}

/* "page_group product, status 500" */
static void put_labels(struct bytes *out, struct str encoded, const struct incident_home *home)
{
    struct labels labels;
    size_t said = 0;
    if (labels_decode(encoded, &labels) != TM_OK)
        return;
    for (size_t i = 0; i < labels.count && said < LABELS_SAID; i++) {
        const struct label *label = &labels.at[i];
        if (str_equal(label->value, str_of(home->service)) || str_equal(label->name, STR("env")))
            continue;
        bytes_printf(out, said++ > 0 ? ", " : "");
        put_short(out, str_equal(label->name, STR(LABEL_NAME)) ? STR("metric") : label->name);
        bytes_u8(out, ' ');
        put_short(out, label->value);
    }
}

/* Three digits are enough for a person. */
static void put_number(struct bytes *out, double value)
{
    if (fabs(value) >= 1000 && fabs(value) < 1e15)
        bytes_printf(out, "%.0f", value);
    else
        bytes_printf(out, "%.3g", value);
}

static void put_time(struct bytes *out, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    when_text(time, text);
    bytes_printf(out, "%.10s %.5s UTC", text, text + 11);
}

static void put_duration(struct bytes *out, int64_t ms)
{
    if (ms < 2 * MINUTE_MS)
        bytes_printf(out, "%lld s", (long long)(ms / SECOND_MS));
    else
        bytes_printf(out, "%lld min", (long long)(ms / MINUTE_MS));
}

static void put_head(const struct incident_home *home, struct bytes *out)
{
    const struct incident *now = &home->now;
    uint64_t unusual = now->unusual > now->count ? now->unusual : now->count;
    put_short(out, *home->service ? str_of(home->service) : STR("(no service)"));
    if (*home->env) {
        bytes_printf(out, " (");
        put_short(out, str_of(home->env));
        bytes_u8(out, ')');
    }
    bytes_printf(out, ": %llu of %llu series %s unusual ", (unsigned long long)unusual,
                 (unsigned long long)(now->scored > unusual ? now->scored : unusual),
                 now->end ? "were" : "are");
    if (now->end) {
        bytes_printf(out, "for ");
        put_duration(out, now->end - now->start);
        bytes_printf(out, " from ");
    } else {
        bytes_printf(out, "since ");
    }
    put_time(out, now->start);
}

static void put_causes(const struct incident_home *home, struct bytes *out)
{
    for (size_t i = 0; i < home->now.cause_count; i++) {
        const struct incident_cause *cause = &home->now.causes[i];
        bytes_printf(out, i == 0 ? "; " : " and ");
        (void)detect_put_share(cause->share, out);
        bytes_printf(out, " of it in ");
        put_labels(out, (struct str){cause->labels, cause->len}, home);
    }
}

/* Does the first cause name all of these labels, but for the metric and the service, already? */
static bool is_said(const struct incident_home *home, struct str labels)
{
    const struct incident *now = &home->now;
    struct labels cause, of;
    if (now->cause_count == 0 ||
        labels_decode((struct str){now->causes[0].labels, now->causes[0].len}, &cause) != TM_OK ||
        labels_decode(labels, &of) != TM_OK)
        return false;
    for (size_t i = 0; i < of.count; i++) {
        struct str name = of.at[i].name;
        if (!str_equal(name, STR(LABEL_NAME)) && !str_equal(name, STR("env")) &&
            !str_equal(of.at[i].value, str_of(home->service)) &&
            !str_equal(labels_get(&cause, name), of.at[i].value))
            return false;
    }
    return true;
}

bool incident_excess_counts(const struct incident *now)
{
    struct labels cause, of;
    if (now->cause_count == 0 ||
        labels_decode((struct str){now->causes[0].labels, now->causes[0].len}, &cause) != TM_OK ||
        labels_decode(now->excess.of, &of) != TM_OK)
        return true;
    struct str class = labels_get(&cause, STR("class"));
    return class.len == 0 || str_equal(class, labels_get(&of, STR("class")));
}

/* Of which sum: "of class 4xx in page_group product " */
static void put_sum(struct bytes *out, const struct labels *of)
{
    bool is_exceptions = str_equal(labels_get(of, STR(LABEL_NAME)), STR("exception_events_total"));
    struct str class = labels_get(of, STR("class")), group = labels_get(of, STR("page_group"));
    bytes_printf(out, "of %s", is_exceptions ? "exceptions" : class.len > 0 ? "class " : "requests");
    bytes_put(out, class.ptr, class.len);
    bytes_printf(out, group.len > 0 ? " in page_group " : "");
    put_short(out, group);
    bytes_u8(out, ' ');
}

/* "; of class 4xx 94 % of the excess in agent crawler" */
static void put_excess(const struct incident_home *home, struct bytes *out)
{
    const struct detect_excess *excess = &home->now.excess;
    struct labels of;
    if (excess->count == 0 || is_said(home, excess->labels[0]) || labels_decode(excess->of, &of) != TM_OK ||
        !incident_excess_counts(&home->now))
        return;
    bytes_printf(out, "; ");
    if (!is_said(home, excess->of) || labels_get(&of, STR("class")).len == 0)
        put_sum(out, &of);
    for (size_t i = 0; i < excess->count; i++) {
        bytes_printf(out, i > 0 ? " and " : "");
        (void)detect_put_share(excess->share[i], out);
        bytes_printf(out, i > 0             ? " in "
                          : excess->is_fall ? " of what is missing in "
                                            : " of the excess in ");
        put_labels(out, excess->labels[i], home);
    }
}

static void put_first(const struct incident_home *home, struct bytes *out)
{
    const struct incident_member *first;
    if (incident_onset(&home->now, &first, 1) == 0)
        return;
    bytes_printf(out, "; first ");
    put_short(out, incident_member_metric(first));
    bytes_printf(out, first->labels_len > 1 ? " of " : "");
    put_labels(out, incident_member_labels(first), home);
    bytes_printf(out, ": ");
    put_number(out, first->observed);
    bytes_printf(out, ", expected ");
    put_number(out, first->expected);
    bytes_printf(out, " ± ");
    put_number(out, first->spread);
}

/* Nearness in time is no cause: "after". */
static void put_marker(const struct detect_incidents *incidents, const struct incident_home *home,
                       struct bytes *out)
{
    const struct incident_marker *markers[INCIDENT_MARKERS];
    if (incident_markers_before(incidents->markers, home, home->now.start, markers) == 0)
        return;
    int64_t before_ms = home->now.start - markers[0]->time;
    bytes_printf(out, "; ");
    if (before_ms > 0)
        put_duration(out, before_ms);
    bytes_printf(out, before_ms > 0 ? " after " : "in the minute of ");
    struct str kind = marker_kind_name(markers[0]->kind);
    bytes_put(out, kind.ptr, kind.len);
    bytes_printf(out, markers[0]->what.len > 0 ? " " : "");
    put_short(out, markers[0]->what);
}

static void put_related(const struct detect_incidents *incidents, const struct incident_home *home,
                        struct bytes *out)
{
    const struct incident_home *first;
    size_t count = incident_related(incidents, home->now.id, &first, 1);
    if (count == 0)
        return;
    bytes_printf(out, "; with it ");
    put_short(out, str_of(first->service));
    if (count > 1)
        bytes_printf(out, " and %zu more", count - 1);
}

void incident_text(const struct detect_incidents *incidents, const struct incident_home *home,
                   struct bytes *out)
{
    put_head(home, out);
    put_causes(home, out);
    put_excess(home, out);
    put_first(home, out);
    put_marker(incidents, home, out);
    put_related(incidents, home, out);
}
