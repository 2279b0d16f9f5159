/* `tidemark explain`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/explain_plan.h"
#include "server/cli/query_promql.h"
#include "server/cli/talk.h"
#include "server/cli/units.h"
#include "server/promql/print.h"
#include "storage/model/when.h"

enum { MS_PER_S = 1000, STAGE_WIDTH = 10 };

static const struct option explain_options[] = {
    {.name = "at", .argument = "TIME", .text = "evaluate at this one instant (default now)"},
    {.name = "from", .argument = "TIME", .fallback = "-1h", .text = "first instant of a range"},
    {.name = "to", .argument = "TIME", .fallback = "now", .text = "the last one"},
    {.name = "step",
     .argument = "DURATION",
     .text = "evaluate from --from to --to at each 15s, 1m, 1h ... (default: some 240 times)"},
    SOURCE_OPTION_DATA_DIR,
    {0},
};

/* ---- text ---- */

static double seconds_of(const json_t *item, const char *name)
{
    return json_number_value(json_object_get(item, name));
}

static void print_stages(const json_t *stats)
{
    static const char *const names[] = {"parse", "select", "read", "evaluate", "print"};
    static const char *const texts[] = {"text into a tree", "series of the selectors", "reading and decoding",
                                        "the rest of the evaluation", "writing the answer"};
    const json_t *stages = json_object_get(stats, "stages");
    char text[UNITS_TEXT_BYTES];
    puts("\nstages");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        printf("  %-*s %10s  %s\n", STAGE_WIDTH, names[i],
               units_ms(seconds_of(stages, names[i]) * MS_PER_S, text), texts[i]);
}

static void print_sums(const struct promql_request *request, const json_t *stats)
{
    enum { TO_SECONDS = 19 };
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES], text[UNITS_TEXT_BYTES], peak[UNITS_TEXT_BYTES];
    const json_t *samples = json_object_get(stats, "samples");
    (void)when_text(request->start, from);
    (void)when_text(request->end, to);
    if (request->step_ms == 0)
        printf("at %.*s UTC\n", TO_SECONDS, from);
    else
        printf("from %.*s to %.*s UTC, %" PRId64 " moments, %s apart\n", TO_SECONDS, from, TO_SECONDS, to,
               (request->end - request->start) / request->step_ms + 1,
               units_duration((double)request->step_ms / MS_PER_S, text));
    printf("%s samples read, at most %s values held at once\n",
           units_count(json_integer_value(json_object_get(samples, "totalQueryableSamples")), text),
           units_count(json_integer_value(json_object_get(samples, "peakSamples")), peak));
}

/* ---- both ---- */

static int print_json(const struct ast *ast, const struct promql_request *request, const json_t *stats)
{
    struct bytes text = {0};
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    ast_print(ast->root, &text);
    json_t *document =
        bytes_error(&text)
            ? NULL
            : json_pack("{s:s%,s:s,s:s,s:f,s:o,s:O}", "expression", (const char *)text.data, text.len, "from",
                        when_text(request->start, from), "to", when_text(request->end, to), "step",
                        (double)request->step_ms / MS_PER_S, "plan", explain_plan_json(ast, stats), "stats",
                        stats);
    bytes_fini(&text);
    int code = document ? talk_print_json(document) : EXIT_FAILED;
    json_decref(document);
    return code;
}

static int print_plan(const struct args *args, const struct promql_request *request, const json_t *stats,
                      struct tm_why *why)
{
    struct ast *ast = NULL;
    enum tm_err err = stats ? promql_read(request->text, &ast, why)
                            : tm_fail(why, TM_IO,
                                      "the daemon tells nothing of how it worked; is it of an "
                                      "older version?");
    if (err)
        return command_fail(EXIT_FAILED, why);
    int code = EXIT_OK;
    if (options_given(args, "json")) {
        code = print_json(ast, request, stats);
    } else {
        explain_plan_print(ast, stats);
        print_stages(stats);
        puts("");
        print_sums(request, stats);
    }
    ast_free(ast);
    return code;
}

static int run_explain(const struct args *args)
{
    static const char *const of_range[] = {"from", "to", "step"};
    struct tm_why why = {0};
    struct promql_answer *answer = NULL;
    enum query_mode mode = QUERY_MOMENT;
    if (args->operand_count != 1) {
        tm_why_write(&why, "one expression is needed, for example `tidemark explain 'sum(cpu)'`; put it in "
                           "quotes");
        return command_fail(EXIT_USAGE, &why);
    }
    for (size_t i = 0; i < sizeof of_range / sizeof of_range[0]; i++)
        if (options_given(args, of_range[i]))
            mode = QUERY_RANGE;
    if (mode == QUERY_RANGE && options_given(args, "at")) {
        tm_why_write(&why, "--at asks for one moment, --from, --to and --step for many; leave out one");
        return command_fail(EXIT_USAGE, &why);
    }
    struct promql_request request = {.text = args->operands[0], .wants_stats = true};
    int code = query_promql_check(request.text, mode);
    if (code)
        return code;
    enum tm_err err = query_promql_times(args, mode, clock_wall_ms(clock_system()), &request, &why);
    if (!err)
        err = promql_ask(args, &request, &answer, &why);
    code = err ? command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why)
               : print_plan(args, &request, promql_answer_stats(answer), &why);
    promql_answer_free(answer);
    return code;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "show how an expression of PromQL is evaluated: plan, what is read, time by stage",
    .operands = "EXPRESSION",
    .details = "Evaluates the expression as `tidemark query` does, and prints no values but its tree, "
               "with the series and samples that each selector read and from which tier: raw, or "
               "rollups of 5m or 1h where raw samples are no longer kept.\n"
               "Where several threads read, the time of `read` is that of all, divided by their "
               "number.\n" OPTIONS_TIME,
    .examples = "tidemark explain 'sum by (service) (rate(http_requests_total[5m]))'\n"
                "tidemark explain 'avg_over_time(cpu[1h])' --from -90d --step 1h",
    .options = explain_options,
    .run = run_explain,
};
