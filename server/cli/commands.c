#include "server/cli/command.h"

/* In the order in which they are listed: what sends, what asks, what keeps house. */
static const struct command *const commands[] = {
    // clang-format off
    &push_command,
    &import_command,
    &deploy_command,
    &marker_command,
    &query_command,
    &explain_command,
    &series_command,
    &events_command,
    &top_command,
    &exceptions_command,
    &anomalies_command,
    &incidents_command,
    &verdict_command,
    &diff_command,
    &report_command,
    &score_command,
    &status_command,
    &delete_command,
    &backup_command,
    &verify_command,
    &bench_command,
    NULL,
    // clang-format on
};

const struct command *const *command_all(void)
{
    return commands;
}
