/* What `anomalies` and `incidents` have in common. One thread. */
#ifndef TM_CLI_FINDINGS_H
#define TM_CLI_FINDINGS_H

#include "server/cli/talk.h"

enum { FINDING_ID_BYTES = 16 };

/* Whether text is an id of a finding. */
bool findings_is_id(const char *text);

/* Appends service, and env behind an @. */
void findings_put_service(const json_t *item, struct bytes *out);
/* Appends labels: {name="value",...}. */
void findings_put_labels(const json_t *labels, struct bytes *out);
/* Prints out and a line end, and releases it. */
void findings_print(struct bytes *out);

/* Lists what stands at path with these options, an item a line by print; or as one document with --json. The
 * exit code. none: what is said where there is nothing. */
int findings_list(const struct args *args, const char *path, const char *const *names, size_t count,
                  talk_item_fn *print, const char *none);

/* Follows the topic, an item a line by print, or a JSON object a line; those that --env and --min-score mean.
 * The exit code, if it can't. */
int findings_follow(const struct args *args, const char *topic, talk_item_fn *print);

#endif
