/* What was sent to whom: DIR/.deliveries, one JSON object a line, appended and synced; the last line about a
 * receiver, report and week holds. A line that is torn or damaged costs itself alone. Receivers stand there
 * as hashes, since the URL of a webhook is a secret. One thread; whoever has it open is alone (a lock). */
#ifndef TM_REPORTS_DELIVER_LEDGER_H
#define TM_REPORTS_DELIVER_LEDGER_H

#include "reports/files.h"
#include "reports/week.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"

enum { LEDGER_ID_BYTES = 33, LEDGER_WHY_BYTES = 200, LEDGER_ENTRIES_MAX = 50000 };

enum ledger_state {
    LEDGER_SENDING, /* begun; whoever finds it so was killed, and sends again */
    LEDGER_WAITING, /* it failed and is tried again at `next` */
    LEDGER_SENT,
    LEDGER_FAILED, /* for good */
    LEDGER_STATES
};

struct ledger_entry {
    char receiver[LEDGER_ID_BYTES]; /* ledger_id of it */
    char report[FILES_NAME_BYTES];  /* of files_name */
    char week[WEEK_TEXT_BYTES];
    size_t revision; /* that it is about */
    size_t before;   /* the last one that was sent; 0: none */
    enum ledger_state state;
    size_t attempts; /* at this revision */
    size_t failures; /* of the receiver, one after the other, with this one */
    time_ms_t time;
    time_ms_t next;             /* of LEDGER_WAITING */
    char why[LEDGER_WHY_BYTES]; /* it failed; "" */
};

/* Zero-initialised, with both descriptors -1, is closed. */
struct ledger {
    int lock;
    int file;
    struct ledger_entry *entries; /* in no order, one for a receiver, report and week */
    size_t count, capacity;
    size_t lines; /* that were read */
};

/* Opens the ledger of the reports' folder (a descriptor), waits until nobody else has it, and forgets what is
 * older than `from`. To be closed even where it failed. TM_IO, TM_NO_SPACE, TM_NOMEM. */
enum tm_err ledger_open(int folder, time_ms_t from, struct ledger *out, struct tm_why *why) TM_MUST_CHECK;

/* Gives it to others, and frees the entries; closed already: nothing. */
void ledger_close(struct ledger *ledger);

/* The first 32 hex digits of SHA-256 over the parts, each with its end. */
void ledger_id(const char *const *parts, size_t count, char out[LEDGER_ID_BYTES]);

/* NULL: there is none. Valid until the next ledger_note. */
const struct ledger_entry *ledger_find(const struct ledger *ledger, const char *receiver, const char *report,
                                       const char *week);
/* How often the receiver has failed since it last took something, and until when it is left alone. */
size_t ledger_failures(const struct ledger *ledger, const char *receiver, time_ms_t *rests_until);

/* Puts an entry in place of the one before, in memory and on disk (synced). TM_IO, TM_NO_SPACE, TM_NOMEM,
 * TM_LIMIT: nothing was changed. */
enum tm_err ledger_note(struct ledger *ledger, const struct ledger_entry *entry,
                        struct tm_why *why) TM_MUST_CHECK;

/* ---- the text; pure ---- */

/* Appends the line, with its end. */
void ledger_write(const struct ledger_entry *entry, struct bytes *out);
/* Reads a line without its end. TM_CORRUPT: it is none; TM_NOMEM. */
enum tm_err ledger_read(struct str line, struct ledger_entry *out) TM_MUST_CHECK;
/* Takes the whole lines of a text over; damaged ones, and those older than from, are left out. *whole: bytes
 * up to the end of the last line. TM_NOMEM, TM_LIMIT. */
enum tm_err ledger_take(struct ledger *ledger, struct str text, time_ms_t from, size_t *whole) TM_MUST_CHECK;

#endif
