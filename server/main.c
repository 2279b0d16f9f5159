/* tidemarkd: the command line of the daemon. */
#include <stdio.h>
#include <string.h>

#include "server/config/config.h"
#include "server/daemon/daemon.h"
#include "server/gate/frame.h"
#include "server/job/job.h"

static const char usage[] =
    "usage: tidemarkd [-c FILE] [--check | --print-config]\n"
    "\n"
    "Runs the tidemark daemon in the foreground; logs to stderr.\n"
    "\n"
    "  -c, --config FILE  read the configuration from FILE (YAML); none: all defaults\n"
    "      --check        check the configuration, print every fault, exit 0 or 1\n"
    "      --print-config print every setting with value, bounds, default and meaning\n"
    "      --version      print the version\n"
    "      --help         this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM and SIGINT stop cleanly.\n";

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT, ACTION_HELP, ACTION_VERSION, ACTION_WRONG };

struct arguments {
    enum action action;
    const char *config_path;
};

static enum action wrong(const char *what, const char *which)
{
    (void)fprintf(stderr, "tidemarkd: %s \"%s\"; see tidemarkd --help\n", what, which);
    return ACTION_WRONG;
}

static struct arguments parse_arguments(int argc, char **argv)
{
    static const struct {
        const char *flag;
        enum action action;
    } flags[] = {{"--check", ACTION_CHECK},
                 {"--print-config", ACTION_PRINT},
                 {"--help", ACTION_HELP},
                 {"-h", ACTION_HELP},
                 {"--version", ACTION_VERSION}};
    struct arguments out = {ACTION_RUN, NULL};
    for (int i = 1; i < argc && out.action != ACTION_WRONG; i++) {
        bool known = false;
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) {
            known = true;
            if (i + 1 < argc)
                out.config_path = argv[++i];
            else
                out.action = wrong("a file name is missing after", argv[i]);
        }
        for (size_t j = 0; !known && j < sizeof flags / sizeof flags[0]; j++) {
            if (strcmp(argv[i], flags[j].flag) == 0) {
                known = true;
                out.action = flags[j].action;
            }
        }
        if (!known)
            out.action = wrong("does not know", argv[i]);
    }
    return out;
}

/* The configuration that was asked for; NULL after its faults were printed. */
static struct config *load(const char *path, FILE *faults_to)
{
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    enum tm_err err =
        path ? config_load(path, &config, &faults) : config_parse(STR(""), "defaults", &config, &faults);
    if (err == TM_OK)
        return config;
    if (faults.count)
        config_faults_print(&faults, path ? path : "defaults", faults_to);
    else
        (void)fprintf(stderr, "tidemarkd: cannot read the configuration: %s\n", tm_err_text(err));
    return NULL;
}

static int run(const struct arguments *arguments)
{
    /* The faults are what --check is asked for, so they are its output. */
    struct config *config = load(arguments->config_path, arguments->action == ACTION_CHECK ? stdout : stderr);
    if (!config)
        return 1;
    if (arguments->action == ACTION_RUN)
        return daemon_run(arguments->config_path, config);
    if (arguments->action == ACTION_PRINT)
        config_print(config, stdout);
    else
        (void)printf("%s: ok\n", arguments->config_path ? arguments->config_path : "defaults");
    config_free(config);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--gate") == 0)
        return gate_run(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "--job") == 0)
        return job_run(argc - 2, argv + 2);
    struct arguments arguments = parse_arguments(argc, argv);
    switch (arguments.action) {
    case ACTION_WRONG:
        return 2;
    case ACTION_HELP:
        (void)fputs(usage, stdout);
        return 0;
    case ACTION_VERSION:
        (void)puts("tidemarkd " TIDEMARK_VERSION);
        return 0;
    case ACTION_RUN:
    case ACTION_CHECK:
    case ACTION_PRINT:
        break;
    }
    return run(&arguments);
}
