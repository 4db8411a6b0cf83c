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
    struct heard_http *heard = page->heard;
    (void)status;
    if (heard->page)
        return;
    if (heard->looked_at != heard->talk.page_at)
        heard->looked_through = 0;
    size_t from = heard->looked_through < SIGN_TEXT_MAX ? 0 : heard->looked_through - SIGN_TEXT_MAX;
    heard->page =
        signs_of_page(page->signs, head, from ? 0 : head_length, body + from, body_length - from);
    heard->looked_at = heard->talk.page_at;
    heard->looked_through = body_length;
}

static bool hears(void *record, const struct hearing *hearing)
{
    struct heard_http *heard = record;
    struct page_context page = {heard, hearing->signs};
    return http_read(&heard->talk, hearing->side == INITIATOR, hearing->bytes, hearing->length,
                     hearing->signs ? look_at_page : NULL, &page);
}

static struct said *said(void *record, enum side side, uint32_t **fresh)
{
    struct heard_http *heard = record;
    *fresh = &heard->talk.side[side].fresh;
    return heard->talk.side[side].said;
}

static bool hands_over(const void *record, enum side side, uint32_t *at)
{
    const struct heard_http *heard = record;
    *at = heard->talk.side[side].read;
    return heard->talk.side[side].tunnel;
}

const struct speaker speaker_http = {
    .protocol = "HTTP",
    .record_bytes = sizeof(struct heard_http),
    .opens = opens,
    .hears = hears,
    .said = said,
    .hands_over = hands_over,
};
