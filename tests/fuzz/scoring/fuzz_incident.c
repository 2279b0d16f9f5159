/* A kept state of a service's incidents, and minutes that follow: what the decoder takes is written again as
 * the same bytes, and scores stay within 0..100 whatever is judged; what it refuses leaves the caller's state
 * alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/incident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

/* A minute of five bytes: time onwards, series scored, and one series of some figure, key and age. */
static void judge(struct score_incident *service, const uint8_t *at, time_ms_t *now)
{
    *now += at[0] * INT64_C(20000);
    struct score_incident_minute minute = {.time = *now};
    struct score_incident_result result;
    struct score_incident_series one = {.key = at[3], .learning = at[4] & 1};
    one.sparse = (at[2] & 1) != 0;
    one.failure = (at[2] & 2) != 0;
    one.return_period_h = exp(at[2] - 64.0);
    one.began = *now - (at[4] >> 1) * INT64_C(60000);
    for (int i = 0; i < at[1] % 8; i++, one.key++)
        score_incident_add(service, &minute, &one);
    score_incident_judge(service, &minute, at[1], &result);
    require(result.score >= 0 && result.score <= 100 && isfinite(result.return_period_h));
    require(isfinite(result.single) && isfinite(result.many));
    double needed = score_incident_needed(service, 60, at[3], at[2] % INCIDENT_WEEK_HOURS);
    require(needed >= 60 && needed <= 100);
    score_incident_follow(service, *now, result.score, needed);
    score_incident_teach(service, at[3], at[2], (enum score_feedback)(at[4] % FEEDBACK_COUNT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct score_incident service, before;
    uint8_t again[INCIDENT_BYTES];
    size_t state = len < INCIDENT_BYTES ? len : INCIDENT_BYTES;
    memset(&service, 0x5a, sizeof service);
    before = service;
    if (score_incident_decode(data, state, &service) != TM_OK) {
        require(memcmp(&service, &before, sizeof service) == 0);
        if (len < INCIDENT_BYTES)
            state = 0;
        memset(&service, 0, sizeof service);
    } else {
        score_incident_encode(&service, again);
        require(memcmp(again, data, state) == 0);
    }
    time_ms_t now = service.last;
    for (size_t at = state; at + 5 <= len; at += 5)
        judge(&service, data + at, &now);
    score_incident_encode(&service, again);
    require(score_incident_decode(again, sizeof again, &before) == TM_OK);
    return 0;
}
