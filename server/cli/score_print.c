#include "server/cli/score_print.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/json_print.h"
#include "storage/model/when.h"

static const char *const family_name[FIRST_FAMILY_COUNT] = {
    [FIRST_DENSITY] = "density",    [FIRST_SEASON] = "seasonal_drift",
    [FIRST_LEVEL] = "level_change", [FIRST_FAR] = "far_level",
    [FIRST_FAST] = "burst",         [FIRST_STEP] = "step",
    [FIRST_OFF] = "far_value",
};
static const char *const family_says[FIRST_FAMILY_COUNT] = {
    [FIRST_DENSITY] = "such a mixture of level, step and time of day is rare",
    [FIRST_SEASON] = "it stays off what the time of day has",
    [FIRST_LEVEL] = "the level has moved",
    [FIRST_FAR] = "the level is far off the long one",
    [FIRST_FAST] = "the last values are off what the time of day has",
    [FIRST_STEP] = "such a step is rare",
    [FIRST_OFF] = "the value is far off the long level",
};

/* Six digits are enough for people, and for what is derived. */
static double brief(double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", x);
    return strtod(text, NULL);
}

static void write_period(double hours, char *out, size_t size)
{
    if (hours < 48)
        snprintf(out, size, "%.1f hours", hours);
    else if (hours < 24.0 * 730)
        snprintf(out, size, "%.0f days", hours / 24);
    else
        snprintf(out, size, "%.0f years", hours / 8766);
}

void score_sentence(const struct score_sample *sample, char out[SCORE_SENTENCE_BYTES])
{
    const struct score_first_result *r = &sample->result;
    char began[WHEN_TEXT_BYTES];
    char at[WHEN_TEXT_BYTES];
    char period[40];
    char base[96] = "the long level";
    char before[PRECEDENT_BYTES] = "";
    when_text(sample->time, at);
    write_period(r->return_period_h, period, sizeof period);
    if (r->season_values)
        snprintf(base, sizeof base, "the half hour of %.5s%s after %u values", at + 11,
                 r->weekly ? " on this day of the week" : "", r->season_values);
    if (sample->precedent)
        precedent_text(sample->precedent, before);
    snprintf(out, SCORE_SENTENCE_BYTES,
             "%.6g, expected %.6g +- %.3g for %s; once in %s%s; %s (over %u samples); began %s%s%s",
             sample->value, r->expected, r->spread, base, period,
             r->learning ? " as far as is known by now" : "", family_says[r->strongest], r->scale,
             when_text(r->began, began), *before ? "; " : "", before);
}

void score_print_begin(struct score_print *print, FILE *out, bool is_json, bool is_explained)
{
    *print = (struct score_print){.out = out, .is_json = is_json, .is_explained = is_explained};
    if (is_json)
        fputs("{\"items\":[", out);
    else
        fprintf(
            out, "file,timestamp,value,score,alert%s\n",
            is_explained
                ? ",learning,return_period_h,expected,spread,effect,family,scale_s,began,text,unlike,nearest"
                : "");
}

void score_print_file(struct score_print *print, const char *file)
{
    print->file = file;
}

static void print_csv_field(FILE *out, struct str text)
{
    bool is_quoted = false;
    for (size_t i = 0; i < text.len; i++)
        is_quoted = is_quoted || strchr(",\"\r\n", text.ptr[i]);
    if (!is_quoted) {
        fwrite(text.ptr, 1, text.len, out);
        return;
    }
    putc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            putc('"', out);
        putc(text.ptr[i], out);
    }
    putc('"', out);
}

static double scale_seconds(const struct score_first_result *r)
{
    return r->scale * r->interval_ms / 1000;
}

static void print_csv_reasons(FILE *out, const struct score_sample *sample)
{
    const struct score_first_result *r = &sample->result;
    char began[WHEN_TEXT_BYTES];
    char sentence[SCORE_SENTENCE_BYTES] = "";
    if (r->alert)
        score_sentence(sample, sentence);
    fprintf(out, ",%d,%.6g,%.6g,%.6g,%.6g,%s,%.6g,%s,", r->learning, r->return_period_h, r->expected,
            r->spread, r->effect, family_name[r->strongest], scale_seconds(r), when_text(r->began, began));
    print_csv_field(out, str_of(sentence));
    if (sample->precedent)
        fprintf(out, ",%.6g,%s", sample->precedent->surprisal, when_text(sample->precedent->nearest, began));
    else
        fputs(",,", out);
}

static void print_csv(const struct score_print *print, const struct score_sample *sample)
{
    FILE *out = print->out;
    print_csv_field(out, str_of(print->file));
    putc(',', out);
    print_csv_field(out, sample->time_text);
    putc(',', out);
    print_csv_field(out, sample->value_text);
    fprintf(out, ",%.2f,%d", sample->result.score, sample->result.alert);
    if (print->is_explained)
        print_csv_reasons(out, sample);
    putc('\n', out);
}

static void add_precedent(json_t *item, const struct precedent *precedent)
{
    char nearest[WHEN_TEXT_BYTES];
    if (!precedent)
        return;
    (void)json_object_set_new(item, "unlike", json_real(brief(precedent->surprisal)));
    (void)json_object_set_new(item, "nearest", json_string(when_text(precedent->nearest, nearest)));
}

static void add_reasons(json_t *item, const struct score_sample *sample)
{
    const struct score_first_result *r = &sample->result;
    char began[WHEN_TEXT_BYTES];
    char sentence[SCORE_SENTENCE_BYTES] = "";
    if (r->alert)
        score_sentence(sample, sentence);
    json_t *more =
        json_pack("{s:b,s:f,s:f,s:f,s:f,s:s,s:f,s:s,s:s}", "learning", r->learning, "return_period_h",
                  brief(r->return_period_h), "expected", brief(r->expected), "spread", brief(r->spread),
                  "effect", brief(r->effect), "family", family_name[r->strongest], "scale_s",
                  brief(scale_seconds(r)), "began", when_text(r->began, began), "text", sentence);
    (void)json_object_update(item, more);
    add_precedent(item, sample->precedent);
    json_decref(more);
}

static void print_item(struct score_print *print, const struct score_sample *sample)
{
    char time[WHEN_TEXT_BYTES];
    json_t *file = json_string(print->file); /* NULL: a name that is no UTF-8 */
    json_t *item = json_pack("{s:o?,s:s,s:f,s:f,s:i}", "file", file, "time", when_text(sample->time, time),
                             "value", sample->value, "score", round(sample->result.score * 100) / 100,
                             "alert", (int)sample->result.alert);
    if (item && print->is_explained)
        add_reasons(item, sample);
    fputs(print->has_items ? ",\n" : "\n", print->out);
    if (item)
        (void)json_print(item, false, print->out);
    print->has_items = true;
    json_decref(item);
}

void score_print_sample(struct score_print *print, const struct score_sample *sample)
{
    if (print->is_json)
        print_item(print, sample);
    else
        print_csv(print, sample);
}

void score_print_end(struct score_print *print)
{
    if (print->is_json)
        fputs("\n],\"next\":null}\n", print->out);
}
