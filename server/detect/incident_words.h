/* What people said of incidents, on its way from the loop to the worker of scoring. Any thread. */
#ifndef TM_INCIDENT_WORDS_H
#define TM_INCIDENT_WORDS_H

#include "server/detect/incidents.h"

struct incident_words;

enum { INCIDENT_WORDS_WAITING = 1000 };

/* NULL without memory. */
struct incident_words *incident_words_new(void);
/* NULL is allowed. */
void incident_words_free(struct incident_words *words);

/* Texts are copied. false: too many wait, or no memory. */
bool incident_words_add(struct incident_words *words, struct str service, struct str env, uint64_t incident,
                        enum score_feedback feedback);

/* Tells incidents, on their thread; true if any of it was of an incident that they know. */
bool incident_words_take(struct incident_words *words, struct detect_incidents *incidents);

#endif
