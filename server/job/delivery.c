#include "server/job/delivery.h"

#include <jansson.h>
#include <stdio.h>

#include "server/config/config.h"

/* Reports may come from elsewhere, and clocks jump: a pass at the latest after that. */
enum { ASK_MS = 3600000, RETRY_MS = 60000 };

static size_t count_in(const json_t *document, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(document, name));
    return value > 0 ? (size_t)value : 0;
}

static const char *text_in(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text ? text : "";
}

static void tell_errors(struct delivery *delivery, const json_t *document)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(document, "errors"), i, item)
    {
        bool is_final = json_is_true(json_object_get(item, "final"));
        delivery->counters->value[COUNTER_REPORTS_RETRIED] += !is_final;
        tm_why_write(&delivery->trouble, "the report of %s, %s, was not taken by %s: %s",
                     text_in(item, "report"), text_in(item, "week"), text_in(item, "to"),
                     text_in(item, "error"));
        log_write(delivery->log, LOG_LEVEL_WARNING, is_final ? "report.refused" : "report.waiting", "%s; %s",
                  delivery->trouble.text, is_final ? "it is not sent again" : "it is tried again");
    }
}

static void on_done(void *arg, enum tm_err err, struct str result, const char *error)
{
    struct delivery *delivery = arg;
    struct counters *counters = delivery->counters;
    time_ms_t now = clock_wall_ms(delivery->clock);
    json_t *document = err ? NULL : json_loadb(result.ptr, result.len, 0, NULL);
    json_int_t next = json_integer_value(json_object_get(document, "next"));
    size_t sent = count_in(document, "sent"), failed = count_in(document, "failed");
    (void)error;
    delivery->is_running = false;
    delivery->asked_ms = now;
    delivery->next_ms = now + (document ? ASK_MS : RETRY_MS);
    if (next > 0 && next < delivery->next_ms)
        delivery->next_ms = next;
    if (document) {
        delivery->waiting = count_in(document, "waiting");
        if (delivery->waiting + failed == 0)
            delivery->trouble.text[0] = '\0';
    }
    counters->value[COUNTER_REPORTS_SENT] += sent;
    counters->value[COUNTER_REPORTS_REFUSED] += failed;
    tell_errors(delivery, document);
    if (sent > 0)
        log_write(delivery->log, LOG_LEVEL_INFO, "report.sent",
                  "%zu message%s on reports sent, %zu still to send", sent, sent == 1 ? "" : "s",
                  delivery->waiting);
    json_decref(document);
}

static bool has_receivers(const struct config *config)
{
    bool any = config->reports.deliver.count > 0;
    for (size_t i = 0; i < config->service_count && !any; i++)
        any = config->services[i].deliver.count > 0;
    return any;
}

void delivery_tick(struct delivery *delivery)
{
    struct tm_why why = {""};
    const struct config *config = *delivery->config;
    time_ms_t now = clock_wall_ms(delivery->clock);
    size_t reports = jobs_done_count(delivery->jobs, JOB_REPORT);
    bool is_back = now < delivery->asked_ms; /* the clock went back */
    bool is_due = now >= delivery->next_ms || reports != delivery->reports_seen || is_back;
    if (delivery->is_running || !is_due || !has_receivers(config))
        return;
    enum tm_err err = jobs_start_delivery(delivery->jobs, config, on_done, delivery, &why);
    delivery->is_running = !err;
    delivery->asked_ms = now;
    if (!err) {
        delivery->reports_seen = reports;
        return;
    }
    if (err == TM_BUSY) /* its process is just being let go */
        return;
    delivery->next_ms = now + RETRY_MS;
    delivery->reports_seen = reports;
    log_write(delivery->log, LOG_LEVEL_WARNING, "report.waiting", "reports were not delivered: %s", why.text);
}

void delivery_wake(struct delivery *delivery)
{
    delivery->next_ms = 0;
}
