/* One item of the answer: figures, and a sentence. */
#include <math.h>

#include "server/query/diff_request.h"
#include "server/query/label_json.h"
#include "server/wire/reply.h"
#include "storage/model/labels.h"

#define MS_PER_S 1000.0

static bool is_exception(const struct bytes *encoded)
{
    struct labels labels = {.count = 0};
    return labels_decode(bytes_view(encoded), &labels) == TM_OK &&
           str_equal(labels_get(&labels, STR(LABEL_NAME)), STR("exception_events_total"));
}

static void put_levels(const struct score_diff *diff, enum diff_kind kind, struct bytes *out)
{
    if (kind == DIFF_HISTOGRAM) {
        bytes_printf(out, "median %.4g ms, normally %.4g ms", diff->observed * MS_PER_S,
                     diff->normal * MS_PER_S);
        return;
    }
    const char *unit = kind == DIFF_GAUGE ? "" : " a minute";
    if (diff->normal == 0 && kind != DIFF_GAUGE)
        bytes_printf(out, "%.4g%s, normally none", diff->observed, unit);
    else
        bytes_printf(out, "%.4g%s, normally %.4g", diff->observed, unit, diff->normal);
    double times = diff->observed / diff->normal;
    if (isfinite(times) && times > 0 && diff->normal > 0)
        bytes_printf(out, " (x%.3g)", times);
}

static void put_text(const struct score_diff *diff, enum diff_kind kind, struct bytes *out)
{
    struct bytes text = {0};
    put_levels(diff, kind, &text);
    if (diff->score > 0)
        bytes_printf(&text, "; %.3g spreads %s normal", fabs(diff->effect),
                     diff->effect > 0 ? "above" : "below");
    else
        bytes_printf(&text, "; no difference that is sure");
    if (bytes_error(&text))
        out->failed = true;
    bytes_json_string(out, bytes_view(&text));
    bytes_fini(&text);
}

void diff_item_json(struct diff *d, const struct reader *reader, size_t place, struct bytes *out)
{
    uint32_t row = d->order[place];
    const struct score_diff *diff = &d->diffs[row];
    bytes_clear(&d->scratch);
    reader_labels(reader, d->rows[row].series, &d->scratch);
    if (bytes_error(&d->scratch)) {
        out->failed = true;
        return;
    }
    bytes_printf(out, "{\"kind\":\"%s\",\"labels\":", is_exception(&d->scratch) ? "exception" : "series");
    encoded_label_json(&d->scratch, out);
    bytes_printf(out, ",\"observed\":%.9g,\"normal\":%.9g,\"effect\":%.6g,\"score\":%.2f,\"text\":",
                 diff->observed, diff->normal, diff->effect, diff->score);
    put_text(diff, d->rows[row].kind, out);
    bytes_u8(out, '}');
}
