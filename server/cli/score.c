/* tidemark score: the daemon's detector on files of one's own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/cli/command.h"
#include "server/cli/csv_time.h"
#include "server/cli/import_file.h"
#include "server/cli/score_print.h"

enum { COLUMN_NONE = -1 };

struct job {
    struct score_first_model model;
    struct score_print print;
    struct import_file file;
    struct score_first state;
    struct score_history history; /* of --explain */
    int time_column;
    int value_column;
    uint64_t left_out;
    struct tm_why first_left_out;
};

static const struct option score_options[] = {
    {.name = "profile",
     .argument = "operations|nab",
     .fallback = "operations",
     .text = "operations: what an operator would want to see; nab: whatever is unusual, early"},
    {.name = "explain",
     .text = "add why: expected, spread, effect, family, begin, and for each alert a sentence, with when "
             "the course of the series was most like this before"},
    {.name = "csv", .text = "one CSV row per sample; the default"},
    {0},
};

static bool is_word(struct str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* Finds the two columns in the header. */
static enum tm_err read_header(struct job *job, struct tm_why *why)
{
    job->time_column = job->value_column = COLUMN_NONE;
    for (size_t i = 0; i < job->file.csv.count; i++) {
        struct str name = job->file.csv.fields[i].text;
        if (is_word(name, "timestamp"))
            job->time_column = (int)i;
        else if (is_word(name, "value"))
            job->value_column = (int)i;
    }
    if (job->time_column == COLUMN_NONE || job->value_column == COLUMN_NONE)
        return tm_fail(
            why, TM_INVALID,
            "%s has no header with the columns timestamp and value; put `timestamp,value` on its first line",
            job->file.name);
    return TM_OK;
}

/* How much of a field a message quotes. */
static int brief_len(struct str text)
{
    return text.len > 40 ? 40 : (int)text.len;
}

/* A finite decimal, and nothing behind it. */
static bool read_number(struct str text, double *out)
{
    char copy[64];
    char *end;
    if (!text.len || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}

static enum tm_err read_sample(const struct job *job, struct score_sample *out, struct tm_why *why)
{
    const struct csv *csv = &job->file.csv;
    int last = job->time_column > job->value_column ? job->time_column : job->value_column;
    if (csv->count <= (size_t)last)
        return tm_fail(why, TM_INVALID, "the row has %zu columns, %d are needed", csv->count, last + 1);
    out->time_text = csv->fields[job->time_column].text;
    out->value_text = csv->fields[job->value_column].text;
    struct csv_time format = {.kind = CSV_TIME_AUTO};
    if (csv_time_read(&format, out->time_text, &out->time, NULL))
        return tm_fail(why, TM_INVALID, "\"%.*s\" is neither ISO nor unix time", brief_len(out->time_text),
                       out->time_text.ptr);
    if (!read_number(out->value_text, &out->value))
        return tm_fail(why, TM_INVALID, "\"%.*s\" is not a number", brief_len(out->value_text),
                       out->value_text.ptr);
    return TM_OK;
}

static void leave_out(struct job *job, const struct tm_why *why)
{
    if (job->left_out++ == 0)
        tm_why_write(&job->first_left_out, "%s:%u: %.250s", job->file.name,
                     job->file.csv.fields[0].place.line, why->text);
}

/* Adds what the second line says of an alert. */
static enum tm_err explain(struct job *job, struct score_sample *sample, struct precedent *precedent,
                           struct tm_why *why)
{
    if (!score_history_add(&job->history, sample->time, sample->value))
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (sample->result.alert && score_history_find(&job->history, precedent))
        sample->precedent = precedent;
    return TM_OK;
}

static enum tm_err score_rows(struct job *job, struct tm_why *why)
{
    enum csv_state state;
    bool has_header = false;
    enum tm_err err;
    memset(&job->state, 0, sizeof job->state);
    score_history_clear(&job->history);
    while (!(err = import_file_next(&job->file, &state, why))) {
        struct score_sample sample = {.precedent = NULL};
        struct precedent precedent;
        if (state == CSV_RECORD && !has_header) {
            err = read_header(job, why);
            if (err)
                return err;
            has_header = true;
            continue;
        }
        if (state != CSV_RECORD || read_sample(job, &sample, why)) {
            leave_out(job, why);
            continue;
        }
        score_first_push(&job->model, &job->state, sample.time, 0, sample.value, &sample.result);
        err = job->print.is_explained ? explain(job, &sample, &precedent, why) : TM_OK;
        if (err)
            return err;
        score_print_sample(&job->print, &sample);
    }
    if (err == TM_NOT_FOUND && !has_header)
        return read_header(job, why);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err score_file(struct job *job, const char *name, struct tm_why *why)
{
    enum tm_err err = import_file_open(&job->file, name, ',', why);
    if (!err) {
        job->left_out = 0;
        score_print_file(&job->print, job->file.name);
        err = score_rows(job, why);
    }
    if (!err && job->left_out)
        fprintf(stderr, "tidemark: %llu rows of %s were left out, the first: %s\n",
                (unsigned long long)job->left_out, job->file.name, job->first_left_out.text);
    import_file_close(&job->file);
    return err;
}

static enum tm_err read_profile(const struct args *args, enum first_profile *out, struct tm_why *why)
{
    const char *name = options_text(args, "profile");
    *out = strcmp(name, "nab") == 0 ? FIRST_NAB : FIRST_OPERATIONS;
    if (*out == FIRST_OPERATIONS && strcmp(name, "operations") != 0)
        return tm_fail(why, TM_INVALID, "--profile %s: there are nab and operations", name);
    return TM_OK;
}

static int score_run(const struct args *args)
{
    struct tm_why why = {0};
    enum first_profile profile;
    bool is_json = options_given(args, "json");
    enum tm_err err = read_profile(args, &profile, &why);
    if (!err && is_json && options_given(args, "csv"))
        err = tm_fail(&why, TM_INVALID, "choose one of --csv and --json");
    if (!err && !args->operand_count)
        err = tm_fail(&why, TM_INVALID,
                      "name the files to score, each with the header timestamp,value; - is stdin");
    if (err)
        return command_fail(EXIT_USAGE, &why);
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        (void)tm_fail(&why, TM_NOMEM, "out of memory");
        return command_fail(EXIT_FAILED, &why);
    }
    score_first_model_init(&job->model, profile, FIRST_SEED);
    score_print_begin(&job->print, stdout, is_json, options_given(args, "explain"));
    for (int i = 0; i < args->operand_count && !err; i++)
        err = score_file(job, args->operands[i], &why);
    score_print_end(&job->print);
    score_history_fini(&job->history);
    free(job);
    return err ? command_fail(EXIT_FAILED, &why) : EXIT_OK;
}

const struct command score_command = {
    .name = "score",
    .summary = "score the samples of CSV files by how unusual they are",
    .operands = "FILE.csv...",
    .details = "Each file is one series with the header timestamp,value (further columns are passed "
               "over; ISO or unix time; gzip or not; - is standard input). The detector sees each "
               "sample once, in the file's order, as the daemon does. The first 100 samples teach it "
               "and score 0.\n"
               "score is 0..100 by how rarely the series does such a thing by itself: 20 once in 10 "
               "hours, 40 in 4 days, 60 in 6 weeks, 80 in 14 months. alert is 1 where an incident would "
               "open. Rows that cannot be read are left out and counted on stderr.",
    .examples = "tidemark score cpu.csv > scores.csv\n"
                "tidemark score --profile nab --explain kpi/*.csv",
    .options = score_options,
    .run = score_run,
};
