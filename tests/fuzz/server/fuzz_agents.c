/* A user agent's class: the same for its bytes in capitals, and for what lies behind the bound; told again
 * the same. Its name is read as itself. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/events/agents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

/* In memory that ends where the text does. */
static enum agent_class judge(const struct agents *agents, const uint8_t *data, size_t len, bool in_capitals)
{
    char *copy = malloc(len + 1);
    require(copy != NULL);
    for (size_t i = 0; i < len; i++)
        copy[i + 1] =
            (char)(in_capitals && data[i] >= 'a' && data[i] <= 'z' ? data[i] - ('a' - 'A') : data[i]);
    enum agent_class class = agents_class(agents, (struct str){copy + 1, len});
    free(copy);
    return class;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct agents *agents;
    enum agent_class read;
    if (!agents)
        require(agents_new(&agents) == TM_OK);
    enum agent_class class = judge(agents, data, len, false);
    require(class < AGENT_CLASS_COUNT);
    require(class == judge(agents, data, len, true));
    require(class == judge(agents, data, len < AGENT_TEXT_MAX ? len : AGENT_TEXT_MAX, false));
    require(agent_class_parse(agent_class_name(class), &read) == TM_OK && read == class);
    return 0;
}
