#include "server/cli/precedent.h"

#include <math.h>
#include <stdio.h>

#include "scoring/shape.h"
#include "storage/model/when.h"

enum { DURATION_BYTES = 32, RARITY_BYTES = 32, RAREST = 1000 };

#define MINUTE_MS 60000.0

/* In whole minutes, hours or days, whichever leaves two digits or so. */
static const char *duration(int64_t ms, char out[DURATION_BYTES])
{
    static const struct {
        const char *one, *more;
        double minutes;
    } units[] = {{"day", "days", 1440}, {"hour", "hours", 60}, {"minute", "minutes", 1}};
    double minutes = (double)ms / MINUTE_MS;
    size_t unit = minutes >= 2880 ? 0 : minutes >= 180 ? 1 : 2;
    double count = fmax(1, round(minutes / units[unit].minutes));
    (void)snprintf(out, DURATION_BYTES, "%.0f %s", count, count == 1 ? units[unit].one : units[unit].more);
    return out;
}

/* How many stretches are so far from their nearest; of a hundred or so no rarer ones can be told. */
static const char *rarity(double surprisal, char out[RARITY_BYTES])
{
    double one_in = pow(10, surprisal);
    if (one_in < 1.5)
        (void)snprintf(out, RARITY_BYTES, "the usual stretch is");
    else if (one_in < RAREST)
        (void)snprintf(out, RARITY_BYTES, "1 stretch in %.0f is", one_in);
    else
        (void)snprintf(out, RARITY_BYTES, "not 1 stretch in %d is", RAREST);
    return out;
}

void precedent_text(const struct precedent *p, char out[PRECEDENT_BYTES])
{
    char stretch[DURATION_BYTES], past[DURATION_BYTES], nearest[WHEN_TEXT_BYTES], rare[RARITY_BYTES];
    char apart[DURATION_BYTES];
    (void)snprintf(apart, sizeof apart, p->distance < 10 ? "%.2g" : "%.0f", p->distance);
    (void)duration(p->stretch_ms, stretch);
    (void)when_text(p->nearest, nearest);
    (void)rarity(p->surprisal, rare);
    if (p->surprisal < SHAPE_UNLIKE || p->distance < SHAPE_APART)
        (void)snprintf(out, PRECEDENT_BYTES,
                       "the last %s were %slike those until %s: %s usual steps apart, as %s from its nearest",
                       stretch, p->surprisal < SHAPE_UNLIKE ? "" : "most ", nearest, apart, rare);
    else
        (void)snprintf(out, PRECEDENT_BYTES,
                       "never in %s like the last %s: nearest are those until %s, %s usual steps apart, as "
                       "%s from its nearest",
                       duration(p->past_ms, past), stretch, nearest, apart, rare);
}
