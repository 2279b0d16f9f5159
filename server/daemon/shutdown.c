/* The way down: intake stops, what is under way becomes durable and is answered, then everything closes. */
#include <unistd.h>

#include "server/daemon/daemon_internal.h"

enum { DRAIN_STEP_MS = 10, DRAIN_MAX_S = 20, LAST_ANSWERS_MS = 50 };

/* One that could not be made at start is no handle. */
static void close_handle(void *handle)
{
    if (uv_handle_get_type(handle) != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_gate(struct daemon *daemon, size_t i)
{
    gate_close(daemon->gates[i]);
    if (daemon->held_ports[i] >= 0)
        (void)close(daemon->held_ports[i]);
    daemon->held_ports[i] = -1;
}

static void close_parts(struct daemon *daemon)
{
    daemon->state = DAEMON_CLOSING;
    close_handle(&daemon->drain);
    close_handle(&daemon->second);
    close_handle(&daemon->term);
    close_handle(&daemon->interrupt);
    close_handle(&daemon->hangup);
    if (daemon->store)
        store_flush_cancel(daemon->store);
    jobs_stop(daemon->jobs); /* who waits for one is answered */
    http_close(daemon->http);
    daemon->http = NULL;
    feed_close(daemon->feed);
    daemon->feed = daemon->api.feed = NULL;
    for (size_t i = 0; i < daemon->gate_count; i++)
        close_gate(daemon, i);
    daemon_part_closed(daemon);
}

void daemon_part_closed(struct daemon *daemon)
{
    /* The async handle goes last: the store may wake it until it is closed. */
    if (daemon->state == DAEMON_CLOSING && daemon->gates_open == 0) {
        detect_stop(daemon->detect);
        queries_close(daemon->queries);
        daemon->queries = daemon->api.queries = NULL;
        if (daemon->ingest)
            daemon_keep_page_groups(daemon, false);
        store_close(daemon->store);
        daemon->store = NULL;
        deploy_watch_close(daemon->deploys);
        daemon->deploys = NULL;
        jobs_close(daemon->jobs);
        daemon->jobs = NULL;
        (void)wake_close(&daemon->durable, NULL);
    }
}

void daemon_abandon(struct daemon *daemon)
{
    close_parts(daemon);
}

static void on_last_answers(uv_timer_t *timer)
{
    close_parts(timer->data);
}

static void on_drain(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    store_poll(daemon->store);
    bool has_queries = daemon->queries && queries_count(daemon->queries) > 0;
    if (ingest_pending(daemon->ingest) == 0 && !has_queries) {
        (void)uv_timer_start(&daemon->drain, on_last_answers, LAST_ANSWERS_MS, 0);
        return;
    }
    if (clock_mono_ns(daemon->clock) - daemon->draining_since_ns > DRAIN_MAX_S * INT64_C(1000000000)) {
        log_write(daemon->log, LOG_LEVEL_ERROR, "daemon.stuck",
                  "%zu batches are still not on the disk after %d s; ending without them (they were not "
                  "acknowledged)",
                  ingest_pending(daemon->ingest), DRAIN_MAX_S);
        _exit(1); /* the journal's thread hangs inside the disk: there is nobody to wait for */
    }
}

void daemon_shut_down(struct daemon *daemon)
{
    if (daemon->state >= DAEMON_DRAINING)
        return;
    daemon->state = DAEMON_DRAINING;
    daemon->api.ready = false;
    daemon->draining_since_ns = clock_mono_ns(daemon->clock);
    if (!daemon->exit_code) /* else it was told why, and that is all there is to say */
        log_write(daemon->log, LOG_LEVEL_INFO, "daemon.stopping", "intake stops; %zu batches are under way",
                  ingest_pending(daemon->ingest));
    for (size_t i = 0; i < daemon->gate_count; i++)
        gate_stop_intake(daemon->gates[i]);
    /* Connections that are open live on until the end: without this they would bring new batches, and one
     * that waits for its sync must not be there when libmicrohttpd is stopped. */
    if (daemon->ingest)
        ingest_stop(daemon->ingest);
    deploy_watch_stop(daemon->deploys);
    if (daemon->queries)
        queries_stop(daemon->queries);
    if (daemon->feed)
        feed_stop(daemon->feed);
    api_stop(&daemon->api);
    jobs_stop(daemon->jobs);
    if (daemon->http)
        http_stop_listening(daemon->http);
    (void)uv_timer_start(&daemon->drain, on_drain, 0, DRAIN_STEP_MS);
}
