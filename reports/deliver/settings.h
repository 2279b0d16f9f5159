/* What delivery needs to know, as one JSON document that the daemon gives on a descriptor: the URLs of
 * webhooks are secrets and stand in no command line. */
#ifndef TM_REPORTS_DELIVER_SETTINGS_H
#define TM_REPORTS_DELIVER_SETTINGS_H

#include <stdint.h>

#include "reports/deliver/ledger.h"
#include "storage/model/err.h"

enum { SETTINGS_RECEIVERS_MAX = 10000 };

struct receiver {
    const char *to;      /* http://, https:// or mailto: */
    const char *service; /* whose reports it gets; NULL: all */
    char id[LEDGER_ID_BYTES];
};

/* Texts are views into the document. */
struct deliver_settings {
    struct json_t *document;
    const char *url; /* where readers reach the daemon, for links; "" : none are made */
    const char *mail_server, *mail_from, *mail_user;
    const char *mail_password_file;
    int64_t timeout_ms; /* of one message, connecting included */
    struct receiver *receivers;
    size_t receiver_count;
};

/* Reads {"url","timeout_ms","mail":{"server","from","user","password_file"},"receivers":[{"to","service"}]}.
 * TM_INVALID, TM_LIMIT, TM_NOMEM; to be closed then too. */
enum tm_err settings_parse(struct str text, struct deliver_settings *out, struct tm_why *why) TM_MUST_CHECK;
/* Frees it, and with it all views; zeroed then. */
void settings_close(struct deliver_settings *settings);

#endif
