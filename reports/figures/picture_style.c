/* Colours: those of Okabe and Ito, which colour-blind readers tell apart, darker or lighter where a text or
 * the paper needs it. Each is told apart by something else too: dashes, hatching, a sign, its place. */
#include <assert.h>

#include "reports/figures/picture.h"

static_assert(INK_COUNT <= 32, "a bit for each ink");

struct colour {
    const char *light, *dark;
};

/* Inks that are a pattern have none. */
static const struct colour colours[INK_COUNT] = {
    [INK_TEXT] = {"#1c2128", "#e6e9ed"},     [INK_MUTED] = {"#57606a", "#a0abb7"},
    [INK_STRONG] = {"#a63c00", "#ff9d66"},   [INK_GRID] = {"#e3e7eb", "#2b323b"},
    [INK_AXIS] = {"#8c959f", "#68727e"},     [INK_MAIN] = {"#0072b2", "#56b4e9"},
    [INK_LIGHT] = {"#9ec9e2", "#2f5f80"},    [INK_BAND] = {"#d5e6f0", "#1f3a4c"},
    [INK_ALERT] = {"#d55e00", "#ff8a3d"},    [INK_CALM] = {"#009e73", "#2fc79b"},
    [INK_HEAT + 0] = {"#f3f5f7", "#1a2027"}, [INK_HEAT + 1] = {"#dfebf5", "#18324a"},
    [INK_HEAT + 2] = {"#c0dbee", "#1d4a70"}, [INK_HEAT + 3] = {"#93c2e0", "#226496"},
    [INK_HEAT + 4] = {"#5ea4d0", "#2f80bb"}, [INK_HEAT + 5] = {"#2f83bb", "#5aa3d8"},
    [INK_HEAT + 6] = {"#12609a", "#93c7ec"}, [INK_HEAT + 7] = {"#083a6b", "#d6ecfb"},
};

struct hatch {
    const char *name, *shape; /* of one tile */
    struct colour colour;
    double wash; /* how much of the colour lies behind it */
    enum ink ink;
    int side; /* of the tile */
};

static const struct hatch hatches[] = {
    {"rest", "M0,6 6,0M-1,1 1,-1M5,7 7,5", {"#57606a", "#a0abb7"}, 0.12, INK_REST, 6},
    {"incident", "M0,6 6,0M-1,1 1,-1M5,7 7,5", {"#d55e00", "#ff8a3d"}, 0.14, INK_INCIDENT, 6},
    {"planned", "M2,2h1.4M6,6h1.4", {"#57606a", "#a0abb7"}, 0.1, INK_PLANNED, 8},
    {"absent", "M0,0 6,6M-1,5 1,7M5,-1 7,1", {"#c3cad2", "#3a434d"}, 0, INK_ABSENT, 6},
};
enum { HATCHES = sizeof hatches / sizeof hatches[0] };

static bool is_hatch(unsigned ink)
{
    for (size_t i = 0; i < HATCHES; i++)
        if (hatches[i].ink == ink)
            return true;
    return false;
}

static const char *pick(struct colour colour, bool is_dark)
{
    return is_dark ? colour.dark : colour.light;
}

/* One theme: the rules of all inks, below the picture's id. */
static void put_rules(const struct picture *picture, uint32_t inks, bool is_dark, struct bytes *out)
{
    for (unsigned ink = 0; ink < INK_COUNT; ink++)
        if (inks >> ink & 1 && !is_hatch(ink))
            bytes_printf(out, "#%s-%s .f%u{fill:%s}#%s-%s .s%u{stroke:%s}", picture->id, picture->name, ink,
                         pick(colours[ink], is_dark), picture->id, picture->name, ink,
                         pick(colours[ink], is_dark));
    for (size_t i = 0; i < HATCHES; i++)
        if (inks >> hatches[i].ink & 1)
            bytes_printf(out, "#%s-%s .h%zu{stroke:%s}#%s-%s .w%zu{fill:%s}", picture->id, picture->name, i,
                         pick(hatches[i].colour, is_dark), picture->id, picture->name, i,
                         pick(hatches[i].colour, is_dark));
    bytes_printf(out, "\n");
}

static void put_hatches(const struct picture *picture, uint32_t inks, struct bytes *out)
{
    bytes_printf(out, "<defs>\n");
    for (size_t i = 0; i < HATCHES; i++)
        if (inks >> hatches[i].ink & 1)
            bytes_printf(
                out,
                "<pattern id=\"%s-%s-%s\" width=\"%d\" height=\"%d\" patternUnits=\"userSpaceOnUse\">"
                "<rect class=\"w%zu\" width=\"%d\" height=\"%d\" fill-opacity=\"%g\"/>"
                "<path class=\"h%zu\" d=\"%s\" stroke-opacity=\"0.6\"/></pattern>\n",
                picture->id, picture->name, hatches[i].name, hatches[i].side, hatches[i].side, i,
                hatches[i].side, hatches[i].side, hatches[i].wash, i, hatches[i].shape);
    bytes_printf(out, "</defs>\n");
}

void picture_put_styles(const struct picture *picture, uint32_t inks, struct bytes *out)
{
    const char *id = picture->id, *name = picture->name;
    bytes_printf(
        out,
        "<style>#%s-%s{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans CJK KR',"
        "'Apple SD Gothic Neo','Malgun Gothic',sans-serif;font-variant-numeric:tabular-nums}"
        "#%s-%s path,#%s-%s circle{stroke-linejoin:round}#%s-%s [class^=s]{fill:none}\n",
        id, name, id, name, id, name, id, name);
    for (size_t i = 0; i < HATCHES; i++)
        if (inks >> hatches[i].ink & 1)
            bytes_printf(out, "#%s-%s .f%u{fill:url(#%s-%s-%s)}", id, name, (unsigned)hatches[i].ink, id,
                         name, hatches[i].name);
    put_rules(picture, inks, picture->theme == FIGURE_DARK, out);
    if (picture->theme == FIGURE_BOTH) {
        bytes_printf(out, "@media screen and (prefers-color-scheme:dark){");
        put_rules(picture, inks, true, out);
        bytes_printf(out, "}");
    }
    bytes_printf(out, "</style>\n");
    put_hatches(picture, inks, out);
}
