/* `tidemark import`. */
#include "server/cli/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/units.h"
#include "storage/model/labels.h"
#include "storage/model/when.h"

#define DEFAULT_TO "tcp://127.0.0.1:9701"

enum {
    TIMEOUT_MS = 5000,
    TRIES = 3,
    NS_PER_MS = 1000000,
    PROGRESS_MS = 200,
    DAY_MS = 86400000,
    MAX_ERRORS = 100
};

static const struct option import_options[] = {
    {.name = "format",
     .argument = "csv|" ACCESS_LOG_FORMATS,
     .fallback = "csv",
     .text = "what the files are: CSV, or an access log"},
    ACCESS_LOG_OPTIONS,
    {.name = "time",
     .argument = "COLUMN",
     .text = "the column with the time: its name in the first line, or its number from 1"},
    {.name = "time-format",
     .argument = "FORMAT",
     .fallback = "auto",
     .text = "auto (a date, or a number whose size tells its unit), iso, s, ms, us, ns, or a pattern like "
             "'%d.%m.%Y %H:%M:%S'; UTC unless it has a zone"},
    {.name = "value",
     .argument = "COLUMN[=METRIC]",
     .text = "a column with values, and the name of its metric; may be given more than once"},
    {.name = "metric", .argument = "NAME", .text = "name of the metric; with several values NAME_COLUMN"},
    {.name = "label",
     .argument = "NAME=COLUMN",
     .text = "a label from a column; may be given more than once"},
    {.name = "label-const",
     .argument = "NAME=VALUE",
     .text = "a label for every row; may be given more than once"},
    {.name = "label-file",
     .argument = "NAME",
     .text = "a label with the file's name, without folder and ending"},
    {.name = "missing", .argument = "TEXT", .text = "a value of this text is none; an empty one never is"},
    {.name = "delimiter",
     .argument = "CHARACTER",
     .fallback = ",",
     .text = "what separates columns; tab for a tab"},
    {.name = "no-header", .text = "the first line is a row; columns are numbers"},
    {.name = "shift", .argument = "DURATION", .text = "move all times by this much, for example 52w or -1h"},
    {.name = "end-at", .argument = "TIME", .text = "move all times so that the newest row is at TIME"},
    {.name = "replay-until",
     .argument = "TIME",
     .text = "move all times by whole weeks, so that weekday and hour stay, and the rows reach TIME; rows "
             "from TIME "
             "on are left out"},
    {.name = "shift-weeks-to-yesterday",
     .text =
         "move all times by whole weeks, so that weekday and hour stay, and the newest row is yesterday or "
         "in the six days before; none is left out"},
    {.name = "to",
     .argument = "URL",
     .fallback = DEFAULT_TO,
     .text = "ingest_rep listener, tcp://HOST:PORT or ipc://PATH"},
    {.name = "http", .text = "send to POST /write of --server instead of --to"},
    {.name = "batch", .argument = "LINES", .fallback = "5000", .text = "lines per batch"},
    {.name = "max-errors",
     .argument = "N",
     .text =
         "stop when more than N rows are bad (default 100; of an access log any number if others are good)"},
    {.name = "again",
     .text = "send everything anew, also what an earlier run has delivered (after a delete)"},
    {.name = "dry-run", .text = "send nothing; show the first rows as line protocol, and the sums"},
    {.name = "give-up",
     .argument = "SECONDS",
     .fallback = "60",
     .text = "without an answer for this long, stop"},
    {0},
};

/* One line on a terminal, rewritten in place. */
static void show_progress(struct push *push)
{
    enum { PERCENT = 100 };
    struct import *import = (struct import *)push;
    char rows[UNITS_TEXT_BYTES], rate[UNITS_TEXT_BYTES];
    int64_t now_ns = clock_mono_ns(clock_system());
    if (!import->is_progress || now_ns - import->shown_ns < (int64_t)PROGRESS_MS * NS_PER_MS)
        return;
    import->shown_ns = now_ns;
    double seconds = (double)(now_ns - import->start_ns) / 1e9;
    fprintf(stderr, "\r\x1b[K%s: ", import->file.name);
    if (import->file.size_bytes)
        fprintf(stderr, "%" PRId64 " %%, ", import->file.read_bytes * PERCENT / import->file.size_bytes);
    fprintf(stderr, "%s rows, %s rows/s", units_count((int64_t)import->row_count, rows),
            units_rate(seconds > 0 ? (double)import->row_count / seconds : 0, rate));
    (void)fflush(stderr);
}

static int run_import(const struct args *args)
{
    struct tm_why why = {0};
    struct key key = {0};
    int code = EXIT_USAGE;
    struct import *import = calloc(1, sizeof *import);
    if (!import)
        (void)tm_fail(&why, TM_NOMEM, "out of memory");
    if (!import || import_settings(args, import, &why))
        goto out;
    code = EXIT_FAILED;
    if (command_key(args, &key, &why))
        goto out;
    import->sender.key_name = *key.name ? key.name : NULL;
    import->sender.key_secret = *key.name ? key.secret : NULL;
    import->start_ns = clock_mono_ns(clock_system());
    import->push.on_sent = show_progress;
    enum tm_err err = import_look(import, &why);
    if (err) {
        code = err == TM_INVALID || err == TM_NOT_FOUND ? EXIT_USAGE : EXIT_FAILED;
        goto out;
    }
    err = import_send(import, &why);
    code = import_report(import, err, &why);
    why.text[0] = '\0';
out:
    explicit_bzero(&key, sizeof key);
    if (why.text[0])
        (void)command_fail(code, &why);
    if (import)
        import_fini(import);
    free(import);
    return code;
}

void import_fini(struct import *import)
{
    import_file_close(&import->file);
    sender_close(import->push.sender);
    push_fini(&import->push);
    bytes_fini(&import->lines);
    access_log_fini(&import->log);
    free(import->names);
}

/* ---- settings ---- */

static enum tm_err add_values(const struct args *args, struct import_map *map, struct tm_why *why)
{
    for (const char *word; (word = options_nth(args, "value", map->value_count)); map->value_count++) {
        if (map->value_count == IMPORT_VALUES_MAX)
            return tm_fail(why, TM_INVALID, "there are over %d values; import the rest in a second run",
                           IMPORT_VALUES_MAX);
        struct import_value *value = &map->values[map->value_count];
        char *equals = strrchr(word, '=');
        value->column = word;
        if (equals && equals[1]) {
            value->given = equals + 1;
            *equals = '\0'; /* argv is ours to cut */
        }
    }
    return map->value_count
               ? TM_OK
               : tm_fail(why, TM_INVALID, "name a column with values: --value COLUMN or COLUMN=METRIC");
}

static enum tm_err add_label(struct import_map *map, struct import_label label, struct tm_why *why)
{
    if (!label_name_valid(label.name) || str_equal(label.name, STR(LABEL_NAME)))
        return tm_fail(why, TM_INVALID,
                       "\"%.*s\" is not a label's name ([a-zA-Z_][a-zA-Z0-9_]*, not " LABEL_NAME ")",
                       STR_ARG(label.name));
    for (size_t i = 0; i < map->label_count; i++)
        if (str_equal(map->labels[i].name, label.name))
            return tm_fail(why, TM_INVALID, "the label %.*s is given twice; leave out one",
                           STR_ARG(label.name));
    if (map->label_count == IMPORT_LABELS_MAX)
        return tm_fail(why, TM_INVALID, "there are over %d labels; give fewer", IMPORT_LABELS_MAX);
    map->labels[map->label_count++] = label;
    return TM_OK;
}

static enum tm_err add_labels(const struct args *args, struct import *import, struct tm_why *why)
{
    static const char *const options[] = {"label", "label-const"};
    enum tm_err err = TM_OK;
    for (int kind = 0; kind < 2; kind++) {
        const char *word;
        for (size_t i = 0; !err && (word = options_nth(args, options[kind], i)); i++) {
            const char *equals = strchr(word, '=');
            if (!equals || !equals[1])
                return tm_fail(why, TM_INVALID, "--%s is NAME=%s, not \"%s\"", options[kind],
                               kind ? "VALUE" : "COLUMN", word);
            struct import_label label = {.name = {word, (size_t)(equals - word)}};
            if (kind)
                label.constant = str_of(equals + 1);
            else
                label.column = equals + 1;
            err = add_label(&import->map, label, why);
        }
    }
    import->label = options_text(args, "label-file");
    if (!err && import->label)
        err = add_label(&import->map, (struct import_label){.name = str_of(import->label)}, why);
    return err;
}

static enum tm_err read_delimiter(const struct args *args, struct import *import, struct tm_why *why)
{
    const char *text = options_text(args, "delimiter");
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
        text = "\t";
    if (strlen(text) != 1 || strchr("\"\r\n", *text))
        return tm_fail(why, TM_INVALID, "--delimiter is one character or tab, not \"%s\"", text);
    import->delimiter = *text;
    return TM_OK;
}

static enum tm_err read_shift(const char *text, int64_t *out, struct tm_why *why)
{
    struct tm_why reason;
    bool back = text[0] == '-';
    if (when_parse_duration(str_of(text + (back || text[0] == '+')), out, &reason))
        return tm_fail(why, TM_INVALID, "--shift: %s", reason.text);
    *out = back ? -*out : *out;
    return TM_OK;
}

static enum tm_err read_move(const struct args *args, struct import *import, struct tm_why *why)
{
    static const char *const names[] = {
        [IMPORT_SHIFT] = "shift",
        [IMPORT_END_AT] = "end-at",
        [IMPORT_REPLAY] = "replay-until",
    };
    struct tm_why reason;
    const char *text = NULL;
    bool is_yesterday = options_given(args, "shift-weeks-to-yesterday");
    import->map.until = INT64_MAX;
    for (int i = IMPORT_SHIFT; i <= IMPORT_REPLAY; i++) {
        const char *given = options_text(args, names[i]);
        if (given && (text || is_yesterday))
            return tm_fail(why, TM_INVALID,
                           "--shift, --end-at, --replay-until and --shift-weeks-to-yesterday exclude each "
                           "other; leave one");
        if (given) {
            text = given;
            import->move = (enum import_move)i;
        }
    }
    if (is_yesterday) {
        time_ms_t now = clock_wall_ms(clock_system());
        import->move = IMPORT_YESTERDAY;
        import->target = now - now % DAY_MS;
    }
    if (text && import->move == IMPORT_SHIFT)
        return read_shift(text, &import->map.shift_ms, why);
    if (text && when_parse(str_of(text), clock_wall_ms(clock_system()), &import->target, &reason))
        return tm_fail(why, TM_INVALID, "--%s: %s", names[import->move], reason.text);
    return TM_OK;
}

static enum tm_err read_sending(const struct args *args, struct import *import, struct tm_why *why)
{
    int64_t batch, give_up_s, max_errors;
    enum tm_err err = options_number(args, "batch", 1, 1000000, &batch, why);
    if (!err)
        err = options_number(args, "give-up", 1, 86400, &give_up_s, why);
    if (!err)
        err = options_number(args, "max-errors", 0, INT64_MAX, &max_errors, why);
    if (!err && !options_given(args, "max-errors"))
        max_errors = import->is_log ? INT64_MAX : MAX_ERRORS;
    if (!err && options_given(args, "http") && options_given(args, "to"))
        err = tm_fail(why, TM_INVALID, "--http sends to --server; leave out --to");
    if (err)
        return err;
    import->max_errors = (uint64_t)max_errors;
    import->push.batch_lines = (size_t)batch;
    import->push.give_up_ms = give_up_s * 1000;
    import->sender = (struct sender_options){
        .url = options_given(args, "http") ? NULL : options_text(args, "to"),
        .server = command_server(args),
        .precision = import->is_log ? "ns" : "ms",
        .timeout_ms = give_up_s * 1000 < TIMEOUT_MS ? (int)give_up_s * 1000 : TIMEOUT_MS,
        .max_tries = TRIES,
    };
    return TM_OK;
}

static enum tm_err read_names(const struct args *args, struct import *import, struct tm_why *why)
{
    if (!args->operand_count)
        return tm_fail(why, TM_INVALID, "name a CSV file or an access log, or - for standard input");
    import->file_count = (size_t)args->operand_count;
    import->names = calloc(import->file_count, sizeof *import->names);
    if (!import->names)
        return tm_fail(why, TM_NOMEM, "out of memory");
    for (size_t i = 0; i < import->file_count; i++)
        import->names[i] = strcmp(args->operands[i], "-") == 0 ? "stdin" : args->operands[i];
    import->push.file_names = import->names;
    return TM_OK;
}

static enum tm_err read_csv(const struct args *args, struct import *import, struct tm_why *why)
{
    struct import_map *map = &import->map;
    map->metric = options_text(args, "metric");
    map->missing = options_text(args, "missing");
    map->time_column = options_text(args, "time");
    import->has_header = !options_given(args, "no-header");
    enum tm_err err = access_log_unused(args, "csv", why);
    if (!err && !map->time_column)
        err = tm_fail(why, TM_INVALID, "name the column with the time: --time COLUMN");
    if (!err)
        err = csv_time_format(options_text(args, "time-format"), &map->time, why);
    if (!err)
        err = add_values(args, map, why);
    if (!err)
        err = add_labels(args, import, why);
    return err ? err : read_delimiter(args, import, why);
}

static enum tm_err read_log(const struct args *args, struct import *import, struct tm_why *why)
{
    static const char *const of_csv[] = {"time",        "time-format", "value",   "metric",    "label",
                                         "label-const", "label-file",  "missing", "delimiter", "no-header"};
    for (size_t i = 0; i < sizeof of_csv / sizeof of_csv[0]; i++)
        if (options_given(args, of_csv[i]))
            return tm_fail(why, TM_INVALID,
                           "--%s is for CSV; an access log's fields are known by its --format", of_csv[i]);
    return access_log_settings(args, &import->log, why);
}

enum tm_err import_settings(const struct args *args, struct import *import, struct tm_why *why)
{
    const char *format = options_text(args, "format");
    import->is_log = access_log_is_format(format, &import->log.format);
    import->is_again = options_given(args, "again");
    import->is_dry = options_given(args, "dry-run");
    import->is_json = options_given(args, "json");
    import->is_progress = isatty(STDERR_FILENO) && !import->is_dry;
    enum tm_err err = read_names(args, import, why);
    if (!err && !import->is_log && strcmp(format, "csv") != 0)
        err =
            tm_fail(why, TM_INVALID, "--format is one of csv|" ACCESS_LOG_FORMATS ", not \"%.100s\"", format);
    if (!err)
        err = import->is_log ? read_log(args, import, why) : read_csv(args, import, why);
    if (!err)
        err = read_move(args, import, why);
    return err ? err : read_sending(args, import, why);
}

const struct command import_command = {
    .name = "import",
    .summary = "send the rows of CSV files or the lines of access logs, and wait until they are durable",
    .operands = "FILE...",
    .details = "Of CSV, options tell which column is the time, which are values and which are labels. "
               "Each line of an access log (--format) is an HTTP event. Files may be gzip. A bad row is "
               "named with FILE:LINE:COLUMN and left out. The batches of a file bear numbers of their "
               "own: run the same command again after an interruption, and what was delivered is known "
               "and stored once. A log that still grows: `tidemark push --follow`.\n" OPTIONS_TIME,
    .examples = "tidemark import kpi.csv --time timestamp --value value=load\n"
                "tidemark import *.csv --no-header --time 1 --value 2 --label-file host\n"
                "tidemark import old.csv --time date --value amount --replay-until now\n"
                "tidemark import --format combined --service shop access.log.*.gz\n"
                "tidemark import --format nginx-json --service-from host access.json",
    .exits =
        "0 every row was taken and is durable\n1 a row was bad, refused or not acknowledged\n2 wrong usage",
    .options = import_options,
    .run = run_import,
};
