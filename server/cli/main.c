/* The tidemark command: the list of its subcommands. */
#include "server/cli/command.h"

static const struct command *const commands[] = {
    // clang-format off
    &push_command,
    &import_command,
    &query_command,
    &explain_command,
    &series_command,
    &events_command,
    &top_command,
    &verdict_command,
    &anomalies_command,
    &incidents_command,
    &diff_command,
    &score_command,
    &status_command,
    &bench_command,
    &report_command,
    &verify_command,
    &deploy_command,
    &exceptions_command,
    &marker_command,
    &delete_command,
    &backup_command,
    NULL,
    // clang-format on
};

int main(int argc, char **argv)
{
    return command_main(commands, argc, argv);
}
