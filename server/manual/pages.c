#include "server/manual/pages.h"

#include <string.h>

#include "reports/arguments.h"
#include "server/daemon/arguments.h"
#include "server/manual/roff.h"

static void print_options(const struct option *options, FILE *out)
{
    for (; options->name; options++)
        roff_option(options, out);
}

/* Lines "CODE what it means". */
static void print_exits(const char *exits, FILE *out)
{
    roff_section("EXIT STATUS", out);
    while (*exits) {
        char code[8], text[256];
        size_t len = strcspn(exits, "\n"), code_len = strcspn(exits, " \n");
        (void)snprintf(code, sizeof code, "%.*s", (int)code_len, exits);
        (void)snprintf(text, sizeof text, "%.*s", (int)(len - code_len), exits + code_len);
        roff_entry(code, text + (text[0] == ' '), out);
        exits += len + (exits[len] == '\n');
    }
}

struct page_name {
    const char *name;
    int section;
};

/* names ends with a NULL name. */
static void print_see_also(const struct page_name *names, FILE *out)
{
    roff_section("SEE ALSO", out);
    for (size_t i = 0; names[i].name; i++) {
        roff_bold(names[i].name, out);
        (void)fprintf(out, "(%d)%s\n", names[i].section, names[i + 1].name ? "," : "");
    }
}

static bool mentions(const struct command *command, const struct command *other)
{
    char words[64];
    (void)snprintf(words, sizeof words, "`tidemark %s", other->name);
    if (command->details && strstr(command->details, words))
        return true;
    for (const struct option *option = command->options; option && option->name; option++)
        if (strstr(option->text, words))
            return true;
    return false;
}

/* The commands whose texts name one another. */
static void print_related(const struct command *command, FILE *out)
{
    enum { RELATED_MAX = 24 };
    struct page_name names[RELATED_MAX + 1] = {{"tidemark", 1}};
    static char texts[RELATED_MAX][64];
    size_t count = 1;
    const struct command *const *all = command_all();
    for (size_t i = 0; all[i] && count + 2 < RELATED_MAX; i++) {
        if (all[i] == command || !(mentions(command, all[i]) || mentions(all[i], command)))
            continue;
        (void)snprintf(texts[count], sizeof texts[count], "tidemark-%s", all[i]->name);
        names[count] = (struct page_name){texts[count], 1};
        count++;
    }
    names[count++] = (struct page_name){"tidemarkd", 8};
    if (strcmp(command->name, "report") == 0)
        names[count] = (struct page_name){"tidemark-report", 8};
    print_see_also(names, out);
}

/* A line for each of the ways to call it, which " | " divides where it is in no brackets. */
static void print_ways(const struct command *command, FILE *out)
{
    const char *operands = command->operands ? command->operands : "";
    const char *end = strchr(operands, '[') ? NULL : strstr(operands, " | ");
    for (bool is_first = true;;
         is_first = false, operands = end + strlen(" | "), end = strstr(operands, " | ")) {
        char way[128];
        (void)snprintf(way, sizeof way, "%.*s", (int)(end ? (size_t)(end - operands) : strlen(operands)),
                       operands);
        (void)fprintf(out, "%s\\fBtidemark %s\\fR [\\fIoptions\\fR] ", is_first ? "" : ".br\n",
                      command->name);
        roff_argument(way, out);
        (void)fputc('\n', out);
        if (!end)
            return;
    }
}

void page_command(const struct command *command, FILE *out)
{
    char name[64];
    const struct option *option;
    (void)snprintf(name, sizeof name, "tidemark-%s", command->name);
    roff_page(name, 1, command->summary, out);
    roff_section("SYNOPSIS", out);
    print_ways(command, out);
    if (command->details) {
        roff_section("DESCRIPTION", out);
        roff_paragraphs(command->details, out);
    }
    roff_section("OPTIONS", out);
    for (size_t i = 0; (option = options_shown(command, i)); i++)
        roff_option(option, out);
    print_exits(command->exits ? command->exits : OPTIONS_EXITS, out);
    if (command->examples) {
        roff_section("EXAMPLES", out);
        roff_lines(command->examples, out);
    }
    print_related(command, out);
}

/* ---- programs ---- */

struct entry {
    const char *term;
    const char *text;
};

/* entries ends with a NULL term. */
static void print_entries(const char *title, const struct entry *entries, FILE *out)
{
    roff_section(title, out);
    for (; entries->term; entries++)
        roff_entry(entries->term, entries->text, out);
}

void page_overview(const struct command *const *commands, FILE *out)
{
    static const struct entry environment[] = {
        {"TIDEMARK_SERVER",
         "The daemon that is asked where --server is not given; else http://127.0.0.1:9700."},
        {0},
    };
    static const struct entry files[] = {
        {"KEY_FILE",
         "What --key-file names: `NAME SECRET` on one line, readable by its owner only (chmod 600). "
         "NAME and SECRET are those of a key in the daemon's auth.keys."},
        {0},
    };
    static const struct page_name see[] = {{"tidemarkd", 8}, {"tidemark.yaml", 5}, {0}};
    roff_page("tidemark", 1, "send measurements to a tidemark daemon and ask it what it knows", out);
    roff_section("SYNOPSIS", out);
    (void)fputs("\\fBtidemark\\fR \\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIoperands\\fR]\n", out);
    roff_section("DESCRIPTION", out);
    roff_paragraphs(
        "Metrics, HTTP events, exceptions, tallies and markers go in; samples, counts, anomalies, "
        "incidents, verdicts of deploys and reports come out. What was acknowledged is on the daemon's "
        "disk and counts once.\n"
        "Results go to standard output, as a table for people or, with --json, as one JSON document. "
        "Errors go to standard error, as one sentence that says what to do. Progress and colour appear "
        "on a terminal only. Options may stand before and behind operands; -- ends them.",
        out);
    roff_section("COMMANDS", out);
    for (size_t i = 0; commands[i]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "tidemark-%s(1)", commands[i]->name);
        roff_entry(name, commands[i]->summary, out);
    }
    roff_section("OPTIONS", out);
    (void)fputs("Every command has these.\n", out);
    print_options(options_global(), out);
    print_exits(OPTIONS_EXITS, out);
    print_entries("ENVIRONMENT", environment, out);
    print_entries("FILES", files, out);
    roff_section("EXAMPLES", out);
    roff_lines("echo 'cpu,service=cart value=0.93' | tidemark push\n"
               "tidemark query 'cpu{service=\"cart\"}' --from -6h --plot\n"
               "tidemark deploy --service cart --version 1.8.4\n"
               "tidemark verdict --service cart --version 1.8.4 --wait 10m",
               out);
    print_see_also(see, out);
}

void page_daemon(FILE *out)
{
    static const struct entry signals[] = {
        {"SIGTERM, SIGINT", "Intake stops, what is under way becomes durable and is answered, exit 0."},
        {"SIGHUP",
         "The configuration is read again. A bad one is refused whole and the old one stays; some settings "
         "need a restart, `--print-config` says which."},
        {0},
    };
    static const struct entry files[] = {
        {"/etc/tidemark/tidemark.yaml",
         "The configuration that the service starts with; see tidemark.yaml(5)."},
        {"DATA_DIR",
         "All data: journal, index, an LMDB environment for each day. One daemon at a time writes to it; "
         "tidemark's commands with --data-dir read it beside the daemon."},
        {"DATA_DIR/run", "The ipc:// sockets."},
        {"DATA_DIR/reports", "Weekly reports, if reports.dir names no other folder."},
        {0},
    };
    static const struct page_name see[] = {
        {"tidemark", 1}, {"tidemark.yaml", 5}, {"tidemark-report", 8}, {0}};
    roff_page("tidemarkd", 8, "time-series storage and anomaly scoring server", out);
    roff_section("SYNOPSIS", out);
    (void)fputs("\\fBtidemarkd\\fR [\\fB\\-c\\fR \\fIFILE\\fR] [\\fB\\-\\-check\\fR | "
                "\\fB\\-\\-print\\-config\\fR]\n",
                out);
    roff_section("DESCRIPTION", out);
    roff_paragraphs(
        "Takes metrics, HTTP events, exceptions, tallies and markers over nanomsg and HTTP, stores them, "
        "scores what is unusual, judges deploys and answers queries (PromQL and its own). It runs in the "
        "foreground and logs to standard error.\n"
        "Once every listener is bound and what the journal holds is recovered it prints one line on "
        "standard output:\n"
        "  ready http=127.0.0.1:9700 ingest_rep=tcp://127.0.0.1:9701 ...\n"
        "A batch is acknowledged when it is on the disk: it survives kill -9 and loss of power.\n"
        "Without keys (auth.keys) whoever reaches a listener may do everything; listeners that other "
        "machines reach need keys, or `insecure: true`.",
        out);
    roff_section("OPTIONS", out);
    print_options(arguments_options(), out);
    print_exits("0 stopped by a signal; --check: nothing is wrong\n1 failed; --check: there are faults\n2 "
                "wrong usage",
                out);
    print_entries("SIGNALS", signals, out);
    print_entries("FILES", files, out);
    roff_section("EXAMPLES", out);
    roff_lines("tidemarkd --print-config > tidemark.yaml\ntidemarkd -c tidemark.yaml --check\n"
               "tidemarkd -c tidemark.yaml\ncurl http://127.0.0.1:9700/-/ready",
               out);
    print_see_also(see, out);
}

void page_report(FILE *out)
{
    static const struct entry files[] = {
        {"OUT/SERVICE/2026-W47/exceptions_SERVICE_2026-W47.html",
         "The report of a service (SERVICE@ENV with an environment), likewise .md, .csv and .json; earlier "
         "revisions "
         "in rev/."},
        {"OUT/index/2026-W47.html", "The list of a week's reports."},
        {0},
    };
    static const struct page_name see[] = {
        {"tidemark-report", 1}, {"tidemarkd", 8}, {"tidemark.yaml", 5}, {0}};
    roff_page("tidemark-report", 8, "make the weekly exception reports of a data folder", out);
    roff_section("SYNOPSIS", out);
    (void)fputs("\\fBtidemark\\-report \\-\\-data\\-dir\\fR \\fIDIR\\fR [\\fIoptions\\fR]\n", out);
    roff_section("DESCRIPTION", out);
    roff_paragraphs(
        "Makes the report of a week for each service, or for one, from a data folder, at rest or beside "
        "its daemon: what broke, what is new, what came back, which deploy did it and what to do first. "
        "Reports that did not change are left as they are; what did becomes a new revision. The daemon "
        "and `tidemark report` run it; it prints one JSON document.\n" OPTIONS_TIME,
        out);
    roff_section("OPTIONS", out);
    print_options(report_options(), out);
    print_exits("0 made\n1 failed\n2 wrong usage", out);
    print_entries("FILES", files, out);
    roff_section("EXAMPLES", out);
    roff_lines("tidemark-report --data-dir /var/lib/tidemark --week 2026-W47 --out .", out);
    print_see_also(see, out);
}
