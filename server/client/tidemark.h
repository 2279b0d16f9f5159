/* libtidemark: push metrics, events and deploy markers to a tidemark daemon, and know that they are on its
 * disk.
 *
 * A client gathers lines into a batch and pushes it. tide_push() returns TIDE_OK only after the daemon has
 * answered that the batch is durable. If the daemon can't be reached or asks to wait, the batch is kept in
 * the spool (a bounded file queue in a folder of the caller's) and sent again under the same sequence number,
 * so that nothing is lost and nothing counts twice.
 *
 * Threads: one client is used by one thread at a time; several clients in several threads are fine (each
 * needs its own producer name and spool folder). The library starts no threads but nanomsg's own. It never
 * calls exit, never writes to stdout or stderr, and touches no signal handlers. Not safe to use after fork()
 * in the child. */
#ifndef TIDEMARK_H
#define TIDEMARK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a program built against an older header would no longer run. */
#define TIDE_ABI 1

#ifndef TIDE_API
#define TIDE_API __attribute__((visibility("default")))
#endif

/* The ABI number of the library that is linked; compare with TIDE_ABI. */
TIDE_API int tide_abi(void);
/* "0.1.0". Static. */
TIDE_API const char *tide_version(void);

enum tide_result {
    TIDE_OK = 0,
    TIDE_SPOOLED,   /* not acknowledged yet: kept on disk, tide_flush() or the next push sends it */
    TIDE_REJECTED,  /* the daemon refused the whole batch for good; tide_error() says why */
    TIDE_TOO_LARGE, /* over max_message_bytes: refused before sending, nothing kept */
    TIDE_FULL, /* not acknowledged, and the spool is full (or there is none): the batch stays in the client */
    TIDE_INVALID, /* a wrong argument */
    TIDE_NOMEM,
    TIDE_IO /* the spool folder can't be used */
};

struct tide_options {
    size_t struct_size;   /* sizeof(struct tide_options), so that fields may be added */
    const char *url;      /* tcp://127.0.0.1:9701 or ipc://PATH; NULL: tcp://127.0.0.1:9701 */
    const char *producer; /* stable name of this sender, [A-Za-z0-9._:@/-]{1,128}; NULL: host name and process
                             id (then a spool can't be told apart over restarts, so none is allowed) */
    const char *spool_dir;  /* NULL: no spool */
    size_t spool_max_bytes; /* 0: 256 MiB */
    const char *key_name;   /* NULL: unsigned */
    const char *key_secret;
    size_t max_message_bytes; /* 0: 1 MiB */
    int timeout_ms;           /* one try's wait for the answer; 0: 5000 */
    int max_tries;            /* tries of one tide_push before it spools or gives up; 0: 3 */
    int compress;             /* 1: zstd */
    const char *precision;    /* of the timestamps: "ns" (NULL), "us", "ms", "s" */
};

/* The daemon's answer to the batch that was acknowledged last. */
struct tide_answer {
    uint64_t accepted;
    uint64_t rejected;
    int duplicate;
    unsigned first_error_line; /* 0: none */
    char first_error[384];
};

struct tide_client;

/* Options are copied. On failure *out is NULL. Connecting happens in the background: a daemon that is not
 * there yet is no error here. Batches left in the spool by an earlier run are sent first. */
TIDE_API enum tide_result tide_open(const struct tide_options *options, struct tide_client **out);
/* Spools or drops (no spool) what is not acknowledged; frees. NULL is allowed. */
TIDE_API void tide_close(struct tide_client *client);

/* Adds lines (one or more, with or without the last \n) to the batch. TIDE_TOO_LARGE if the batch would pass
 * max_message_bytes: push, then add again. */
TIDE_API enum tide_result tide_add(struct tide_client *client, const char *lines, size_t len);
/* Bytes in the batch. */
TIDE_API size_t tide_batched(const struct tide_client *client);
/* Sends the batch and waits until it is durable. See enum tide_result; after TIDE_OK, TIDE_SPOOLED and
 * TIDE_REJECTED the batch is empty. An empty batch is TIDE_OK. */
TIDE_API enum tide_result tide_push(struct tide_client *client);
/* tide_add of everything and tide_push, cutting at line ends into as many batches as needed. */
TIDE_API enum tide_result tide_push_lines(struct tide_client *client, const char *lines, size_t len);
/* Tries to send what is spooled for at most timeout_ms. TIDE_OK when the spool is empty. */
TIDE_API enum tide_result tide_flush(struct tide_client *client, int timeout_ms);
/* Batches in the spool. */
TIDE_API size_t tide_spooled(const struct tide_client *client);
/* The last answer; valid until the next call. */
TIDE_API const struct tide_answer *tide_answer(const struct tide_client *client);
/* One sentence on the last failure; valid until the next call. Never NULL. */
TIDE_API const char *tide_error(const struct tide_client *client);

#ifdef __cplusplus
}
#endif
#endif
