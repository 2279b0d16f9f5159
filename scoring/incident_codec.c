#include <string.h>

#include "scoring/incident.h"
#include "scoring/maths.h"

/* Layout, little-endian: "TMI1", version u16; twice bins u16, blocks u16, samples of the open block u16 and
 * its highest f32, blocks over u16, open one u8; minutes u64, last i64, open u8, high i64, reopened u32;
 * shouts: key u64, figure f64, time i64; lessons: cause u64, points f64, hour i32, age u32. */
#define MINUTES_MAX (UINT64_C(1) << 53)
#define POINTS_MAX  100.0
#define FIGURE_MAX  400.0
#define TIME_MAX    (INT64_C(1) << 56)

static const char magic[4] = {'T', 'M', 'I', '1'};

static bool is_time(time_ms_t time)
{
    return time >= -TIME_MAX && time <= TIME_MAX;
}

static void put(uint8_t **at, uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *(*at)++ = (uint8_t)(bits >> (8 * i));
}

static uint64_t get(const uint8_t **at, size_t bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; i++)
        bits |= (uint64_t) * (*at)++ << (8 * i);
    return bits;
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static double number_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static void put_past(uint8_t **at, const struct score_incident_past *past)
{
    uint32_t highest;
    memcpy(&highest, &past->blocks.highest, sizeof highest);
    for (size_t i = 0; i < CALIBRATION_BINS; i++)
        put(at, past->blocks.counts[i], 2);
    put(at, past->blocks.blocks, 2);
    put(at, past->blocks.in_block, 2);
    put(at, highest, 4);
    put(at, past->over, 2);
    put(at, past->is_over, 1);
}

static bool get_past(const uint8_t **at, struct score_incident_past *past)
{
    struct score_calibration *blocks = &past->blocks;
    for (size_t i = 0; i < CALIBRATION_BINS; i++)
        blocks->counts[i] = (uint16_t)get(at, 2);
    blocks->blocks = (uint16_t)get(at, 2);
    blocks->in_block = (uint16_t)get(at, 2);
    uint32_t highest = (uint32_t)get(at, 4);
    memcpy(&blocks->highest, &highest, sizeof highest);
    past->over = (uint16_t)get(at, 2);
    uint64_t is_over = get(at, 1);
    past->is_over = is_over == 1;
    return is_over <= 1 && past->over <= blocks->blocks && score_calibration_is_sound(blocks) &&
           score_is_finite((double)blocks->highest);
}

void score_incident_encode(const struct score_incident *service, uint8_t out[INCIDENT_BYTES])
{
    uint8_t *at = out;
    memcpy(at, magic, sizeof magic);
    at += sizeof magic;
    put(&at, INCIDENT_VERSION, 2);
    put_past(&at, &service->single);
    put_past(&at, &service->many);
    put(&at, service->minutes, 8);
    put(&at, (uint64_t)service->last, 8);
    put(&at, service->is_open, 1);
    put(&at, (uint64_t)service->high, 8);
    put(&at, service->reopened, 4);
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++) {
        const struct score_shout *shout = &service->shouts[i];
        put(&at, shout->key, 8);
        put(&at, bits_of(shout->figure), 8);
        put(&at, (uint64_t)shout->time, 8);
    }
    for (size_t i = 0; i < INCIDENT_LESSONS; i++) {
        const struct score_lesson *lesson = &service->lessons[i];
        put(&at, lesson->cause, 8);
        put(&at, bits_of(lesson->points), 8);
        put(&at, (uint32_t)lesson->hour, 4);
        put(&at, lesson->age, 4);
    }
}

static bool get_shout(const uint8_t **at, struct score_shout *shout)
{
    shout->key = get(at, 8);
    uint64_t figure = get(at, 8);
    shout->figure = number_of(figure);
    shout->time = (time_ms_t)get(at, 8);
    if (shout->key == 0)
        return figure == 0 && shout->time == 0;
    return shout->figure > 0 && shout->figure <= FIGURE_MAX && is_time(shout->time);
}

static bool get_lesson(const uint8_t **at, struct score_lesson *lesson)
{
    lesson->cause = get(at, 8);
    uint64_t points = get(at, 8);
    lesson->points = number_of(points);
    lesson->hour = (int32_t)(uint32_t)get(at, 4);
    lesson->age = (uint32_t)get(at, 4);
    if (lesson->cause == 0)
        return points == 0 && lesson->hour == 0 && lesson->age == 0;
    return lesson->points > 0 && lesson->points <= POINTS_MAX && lesson->hour >= -1 &&
           lesson->hour < INCIDENT_WEEK_HOURS;
}

/* What judging keeps. */
static bool is_sound(const struct score_incident *service)
{
    if (!is_time(service->last) || !is_time(service->high))
        return false;
    if (service->minutes > MINUTES_MAX || service->single.blocks.in_block != service->many.blocks.in_block)
        return false;
    return service->minutes >= service->single.blocks.blocks;
}

enum tm_err score_incident_decode(const uint8_t *data, size_t len, struct score_incident *out)
{
    if (len != INCIDENT_BYTES || memcmp(data, magic, sizeof magic) != 0)
        return TM_CORRUPT;
    const uint8_t *at = data + sizeof magic;
    if (get(&at, 2) != INCIDENT_VERSION)
        return TM_INVALID;
    struct score_incident service = {0};
    if (!get_past(&at, &service.single) || !get_past(&at, &service.many))
        return TM_CORRUPT;
    service.minutes = get(&at, 8);
    service.last = (time_ms_t)get(&at, 8);
    uint64_t is_open = get(&at, 1);
    service.is_open = is_open == 1;
    service.high = (time_ms_t)get(&at, 8);
    service.reopened = (uint32_t)get(&at, 4);
    for (size_t i = 0; i < INCIDENT_SHOUTS; i++)
        if (!get_shout(&at, &service.shouts[i]))
            return TM_CORRUPT;
    for (size_t i = 0; i < INCIDENT_LESSONS; i++)
        if (!get_lesson(&at, &service.lessons[i]))
            return TM_CORRUPT;
    if (is_open > 1 || !is_sound(&service))
        return TM_CORRUPT;
    *out = service;
    return TM_OK;
}
