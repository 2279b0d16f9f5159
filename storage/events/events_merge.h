/* The blocks of a day that is over, made anew: few and full ones where each flush left its own. Flush thread.
 */
#ifndef TM_STORAGE_EVENTS_MERGE_H
#define TM_STORAGE_EVENTS_MERGE_H

#include "storage/events/events_flush.h"

/* Replaces the main and the late partition of a day by one that is sealed and has the same events, each once.
 * Waits for passes of readers that are under way (contents.h: events_lock), for some seconds. TM_BUSY: they
 * do not end; TM_NOT_FOUND: there is no event; else errors as partition_rewrite: all is as before. */
enum tm_err events_merge(struct events_work *work, uint32_t day, struct tm_why *why) TM_MUST_CHECK;

#endif
