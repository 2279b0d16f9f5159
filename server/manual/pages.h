/* The pages of the manual. What they say on options, exit codes and settings comes from the tables that the
 * programs themselves work by. */
#ifndef TM_MANUAL_PAGES_H
#define TM_MANUAL_PAGES_H

#include "server/cli/command.h"

/* tidemark-NAME(1), of a subcommand. Errors stay in out (ferror), in all of these. */
void page_command(const struct command *command, FILE *out);

/* tidemark(1): what the subcommands have in common, and their list. */
void page_overview(const struct command *const *commands, FILE *out);

/* tidemarkd(8). */
void page_daemon(FILE *out);

/* tidemark-report(8), the program; tidemark-report(1) is the subcommand. */
void page_report(FILE *out);

/* tidemark.yaml(5): every setting. */
void page_config(FILE *out);

#endif
