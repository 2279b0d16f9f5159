/* What became of the rows, for people and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/cli/import.h"
#include "server/cli/options.h"
#include "server/cli/units.h"
#include "storage/model/when.h"

struct sums {
    uint64_t accepted;
    uint64_t refused; /* samples, by the daemon */
    uint64_t waiting; /* samples, not acknowledged */
};

static struct sums sum_up(const struct import *import)
{
    const struct push *push = &import->push;
    uint64_t refused = push->refused_count;
    uint64_t settled = push->line_count - push->lost_count;
    return (struct sums){import->is_dry ? 0 : settled - refused, refused, push->lost_count};
}

/* Old rows are what people meet first. */
static bool is_too_old(const struct import *import)
{
    for (size_t i = 0; i < import->push.refusal_count; i++)
        if (strstr(import->push.refusals[i].why.text, "beyond the retention"))
            return true;
    return false;
}

static void print_move(const struct import *import)
{
    enum { WEEK_S = 604800, MS_PER_S = 1000 };
    char text[UNITS_TEXT_BYTES];
    int64_t shift_ms = import->map.shift_ms;
    int64_t size_s = (shift_ms < 0 ? -shift_ms : shift_ms) / MS_PER_S;
    if (!shift_ms)
        return;
    if (size_s % WEEK_S == 0)
        printf(", moved by %s%" PRId64 " weeks", shift_ms < 0 ? "-" : "", size_s / WEEK_S);
    else
        printf(", moved by %s%s", shift_ms < 0 ? "-" : "", units_duration((double)size_s, text));
}

static void print_text(const struct import *import, const struct sums *sums)
{
    enum { DATE = 10, TO_SECONDS = 19 };
    char a[UNITS_TEXT_BYTES], b[UNITS_TEXT_BYTES], c[UNITS_TEXT_BYTES], d[UNITS_TEXT_BYTES];
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    const struct push *push = &import->push;
    const char *rows = import->is_log ? "lines" : "rows";
    const char *samples = import->is_log ? "events" : "samples";
    printf("%s %s %s of %zu file%s: %s %s %s, %s refused, %s %s %s\n",
           import->is_dry ? "would import" : "imported", units_count((int64_t)import->row_count, a), rows,
           import->file_count, import->file_count == 1 ? "" : "s",
           units_count((int64_t)(import->is_dry ? push->line_count : sums->accepted), b), samples,
           import->is_dry ? "to send" : "accepted", units_count((int64_t)sums->refused, c),
           units_count((int64_t)import->bad_count, d), import->is_log ? "malformed" : "bad", rows);
    if (import->first <= import->last) {
        (void)when_text(import->first, from);
        (void)when_text(import->last, to);
        printf("  from %.*s %.*s to %.*s %.*s UTC", DATE, from, TO_SECONDS - DATE - 1, from + DATE + 1, DATE,
               to, TO_SECONDS - DATE - 1, to + DATE + 1);
        print_move(import);
        putchar('\n');
    }
    if (import->left_out_count)
        printf("  %s behind --replay-until, left out: %s\n", rows,
               units_count((int64_t)import->left_out_count, a));
    if (import->empty_count)
        printf("  rows without a value: %s\n", units_count((int64_t)import->empty_count, a));
    if (push->duplicate_count)
        printf("  %s %s were delivered by an earlier run; --again sends them anew\n",
               units_count((int64_t)push->duplicate_count, a), samples);
    if (sums->waiting)
        printf("  %s %s are not acknowledged; run the same command again\n",
               units_count((int64_t)sums->waiting, a), samples);
}

static int print_json(const struct import *import, const struct sums *sums)
{
    const struct push *push = &import->push;
    struct bytes out = {0};
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    bytes_printf(&out,
                 "{\"rows\":%" PRIu64 ",\"samples\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64
                 ",\"bad_rows\":%" PRIu64 ",\"left_out\":%" PRIu64 ",\"empty\":%" PRIu64
                 ",\"duplicate\":%" PRIu64 ",\"unacknowledged\":%" PRIu64 ",\"shift_ms\":%" PRId64,
                 import->row_count, push->line_count, sums->accepted, sums->refused, import->bad_count,
                 import->left_out_count, import->empty_count, push->duplicate_count, sums->waiting,
                 import->map.shift_ms);
    if (import->first <= import->last)
        bytes_printf(&out, ",\"from\":\"%s\",\"to\":\"%s\"", when_text(import->first, from),
                     when_text(import->last, to));
    else
        bytes_printf(&out, ",\"from\":null,\"to\":null");
    bytes_printf(&out, ",\"errors\":");
    push_json_refusals(push, &out);
    bytes_printf(&out, "}\n");
    bool ok = !bytes_error(&out) && fwrite(out.data, 1, out.len, stdout) == out.len;
    bytes_fini(&out);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int import_report(const struct import *import, enum tm_err err, const struct tm_why *why)
{
    enum { FEW = 3 }; /* of many that all say the same */
    const struct sums sums = sum_up(import);
    uint64_t faults = import->bad_count + sums.refused;
    if (import->is_progress && import->shown_ns)
        fputs("\r\x1b[K", stderr);
    if (!import->is_json)
        push_print_refusals(&import->push, is_too_old(import) ? FEW : PUSH_REFUSALS_MAX, faults);
    if (is_too_old(import))
        fprintf(stderr,
                "tidemark: %s are not taken; raise it in the daemon's configuration, "
                "or move the times with --shift, --end-at or --replay-until\n",
                import->is_log ? "requests older than storage.retention.events"
                               : "rows older than storage.retention.raw");
    if (err)
        fprintf(stderr, "tidemark: %s\n", why->text);
    int code = EXIT_OK;
    if (import->is_json)
        code = print_json(import, &sums);
    else
        print_text(import, &sums);
    return err || faults || sums.waiting ? EXIT_FAILED : code;
}
