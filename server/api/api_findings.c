/* GET /api/v1/anomalies, /api/v1/incidents, each with /ID; POST /api/v1/incidents/ID/feedback. */
#include <string.h>

#include "server/api/api_change.h"
#include "server/query/endpoints.h"
#include "server/query/finding_json.h"
#include "storage/findings/findings.h"
#include "storage/query.h"

enum { NOTE_MAX_BYTES = 4096, COUNT_BITS = 16 };

static const char no_incident[] = "there is no incident of this id; GET /api/v1/incidents lists them";

/* ---- reading ---- */

void api_anomalies(void *arg, struct http_exchange *exchange)
{
    query_anomalies(((struct api *)arg)->queries, exchange);
}

void api_anomaly(void *arg, struct http_exchange *exchange)
{
    query_anomaly(((struct api *)arg)->queries, exchange);
}

void api_incidents(void *arg, struct http_exchange *exchange)
{
    query_incidents(((struct api *)arg)->queries, exchange);
}

void api_incident(void *arg, struct http_exchange *exchange)
{
    query_incident(((struct api *)arg)->queries, exchange);
}

/* ---- one incident, on the loop: two look-ups, which people ask for ---- */

struct holding {
    struct finding finding;
    struct bytes texts; /* what it shows */
    bool is_found;
};

static bool hold(void *arg, const struct finding *finding)
{
    struct holding *h = arg;
    bytes_put(&h->texts, finding->service.ptr, finding->service.len);
    bytes_put(&h->texts, finding->env.ptr, finding->env.len);
    bytes_put(&h->texts, finding->body.ptr, finding->body.len);
    if (h->texts.failed)
        return false;
    const char *at = (const char *)h->texts.data;
    h->finding = *finding;
    h->finding.service.ptr = at;
    h->finding.env.ptr = at + finding->service.len;
    h->finding.body.ptr = at + finding->service.len + finding->env.len;
    h->is_found = true;
    return false;
}

/* TM_NOT_FOUND; TM_NOMEM, TM_IO, TM_CORRUPT. h is to be released whatever it returns. */
static enum tm_err find_incident(struct reader *reader, uint64_t id, struct holding *h, struct tm_why *why)
{
    const struct findings_wanted wanted = {.kind = FINDING_INCIDENT, .id = id, .span = READER_ALWAYS};
    *h = (struct holding){.is_found = false};
    enum tm_err err = id == 0 ? TM_OK : findings_search(reader, &wanted, hold, h, why);
    if (!err && h->texts.failed)
        err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    if (!err && !h->is_found)
        err = tm_fail(why, TM_NOT_FOUND, "%s", no_incident);
    return err;
}

static void refuse(struct http_exchange *exchange, enum tm_err err, const struct tm_why *why)
{
    if (err == TM_NOT_FOUND)
        api_not_found(exchange, why->text);
    else if (err == TM_IO || err == TM_CORRUPT)
        http_respond_error(exchange, 500, "internal", why->text);
    else
        params_refuse(exchange, err, why);
}

/* ---- what somebody says of one ---- */

/* The last word counts, and scoring uses it. */
static void tell_scoring(const struct api *api, const struct finding *incident,
                         const struct feedback_list *list)
{
    size_t last = list->count;
    while (last > 0 && list->said[last - 1].incident != incident->id)
        last--;
    if (!api->detect || last == 0)
        return;
    const struct feedback_said *said = &list->said[last - 1];
    json_t *body = json_loadb((const char *)list->bodies.data + said->at, said->len, 0, NULL);
    const char *text = json_string_value(json_object_get(body, "feedback"));
    if (text)
        (void)detect_feedback(api->detect, incident->service, incident->env, incident->id,
                              score_feedback_of(text, strlen(text)));
    json_decref(body);
}

static enum tm_err put_with_feedback(const struct api *api, struct reader *reader,
                                     const struct finding *incident, struct bytes *out, struct tm_why *why)
{
    struct feedback_list list = {0};
    struct bytes said = {0};
    enum tm_err err = feedback_load(&list, reader, incident->service, incident->env, why);
    if (!err) {
        feedback_json(&list, incident->id, &said);
        struct str view = bytes_view(&said);
        finding_json(incident, &view, out);
        out->failed = out->failed || said.failed;
        tell_scoring(api, incident, &list);
    }
    feedback_fini(&list);
    bytes_fini(&said);
    return err;
}

/* The answer is the incident with all that was said of it; so is what followers are told. */
static void answer_incident(struct api *api, struct http_exchange *exchange, uint64_t id)
{
    struct reader *reader = reader_of_store(api->store);
    struct holding h = {.is_found = false};
    struct bytes item = {0}, body = {0};
    struct tm_why why = {"out of memory; try again"};
    enum tm_err err = reader ? find_incident(reader, id, &h, &why) : TM_NOMEM;
    if (!err)
        err = put_with_feedback(api, reader, &h.finding, &item, &why);
    if (err) {
        refuse(exchange, err, &why);
    } else {
        bytes_printf(&body, "{\"status\":\"success\",\"data\":");
        bytes_put(&body, item.data, item.len);
        bytes_printf(&body, "}\n");
        body.failed = body.failed || item.failed;
        if (api->feed && !item.failed)
            feed_publish_of(api->feed, "incident", h.finding.service, bytes_view(&item));
        api_respond_body(exchange, &body);
    }
    bytes_fini(&item);
    bytes_fini(&h.texts);
    reader_close(reader);
}

static enum tm_err read_words(const json_t *root, struct feedback_words *words, struct tm_why *why)
{
    static const char *const known[] = {"useful", "noise", "expected"};
    const json_t *note = json_object_get(root, "note");
    const char *feedback = json_string_value(json_object_get(root, "feedback"));
    size_t which = 0;
    while (feedback && which < sizeof known / sizeof known[0] &&
           !str_equal(str_of(feedback), str_of(known[which])))
        which++;
    if (!feedback || which == sizeof known / sizeof known[0])
        return tm_fail(why, TM_INVALID, "feedback must be useful, noise or expected");
    if (note && !json_is_string(note) && !json_is_null(note))
        return tm_fail(why, TM_INVALID, "note must be a text in quotes");
    words->feedback = str_of(known[which]);
    words->note = (struct str){json_string_value(note), json_string_length(note)};
    if (words->note.len > NOTE_MAX_BYTES)
        return tm_fail(why, TM_INVALID, "note has %zu bytes, more than %d", words->note.len, NOTE_MAX_BYTES);
    return TM_OK;
}

/* Its time, service and env are the incident's: so a search over that has it. */
static void submit(struct api *api, struct http_exchange *exchange, const struct finding *incident,
                   struct feedback_words *words)
{
    struct bytes body = {0};
    struct batch *batch = store_batch_new(api->store);
    words->time = clock_wall_ms(api->clock);
    words->incident = incident->id;
    words->id = (uint64_t)words->time << COUNT_BITS | (api->feedback_count++ & 0xffff);
    feedback_body(words, &body);
    const struct finding finding = {.kind = FINDING_FEEDBACK,
                                    .id = words->id,
                                    .time = incident->time,
                                    .service = incident->service,
                                    .env = incident->env,
                                    .body = bytes_view(&body)};
    enum tm_err err = batch ? bytes_error(&body) : TM_NOMEM;
    if (!err)
        err = store_batch_finding(batch, &finding);
    api_change_submit(api, exchange, batch, err, answer_incident, incident->id);
    bytes_fini(&body);
}

void api_feedback(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct tm_why why = {"out of memory; try again"};
    struct feedback_words words = {0};
    struct holding h = {.is_found = false};
    json_t *root = NULL;
    struct reader *reader = reader_of_store(api->store);
    enum tm_err err =
        reader ? find_incident(reader, marker_id_of(http_path_part(exchange)), &h, &why) : TM_NOMEM;
    reader_close(reader);
    if (!err)
        err = api_body_object(exchange, &root, &why);
    if (!err)
        err = read_words(root, &words, &why);
    if (err)
        refuse(exchange, err, &why);
    else if (api_may_change(exchange, h.finding.service))
        submit(api, exchange, &h.finding, &words);
    bytes_fini(&h.texts);
    json_decref(root);
}
