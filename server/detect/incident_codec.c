#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/incident_private.h"

/* Layout: version u8, varint count of services; of each: service and env as bytes_str, the scored state
 * (INCIDENT_BYTES), the incident, its members, its causes, where the excess lies (from version 2 on), what
 * was told, what is past. Times as zigzag varints, doubles as their bits. Lives in checkpoints of the same
 * daemon: a version that is neither this one nor 1 is learned anew.
 */
enum { CODEC_VERSION = 2, CODEC_WITHOUT_EXCESS = 1 };
#define TIME_MAX (INT64_C(1) << 56)

static void put_double(struct bytes *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_u64(out, bits);
}

static double get_double(struct cursor *in)
{
    uint64_t bits = cursor_u64(in);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static time_ms_t get_time(struct cursor *in)
{
    time_ms_t time = cursor_zigzag(in);
    if (time < -TIME_MAX || time > TIME_MAX)
        in->bad = true;
    return in->bad ? 0 : time;
}

/* ---- writing ---- */

static void put_member(struct bytes *out, const struct incident_member *member)
{
    bytes_str(out, incident_member_labels(member));
    bytes_str(out, incident_member_metric(member));
    put_double(out, member->figure);
    put_double(out, member->score);
    put_double(out, member->observed);
    put_double(out, member->expected);
    put_double(out, member->spread);
    put_double(out, member->effect);
    bytes_zigzag(out, member->began);
    bytes_zigzag(out, member->last);
}

static void put_excess(struct bytes *out, const struct detect_excess *excess)
{
    put_double(out, excess->score);
    bytes_u8(out, excess->is_fall);
    bytes_str(out, excess->of);
    bytes_varint(out, excess->count);
    for (size_t i = 0; i < excess->count; i++) {
        bytes_str(out, excess->labels[i]);
        put_double(out, excess->share[i]);
    }
}

static void put_incident(struct bytes *out, const struct incident *now)
{
    bytes_u64(out, now->id);
    bytes_zigzag(out, now->opened);
    bytes_zigzag(out, now->start);
    bytes_zigzag(out, now->end);
    bytes_zigzag(out, now->peak);
    put_double(out, now->score);
    bytes_varint(out, now->scored);
    bytes_varint(out, now->unusual);
    bytes_u64(out, now->part_of);
    bytes_u64(out, now->cause);
    bytes_varint(out, now->count);
    for (size_t i = 0; i < now->count; i++)
        put_member(out, now->members[i]);
    bytes_varint(out, now->cause_count);
    for (size_t i = 0; i < now->cause_count; i++) {
        bytes_str(out, (struct str){now->causes[i].labels, now->causes[i].len});
        put_double(out, now->causes[i].share);
    }
    put_excess(out, &now->excess);
}

static void put_told(struct bytes *out, const struct incident_told *told)
{
    put_double(out, told->score);
    bytes_varint(out, told->members);
    bytes_u64(out, told->cause);
    bytes_u64(out, told->part_of);
    bytes_u64(out, told->marker);
    bytes_varint(out, told->related);
}

static void put_home(struct bytes *out, const struct incident_home *home)
{
    uint8_t state[INCIDENT_BYTES];
    bytes_str(out, str_of(home->service));
    bytes_str(out, str_of(home->env));
    score_incident_encode(&home->state, state);
    bytes_put(out, state, sizeof state);
    put_incident(out, &home->now);
    put_told(out, &home->told);
    bytes_varint(out, home->past_next);
    for (size_t i = 0; i < INCIDENTS_PAST; i++) {
        bytes_u64(out, home->past[i].id);
        bytes_u64(out, home->past[i].cause);
        bytes_varint(out, (uint64_t)home->past[i].hour);
        bytes_u8(out, (uint8_t)home->past[i].said);
    }
}

void detect_incidents_encode(const struct detect_incidents *incidents, struct bytes *out)
{
    bytes_u8(out, CODEC_VERSION);
    bytes_varint(out, incidents->count);
    for (size_t i = 0; i < incidents->count; i++)
        put_home(out, incidents->homes[i]);
}

void detect_incidents_encode_service(const struct detect_incidents *incidents, struct str service,
                                     struct str env, struct bytes *out)
{
    bool found;
    size_t place = incident_home_place(incidents, service, env, &found);
    struct incident_home *fresh = found ? NULL : incident_home_new(service, env);
    bytes_u8(out, CODEC_VERSION);
    bytes_varint(out, 1);
    if (found)
        put_home(out, incidents->homes[place]);
    else if (fresh)
        put_home(out, fresh);
    else
        out->failed = true;
    incident_home_free(fresh);
}

/* ---- reading ---- */

static enum tm_err get_member(struct cursor *in, struct incident *now)
{
    struct str labels = cursor_str(in), metric = cursor_str(in);
    struct labels set;
    double figures[6];
    for (size_t i = 0; i < 6; i++) {
        figures[i] = get_double(in);
        in->bad = in->bad || !isfinite(figures[i]);
    }
    time_ms_t began = get_time(in), last = get_time(in);
    if (in->bad || labels_decode(labels, &set) != TM_OK || now->count == INCIDENTS_MEMBERS_MAX ||
        labels.len + metric.len > INCIDENTS_MEMBER_BYTES - now->bytes)
        return TM_CORRUPT;
    struct incident_member *member = incident_add_member(now, incident_key(labels, metric), labels, metric);
    if (!member)
        return TM_NOMEM;
    member->figure = figures[0];
    member->score = figures[1];
    member->observed = figures[2];
    member->expected = figures[3];
    member->spread = figures[4];
    member->effect = figures[5];
    member->began = began;
    member->last = last;
    return TM_OK;
}

static bool is_share(double share)
{
    return share >= 0 && share <= 1;
}

static enum tm_err get_cause(struct cursor *in, struct incident *now)
{
    struct str labels = cursor_str(in);
    struct labels set;
    double share = get_double(in);
    if (in->bad || !is_share(share) || labels_decode(labels, &set) != TM_OK || set.count == 0 ||
        now->cause_count == SCORE_CAUSES)
        return TM_CORRUPT;
    return incident_add_cause(now, labels, share) ? TM_OK : TM_NOMEM;
}

static enum tm_err get_excess(struct cursor *in, struct incident *now)
{
    struct labels set;
    struct detect_excess excess = {.score = get_double(in)};
    excess.is_fall = cursor_u8(in) != 0;
    excess.of = cursor_str(in);
    uint64_t count = cursor_varint(in);
    bool is_bad = !(excess.score >= 0 && excess.score <= 100) || count > DETECT_EXCESS_SETS ||
                  (count > 0) != (excess.score > 0) || (count > 0 && labels_decode(excess.of, &set) != TM_OK);
    for (; !is_bad && !in->bad && excess.count < count; excess.count++) {
        excess.labels[excess.count] = cursor_str(in);
        excess.share[excess.count] = get_double(in);
        is_bad = !is_share(excess.share[excess.count]) ||
                 labels_decode(excess.labels[excess.count], &set) != TM_OK || set.count == 0;
    }
    if (is_bad || in->bad)
        return TM_CORRUPT;
    if (count == 0)
        return TM_OK;
    return detect_excess_copy(&excess, &now->excess, &now->excess_text) ? TM_OK : TM_NOMEM;
}

static enum tm_err get_incident(struct cursor *in, uint8_t version, struct incident *now)
{
    now->id = cursor_u64(in);
    now->opened = get_time(in);
    now->start = get_time(in);
    now->end = get_time(in);
    now->peak = get_time(in);
    now->score = get_double(in);
    now->scored = cursor_varint(in);
    now->unusual = cursor_varint(in);
    now->part_of = cursor_u64(in);
    now->cause = cursor_u64(in);
    if (in->bad || !(now->score >= 0 && now->score <= 100))
        return TM_CORRUPT;
    enum tm_err err = TM_OK;
    uint64_t members = cursor_varint(in);
    for (uint64_t i = 0; i < members && err == TM_OK; i++)
        err = get_member(in, now);
    uint64_t causes = err == TM_OK ? cursor_varint(in) : 0;
    for (uint64_t i = 0; i < causes && err == TM_OK; i++)
        err = get_cause(in, now);
    if (err == TM_OK && version != CODEC_WITHOUT_EXCESS)
        err = get_excess(in, now);
    return err == TM_OK && in->bad ? TM_CORRUPT : err;
}

static enum tm_err get_told(struct cursor *in, struct incident_told *told)
{
    told->score = get_double(in);
    told->members = cursor_varint(in);
    told->cause = cursor_u64(in);
    told->part_of = cursor_u64(in);
    told->marker = cursor_u64(in);
    told->related = cursor_varint(in);
    return in->bad || !(told->score >= 0 && told->score <= 100) ? TM_CORRUPT : TM_OK;
}

static enum tm_err get_past(struct cursor *in, struct incident_home *home)
{
    home->past_next = cursor_varint(in);
    for (size_t i = 0; i < INCIDENTS_PAST; i++) {
        struct incident_past *past = &home->past[i];
        past->id = cursor_u64(in);
        past->cause = cursor_u64(in);
        uint64_t hour = cursor_varint(in);
        uint8_t said = cursor_u8(in);
        if (in->bad || hour >= INCIDENT_WEEK_HOURS || said > FEEDBACK_COUNT)
            return TM_CORRUPT;
        past->hour = (int32_t)hour;
        past->said = (enum score_feedback)said;
    }
    return TM_OK;
}

static enum tm_err get_home(struct cursor *in, uint8_t version, struct incident_home **out)
{
    struct str service = cursor_str(in), env = cursor_str(in);
    struct str state = cursor_take(in, INCIDENT_BYTES);
    *out = NULL;
    if (in->bad || memchr(service.ptr, 0, service.len) || memchr(env.ptr, 0, env.len))
        return TM_CORRUPT;
    struct incident_home *home = incident_home_new(service, env);
    if (!home)
        return TM_NOMEM;
    enum tm_err err = score_incident_decode((const uint8_t *)state.ptr, state.len, &home->state);
    if (err == TM_OK)
        err = get_incident(in, version, &home->now);
    if (err == TM_OK)
        err = get_told(in, &home->told);
    if (err == TM_OK)
        err = get_past(in, home);
    if (err == TM_OK && home->state.is_open && home->now.id == 0)
        err = TM_CORRUPT;
    if (err == TM_OK)
        *out = home;
    else
        incident_home_free(home);
    return err;
}

/* ---- putting back ---- */

static bool knows(const struct incident_home *home, uint64_t id)
{
    for (size_t i = 0; i < INCIDENTS_PAST; i++)
        if (home->past[i].id == id)
            return true;
    return false;
}

/* What was said since, and an incident that opened since, are not forgotten. */
static void carry_over(struct incident_home *to, const struct incident_home *from)
{
    memcpy(to->state.lessons, from->state.lessons, sizeof to->state.lessons);
    for (size_t i = 0; i < INCIDENTS_PAST; i++)
        for (size_t j = 0; j < INCIDENTS_PAST; j++)
            if (to->past[i].id != 0 && to->past[i].id == from->past[j].id)
                to->past[i] = from->past[j];
    to->withdrawn = from->withdrawn;
    if (from->now.id == 0 || knows(to, from->now.id))
        return;
    to->withdrawn = (struct incident){.id = from->now.id,
                                      .opened = from->now.opened,
                                      .start = from->now.start,
                                      .peak = from->now.peak,
                                      .score = from->now.score};
}

static enum tm_err put_back(struct detect_incidents *incidents, struct incident_home *home)
{
    bool found;
    (void)incident_home_place(incidents, str_of(home->service), str_of(home->env), &found);
    struct incident_home *place = incident_home_of(incidents, str_of(home->service), str_of(home->env));
    if (!place) {
        incident_home_free(home);
        return TM_NOMEM;
    }
    if (found)
        carry_over(home, place);
    struct incident_home old = *place;
    *place = *home;
    *home = old;
    incident_home_free(home);
    return TM_OK;
}

/* All services of data, which are the caller's then. */
struct homes {
    struct incident_home **at;
    size_t count, most;
};

/* One encoding. */
static enum tm_err get_homes(struct cursor *in, struct homes *homes)
{
    uint8_t version = cursor_u8(in);
    uint64_t count = cursor_varint(in);
    if (in->bad || count > homes->most - homes->count)
        return TM_CORRUPT;
    if (version != CODEC_VERSION && version != CODEC_WITHOUT_EXCESS)
        return TM_INVALID;
    enum tm_err err = TM_OK;
    for (uint64_t i = 0; i < count && err == TM_OK; i++) {
        err = get_home(in, version, &homes->at[homes->count]);
        homes->count += err == TM_OK;
    }
    return err;
}

enum tm_err detect_incidents_decode(struct detect_incidents *incidents, struct str data)
{
    struct cursor in = cursor_of(data.ptr, data.len);
    struct homes homes = {.most = data.len / INCIDENT_BYTES};
    homes.at = calloc(homes.most + 1, sizeof(struct incident_home *));
    if (!homes.at)
        return TM_NOMEM;
    enum tm_err err = cursor_left(&in) > 0 ? TM_OK : TM_CORRUPT;
    while (cursor_left(&in) > 0 && err == TM_OK)
        err = get_homes(&in, &homes);
    for (size_t i = 0; i < homes.count; i++) {
        if (err == TM_OK)
            err = put_back(incidents, homes.at[i]);
        else
            incident_home_free(homes.at[i]);
    }
    free(homes.at);
    return err;
}
