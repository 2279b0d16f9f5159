/* Who asks: the class of a user agent, told from its text by a table of words (agents_table.c). */
#ifndef TM_EVENTS_AGENTS_H
#define TM_EVENTS_AGENTS_H

#include <stdbool.h>

#include "storage/model/err.h"
#include "storage/model/str.h"

enum agent_class {
    AGENT_OTHER = 0, /* empty, televisions, consoles, what no word tells */
    AGENT_CRAWLER,   /* reads pages for a search engine, an AI's index or training, an SEO index */
    AGENT_MOBILE,    /* a person on a phone or tablet, in a browser or an app */
    AGENT_DESKTOP,   /* a person on a computer */
    AGENT_BOT,       /* other programs: scripts, monitors, scanners, previews, feed readers */
    AGENT_CLASS_COUNT
};

/* "crawler", "mobile", "desktop", "bot", "other": the value of the label `agent`. Static. */
struct str agent_class_name(enum agent_class class);

/* The class of this name. TM_NOT_FOUND. */
enum tm_err agent_class_parse(struct str name, enum agent_class *out) TM_MUST_CHECK;

struct agents;

/* Makes the index over the table. TM_NOMEM. The caller owns *out, which is const from then on: any thread. */
enum tm_err agents_new(struct agents **out) TM_MUST_CHECK;
/* NULL is allowed. */
void agents_free(struct agents *agents);

/* The class. Case does not count; of several words that are found the one of the highest rank decides (who
 * crawls says so, and calls itself a phone too); of equal rank the first in the text. Reads at most
 * AGENT_TEXT_MAX bytes. */
enum agent_class agents_class(const struct agents *agents, struct str user_agent);

enum { AGENT_TEXT_MAX = 1024 };

/* ---- the table: private to server/events ---- */

/* Higher ranks decide over lower ones. */
enum agent_rank {
    RANK_NONE,
    RANK_DESKTOP,
    RANK_MOBILE,
    RANK_DEVICE,  /* televisions and consoles, which name a phone's or computer's system */
    RANK_GENERIC, /* "bot", "crawl", "spider": unknown ones */
    RANK_EXCEPT,  /* names that hold such a word but are none */
    RANK_PROGRAM,
    RANK_CRAWLER,
    RANK_COUNT
};

struct agent_word {
    struct str text; /* lower case, three bytes or more */
    enum agent_rank rank;
    enum agent_class class;
    bool at_start; /* of the user agent only */
    bool at_end;   /* of a word: no letter behind it */
};

/* The table; *count is set. Static. */
const struct agent_word *agent_words(size_t *count);

#endif
