#include "server/daemon/arguments.h"

enum choice { CHOICE_CONFIG, CHOICE_CHECK, CHOICE_PRINT, CHOICE_HELP, CHOICE_VERSION, CHOICE_COUNT };

static const struct option options[CHOICE_COUNT + 1] = {
    [CHOICE_CONFIG] =
        {.name = "config",
         .letter = 'c',
         .argument = "FILE",
         .text = "read the configuration from FILE (YAML); without it all settings have their defaults"},
    [CHOICE_CHECK] = {.name = "check", .text = "check the configuration, print every fault, exit 0 or 1"},
    [CHOICE_PRINT] =
        {.name = "print-config",
         .text = "print every setting with value, bounds, default and meaning, as a configuration file"},
    [CHOICE_HELP] = {.name = "help", .letter = 'h', .text = "print this and exit"},
    [CHOICE_VERSION] = {.name = "version", .text = "print the version and exit"},
};

static const enum action actions[CHOICE_COUNT] = {
    [CHOICE_CONFIG] = ACTION_COUNT, /* says nothing on what to do */
    [CHOICE_CHECK] = ACTION_CHECK,  [CHOICE_PRINT] = ACTION_PRINT,
    [CHOICE_HELP] = ACTION_HELP,    [CHOICE_VERSION] = ACTION_VERSION,
};

const struct option *arguments_options(void)
{
    return options;
}

enum tm_err arguments_parse(int argc, char **argv, struct arguments *out, struct tm_why *why)
{
    *out = (struct arguments){.action = ACTION_RUN};
    for (int i = 1; i < argc; i++) {
        struct option_word word;
        enum tm_err err = option_read(options, "tidemarkd", argc, argv, &i, &word, why);
        if (err)
            return err;
        if (word.value)
            out->config_path = word.value;
        else
            out->action = actions[word.index];
    }
    return TM_OK;
}

void arguments_help(FILE *out)
{
    (void)fputs("usage: tidemarkd [-c FILE] [--check | --print-config]\n\n"
                "Runs the tidemark daemon in the foreground; logs to stderr.\n\noptions:\n",
                out);
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        option_print(&options[i], out);
    (void)fputs("\nSIGHUP reads the configuration again; SIGTERM and SIGINT stop cleanly.\n"
                "exit codes: 0 stopped, or nothing wrong, 1 failed, 2 wrong usage\n",
                out);
}
