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
    const struct store_limits limits = {
        .max_series = config->limits.max_series,
        .max_series_per_service = config->limits.max_series_per_service,
        .min_free_bytes = config->storage.min_free_bytes,
    };
    store_set_retention(daemon->store, &retention);
    store_set_limits(daemon->store, &limits);
    config_free(old);
}

/* Says which settings wait for the next start, and why. */
static void tell_fixed(const struct daemon *daemon, const struct config *next, struct tm_why *why)
{
    struct config_fixed fixed[CONFIG_FIXED_MAX];
    struct bytes list = {0};
    size_t count = config_list_fixed(daemon->config, next, fixed);
    for (size_t i = 0; i < count; i++)
        bytes_printf(&list, "%s%s (%s)", i > 0 ? ", " : "", fixed[i].path, fixed[i].why);
    if (count > 0 && !bytes_error(&list)) {
        log_write(daemon->log, LOG_LEVEL_WARNING, "config.needs_restart",
                  "%.*s changed and take%s effect at the next start; the rest is taken now", (int)list.len,
                  (const char *)list.data, count > 1 ? "" : "s");
        log_release(daemon->log, "config.needs_restart"); /* each reload says its own */
        tm_why_write(why, "taken at the next start of the daemon: %.*s", (int)list.len,
                     (const char *)list.data);
    }
    bytes_fini(&list);
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
    err = config_check_reload(daemon->config, config, why);
    if (err) {
        daemon->counters.value[COUNTER_RELOADS_REFUSED]++;
        config_free(config);
        log_write(daemon->log, LOG_LEVEL_ERROR, "config.refused", "the old configuration stays: %s",
                  why->text);
        return err;
    }
    tell_fixed(daemon, config, why);
    config_keep_fixed(daemon->config, config);
    apply(daemon, config);
    daemon->counters.value[COUNTER_RELOADS]++;
    log_write(daemon->log, LOG_LEVEL_INFO, "config.reloaded", "%s was read again", daemon->config_path);
    return TM_OK;
}
