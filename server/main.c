/* tidemarkd: the command line of the daemon. */
#include <stdio.h>
#include <string.h>

#include "server/config/config.h"
#include "server/daemon/arguments.h"
#include "server/daemon/daemon.h"
#include "server/gate/frame.h"
#include "server/job/job.h"

enum { EXIT_USAGE = 2 };

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
    struct arguments arguments;
    struct tm_why why = {0};
    if (arguments_parse(argc, argv, &arguments, &why)) {
        (void)fprintf(stderr, "tidemarkd: %s\n", why.text);
        return EXIT_USAGE;
    }
    switch (arguments.action) {
    case ACTION_HELP:
        arguments_help(stdout);
        return 0;
    case ACTION_VERSION:
        (void)puts("tidemarkd " TIDEMARK_VERSION);
        return 0;
    default:
        return run(&arguments);
    }
}
