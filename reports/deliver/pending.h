/* What is to be sent: the reports that lie there, against what the ledger says. */
#ifndef TM_REPORTS_DELIVER_PENDING_H
#define TM_REPORTS_DELIVER_PENDING_H

#include "reports/deliver/ledger.h"
#include "reports/deliver/settings.h"
#include "reports/files.h"

enum { PENDING_WEEKS = 4 /* up to the last one that is over */, PENDING_HASH_BYTES = 65 };

/* A report as its ledger.json says. */
struct pending_report {
    char name[FILES_NAME_BYTES];
    char week[WEEK_TEXT_BYTES];
    int weeks_ago; /* 1: the last one that is over */
    size_t revision;
    char hash[PENDING_HASH_BYTES]; /* SHA-256 of the JSON, in hex */
};

/* Zero-initialised is empty; to be freed by the caller. */
struct pending_reports {
    struct pending_report *at;
    size_t count;
};

/* The reports of the last weeks in a folder, newest week first, then by name. What can't be read is left out.
 * TM_NOMEM. */
enum tm_err pending_list(int folder, time_ms_t now, struct pending_reports *out) TM_MUST_CHECK;

/* Is it to be sent? *entry: what will be noted of it, with attempts and before filled in. Pure. */
bool pending_wanted(const struct pending_report *report, const struct receiver *receiver,
                    const struct ledger *ledger, struct ledger_entry *entry);

#endif
