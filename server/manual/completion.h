/* Completion of command lines in bash: commands, options, the words an option or a command takes, files and
 * folders. The script needs nothing but bash. */
#ifndef TM_MANUAL_COMPLETION_H
#define TM_MANUAL_COMPLETION_H

#include "server/cli/command.h"

/* The script of a program with subcommands; commands ends with NULL. Errors stay in out (ferror). */
void completion_commands(const char *program, const struct command *const *commands, FILE *out);

/* The script of a program with options alone; options ends with a NULL name. */
void completion_options(const char *program, const struct option *options, FILE *out);

#endif
