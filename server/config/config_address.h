/* Listener addresses: host:port for HTTP; tcp://host:port and ipc://path for nanomsg. */
#ifndef TM_CONFIG_ADDRESS_H
#define TM_CONFIG_ADDRESS_H

#include "server/config/config.h"

/* A path of a Unix socket is at most this long. */
enum { ADDRESS_IPC_PATH_MAX = 107 };

/* Is this host:port? TM_INVALID: why quotes it and says how to write it. */
enum tm_err address_check_http(const char *address, struct tm_why *why) TM_MUST_CHECK;

/* Is this tcp:// with an IP address or *, or ipc:// with a path? TM_INVALID likewise; ws:// too. The length
 * of a path is not looked at, since DATA_DIR may stand in it. */
enum tm_err address_check_nanomsg(const char *address, struct tm_why *why) TM_MUST_CHECK;

/* The path of an ipc:// address, else NULL. A view into address. */
const char *address_ipc_path(const char *address);

/* Would these two, each well-formed, bind the same socket? Port 0 never does. */
bool address_equal(const char *a, const char *b);

#endif
