#include "scoring/incident.h"
#include "scoring/maths.h"
#include "storage/model/str.h"

#define NOISE_POINTS    10.0
#define NOISE_MOST      40.0
#define EXPECTED_POINTS 40.0
enum { ALWAYS = -1 };

static const struct str feedback_names[FEEDBACK_COUNT] = {
    [FEEDBACK_USEFUL] = {"useful", sizeof "useful" - 1},
    [FEEDBACK_NOISE] = {"noise", sizeof "noise" - 1},
    [FEEDBACK_EXPECTED] = {"expected", sizeof "expected" - 1},
};

static bool is_about(const struct score_lesson *lesson, uint64_t cause, int32_t hour)
{
    if (lesson->cause != cause)
        return false;
    if (lesson->hour == ALWAYS)
        return true;
    int32_t apart = lesson->hour > hour ? lesson->hour - hour : hour - lesson->hour;
    return apart <= 1 || apart >= INCIDENT_WEEK_HOURS - 1;
}

double score_incident_needed(const struct score_incident *service, double least, uint64_t cause, int32_t hour)
{
    double most = 0;
    for (size_t i = 0; i < INCIDENT_LESSONS && cause != 0; i++)
        if (is_about(&service->lessons[i], cause, hour))
            most = score_max(most, service->lessons[i].points);
    return score_min(100, least + most);
}

/* The lesson about this, or an empty one, in place of the oldest if there must be. */
static struct score_lesson *find_lesson(struct score_incident *service, uint64_t cause, int32_t hour)
{
    struct score_lesson *best = &service->lessons[0];
    for (size_t i = 0; i < INCIDENT_LESSONS; i++) {
        struct score_lesson *lesson = &service->lessons[i];
        if (lesson->cause == cause && lesson->hour == hour)
            return lesson;
        bool is_better = best->cause != 0 && (lesson->cause == 0 || lesson->age > best->age);
        if (is_better)
            best = lesson;
    }
    *best = (struct score_lesson){.cause = cause, .hour = hour};
    return best;
}

static void unlearn(struct score_incident *service, uint64_t cause)
{
    for (size_t i = 0; i < INCIDENT_LESSONS; i++) {
        struct score_lesson *lesson = &service->lessons[i];
        if (lesson->cause != cause)
            continue;
        lesson->points -= lesson->hour == ALWAYS ? NOISE_POINTS : EXPECTED_POINTS;
        if (lesson->points <= 0)
            *lesson = (struct score_lesson){.cause = 0};
    }
}

void score_incident_teach(struct score_incident *service, uint64_t cause, int32_t hour,
                          enum score_feedback feedback)
{
    if (cause == 0 || hour < 0 || hour >= INCIDENT_WEEK_HOURS)
        return;
    if (feedback == FEEDBACK_USEFUL) {
        unlearn(service, cause);
        return;
    }
    for (size_t i = 0; i < INCIDENT_LESSONS; i++)
        if (service->lessons[i].cause != 0 && service->lessons[i].age < UINT32_MAX)
            service->lessons[i].age++;
    bool is_noise = feedback == FEEDBACK_NOISE;
    struct score_lesson *lesson = find_lesson(service, cause, is_noise ? ALWAYS : hour);
    lesson->points = is_noise ? score_min(NOISE_MOST, lesson->points + NOISE_POINTS) : EXPECTED_POINTS;
    lesson->age = 0;
}

enum score_feedback score_feedback_of(const char *text, size_t len)
{
    for (int i = 0; i < FEEDBACK_COUNT; i++)
        if (str_equal(feedback_names[i], (struct str){text, len}))
            return (enum score_feedback)i;
    return FEEDBACK_COUNT;
}
