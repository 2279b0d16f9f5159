/* `tidemark verdict`: is a deploy bad? A gate for a pipeline. */
#include <string.h>
#include <time.h>

#include "scoring/ratio.h"
#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"
#include "storage/model/when.h"

enum {
    VERDICT_BAD = 1,
    VERDICT_SUSPECT = 3,
    VERDICT_INSUFFICIENT = 4,
    VERDICT_UNASKED = 5,
    GROUPS_SHOWN = 5
};

#define PERCENT   100.0
#define PAUSE_MS  2000
#define SECOND_NS 1000000000

static const struct option verdict_options[] = {
    {.name = "service", .argument = "NAME", .text = "what was deployed"},
    {.name = "version", .argument = "VERSION", .text = "its version; the newest deploy of it is judged"},
    {.name = "env", .argument = "NAME", .text = "where it was deployed, if not everywhere"},
    {.name = "wait", .argument = "DURATION", .text = "ask again until it is bad, at most so long, like 10m"},
    {0},
};

/* ---- for people ---- */

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* "58.41 % of 113" */
static void print_share(const json_t *tally, char *out, size_t size)
{
    double n = number_of(tally, "n");
    if (n > 0)
        (void)snprintf(out, size, "%.2f %% of %.0f", PERCENT * number_of(tally, "k") / n, n);
    else
        (void)snprintf(out, size, "none");
}

/* How many times as many errors, with the limits that there are. */
static void print_ratio(const json_t *group, char *out, size_t size)
{
    double ratio = number_of(group, "ratio"), low = number_of(group, "low"), high = number_of(group, "high");
    bool has_low = low > 1 / SCORE_RATIO_MAX, has_high = high < SCORE_RATIO_MAX;
    if (number_of(json_object_get(group, "before"), "n") <= 0)
        (void)snprintf(out, size, "nothing before to compare with");
    else if (has_low && has_high)
        (void)snprintf(out, size, "x%.3g (%.3g to %.3g)", ratio, low, high);
    else if (has_low || has_high)
        (void)snprintf(out, size, "x%.3g (at %s %.3g)", ratio, has_low ? "least" : "most",
                       has_low ? low : high);
    else
        (void)snprintf(out, size, "x%.3g (too few to say)", ratio);
}

/* Did it have errors, before or since? Else there is nothing to tell of it. */
static bool has_errors(const json_t *group)
{
    return number_of(json_object_get(group, "before"), "k") > 0 ||
           number_of(json_object_get(group, "after"), "k") > 0;
}

static void print_group(const json_t *group)
{
    struct bytes name = {0};
    char before[48], after[48], ratio[80];
    print_share(json_object_get(group, "before"), before, sizeof before);
    print_share(json_object_get(group, "after"), after, sizeof after);
    print_ratio(group, ratio, sizeof ratio);
    series_text_plain(talk_text(group, "page_group"), &name);
    if (!bytes_error(&name))
        printf("  %.*s %-20.*s %17s -> %17s  %s  E %.3g%s\n", STR_ARG(talk_text(group, "class")),
               (int)name.len, name.len > 0 ? (const char *)name.data : "", before, after, ratio,
               number_of(group, "e_value"),
               json_is_true(json_object_get(group, "at_fault")) ? "  at fault" : "");
    bytes_fini(&name);
}

static int show(const struct args *args, const json_t *item)
{
    const json_t *group;
    size_t i, shown_count = 0;
    struct bytes text = {0};
    if (options_given(args, "json"))
        return talk_print_json(item);
    series_text_plain(talk_text(item, "text"), &text);
    if (!bytes_error(&text))
        printf("%.*s\n", (int)text.len, (const char *)text.data);
    bytes_fini(&text);
    json_array_foreach(json_object_get(item, "groups"), i, group)
    {
        if (has_errors(group) && shown_count++ < GROUPS_SHOWN)
            print_group(group);
    }
    return EXIT_OK;
}

/* ---- asking ---- */

static int code_of(const json_t *item)
{
    struct str verdict = talk_text(item, "verdict");
    if (str_equal(verdict, STR("ok")))
        return EXIT_OK;
    if (str_equal(verdict, STR("bad")))
        return VERDICT_BAD;
    return str_equal(verdict, STR("suspect")) ? VERDICT_SUSPECT : VERDICT_INSUFFICIENT;
}

/* The newest deploy's verdict, NULL after an error, which is printed. */
static const json_t *ask(struct talk *talk, const char *path, int *code)
{
    const json_t *data = NULL;
    struct tm_why why;
    *code = talk_ask(talk, "GET", path, NULL, &data);
    if (*code) {
        *code = *code == EXIT_USAGE ? EXIT_USAGE : VERDICT_UNASKED;
        return NULL;
    }
    const json_t *item = json_array_get(json_object_get(data, "items"), 0);
    if (!item) {
        tm_why_write(&why, "there is no such deploy; `tidemark marker list --kind deploy` lists them");
        *code = command_fail(VERDICT_UNASKED, &why);
    }
    return item;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int ask_until(struct talk *talk, const struct args *args, const char *path, int64_t wait_ms)
{
    int64_t end_ms = now_ms() + wait_ms;
    for (;;) {
        int code;
        const json_t *item = ask(talk, path, &code);
        if (!item)
            return code;
        int64_t left_ms = end_ms - now_ms();
        code = code_of(item);
        if (code == VERDICT_BAD || left_ms <= 0)
            return show(args, item) ? VERDICT_UNASKED : code;
        int64_t pause_ms = left_ms < PAUSE_MS ? left_ms : PAUSE_MS;
        const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * (SECOND_NS / 1000)};
        (void)nanosleep(&pause, NULL);
    }
}

static int read_wait(const struct args *args, int64_t *out_ms)
{
    struct tm_why why = {0};
    *out_ms = 0;
    const char *service = options_text(args, "service"), *version = options_text(args, "version");
    /* An empty one would mean any: a pipeline whose variable is not set would hear of another deploy. */
    if (!service || !*service || !version || !*version) {
        tm_why_write(&why, "which deploy? For example `tidemark verdict --service cart --version 1.8.3`");
        return command_fail(EXIT_USAGE, &why);
    }
    if (!options_given(args, "wait"))
        return EXIT_OK;
    struct tm_why detail = {0};
    enum tm_err err = when_parse_duration(str_of(options_text(args, "wait")), out_ms, &detail);
    if (!err && *out_ms >= 0)
        return EXIT_OK;
    tm_why_write(&why, "--wait: %.300s", err ? detail.text : "it is no time ahead");
    return command_fail(EXIT_USAGE, &why);
}

static int run_verdict(const struct args *args)
{
    static const char *const names[] = {"service", "version", "env"};
    struct talk talk = {0};
    struct bytes path = {0};
    struct tm_why why;
    int64_t wait_ms;
    int code = read_wait(args, &wait_ms);
    if (code)
        return code;
    bytes_printf(&path, "/api/v1/verdicts?limit=1");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        talk_put_option(args, names[i], &path);
    bytes_u8(&path, '\0');
    code = bytes_error(&path) ? (tm_why_write(&why, "out of memory"), command_fail(VERDICT_UNASKED, &why))
                              : talk_open(args, &talk);
    if (code == EXIT_FAILED)
        code = VERDICT_UNASKED;
    if (!code)
        code = ask_until(&talk, args, (const char *)path.data, wait_ms);
    bytes_fini(&path);
    talk_close(&talk);
    return code;
}

const struct command verdict_command = {
    .name = "verdict",
    .summary = "say whether a deploy is bad; a gate for a pipeline",
    .details = "Compares errors of each page group, exceptions, latencies and gauges (memory, CPU, "
               "queues, ...) since the deploy with the hour before it and the same hour last week. The "
               "verdict is valid whenever it is asked for. --wait ends at once when the deploy is bad, "
               "else at its time with the verdict then. `tidemark deploy` tells of deploys.",
    .examples = "tidemark verdict --service cart --version 1.8.3\n"
                "tidemark verdict --service cart --version 1.8.3 --wait 10m",
    .exits = "0 ok\n1 bad\n2 wrong usage\n3 suspect\n4 not enough data\n5 could not ask (no server, no such "
             "deploy)",
    .options = verdict_options,
    .run = run_verdict,
};
