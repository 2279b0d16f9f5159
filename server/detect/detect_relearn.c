/* States are of one time zone, whose days and weeks they follow: in another one all is learned anew. The file
 * DIR/zone names it. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_disk.h"
#include "server/detect/detect_private.h"

/* False: some could not be removed. */
static bool remove_states(const struct detect_engine *engine, struct tm_why *why)
{
    char name[DETECT_NAME_BYTES];
    bool ok = true;
    for (unsigned shard = 0; shard < DETECT_SHARDS && ok; shard++)
        ok = detect_disk_remove(engine->dir, detect_shard_name(shard, name), why) == TM_OK;
    return ok;
}

static void note_zone(const struct detect_engine *engine, struct tm_why *why)
{
    if (detect_disk_replace(engine->dir, "zone", str_of(engine->zone), why) != TM_OK)
        detect_warn(engine, "detect.files", "%s", why->text);
}

/* The zone is noted once no state of another one is left, so that after a crash they are removed again. */
static void change_files(const struct detect_engine *engine)
{
    struct tm_why why = {""};
    if (remove_states(engine, &why))
        note_zone(engine, &why);
    else
        detect_warn(engine, "detect.files", "%s", why.text);
}

void detect_check_zone(struct detect_engine *engine)
{
    struct bytes file = {0};
    struct tm_why why = {""};
    enum tm_err err = detect_disk_read(engine->dir, "zone", &file);
    if (engine->zone[0] == '\0' || (!err && str_equal(bytes_view(&file), str_of(engine->zone)))) {
        bytes_fini(&file);
        return;
    }
    if (err) { /* what is there was learned when no zone was noted: in this one, most likely */
        note_zone(engine, &why);
    } else {
        detect_warn(engine, "detect.zone",
                    "scoring.timezone is %s and was %.*s: all series learn anew from what is stored",
                    engine->zone, (int)(file.len < DETECT_ZONE_BYTES ? file.len : DETECT_ZONE_BYTES),
                    (const char *)file.data);
        change_files(engine);
    }
    bytes_fini(&file);
}

static void relearn_target(struct detect_engine *engine, struct detect_target *target)
{
    if (target->state)
        detect_drop_state(engine, target);
    target->samples = 0;
    target->is_dropped = target->is_left_out = false;
    target->at = target->first; /* from there on it is learned */
}

void detect_relearn(struct detect_engine *engine)
{
    detect_warn(engine, "detect.zone",
                "scoring.timezone is %s now: all series learn anew from what is stored", engine->zone);
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[i];
        for (size_t k = 0; k < service->target_count; k++) {
            if (service->targets[k].is_used)
                relearn_target(engine, &service->targets[k]);
        }
        service->is_ready = false;
    }
    change_files(engine);
}
