#include "reports/arguments.h"

static const struct option options[REPORT_OPTION_COUNT + 1] = {
    [REPORT_DATA_DIR] = {.name = "data-dir",
                         .argument = "DIR",
                         .text = "the data folder; it has to be named"},
    [REPORT_OUT] = {.name = "out", .argument = "DIR", .text = "where reports go (default DATA_DIR/reports)"},
    [REPORT_WEEK] = {.name = "week",
                     .argument = "WEEK",
                     .text = "the ISO week, like 2026-W47 (default: the last one that is over)"},
    [REPORT_SERVICE] = {.name = "service", .argument = "NAME", .text = "the report of this service alone"},
    [REPORT_ENV] = {.name = "env", .argument = "NAME", .text = "the report of this environment alone"},
    [REPORT_FROM] =
        {.name = "from",
         .argument = "TIME",
         .text = "a part of the week, or seven days at most, from then on; its report lies below @spans"},
    [REPORT_TO] = {.name = "to", .argument = "TIME", .text = "and up to then"},
    [REPORT_ZONE] = {.name = "zone", .argument = "ZONE", .fallback = "UTC", .text = "in which weeks begin"},
    [REPORT_LANGUAGE] = {.name = "language", .argument = "en|ko", .fallback = "en", .text = "of the reports"},
    [REPORT_FORMATS] = {.name = "formats",
                        .argument = "LIST",
                        .fallback = "html,md,csv,json",
                        .text = "which files a report consists of"},
    [REPORT_OWNER] = {.name = "owner",
                      .argument = "SERVICE=NAME",
                      .text = "who owns a service; may be given more than once"},
    [REPORT_DUE] = {.name = "due",
                    .argument = "WHEN",
                    .text = "only if the report of the last such moment is missing, like 'Mon 07:00'"},
    [REPORT_DELIVER] = {.name = "deliver",
                        .text =
                            "send what receivers of reports have not yet; they are read from stdin, as JSON"},
    [REPORT_JOB] = {.name = "job", .text = "tell progress and result as the daemon reads them"},
    [REPORT_HELP] = {.name = "help", .text = "print this and exit"},
    [REPORT_VERSION] = {.name = "version", .text = "print the version and exit"},
};

const struct option *report_options(void)
{
    return options;
}

void report_help(FILE *out)
{
    (void)fputs("usage: tidemark-report --data-dir DIR [options]\n\n", out);
    option_print_text(
        "Makes the weekly exception report of each service, or of one, from a data folder, at rest or "
        "beside its daemon. Reports that did not change are left as they are.",
        0, 0, out);
    (void)fputs("\n\noptions:\n", out);
    for (size_t i = 0; i < REPORT_OPTION_COUNT; i++)
        option_print(&options[i], out);
    (void)fputs("\nexit codes: 0 made, 1 failed, 2 wrong usage\n", out);
}
