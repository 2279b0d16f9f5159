/* Inside the client library: its struct, and what the command line needs beyond tidemark.h. */
#ifndef TM_CLIENT_CLIENT_H
#define TM_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/client/message.h"
#include "server/client/spool.h"
#include "server/client/tidemark.h"
#include "server/client/transport.h"
#include "server/wire/reply.h"
#include "storage/model/clock.h"

enum {
    CLIENT_TIMEOUT_MS = 5000,
    CLIENT_TRIES = 3,
    CLIENT_SPOOL_BYTES = 256 << 20,
    CLIENT_MESSAGE_BYTES = 1 << 20
};

/* What became of the batches of this client's own epoch; batches an earlier run left in the spool are not in
 * these sums. */
struct client_totals {
    uint64_t accepted;   /* lines */
    uint64_t rejected;   /* lines */
    uint64_t duplicates; /* batches the daemon had already */
    uint64_t refused;    /* batches refused for good */
    uint64_t tries;      /* messages sent, first tries and repeats */
    uint64_t busy;       /* answers that asked to wait */
};

/* Invariants: 1. seq n is used for one batch only, whose bytes do not change any more once it is sealed. 2. A
 * batch is sent only when every batch before it is settled, refused, or (spooled) sent before. 3. sealed_seq
 * is 0 exactly if there is no sealed batch. */
struct tide_client {
    char *producer;
    char *key_name;
    char *key_secret;
    size_t max_message_bytes;
    int timeout_ms;
    int max_tries;
    bool compress;
    enum precision precision;
    const struct clock *clock;
    struct transport transport;
    struct spool *spool; /* NULL: none */
    uint64_t epoch;
    uint64_t next_seq;
    struct bytes batch;  /* open: takes lines */
    struct bytes sealed; /* tried, neither settled nor on disk */
    uint64_t sealed_seq;
    int64_t not_before_ns; /* the daemon asked to send nothing before; clock's mono_ns */
    uint64_t last_seq;     /* of the batch that tide_push dealt with last */
    struct bytes packed;
    struct bytes wire;
    struct bytes answer_text;
    struct bytes spooled_file;
    struct reply reply; /* to the batch acknowledged last, line numbers as on the wire (header = 1) */
    struct tide_answer answer;
    struct client_totals totals;
    struct tm_why why;       /* of the last failure of this call */
    struct tm_why aside_why; /* why a spooled batch was set aside last */
};

/* As tide_open, with a transport (taken: closed by tide_close or on failure) and clock of the caller's. why
 * gets the reason of a failure and may be NULL. */
enum tide_result client_open(const struct tide_options *options, struct transport *transport,
                             const struct clock *clock, struct tide_client **out, struct tm_why *why);
/* tide_open with a reason. */
enum tide_result client_open_url(const struct tide_options *options, struct tide_client **out,
                                 struct tm_why *why);

/* One message, sent at most max_tries times within deadline_ns of the client's clock (INT64_MAX: none) under
 * the same seq until the daemon has settled or refused it. TM_OK: settled, client->reply and answer are set.
 * TM_FORBIDDEN: refused for good. TM_BUSY: no answer, or asked to wait. TM_NOMEM. The reason is in
 * client->why. */
enum tm_err client_send(struct tide_client *client, const struct message *message, int max_tries,
                        int64_t deadline_ns) TM_MUST_CHECK;

/* Sends what is spooled, oldest first, until the spool is empty (TM_OK) or one batch gets no answer (TM_BUSY)
 * or can't be read (TM_IO, TM_NOMEM). Refused and damaged ones are set aside; *aside_count grows by them. */
enum tm_err client_drain(struct tide_client *client, int64_t deadline_ns, size_t *aside_count) TM_MUST_CHECK;

static inline const struct client_totals *client_totals(const struct tide_client *client)
{
    return &client->totals;
}

#endif
