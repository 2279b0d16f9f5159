/* GET /api/v1/stream. */
#include "server/api/api.h"

void api_stream(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    feed_follow(api->feed, exchange);
}
