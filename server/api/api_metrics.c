#include "server/api/api.h"

#include <unistd.h>

#include "server/counters/process.h"

enum { OK = 200, UNAVAILABLE = 503 };

struct figure {
    const char *name, *type, *help;
    double value;
};

static void put_figures(const struct figure *figures, size_t count, struct bytes *out)
{
    for (size_t i = 0; i < count; i++)
        counters_write_one(out, figures[i].name, figures[i].type, figures[i].help, "", figures[i].value);
}

/* What comes in, until it is durable. */
static void put_intake(const struct api *api, const struct store_stats *s, struct bytes *out)
{
    const struct figure figures[] = {
        {"tidemark_series", "gauge", "Series known.", (double)s->series},
        {"tidemark_series_refused_total", "counter", "New series refused over a limit.",
         (double)s->series_refused},
        {"tidemark_series_folded_total", "counter",
         "New label sets of counts over a limit, counted under _overflow instead.", (double)s->series_folded},
        {"tidemark_page_group_overflows_total", "counter",
         "HTTP events counted under the page group _overflow.", (double)ingest_overflows(api->ingest)},
        {"tidemark_producers", "gauge", "Producers whose last seq is kept.", (double)s->producers},
        {"tidemark_producer_gaps_total", "counter", "Batches that came after missing seqs.",
         (double)s->producer_gaps},
        {"tidemark_pending_bytes", "gauge", "Bytes submitted and not yet durable.", (double)s->pending_bytes},
        {"tidemark_journal_bytes", "gauge", "Bytes of journal files, as allocated.",
         (double)s->journal_bytes},
        {"tidemark_journal_written_bytes_total", "counter", "Bytes written to the journal.",
         (double)s->journal_written_bytes},
        {"tidemark_journal_records_total", "counter", "Records written to the journal.",
         (double)s->journal_records},
        {"tidemark_journal_syncs_total", "counter", "Syncs of the journal, each for a group of batches.",
         (double)s->journal_syncs},
        {"tidemark_journal_sync_seconds_total", "counter", "Time spent in those syncs.",
         (double)s->journal_sync_ns / 1e9},
        {"tidemark_journal_errors_total", "counter", "Writes and syncs of the journal that failed.",
         (double)s->journal_errors},
        {"tidemark_journal_replayed_records_total", "counter", "Records replayed at start.",
         (double)s->replayed_records},
        {"tidemark_journal_damaged_records_total", "counter", "Damaged places found in the journal at start.",
         (double)s->damaged_records},
        {"tidemark_journal_torn_tails_total", "counter", "Torn ends cut at start.", (double)s->torn_tails},
    };
    put_figures(figures, sizeof figures / sizeof figures[0], out);
}

/* What is made of it on disk. */
static void put_files(const struct store_stats *s, struct bytes *out)
{
    const struct figure figures[] = {
        {"tidemark_head_bytes", "gauge", "Memory that holds what is not flushed.", (double)s->head_bytes},
        {"tidemark_flushes_total", "counter", "Flushes of the head into partitions.", (double)s->flushes},
        {"tidemark_flush_failures_total", "counter", "Flushes that failed and are tried again.",
         (double)s->flush_failures},
        {"tidemark_flushed_samples_total", "counter", "Samples written to partitions.",
         (double)s->flushed_samples},
        {"tidemark_flush_cpu_seconds_total", "counter", "Processor time of the flush thread.",
         (double)s->flush_cpu_ns / 1e9},
        {"tidemark_oldest_reader_seconds", "gauge", "Age of the oldest step of reading under way.",
         (double)s->oldest_reader_ms / 1e3},
        {"tidemark_readers_cleared_total", "counter", "Slots of readers that had died, given back.",
         (double)s->readers_cleared},
        {"tidemark_partitions", "gauge", "Partitions on disk.", (double)s->partitions},
        {"tidemark_quarantined_partitions", "gauge", "Damaged partitions that were set aside, on disk.",
         (double)s->quarantined},
        {"tidemark_partition_bytes", "gauge", "Bytes of partitions on disk.", (double)s->partition_bytes},
        {"tidemark_sealed_days_total", "counter", "Days sealed, or merged with what came late.",
         (double)s->sealed_days},
        {"tidemark_expired_days_total", "counter", "Days removed by age.", (double)s->expired_days},
        {"tidemark_crowded_days_total", "counter", "Days removed for storage.max_disk.",
         (double)s->crowded_days},
        {"tidemark_rollup_bytes", "gauge", "Bytes of rollups on disk.", (double)s->rollup_bytes},
        {"tidemark_rolled_days_total", "counter", "Days of which rollups were made, or made anew.",
         (double)s->rolled_days},
        {"tidemark_series_left_total", "counter", "Series without data that were forgotten.",
         (double)s->series_left},
        {"tidemark_expired_rollups_total", "counter", "Weeks and months of rollups removed by age.",
         (double)s->expired_rollups},
        {"tidemark_data_bytes", "gauge", "Bytes of journal, index and partitions on disk.",
         (double)s->data_bytes},
        {"tidemark_disk_free_bytes", "gauge", "Free bytes on the data folder's file system.",
         (double)s->disk_free_bytes},
        {"tidemark_newest_timestamp_seconds", "gauge", "Newest time of a sample or event.",
         (double)s->newest_ms / 1e3},
        {"tidemark_read_only", "gauge", "1 while no batches are taken.", s->read_only},
    };
    put_figures(figures, sizeof figures / sizeof figures[0], out);
}

static void put_scoring(const struct api *api, struct bytes *out)
{
    struct detect_figures f;
    if (!api->detect)
        return;
    detect_figures(api->detect, &f);
    struct detect_incidents_figures incidents;
    detect_incident_figures(api->detect, &incidents);
    const struct figure figures[] = {
        {"tidemark_incidents_open", "gauge", "Services with an open incident.", (double)incidents.open},
        {"tidemark_incidents_total", "counter", "Incidents that opened.", (double)incidents.opened},
        {"tidemark_incidents_muted_total", "counter", "Minutes that feedback kept from opening one.",
         (double)incidents.muted},
        {"tidemark_scoring_series", "gauge", "Series that are scored.", (double)f.scored},
        {"tidemark_scoring_learning_series", "gauge", "Series with too little past to be scored.",
         (double)f.learning},
        {"tidemark_scoring_silent_series", "gauge",
         "Series that are silent and have no state: looked at again when there is news of them.",
         (double)f.asleep},
        {"tidemark_scoring_left_out_series", "gauge", "Series not scored for want of scoring.memory.",
         (double)f.left_out},
        {"tidemark_scoring_memory_bytes", "gauge", "Memory of the states of scored series.",
         (double)f.memory_bytes},
        {"tidemark_scoring_tables_bytes", "gauge", "Memory of what else scoring knows of all series.",
         (double)f.tables_bytes},
        {"tidemark_scoring_minutes_total", "counter", "Minutes closed, of all services.", (double)f.minutes},
        {"tidemark_scoring_scores_total", "counter", "Scores given.", (double)f.scores},
        {"tidemark_scoring_anomalies_total", "counter", "Anomalies told, those told anew too.",
         (double)f.anomalies},
        {"tidemark_scoring_rescored_total", "counter", "Anomalies told anew since late data changed them.",
         (double)f.rescored},
        {"tidemark_scoring_read_errors_total", "counter", "Minutes of a series that could not be read.",
         (double)f.read_errors},
        {"tidemark_scoring_states_lost_total", "counter", "Files of states that could not be used at start.",
         (double)f.lost_states},
        {"tidemark_scoring_lag_seconds", "gauge", "How far the slowest service is behind.",
         (double)f.lag_ms / 1e3},
        {"tidemark_scoring_learned_ratio", "gauge", "Share of services that have learned what is stored.",
         f.learned},
    };
    put_figures(figures, sizeof figures / sizeof figures[0], out);
}

static void put_process(const struct api *api, struct bytes *out)
{
    counters_write_one(out, "tidemark_http_connections", "gauge", "Open HTTP connections.", "",
                       (double)http_connections(api->http));
    counters_write_one(out, "tidemark_stream_clients", "gauge", "Clients that follow /api/v1/stream.", "",
                       api->feed ? (double)feed_clients(api->feed) : 0);
    counters_write_one(out, "tidemark_uptime_seconds", "gauge", "Time since start.", "",
                       (double)(clock_mono_ns(api->clock) - api->started_ns) / 1e9);
    counters_write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory of the core process.",
                       "", (double)process_resident_bytes(getpid()));
    counters_write_one(out, "process_open_fds", "gauge", "Open descriptors of the core process.", "",
                       (double)process_descriptors(getpid()));
}

void api_metrics_text(const struct api *api, struct bytes *out)
{
    struct store_stats stats;
    store_stats(api->store, &stats);
    counters_write(api->counters, out);
    put_intake(api, &stats, out);
    put_files(&stats, out);
    put_scoring(api, out);
    put_process(api, out);
    counters_write_one(out, "tidemark_build_info", "gauge", "The build that runs.",
                       "{version=\"" TIDEMARK_VERSION "\"}", 1);
}

void api_metrics(void *arg, struct http_exchange *exchange)
{
    struct bytes body = {0};
    api_metrics_text(arg, &body);
    if (bytes_error(&body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        http_respond(exchange, OK, "text/plain; version=0.0.4; charset=utf-8", bytes_view(&body));
    bytes_fini(&body);
}
