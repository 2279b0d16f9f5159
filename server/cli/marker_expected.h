/* `tidemark marker expected ID`: what a planned event is expected to bring. */
#ifndef TM_CLI_MARKER_EXPECTED_H
#define TM_CLI_MARKER_EXPECTED_H

#include "server/cli/options.h"

/* Asks the daemon for the curve of the event with this id (16 hex digits), with --match and --step, and
 * prints it as a chart of lines. Returns the exit code. */
int marker_expected(const struct args *args, const char *id);

#endif
