/* Topics and events as text. Any thread. */
#ifndef TM_FEED_EVENT_H
#define TM_FEED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"

/* Whether one of the topics, separated by commas, takes this one; an empty list takes all. */
bool feed_takes(struct str topics, struct str topic);

/* The list is usable: at most max topics, each of visible ASCII and of a kind that is told. */
bool feed_topics_are_valid(struct str topics, size_t max);

/* Appends a server-sent event: `event:` the topic's first word, `id:`, and `data:` json, a line each. */
void feed_event(struct bytes *out, uint64_t id, struct str topic, struct str json);

#endif
