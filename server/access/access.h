/* Who may do what: the configured keys with their scopes, for signed messages and for HTTP. Loop thread. */
#ifndef TM_ACCESS_H
#define TM_ACCESS_H

#include <stdbool.h>

#include "server/config/config.h"
#include "storage/model/str.h"

enum scope { SCOPE_READ, SCOPE_WRITE, SCOPE_ADMIN };

/* What a caller may do. Views into the configuration it came from. */
struct access {
    bool everything;              /* no keys are configured: loopback is trusted */
    const struct config_key *key; /* else the caller's key, NULL: unknown caller, may do nothing */
};

/* The caller when no credentials were given: everything where no keys are configured, else nothing. */
struct access access_anonymous(const struct config *config);

/* The key of this name, NULL if there is none. */
const struct config_key *access_find(const struct config *config, struct str name);

/* The caller behind an HTTP Authorization header ("Bearer SECRET" or "Basic base64(name:secret)"); anonymous
 * where the header is NULL. All keys are compared in constant time. Where no keys are configured, everything
 * is allowed to everybody. */
struct access access_of_header(const struct config *config, const char *authorization);

/* May the caller do this at all? For SCOPE_WRITE: to at least one service. admin includes read and write. */
bool access_allows(const struct access *access, enum scope scope);

/* May the caller write lines of this service? */
bool access_allows_service(const struct access *access, struct str service);

/* Does it write without regard to the service (so that the question above needs no asking)? */
bool access_writes_all(const struct access *access);

#endif
