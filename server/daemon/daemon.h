/* The daemon: puts the parts together and drives them from one libuv loop. */
#ifndef TM_DAEMON_H
#define TM_DAEMON_H

#include "server/config/config.h"

/* Runs until SIGTERM or SIGINT. config_path may be NULL (all defaults); config is taken over. Prints the
 * ready line on stdout, logs to stderr. Returns the exit code. */
int daemon_run(const char *config_path, struct config *config);

#endif
