/* HTTP among the speakers. */
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speaker.h"

static bool opens(const struct hearing *hearing)
{
    return http_begins(hearing->side == INITIATOR, hearing->bytes, hearing->length);
}

struct page_context {
    struct heard_http *heard;
    const struct signs *signs;
};

static void look_at_page(void *context, uint16_t status, const uint8_t *head, size_t head_length,
                         const uint8_t *body, size_t body_length)
{
    const struct page_context *page = context;
    (void)status;
    if (!page->heard->page)
        page->heard->page = signs_of_page(page->signs, head, head_length, body, body_length);
}

static bool hears(void *record, const struct hearing *hearing)
{
    struct heard_http *heard = record;
    struct page_context page = {heard, hearing->signs};
    return http_read(&heard->talk, hearing->side == INITIATOR, hearing->bytes, hearing->length,
                     hearing->signs ? look_at_page : NULL, &page);
}

static struct said *said(void *record, enum side side, size_t *count)
{
    struct heard_http *heard = record;
    *count = HTTP_MESSAGES;
    return heard->talk.side[side].said;
}

const struct speaker speaker_http = {
    .protocol = "HTTP",
    .record_bytes = sizeof(struct heard_http),
    .opens = opens,
    .hears = hears,
    .said = said,
};
