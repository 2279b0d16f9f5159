#include "server/daemon/daemon.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/daemon/daemon_internal.h"
#include "server/daemon/loop_memory.h"
#include "storage/findings/findings.h"

enum { DESCRIPTORS_WANTED = 65536, DESCRIPTORS_NEEDED = 512, SECOND_MS = 1000, READER_OLD_S = 60 };

static void on_store_wake(void *arg)
{
    struct daemon *daemon = arg;
    wake_send(&daemon->durable);
}

static void on_store_log(void *arg, int level, const char *id, const char *text)
{
    struct log *log = ((struct daemon *)arg)->log;
    log_write(log, (enum log_level)level, id, "%s", text);
    if (strcmp(id, "store.resumed") == 0)
        log_release(log, "store.no_space"); /* the next full disk is told at once */
}

static void on_durable(void *arg)
{
    struct daemon *daemon = arg;
    if (!daemon->store || daemon->state == DAEMON_CLOSING) /* some gates may be gone */
        return;
    store_poll(daemon->store);
    daemon_resume_endpoints(daemon);
}

static void publish_status(struct daemon *daemon)
{
    struct bytes json = {0};
    api_status_json(&daemon->api, &json);
    if (!bytes_error(&json))
        feed_publish(daemon->feed, "status", bytes_view(&json));
    bytes_fini(&json);
}

/* A reader that stays in its place keeps every page that is replaced: files grow without bound. */
static void watch_readers(struct daemon *daemon)
{
    struct store_stats stats;
    int64_t now = clock_mono_ns(daemon->clock);
    store_stats(daemon->store, &stats);
    if (stats.oldest_reader_ms < READER_OLD_S * INT64_C(1000) ||
        (daemon->reader_told_ns && now - daemon->reader_told_ns < READER_OLD_S * INT64_C(1000000000)))
        return;
    daemon->reader_told_ns = now;
    log_write(daemon->log, LOG_LEVEL_WARNING, "query.old_reader",
              "a step of reading has gone on for %lld s, so that files grow: look for a stopped process that "
              "reads the data folder",
              (long long)(stats.oldest_reader_ms / 1000));
}

void daemon_keep_page_groups(struct daemon *daemon, bool lazily)
{
    struct tm_why why = {""};
    if (ingest_save_groups(daemon->ingest, lazily, &why))
        log_write(daemon->log, LOG_LEVEL_WARNING, "ingest.page_groups", "%s", why.text);
}

static void on_second(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    store_poll(daemon->store);
    daemon_resume_endpoints(daemon);
    api_tick(&daemon->api);
    detect_tick(daemon->detect);
    deploy_watch_tick(daemon->deploys);
    schedule_tick(&daemon->schedule);
    delivery_tick(&daemon->delivery);
    watch_readers(daemon);
    daemon_keep_page_groups(daemon, true);
    publish_status(daemon);
}

static void on_end_signal(uv_signal_t *signal, int number)
{
    (void)number;
    daemon_shut_down(signal->data);
}

static void on_hangup(uv_signal_t *signal, int number)
{
    struct tm_why why = {""};
    struct daemon *daemon = signal->data;
    (void)number;
    if (daemon_reload(daemon, &why) && !daemon->config_path)
        log_write(daemon->log, LOG_LEVEL_WARNING, "config.no_file", "%s", why.text);
}

void daemon_fail(struct daemon *daemon, const char *text)
{
    (void)fprintf(stderr, "tidemarkd: %s\n", text);
    daemon->exit_code = 1;
    daemon_shut_down(daemon);
}

void daemon_check_ready(struct daemon *daemon)
{
    static const struct {
        const char *name;
        enum gate_kind kind;
    } lists[] = {{"ingest_rep", GATE_REP}, {"ingest_pull", GATE_PULL}, {"publish", GATE_PUB}};
    struct bytes line = {0};
    if (daemon->state != DAEMON_STARTING || daemon->gates_ready < daemon->gate_count)
        return;
    bytes_printf(&line, "ready http=");
    for (size_t i = 0; http_address(daemon->http, i); i++)
        bytes_printf(&line, "%s%s", i ? "," : "", http_address(daemon->http, i));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bytes_printf(&line, " %s=", lists[i].name);
        daemon_list_endpoints(daemon, lists[i].kind, &line);
    }
    if (bytes_error(&line)) {
        daemon_fail(daemon, "out of memory at start");
    } else {
        daemon->state = DAEMON_SERVING;
        daemon->api.ready = true;
        (void)printf("%.*s\n", STR_ARG(bytes_view(&line)));
        (void)fflush(stdout);
    }
    bytes_fini(&line);
}

static void raise_descriptor_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    rlim_t want = files.rlim_max < DESCRIPTORS_WANTED ? files.rlim_max : DESCRIPTORS_WANTED;
    if (files.rlim_cur < want)
        (void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){want, files.rlim_max});
}

/* 64 days of two files each, as many again for those who read them, and sockets. */
static void check_descriptor_limit(const struct daemon *daemon)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= DESCRIPTORS_NEEDED)
        return;
    log_write(
        daemon->log, LOG_LEVEL_WARNING, "daemon.few_descriptors",
        "this process may have %llu files open, %d are needed to read 64 days at once beside connections: "
        "fewer days are kept open; raise the limit (LimitNOFILE= of the unit, or ulimit -Hn)",
        (unsigned long long)files.rlim_cur, DESCRIPTORS_NEEDED);
}

static enum tm_err open_store(struct daemon *daemon, struct tm_why *why)
{
    struct store_options options = {
        .dir = daemon->config->data_dir,
        .clock = daemon->clock,
        .wake = on_store_wake,
        .wake_arg = daemon,
        .log = on_store_log,
        .log_arg = daemon,
        .max_series = daemon->config->limits.max_series,
        .max_series_per_service = daemon->config->limits.max_series_per_service,
        .min_free_bytes = daemon->config->storage.min_free_bytes,
        .retention_raw_ms = daemon->config->storage.retention.raw_ms,
        .retention_rollup_5m_ms = daemon->config->storage.retention.rollup_5m_ms,
        .retention_rollup_1h_ms = daemon->config->storage.retention.rollup_1h_ms,
        .retention_events_ms = daemon->config->storage.retention.events_ms,
        .retention_exceptions_ms = daemon->config->storage.retention.exceptions_ms,
        .retention_findings_ms = daemon->config->storage.retention.findings_ms,
        .max_disk_bytes = daemon->config->storage.max_disk_bytes,
    };
    return store_open(&options, &daemon->store, why);
}

static enum tm_err open_http(struct daemon *daemon, struct tm_why *why)
{
    struct http_options options = {
        .loop = &daemon->loop,
        .log = daemon->log,
        .config = daemon->config,
        .counters = &daemon->counters,
        .arg = &daemon->api,
    };
    options.routes = api_routes(&options.route_count);
    return http_open(&options, &daemon->http, why);
}

static enum tm_err open_queries(struct daemon *daemon, struct tm_why *why)
{
    const struct queries_options options = {
        .loop = &daemon->loop,
        .store = daemon->store,
        .log = daemon->log,
        .counters = &daemon->counters,
        .clock = daemon->clock,
        .config = daemon->config,
    };
    daemon->queries = daemon->api.queries = queries_open(&options);
    return daemon->queries ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory or threads at start");
}

static void publish(void *arg, const char *topic, struct str json)
{
    daemon_publish(arg, topic, json);
}

static enum tm_err open_feed(struct daemon *daemon, struct tm_why *why)
{
    const struct feed_options options = {
        .loop = &daemon->loop,
        .counters = &daemon->counters,
        .publish = publish,
        .publish_arg = daemon,
    };
    daemon->feed = daemon->api.feed = feed_open(&options);
    return daemon->feed ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory at start");
}

/* What was found is told live. */
static void on_found(void *arg, const struct finding *finding)
{
    feed_publish_finding(((struct daemon *)arg)->feed, finding);
}

static void on_news(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    deploy_watch_news(((struct daemon *)arg)->deploys, service, oldest, newest);
}

static enum tm_err open_detect(struct daemon *daemon, struct tm_why *why)
{
    const struct detect_options_daemon options = {
        .loop = &daemon->loop,
        .store = daemon->store,
        .log = daemon->log,
        .clock = daemon->clock,
        .config = daemon->config,
        .found = on_found,
        .news = on_news,
        .arg = daemon,
    };
    daemon->detect = daemon->api.detect = detect_open(&options, why);
    return daemon->detect ? TM_OK : TM_NOMEM;
}

static enum tm_err open_deploys(struct daemon *daemon, struct tm_why *why)
{
    const struct deploy_watch_options options = {
        .store = daemon->store,
        .queries = daemon->queries,
        .feed = daemon->feed,
        .log = daemon->log,
        .clock = daemon->clock,
        .incident_score = (double)daemon->config->scoring.incident_score,
    };
    daemon->deploys = deploy_watch_open(&options);
    return daemon->deploys ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory at start");
}

static void watch_signal(struct daemon *daemon, uv_signal_t *handle, int number, uv_signal_cb callback)
{
    (void)uv_signal_init(&daemon->loop, handle);
    handle->data = daemon;
    (void)uv_signal_start(handle, callback, number);
}

static enum tm_err open_parts(struct daemon *daemon, struct tm_why *why)
{
    enum tm_err err = open_store(daemon, why);
    if (err)
        return err;
    daemon->ingest = ingest_open(daemon->store, daemon->config, &daemon->counters, daemon->clock);
    if (!daemon->ingest)
        return tm_fail(why, TM_NOMEM, "out of memory at start");
    const struct jobs_options jobs = {&daemon->loop, daemon->log, daemon->store, daemon->config->data_dir};
    daemon->jobs = jobs_open(&jobs);
    if (!daemon->jobs)
        return tm_fail(why, TM_NOMEM, "out of memory at start");
    daemon->schedule = (struct schedule){
        .jobs = daemon->jobs, .log = daemon->log, .clock = daemon->clock, .config = &daemon->api.config};
    daemon->delivery = (struct delivery){.jobs = daemon->jobs,
                                         .log = daemon->log,
                                         .clock = daemon->clock,
                                         .config = &daemon->api.config,
                                         .counters = &daemon->counters};
    struct tm_why lost = {""};
    if (ingest_load_groups(daemon->ingest, &lost))
        log_write(daemon->log, LOG_LEVEL_WARNING, "ingest.page_groups", "%s", lost.text);
    daemon->api = (struct api){
        .jobs = daemon->jobs,
        .delivery = &daemon->delivery,
        .store = daemon->store,
        .ingest = daemon->ingest,
        .counters = &daemon->counters,
        .config = daemon->config,
        .clock = daemon->clock,
        .started_ns = clock_mono_ns(daemon->clock),
        .gates = daemon->gates,
        .reload = daemon_reload,
        .reload_arg = daemon,
    };
    err = open_queries(daemon, why);
    if (!err)
        err = open_feed(daemon, why);
    if (!err)
        err = open_detect(daemon, why);
    if (!err)
        err = open_deploys(daemon, why);
    if (!err)
        err = open_http(daemon, why);
    if (err)
        return err;
    daemon->api.http = daemon->http;
    err = daemon_open_endpoints(daemon, why);
    daemon->api.gate_count = daemon->gate_count;
    return err;
}

static enum tm_err open_handles(struct daemon *daemon, struct tm_why *why)
{
    (void)uv_timer_init(&daemon->loop, &daemon->second);
    (void)uv_timer_init(&daemon->loop, &daemon->drain);
    daemon->second.data = daemon->drain.data = daemon;
    (void)uv_timer_start(&daemon->second, on_second, SECOND_MS, SECOND_MS);
    watch_signal(daemon, &daemon->term, SIGTERM, on_end_signal);
    watch_signal(daemon, &daemon->interrupt, SIGINT, on_end_signal);
    watch_signal(daemon, &daemon->hangup, SIGHUP, on_hangup);
    enum tm_err err = wake_open(&daemon->durable, &daemon->loop, on_durable, daemon);
    return err ? tm_fail(why, err, "no descriptor for the journal's thread; raise the limit on open files")
               : TM_OK;
}

int daemon_run(const char *config_path, struct config *config)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    enum log_level level = LOG_LEVEL_INFO;
    struct tm_why why = {""};
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    loop_memory_install();
    if (!daemon || sodium_init() < 0 || uv_loop_init(&daemon->loop) != 0) {
        (void)fprintf(stderr, "tidemarkd: out of memory at start\n");
        free(daemon);
        config_free(config);
        return 1;
    }
    daemon->config_path = config_path;
    daemon->config = config;
    daemon->clock = clock_system();
    if (log_level_parse(config->log.level, &level))
        level = LOG_LEVEL_INFO; /* the settings table admits known words only */
    daemon->log = log_open(stderr, daemon->clock, level);
    enum tm_err err = open_handles(daemon, &why);
    if (daemon->log)
        check_descriptor_limit(daemon);
    if (!err)
        err = daemon->log ? open_parts(daemon, &why) : tm_fail(&why, TM_NOMEM, "out of memory at start");
    if (err) {
        (void)fprintf(stderr, "tidemarkd: %s\n", why.text);
        daemon->exit_code = 1;
        daemon_abandon(daemon);
    } else {
        daemon_check_ready(daemon);
    }
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&daemon->loop);
    if (!daemon->exit_code)
        log_write(daemon->log, LOG_LEVEL_INFO, "daemon.stopped", "all data is on the disk");
    ingest_close(daemon->ingest);
    detect_free(daemon->detect);
    log_close(daemon->log);
    config_free(daemon->config);
    int code = daemon->exit_code;
    free(daemon);
    return code;
}
