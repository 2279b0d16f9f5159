/* One request to the daemon's own endpoints, and its answer: what small commands share. One thread. */
#ifndef TM_CLI_TALK_H
#define TM_CLI_TALK_H

#include <jansson.h>

#include "server/cli/http.h"
#include "server/cli/options.h"

enum { TALK_TIMEOUT_MS = 30000, TALK_PAGE = 1000 };

/* Zero-initialised; to be closed. */
struct talk {
    const struct args *args;
    struct http *http;
    struct http_answer answer;
    json_t *root;   /* of the last answer */
    bool is_warned; /* what the first answer warned of was printed */
};

/* By --server and --key-file. EXIT_OK, or the exit code; the reason is printed. */
int talk_open(const struct args *args, struct talk *talk);

/* Frees it with its last answer. One that was never opened: nothing. */
void talk_close(struct talk *talk);

/* Asks with this method; body NULL: none. *data: the answer's data, valid until the next call. EXIT_OK, or
 * the exit code (2 where the daemon calls the request wrong); the reason is printed, with parameters and
 * paths of HTTP as the options and commands that they are here. */
int talk_ask(struct talk *talk, const char *method, const char *path, const json_t *body,
             const json_t **data);

/* Appends name=value to a path if the option was given: '?' or '&' in front, value escaped. */
void talk_put_option(const struct args *args, const char *name, struct bytes *path);

/* Appends name=value in any case, in the same way. */
void talk_put_value(const char *name, struct str value, struct bytes *path);

/* Pages of a list at path, up to --limit items, as one list: {"items":[...],"next":...}, the caller's
 * (json_decref; NULL on failure). EXIT_OK, or the exit code. */
int talk_list(struct talk *talk, const struct bytes *path, json_t **list);

/* Prints a document with --json. EXIT_OK, or EXIT_FAILED without memory. */
int talk_print_json(const json_t *data);

/* The text of a field, "" if it has none. */
struct str talk_text(const json_t *item, const char *name);

/* Appends a text field of an item, with `before` in front, control bytes escaped; nothing if it is empty. */
void talk_put_text(const json_t *item, const char *name, const char *before, struct bytes *out);

/* Prints what was asked for, for people; borrowed for the call. */
typedef void talk_print_fn(const struct args *args, const json_t *data);

/* A whole command: asks for path by GET and prints the answer, as JSON if that is wanted. The exit code. */
int talk_show(const struct args *args, struct bytes *path, talk_print_fn *print);

/* Prints one item of a list; borrowed for the call. */
typedef void talk_item_fn(const json_t *item);

/* A whole command: lists what stands at path as talk_list does, an item a line by print, or as one document
 * with --json. none: what is said where there is nothing. The exit code. */
int talk_show_list(const struct args *args, const struct bytes *path, talk_item_fn *print, const char *none);

#endif
