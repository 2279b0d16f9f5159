/* The subcommands, and how one is found and run. */
#ifndef TM_CLI_COMMAND_H
#define TM_CLI_COMMAND_H

#include "server/cli/options.h"

struct http;

/* Each in the file of its name. */
extern const struct command push_command;
extern const struct command status_command;
extern const struct command bench_command;
extern const struct command delete_command;
extern const struct command deploy_command;
extern const struct command exceptions_command;
extern const struct command marker_command;
extern const struct command query_command;
extern const struct command explain_command;
extern const struct command series_command;
extern const struct command report_command;
extern const struct command verify_command;
extern const struct command backup_command;
extern const struct command import_command;
extern const struct command events_command;
extern const struct command top_command;
extern const struct command score_command;
extern const struct command verdict_command;
extern const struct command anomalies_command;
extern const struct command incidents_command;
extern const struct command diff_command;

/* All of them, in the order in which they are listed; ends with NULL. Static. */
const struct command *const *command_all(void);

/* Runs argv[1] with the words behind it, or prints help or version. commands ends with NULL. Returns the exit
 * code. Usage errors: one sentence on stderr. */
int command_main(const struct command *const *commands, int argc, char **argv);

/* Prints `tidemark: WHY` on stderr and returns code. */
int command_fail(int code, const struct tm_why *why);

/* A key file's content. */
struct key {
    char name[129];
    char secret[257];
};

/* Reads --key-file: `NAME SECRET` on one line. The file must not be readable by others than its owner.
 * Without the option *out is empty (name ""). */
enum tm_err command_key(const struct args *args, struct key *out, struct tm_why *why) TM_MUST_CHECK;

/* Connects to the daemon by --server and --key-file. TM_INVALID: the address is none; TM_IO with the key
 * file; else as http_open. */
enum tm_err command_connect(const struct args *args, struct http **out, struct tm_why *why) TM_MUST_CHECK;

/* --server, TIDEMARK_SERVER, or the default. */
const char *command_server(const struct args *args);

#endif
