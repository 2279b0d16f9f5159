#include "server/detect/incident_words.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct word {
    struct word *next;
    uint64_t incident;
    enum score_feedback feedback;
    size_t service_len, env_len;
    char text[];
};

struct incident_words {
    pthread_mutex_t mutex;
    struct word *first, **last;
    size_t count;
};

struct incident_words *incident_words_new(void)
{
    struct incident_words *words = calloc(1, sizeof *words);
    if (!words)
        return NULL;
    pthread_mutex_init(&words->mutex, NULL);
    words->last = &words->first;
    return words;
}

/* Everything that waits. */
static struct word *take_all(struct incident_words *words)
{
    pthread_mutex_lock(&words->mutex);
    struct word *all = words->first;
    words->first = NULL;
    words->last = &words->first;
    words->count = 0;
    pthread_mutex_unlock(&words->mutex);
    return all;
}

void incident_words_free(struct incident_words *words)
{
    if (!words)
        return;
    struct word *all = take_all(words);
    while (all) {
        struct word *next = all->next;
        free(all);
        all = next;
    }
    pthread_mutex_destroy(&words->mutex);
    free(words);
}

bool incident_words_add(struct incident_words *words, struct str service, struct str env, uint64_t incident,
                        enum score_feedback feedback)
{
    struct word *word = malloc(sizeof *word + service.len + env.len);
    if (!word)
        return false;
    *word = (struct word){
        .incident = incident, .feedback = feedback, .service_len = service.len, .env_len = env.len};
    if (service.len > 0)
        memcpy(word->text, service.ptr, service.len);
    if (env.len > 0)
        memcpy(word->text + service.len, env.ptr, env.len);
    pthread_mutex_lock(&words->mutex);
    bool has_room = words->count < INCIDENT_WORDS_WAITING;
    if (has_room) {
        *words->last = word;
        words->last = &word->next;
        words->count++;
    }
    pthread_mutex_unlock(&words->mutex);
    if (!has_room)
        free(word);
    return has_room;
}

bool incident_words_take(struct incident_words *words, struct detect_incidents *incidents)
{
    bool any = false;
    struct word *all = take_all(words);
    while (all) {
        struct word *word = all;
        struct str service = {word->text, word->service_len};
        struct str env = {word->text + word->service_len, word->env_len};
        all = word->next;
        any = detect_incidents_feedback(incidents, service, env, word->incident, word->feedback) || any;
        free(word);
    }
    return any;
}
