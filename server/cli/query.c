/* `tidemark query`. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/plot.h"
#include "server/cli/query_exact.h"
#include "server/cli/query_print.h"
#include "server/cli/query_promql.h"
#include "server/cli/units.h"
#include "storage/model/when.h"

enum { TABLE_LIMIT = 20, PICTURE_WIDTH = 1200, PICTURE_HEIGHT = 600 };

static const struct option query_options[] = {
    {.name = "at", .argument = "TIME", .text = "evaluate the expression at this one instant (default now)"},
    {.name = "from", .argument = "TIME", .fallback = "-1h", .text = "first instant"},
    {.name = "to",
     .argument = "TIME",
     .fallback = "now",
     .text = "the instant behind the last one; of an expression the last one itself"},
    {.name = "step",
     .argument = "DURATION",
     .text = "evaluate the expression from --from to --to at each 15s, 1m, 1h ... (default: some 240 times); "
             "with --exact: one sum for each"},
    {.name = "tier",
     .argument = "raw|5m|1h",
     .fallback = "raw",
     .text = "samples as they were sent, or what is kept of each 5 minutes or hour"},
    {.name = "of",
     .argument = "avg|min|max|last|sum|count|increase",
     .fallback = "avg",
     .text = "what to show of each 5 minutes or hour; only with --tier 5m or 1h"},
    {.name = "format", .argument = "table|csv|json", .fallback = "table", .text = "how samples are printed"},
    {.name = "csv", .text = "the same as --format csv"},
    {.name = "limit",
     .argument = "N",
     .text = "show only the newest N samples of each series; 0: all (default 20 in a table, else 0)"},
    {.name = "plot",
     .argument = "[dumb|FILE.png|FILE.svg]",
     .text = "draw a chart instead: --plot in the terminal, --plot=FILE.png or --plot=FILE.svg as a picture"},
    {.name = "exact",
     .text = "counts and sums of events and tallies in integers, added up over the span and all labels"},
    {.name = "by", .argument = "LABEL,...", .text = "with --exact: one sum for each value of these labels"},
    SOURCE_OPTION_DATA_DIR,
    {0},
};

struct query {
    enum query_mode mode;
    struct source_request request;
    struct promql_request expression; /* but of QUERY_RAW */
    enum query_format format;
    size_t limit;
    bool is_plot;
    const char *picture; /* NULL: the terminal */
    struct plot_look look;
};

/* ---- settings ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcasecmp(text + len - end_len, end) == 0;
}

static enum tm_err read_span(const struct args *args, struct span *out, struct tm_why *why)
{
    static const char *const names[] = {"from", "to"};
    struct tm_why reason;
    time_ms_t now = clock_wall_ms(clock_system());
    time_ms_t *times[] = {&out->from, &out->to};
    for (int i = 0; i < 2; i++)
        if (when_parse(str_of(options_text(args, names[i])), now, times[i], &reason))
            return tm_fail(why, TM_INVALID, "--%s: %s", names[i], reason.text);
    if (out->from >= out->to)
        return tm_fail(why, TM_INVALID, "--from %s is not before --to %s; swap them or widen the span",
                       options_text(args, "from"), options_text(args, "to"));
    return TM_OK;
}

static enum tm_err read_format(const struct args *args, struct query *query, struct tm_why *why)
{
    static const char *const names[] = {
        [QUERY_TABLE] = "table",
        [QUERY_CSV] = "csv",
        [QUERY_JSON] = "json",
    };
    enum { COUNT = sizeof names / sizeof names[0] };
    const char *text = options_text(args, "format");
    bool is_json = options_given(args, "json");
    bool is_csv = options_given(args, "csv");
    int64_t limit = 0;
    size_t i = 0;
    while (i < COUNT && strcmp(names[i], text) != 0)
        i++;
    if (i == COUNT)
        return tm_fail(why, TM_INVALID, "--format is table, csv or json, not \"%s\"", text);
    if (is_json && options_given(args, "format") && i != QUERY_JSON)
        return tm_fail(why, TM_INVALID, "--json and --format %s contradict each other; leave out one", text);
    if (is_csv && (is_json || (options_given(args, "format") && i != QUERY_CSV)))
        return tm_fail(why, TM_INVALID, "--csv and %s contradict each other; leave out one",
                       is_json ? "--json" : "--format");
    query->format = is_json ? QUERY_JSON : is_csv ? QUERY_CSV : (enum query_format)i;
    enum tm_err err = options_number(args, "limit", 0, QUERY_LIMIT_MAX, &limit, why);
    query->limit = options_given(args, "limit")   ? (size_t)limit
                   : query->format == QUERY_TABLE ? TABLE_LIMIT
                                                  : 0;
    return err;
}

/* The terminal's size; 80 x 24 where there is none. The last line stays free for the prompt. */
static void measure_terminal(struct plot_look *look)
{
    enum { WIDTH = 80, HEIGHT = 24, WIDTH_MIN = 40, WIDTH_MAX = 400, HEIGHT_MIN = 12, HEIGHT_MAX = 60 };
    struct winsize size = {0};
    bool is_known = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    int width = is_known && size.ws_col ? size.ws_col : WIDTH;
    int height = is_known && size.ws_row ? size.ws_row : HEIGHT;
    look->width = (width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width) - 1;
    look->height = (height < HEIGHT_MIN ? HEIGHT_MIN : height > HEIGHT_MAX ? HEIGHT_MAX : height) - 2;
}

static enum tm_err read_plot(const struct args *args, struct query *query, struct tm_why *why)
{
    const char *to = options_text(args, "plot");
    query->is_plot = options_given(args, "plot");
    if (!query->is_plot)
        return TM_OK;
    if (options_given(args, "json") || options_given(args, "format") || options_given(args, "csv") ||
        options_given(args, "limit"))
        return tm_fail(why, TM_INVALID,
                       "--plot draws and prints no samples; leave out --json, --csv, --format, --limit");
    query->look = (struct plot_look){.width = PICTURE_WIDTH,
                                     .height = PICTURE_HEIGHT,
                                     .tier = query->request.tier,
                                     .asked = query->request.selector};
    if (!to || !*to || strcmp(to, "dumb") == 0) {
        query->look.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
        measure_terminal(&query->look);
        return TM_OK;
    }
    query->picture = to;
    query->look.kind = ends_with(to, ".svg") ? PLOT_SVG : PLOT_PNG;
    if (!ends_with(to, ".svg") && !ends_with(to, ".png"))
        return tm_fail(why, TM_INVALID, "--plot=%s: the name must end in .png or .svg, or be dumb", to);
    return TM_OK;
}

static enum tm_err read_field(const struct args *args, struct query *query, struct tm_why *why)
{
    const char *text = options_text(args, "of");
    if (options_given(args, "of") && strcmp(query->request.tier, "raw") == 0)
        return tm_fail(why, TM_INVALID,
                       "--of needs --tier 5m or 1h; samples as they were sent are one value each");
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (strcmp(source_field_name((enum source_field)i), text) == 0) {
            query->request.field = (enum source_field)i;
            return TM_OK;
        }
    return tm_fail(why, TM_INVALID, "--of is avg, min, max, last, sum, count or increase, not \"%s\"", text);
}

static enum tm_err read_query(const struct args *args, struct query *query, struct tm_why *why)
{
    const char *tier = options_text(args, "tier");
    if (strcmp(tier, "raw") != 0 && strcmp(tier, "5m") != 0 && strcmp(tier, "1h") != 0)
        return tm_fail(why, TM_INVALID, "--tier is raw, 5m or 1h, not \"%s\"", tier);
    query->request = (struct source_request){.selector = args->operands[0], .tier = tier};
    query->expression.text = args->operands[0];
    enum tm_err err = read_field(args, query, why);
    if (!err && query->mode == QUERY_RAW)
        err = read_span(args, &query->request.span, why);
    else if (!err)
        err = query_promql_times(args, query->mode, clock_wall_ms(clock_system()), &query->expression, why);
    if (query->mode != QUERY_RAW)
        query->request.span = (struct span){query->expression.start, query->expression.end + 1};
    if (!err)
        err = read_format(args, query, why);
    return err ? err : read_plot(args, query, why);
}

/* ---- running ---- */

static void say_nothing_found(const struct query *query)
{
    enum { TO_SECONDS = 19 };
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    fprintf(
        stderr,
        "tidemark: %s has no samples from %.*s to %.*s UTC; --from and --to set the span, `tidemark series` "
        "lists what there is\n",
        query->request.selector, TO_SECONDS, when_text(query->request.span.from, from), TO_SECONDS,
        when_text(query->request.span.to, to));
}

static enum tm_err print_samples(const struct args *args, const struct query *query, struct tm_why *why)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    struct query_print *print = query_print_new(query->format, query->limit, colour, stdout);
    if (!print)
        return tm_fail(why, TM_NOMEM, "out of memory");
    struct source_sink sink = query_print_sink(print);
    enum tm_err err = source_read(args, &query->request, &sink, why);
    if (!err)
        err = query_print_end(print, why);
    if (!err && !query_print_series(print))
        say_nothing_found(query);
    query_print_free(print);
    return err;
}

static enum tm_err draw(const struct query *query, const struct plot *plot, struct tm_why *why)
{
    struct bytes script = {0};
    char samples[UNITS_TEXT_BYTES];
    enum tm_err err = plot_script(plot, &query->look, &script, why);
    int fd = STDOUT_FILENO;
    if (!err && query->picture) {
        fd = open(query->picture, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
            err = tm_fail(why, TM_IO, "cannot write %s: %s", query->picture, strerror(errno));
    }
    if (!err)
        err = plot_run(bytes_view(&script), fd, why);
    if (!err && !query->picture)
        putchar('\n');
    if (fd >= 0 && fd != STDOUT_FILENO && close(fd) != 0 && !err)
        err = tm_fail(why, TM_IO, "cannot write %s: %s", query->picture, strerror(errno));
    if (err && fd >= 0 && query->picture)
        (void)unlink(query->picture);
    if (!err && query->picture)
        printf("%s: %d x %d, %zu series, %s samples\n", query->picture, query->look.width, query->look.height,
               plot->series_count, units_count((int64_t)plot->sample_total, samples));
    bytes_fini(&script);
    return err;
}

/* The answer's series, or a selector's samples, into sink. */
static enum tm_err read_series(const struct args *args, const struct query *query,
                               const struct source_sink *sink, struct tm_why *why)
{
    struct promql_answer *answer = NULL;
    if (query->mode == QUERY_RAW)
        return source_read(args, &query->request, sink, why);
    enum tm_err err = promql_ask(args, &query->expression, &answer, why);
    if (!err)
        err = promql_answer_series(answer, sink, why);
    promql_answer_free(answer);
    return err;
}

static enum tm_err plot_samples(const struct args *args, const struct query *query, struct tm_why *why)
{
    struct plot *plot = plot_new(query->request.span, (size_t)query->look.width);
    if (!plot)
        return tm_fail(why, TM_NOMEM, "out of memory");
    struct source_sink sink = plot_sink(plot);
    enum tm_err err = read_series(args, query, &sink, why);
    if (!err && !plot->series_count)
        say_nothing_found(query);
    else if (!err)
        err = draw(query, plot, why);
    plot_free(plot);
    return err;
}

/* --exact has its own words, and the others nothing of them. */
static enum tm_err check_exact(const struct args *args, struct tm_why *why)
{
    static const char *const exact[] = {"by"};
    static const char *const others[] = {"tier", "of", "limit", "plot", "at"};
    bool is_exact = options_given(args, "exact");
    for (size_t i = 0; i < sizeof exact / sizeof exact[0] && !is_exact; i++)
        if (options_given(args, exact[i]))
            return tm_fail(why, TM_INVALID, "--%s needs --exact", exact[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && is_exact; i++)
        if (options_given(args, others[i]))
            return tm_fail(why, TM_INVALID, "--exact counts, so --%s says nothing; leave it out", others[i]);
    return TM_OK;
}

static enum tm_err print_answer(const struct args *args, const struct query *query, struct tm_why *why)
{
    struct promql_answer *answer = NULL;
    enum tm_err err = promql_ask(args, &query->expression, &answer, why);
    if (!err)
        err = query_promql_print(answer, &query->expression, query->format, query->limit, why);
    promql_answer_free(answer);
    return err;
}

static enum tm_err check_operands(const struct args *args, struct tm_why *why)
{
    if (args->operand_count == 1)
        return check_exact(args, why);
    return tm_fail(why, TM_INVALID,
                   "one expression is needed, for example `tidemark query 'cpu{service=\"cart\"}'` or "
                   "`tidemark query 'avg by (service) (cpu)'`; put it in quotes");
}

static int run_query(const struct args *args)
{
    struct tm_why why = {0};
    struct query query = {.mode = QUERY_RAW};
    if (check_operands(args, &why))
        return command_fail(EXIT_USAGE, &why);
    int code = EXIT_OK;
    if (!options_given(args, "exact"))
        code = query_promql_mode(args, args->operands[0], &query.mode);
    if (code)
        return code;
    if (read_query(args, &query, &why))
        return command_fail(EXIT_USAGE, &why);
    if (options_given(args, "exact"))
        return query_exact_run(
            &(struct query_exact){args, query.request.selector, query.request.span, query.format});
    enum tm_err err = query.is_plot             ? plot_samples(args, &query, &why)
                      : query.mode == QUERY_RAW ? print_samples(args, &query, &why)
                                                : print_answer(args, &query, &why);
    if (!err)
        return EXIT_OK;
    (void)fflush(stdout);
    return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
}

const struct command query_command = {
    .name = "query",
    .summary = "evaluate PromQL, or list the samples of a selector; as a table, CSV, JSON or a chart",
    .operands = "EXPRESSION",
    .details =
        "A selector alone lists the samples that are stored of its series from --from to --to, "
        "as they were sent. With --step it is evaluated at each step, with --at at one instant, "
        "as PromQL does it: the newest sample of the last five minutes. Any other expression of "
        "PromQL is evaluated at --at (default now), or, with --from, --to, --step or --plot, "
        "over that range. --from -1h and the like begin at a multiple of the step.\n"
        "A selector is a metric's name, labels in braces, or both: cpu, "
        "cpu{service=\"cart\",pod!=\"a1\"}, {service=~\"cart|shop\"}.\n"
        "Counts are kept by 10 s: what --exact adds up are those 10 s that begin in the span.\n" OPTIONS_TIME,
    .examples = "tidemark query 'cpu{service=\"cart\"}' --from -6h\n"
                "tidemark query cpu --from 2026-11-01 --format csv > cpu.csv\n"
                "tidemark query cpu --from -7d --plot=cpu.png\n"
                "tidemark query 'topk(5, sum by (service) (rate(requests_total[5m])))'\n"
                "tidemark query 'avg by (service) (cpu)' --from -6h --step 5m --csv\n"
                "tidemark query 'cpu / same_time_last_week(cpu)' --from -1d --plot\n"
                "tidemark query http_events_total --exact --by status --step 1m",
    .options = query_options,
    .run = run_query,
};
