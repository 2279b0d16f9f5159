/* Calendar files as markers. Each time of an event becomes one marker, known by the event's UID, so that the
 * same file again changes nothing, and a file that changed moves, adds and takes away. */
#ifndef TM_CLI_ICS_IMPORT_H
#define TM_CLI_ICS_IMPORT_H

#include "server/cli/options.h"

/* Runs `tidemark marker --ics FILE`, with --service, --env, --kind, --class, --timezone and --to. Returns the
 * exit code. It sets the process's zone meanwhile: one thread. */
int ics_import(const struct args *args);

#endif
