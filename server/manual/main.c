/* make-manual DIR: writes DIR/man1, man5, man8 and completions, which are there. Run by the Makefile; not
 * installed. */
#include <errno.h>
#include <string.h>

#include "reports/arguments.h"
#include "server/daemon/arguments.h"
#include "server/manual/completion.h"
#include "server/manual/pages.h"

static void complete_tidemark(FILE *out)
{
    completion_commands("tidemark", command_all(), out);
}

static void complete_daemon(FILE *out)
{
    completion_options("tidemarkd", arguments_options(), out);
}

static void complete_report(FILE *out)
{
    completion_options("tidemark-report", report_options(), out);
}

static void overview(FILE *out)
{
    page_overview(command_all(), out);
}

static const struct {
    const char *path;
    void (*write)(FILE *out);
} files[] = {
    {.path = "man1/tidemark.1", .write = overview},
    {.path = "man5/tidemark.yaml.5", .write = page_config},
    {.path = "man8/tidemarkd.8", .write = page_daemon},
    {.path = "man8/tidemark-report.8", .write = page_report},
    {.path = "completions/tidemark", .write = complete_tidemark},
    {.path = "completions/tidemarkd", .write = complete_daemon},
    {.path = "completions/tidemark-report", .write = complete_report},
};

static FILE *create(const char *dir, const char *path, const char *name)
{
    char whole[4096];
    int len = snprintf(whole, sizeof whole, "%s/%s%s%s", dir, path, name, *name ? ".1" : "");
    FILE *out = len > 0 && (size_t)len < sizeof whole ? fopen(whole, "we") : NULL;
    if (!out)
        (void)fprintf(stderr, "make-manual: cannot write %s: %s\n", whole, strerror(errno));
    return out;
}

/* True if all that was printed is in the file. */
static bool finish(FILE *out)
{
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return true;
    (void)fprintf(stderr, "make-manual: cannot write: %s\n", strerror(errno));
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: make-manual DIR\n", stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *out = create(argv[1], files[i].path, "");
        if (!out)
            return EXIT_FAILED;
        files[i].write(out);
        if (!finish(out))
            return EXIT_FAILED;
    }
    for (const struct command *const *command = command_all(); *command; command++) {
        FILE *out = create(argv[1], "man1/tidemark-", (*command)->name);
        if (!out)
            return EXIT_FAILED;
        page_command(*command, out);
        if (!finish(out))
            return EXIT_FAILED;
    }
    return EXIT_OK;
}
