#include "server/cli/status_print.h"

#include <string.h>

#include "server/cli/units.h"

enum { LABEL_WIDTH = 11 };

enum unit { UNIT_COUNT, UNIT_RATE, UNIT_BYTES, UNIT_MS };

/* One number of a section, in the order of the screen. */
struct cell {
    const char *section;
    const char *field;
    enum unit unit;
    const char *before; /* words around the number */
    const char *after;
    bool alarm;       /* coloured when not zero */
    bool unless_zero; /* left out when zero */
};

struct row {
    const char *label;
    struct cell cells[6];
};

static const struct row rows[] = {
    {"ingest",
     {{.section = "ingest", .field = "samples_per_s", .unit = UNIT_RATE, .after = " samples/s"},
      {.section = "ingest", .field = "events_per_s", .unit = UNIT_RATE, .after = " events/s"},
      {.section = "ingest", .field = "batches_per_s", .unit = UNIT_RATE, .after = " batches/s"},
      {.section = "ingest", .field = "ack_p50_ms", .unit = UNIT_MS, .before = "ack p50 "},
      {.section = "ingest", .field = "ack_p99_ms", .unit = UNIT_MS, .before = "p99 "}}},
    {"in all",
     {{.section = "ingest", .field = "lines_total", .unit = UNIT_COUNT, .after = " lines"},
      {.section = "ingest", .field = "samples_total", .unit = UNIT_COUNT, .after = " samples"},
      {.section = "ingest", .field = "events_total", .unit = UNIT_COUNT, .after = " events"},
      {.section = "ingest", .field = "batches_total", .unit = UNIT_COUNT, .after = " batches"}}},
    {"not taken",
     {{.section = "ingest",
       .field = "lines_refused_total",
       .unit = UNIT_COUNT,
       .after = " lines refused",
       .alarm = true},
      {.section = "ingest", .field = "duplicates_total", .unit = UNIT_COUNT, .after = " duplicates"},
      {.section = "ingest",
       .field = "busy_total",
       .unit = UNIT_COUNT,
       .after = " told to wait",
       .alarm = true}}},
    {"journal",
     {{.section = "journal", .field = "bytes", .unit = UNIT_BYTES},
      {.section = "journal", .field = "segments", .unit = UNIT_COUNT, .before = "in ", .after = " segments"},
      {.section = "journal", .field = "pending_bytes", .unit = UNIT_BYTES, .after = " pending"},
      {.section = "journal", .field = "sync_p99_ms", .unit = UNIT_MS, .before = "sync p99 "},
      {.section = "journal", .field = "written_bytes", .unit = UNIT_BYTES, .after = " written"},
      {.section = "journal",
       .field = "damaged_records",
       .unit = UNIT_COUNT,
       .after = " damaged records",
       .alarm = true,
       .unless_zero = true}}},
    {"disk",
     {{.section = "disk", .field = "data_bytes", .unit = UNIT_BYTES, .after = " data"},
      {.section = "disk", .field = "free_bytes", .unit = UNIT_BYTES, .after = " free"},
      {.section = "disk", .field = "min_free_bytes", .unit = UNIT_BYTES, .before = "read-only below "},
      {.section = "store",
       .field = "quarantined",
       .unit = UNIT_COUNT,
       .after = " damaged partitions set aside: run `tidemark verify`",
       .alarm = true,
       .unless_zero = true}}},
    {"memory",
     {{.section = "memory", .field = "rss_bytes", .unit = UNIT_BYTES, .before = "core "},
      {.section = "memory", .field = "gates_rss_bytes", .unit = UNIT_BYTES, .before = "gates "}}},
    {"series",
     {{.section = "series", .field = "count", .unit = UNIT_COUNT},
      {.section = "series", .field = "limit", .unit = UNIT_COUNT, .before = "of at most "},
      {.section = "series",
       .field = "refused_total",
       .unit = UNIT_COUNT,
       .after = " refused",
       .alarm = true,
       .unless_zero = true},
      {.section = "series",
       .field = "folded_total",
       .unit = UNIT_COUNT,
       .after = " label sets counted under _overflow",
       .alarm = true,
       .unless_zero = true},
      {.section = "series",
       .field = "page_group_overflows_total",
       .unit = UNIT_COUNT,
       .after = " events in page group _overflow",
       .unless_zero = true}}},
    {"scoring",
     {{.section = "scoring", .field = "scored", .unit = UNIT_COUNT, .after = " series scored"},
      {.section = "scoring", .field = "learning", .unit = UNIT_COUNT, .after = " with little past"},
      {.section = "scoring",
       .field = "left_out",
       .unit = UNIT_COUNT,
       .after = " left out: raise scoring.memory",
       .alarm = true,
       .unless_zero = true},
      {.section = "scoring", .field = "anomalies_total", .unit = UNIT_COUNT, .after = " anomalies"},
      {.section = "scoring",
       .field = "learned_percent",
       .unit = UNIT_COUNT,
       .before = "what is stored is learned: ",
       .after = " %"},
      {.section = "scoring",
       .field = "lag_s",
       .unit = UNIT_COUNT,
       .before = "behind by ",
       .after = " s",
       .unless_zero = true}}},
    {"reports",
     {{.section = "reports",
       .field = "sent_total",
       .unit = UNIT_COUNT,
       .after = " messages on reports sent",
       .unless_zero = true},
      {.section = "reports",
       .field = "waiting",
       .unit = UNIT_COUNT,
       .after = " still to send",
       .alarm = true,
       .unless_zero = true},
      {.section = "reports",
       .field = "failed_total",
       .unit = UNIT_COUNT,
       .after = " refused",
       .alarm = true,
       .unless_zero = true}}},
    {"producers",
     {{.section = "producers", .field = "count", .unit = UNIT_COUNT},
      {.section = "producers", .field = "gaps_total", .unit = UNIT_COUNT, .after = " gaps", .alarm = true}}},
    {"http",
     {{.section = "http", .field = "requests_total", .unit = UNIT_COUNT, .after = " requests"},
      {.section = "http", .field = "errors_total", .unit = UNIT_COUNT, .after = " errors", .alarm = true}}},
};

static const char *paint(bool colour, const char *code)
{
    return colour ? code : "";
}

static const char *write_value(enum unit unit, double value, char text[UNITS_TEXT_BYTES])
{
    switch (unit) {
    case UNIT_BYTES:
        return units_bytes(value, text);
    case UNIT_RATE:
        return units_rate(value, text);
    case UNIT_MS:
        return units_ms(value, text);
    case UNIT_COUNT:
        break;
    }
    return units_count(value > -9e18 && value < 9e18 ? (int64_t)value : 0, text);
}

/* Untrusted text: bytes that could steer the terminal are shown as '?'. */
static void print_plain(const char *text, FILE *out)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void print_label(const char *label, FILE *out)
{
    fprintf(out, "%-*s", LABEL_WIDTH, label);
}

static void print_row(const struct row *row, const json_t *data, bool colour, FILE *out)
{
    bool begun = false;
    for (size_t i = 0; i < sizeof row->cells / sizeof row->cells[0] && row->cells[i].field; i++) {
        const struct cell *cell = &row->cells[i];
        char text[UNITS_TEXT_BYTES];
        const json_t *field = json_object_get(json_object_get(data, cell->section), cell->field);
        if (!json_is_number(field))
            continue;
        double value = json_number_value(field);
        if (cell->unless_zero && value == 0)
            continue;
        bool alarm = cell->alarm && value != 0;
        if (!begun)
            print_label(row->label, out);
        fprintf(out, "%s%s%s%s%s%s", begun ? ", " : "", paint(colour && alarm, "\x1b[33m"),
                cell->before ? cell->before : "", write_value(cell->unit, value, text),
                cell->after ? cell->after : "", paint(colour && alarm, "\x1b[0m"));
        begun = true;
    }
    if (begun)
        fputc('\n', out);
}

static void print_head(const json_t *data, bool colour, FILE *out)
{
    char text[UNITS_TEXT_BYTES];
    const char *version = json_string_value(json_object_get(data, "version"));
    const char *state = json_string_value(json_object_get(data, "state"));
    const char *trouble = json_string_value(json_object_get(data, "trouble"));
    const json_t *uptime = json_object_get(data, "uptime_s");
    bool well = state && strcmp(state, "ready") == 0;
    fprintf(out, "%stidemarkd%s%s", paint(colour, "\x1b[1m"), version ? " " : "", paint(colour, ""));
    print_plain(version ? version : "", out);
    fputs(paint(colour, "\x1b[0m"), out);
    if (state) {
        fprintf(out, "  %s", paint(colour, well ? "\x1b[32m" : "\x1b[31m"));
        print_plain(state, out);
        fputs(paint(colour, "\x1b[0m"), out);
    }
    if (json_is_number(uptime))
        fprintf(out, "  up %s", units_duration(json_number_value(uptime), text));
    fputc('\n', out);
    if (!trouble)
        return;
    print_label("trouble", out);
    fputs(paint(colour, "\x1b[31m"), out);
    print_plain(trouble, out);
    fprintf(out, "%s\n", paint(colour, "\x1b[0m"));
}

/* "label  who  what" from an array of objects, one line each. */
static void print_gates(const json_t *gates, FILE *out)
{
    size_t i;
    const json_t *gate;
    const char *label = "gates";
    json_array_foreach(gates, i, gate)
    {
        char text[UNITS_TEXT_BYTES];
        const char *endpoint = json_string_value(json_object_get(gate, "endpoint"));
        const char *kind = json_string_value(json_object_get(gate, "kind"));
        const char *state = json_string_value(json_object_get(gate, "state"));
        const json_t *messages = json_object_get(gate, "messages_total");
        json_int_t restarts = json_integer_value(json_object_get(gate, "restarts"));
        if (!endpoint)
            continue;
        print_label(label, out);
        label = "";
        print_plain(endpoint, out);
        if (kind) {
            fputs("  ", out);
            print_plain(kind, out);
        }
        if (state) {
            fputs("  ", out);
            print_plain(state, out);
        }
        if (json_is_number(messages))
            fprintf(out, "  %s messages", units_count(json_integer_value(messages), text));
        if (restarts)
            fprintf(out, "  %s restarts", units_count(restarts, text));
        fputc('\n', out);
    }
}

static void print_offenders(const json_t *offenders, bool colour, FILE *out)
{
    size_t i;
    const json_t *offender;
    const char *label = "offenders";
    json_array_foreach(offenders, i, offender)
    {
        char text[UNITS_TEXT_BYTES];
        const char *what = json_string_value(json_object_get(offender, "what"));
        const char *who = json_string_value(json_object_get(offender, "who"));
        if (!what || !who)
            continue;
        print_label(label, out);
        label = "";
        fputs(paint(colour, "\x1b[33m"), out);
        print_plain(who, out);
        fputs(": ", out);
        print_plain(what, out);
        const json_t *count = json_object_get(offender, "count");
        if (json_is_number(count))
            fprintf(out, ", %s times", units_count(json_integer_value(count), text));
        fprintf(out, "%s\n", paint(colour, "\x1b[0m"));
    }
}

static void print_top_service(const json_t *data, FILE *out)
{
    char text[UNITS_TEXT_BYTES];
    const json_t *series = json_object_get(data, "series");
    const char *service = json_string_value(json_object_get(series, "top_service"));
    const json_t *count = json_object_get(series, "top_service_count");
    if (!service || json_integer_value(count) <= 0)
        return;
    print_label("", out);
    fputs("most of them: ", out);
    print_plain(*service ? service : "(no service)", out);
    fprintf(out, ", %s\n", units_count(json_integer_value(count), text));
}

void status_print(const json_t *data, bool colour, FILE *out)
{
    print_head(data, colour, out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_row(&rows[i], data, colour, out);
        if (strcmp(rows[i].label, "series") == 0)
            print_top_service(data, out);
    }
    print_gates(json_object_get(data, "gates"), out);
    print_offenders(json_object_get(data, "offenders"), colour, out);
}
