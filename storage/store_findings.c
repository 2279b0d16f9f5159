/* Findings on their way into a batch. */
#include "storage/findings/findings_codec.h"
#include "storage/store.h"

enum tm_err store_batch_finding(struct batch *batch, const struct finding *finding)
{
    struct bytes bytes = {0};
    if (!finding_is_valid(finding))
        return TM_INVALID;
    finding_encode(finding, &bytes);
    enum tm_err err = bytes_error(&bytes);
    if (!err)
        err = store_batch_event(batch, EVENT_FINDING, finding->time, bytes_view(&bytes));
    bytes_fini(&bytes);
    return err;
}
