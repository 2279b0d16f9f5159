#include <stdio.h>

#include "server/daemon/daemon_internal.h"

static void log_faults(const struct daemon *daemon, const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        log_write(daemon->log, LOG_LEVEL_ERROR, "config.fault", "%s:%d:%d: %s", daemon->config_path,
                  faults->at[i].line, faults->at[i].column, faults->at[i].text);
}

static void apply(struct daemon *daemon, struct config *config)
{
    enum log_level level = LOG_LEVEL_INFO;
    struct config *old = daemon->config;
    daemon->config = config;
    daemon->api.config = config;
    schedule_wake(&daemon->schedule);
    delivery_wake(&daemon->delivery);
    ingest_configure(daemon->ingest, config);
    http_configure(daemon->http, config);
    queries_configure(daemon->queries, config);
    detect_configure(daemon->detect, config);
    deploy_watch_configure(daemon->deploys, (double)config->scoring.incident_score);
    if (log_level_parse(config->log.level, &level) == TM_OK)
        log_set_level(daemon->log, level);
    const struct store_retention retention = {
        .raw_ms = config->storage.retention.raw_ms,
        .rollup_5m_ms = config->storage.retention.rollup_5m_ms,
        .rollup_1h_ms = config->storage.retention.rollup_1h_ms,
        .events_ms = config->storage.retention.events_ms,
        .exceptions_ms = config->storage.retention.exceptions_ms,
        .findings_ms = config->storage.retention.findings_ms,
        .max_disk_bytes = config->storage.max_disk_bytes,
    };
    store_set_retention(daemon->store, &retention);
    config_free(old);
}

enum tm_err daemon_reload(void *arg, struct tm_why *why)
{
    struct daemon *daemon = arg;
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    if (!daemon->config_path)
        return tm_fail(why, TM_INVALID,
                       "the daemon was started without a configuration file (-c FILE); nothing to read");
    enum tm_err err = config_load(daemon->config_path, &config, &faults);
    if (err) {
        daemon->counters.value[COUNTER_RELOADS_REFUSED]++;
        log_faults(daemon, &faults);
        log_write(daemon->log, LOG_LEVEL_ERROR, "config.refused",
                  "%s has %zu faults; the old configuration stays", daemon->config_path,
                  faults.count + faults.left_out);
        return tm_fail(why, err, "%s:%d:%d: %.250s (%zu faults in all; the old configuration stays)",
                       daemon->config_path, faults.at[0].line, faults.at[0].column, faults.at[0].text,
                       faults.count + faults.left_out);
    }
    const char *fixed = config_needs_restart(daemon->config, config);
    if (fixed)
        log_write(daemon->log, LOG_LEVEL_WARNING, "config.needs_restart",
                  "%s changed and takes effect at the next start; the rest is taken now", fixed);
    apply(daemon, config);
    daemon->counters.value[COUNTER_RELOADS]++;
    log_write(daemon->log, LOG_LEVEL_INFO, "config.reloaded", "%s was read again", daemon->config_path);
    return TM_OK;
}
