#include "reports/names.h"

static const char *const keys[KEY_COUNT] = {
    [KEY_REQUESTS] = "requests",
    [KEY_EXCEPTIONS] = "exceptions",
    [KEY_EXCEPTIONS_PER_10K] = "exceptions_per_10k",
    [KEY_SERVER_ERRORS] = "server_errors_percent",
    [KEY_CLIENT_ERRORS] = "client_errors_percent",
    [KEY_GROUPS] = "groups",
    [KEY_NEW] = "new",
    [KEY_REGRESSED] = "regressed",
    [KEY_ESCALATING] = "escalating",
    [KEY_RESOLVED] = "resolved",
    [KEY_DEPLOYS] = "deploys",
    [KEY_BAD_DEPLOYS] = "bad_deploys",
    [KEY_ROLLBACKS] = "rollbacks",
    [KEY_INCIDENTS] = "incidents",
    [KEY_ANOMALOUS_MINUTES] = "anomalous_minutes",
};

static const char *const lists[LIST_COUNT] = {
    [LIST_REGRESSED] = "regressed", [LIST_NEW] = "new",         [LIST_ESCALATING] = "escalating",
    [LIST_RESOLVED] = "resolved",   [LIST_ONGOING] = "ongoing",
};

static const char *const reasons[REASON_COUNT] = {
    [REASON_BAD_DEPLOY] = "bad_deploy",
    [REASON_REGRESSED] = "regressed",
    [REASON_NEW_SERVER_ERROR] = "new_server_error",
    [REASON_ESCALATING] = "escalating",
    [REASON_INCIDENT] = "incident",
    [REASON_NEW] = "new_client_error",
    [REASON_FREQUENT] = "frequent",
    [REASON_DATA] = "missing_data",
};

static const char *const progresses[PROGRESS_COUNT] = {
    [PROGRESS_NEW] = "new", [PROGRESS_OPEN] = "open", [PROGRESS_WORSE] = "worse", [PROGRESS_DONE] = "done"};

const char *name_of_key(enum report_key key)
{
    return keys[key];
}

const char *name_of_list(enum report_list list)
{
    return lists[list];
}

const char *name_of_reason(enum report_reason reason)
{
    return reasons[reason];
}

const char *name_of_progress(enum report_progress progress)
{
    return progresses[progress];
}

const char *name_of_level(enum report_level level)
{
    static const char *const levels[LEVEL_COUNT] = {
        [LEVEL_MEAN] = "mean", [LEVEL_PER_MINUTE] = "per_minute", [LEVEL_MEDIAN_S] = "median_s"};
    return levels[level];
}
