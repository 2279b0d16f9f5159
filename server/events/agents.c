#include "server/events/agents.h"

#include <stdint.h>
#include <stdlib.h>

/* Words are found by their first three bytes: a table says which positions can begin one at all. */
enum { SLOTS = 1 << 12, CHAIN_END = 0 };

struct agents {
    uint16_t first[SLOTS]; /* word + 1, by the hash of three bytes */
    uint16_t *next;        /* the next word of the same hash, + 1 */
    const struct agent_word *words;
};

static const struct str names[AGENT_CLASS_COUNT] = {
    [AGENT_OTHER] = {"other", 5},     [AGENT_CRAWLER] = {"crawler", 7}, [AGENT_MOBILE] = {"mobile", 6},
    [AGENT_DESKTOP] = {"desktop", 7}, [AGENT_BOT] = {"bot", 3},
};

struct str agent_class_name(enum agent_class class)
{
    return names[class];
}

enum tm_err agent_class_parse(struct str name, enum agent_class *out)
{
    for (size_t i = 0; i < AGENT_CLASS_COUNT; i++) {
        if (!str_equal(name, names[i]))
            continue;
        *out = (enum agent_class)i;
        return TM_OK;
    }
    return TM_NOT_FOUND;
}

static size_t slot_of(uint32_t three)
{
    return three * UINT32_C(2654435761) >> 20;
}

static uint32_t three_at(const char *lower)
{
    return (uint32_t)(unsigned char)lower[0] << 16 | (uint32_t)(unsigned char)lower[1] << 8 |
           (uint32_t)(unsigned char)lower[2];
}

enum tm_err agents_new(struct agents **out)
{
    size_t count;
    const struct agent_word *words = agent_words(&count);
    struct agents *agents = calloc(1, sizeof *agents);
    *out = NULL;
    if (!agents)
        return TM_NOMEM;
    agents->words = words;
    agents->next = calloc(count, sizeof *agents->next);
    if (!agents->next) {
        free(agents);
        return TM_NOMEM;
    }
    for (size_t i = count; i-- > 0;) {
        size_t slot = slot_of(three_at(words[i].text.ptr));
        agents->next[i] = agents->first[slot];
        agents->first[slot] = (uint16_t)(i + 1);
    }
    *out = agents;
    return TM_OK;
}

void agents_free(struct agents *agents)
{
    if (!agents)
        return;
    free(agents->next);
    free(agents);
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool stands_at(const struct agent_word *word, struct str lower, size_t at)
{
    size_t end = at + word->text.len;
    if (end > lower.len || memcmp(lower.ptr + at, word->text.ptr, word->text.len) != 0)
        return false;
    return (!word->at_start || at == 0) && (!word->at_end || end == lower.len || !is_letter(lower.ptr[end]));
}

/* The best of the words that stand at `at`, of those better than best. */
static const struct agent_word *better_at(const struct agents *agents, uint16_t i, struct str lower,
                                          size_t at, const struct agent_word *best)
{
    for (; i != CHAIN_END; i = agents->next[i - 1]) {
        const struct agent_word *word = &agents->words[i - 1];
        if ((!best || word->rank > best->rank) && stands_at(word, lower, at))
            best = word;
    }
    return best;
}

enum agent_class agents_class(const struct agents *agents, struct str user_agent)
{
    char text[AGENT_TEXT_MAX];
    struct str lower = {text, user_agent.len < sizeof text ? user_agent.len : sizeof text};
    const struct agent_word *best = NULL;
    uint32_t three = 0;
    for (size_t i = 0; i < lower.len; i++) {
        unsigned char c = (unsigned char)user_agent.ptr[i];
        text[i] = (char)(c + ((unsigned char)(c - 'A') < 26 ? 0x20 : 0));
    }
    for (size_t end = 0; end < lower.len; end++) {
        three = (three << 8 | (unsigned char)text[end]) & 0xffffff;
        uint16_t first = agents->first[slot_of(three)];
        if (first != CHAIN_END && end >= 2)
            best = better_at(agents, first, lower, end - 2, best);
    }
    return best ? best->class : AGENT_OTHER;
}
