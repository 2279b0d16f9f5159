/* What scoring found, as it is told. */
#include "server/feed/feed.h"
#include "server/query/finding_json.h"

void feed_publish_finding(struct feed *feed, const struct finding *finding)
{
    static const char *const topics[FINDING_KIND_COUNT] = {
        [FINDING_ANOMALY] = "anomaly", [FINDING_INCIDENT] = "incident", [FINDING_VERDICT] = "verdict"};
    struct bytes json = {0};
    if (!topics[finding->kind])
        return;
    finding_json(finding, NULL, &json);
    if (!bytes_error(&json))
        feed_publish_of(feed, topics[finding->kind], finding->service, bytes_view(&json));
    bytes_fini(&json);
}
