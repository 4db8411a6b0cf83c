#include "dissectors/dns.h"

#include <arpa/nameser.h>
#include <ctype.h>

enum { ANSWERS_READ_MAX = 16 };

static void take_address(const ns_rr *record, struct dns_message *message)
{
    struct ip_address *address = &message->address[message->address_count];
    if (message->address_count == DNS_ADDRESSES_MAX)
        return;
    if (ns_rr_type(*record) == ns_t_a && ns_rr_rdlen(*record) == 4)
        *address = ip_from_v4(ns_rr_rdata(*record));
    else if (ns_rr_type(*record) == ns_t_aaaa && ns_rr_rdlen(*record) == 16)
        memcpy(address->bytes, ns_rr_rdata(*record), 16);
    else
        return;
    message->address_count++;
}

static bool take_question(ns_msg *parsed, struct dns_message *message)
{
    ns_rr question;
    if (ns_msg_count(*parsed, ns_s_qd) != 1 || ns_parserr(parsed, ns_s_qd, 0, &question) != 0)
        return false;
    if (ns_rr_type(question) != ns_t_a && ns_rr_type(question) != ns_t_aaaa)
        return false;
    const char *name = ns_rr_name(question);
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof message->name)
        return false;
    for (size_t i = 0; i <= length; i++)
        message->name[i] = (char)tolower((unsigned char)name[i]);
    return true;
}

bool dns_read(const uint8_t *bytes, uint32_t length, struct dns_message *message)
{
    ns_msg parsed;
    *message = (struct dns_message){0};
    if (!bytes || length > NS_MAXMSG || ns_initparse(bytes, (int)length, &parsed) != 0 ||
        ns_msg_getflag(parsed, ns_f_opcode) != ns_o_query || !take_question(&parsed, message))
        return false;
    message->is_answer = ns_msg_getflag(parsed, ns_f_qr);
    message->code = (uint8_t)ns_msg_getflag(parsed, ns_f_rcode);
    for (int i = 0; i < ns_msg_count(parsed, ns_s_an) && i < ANSWERS_READ_MAX; i++) {
        ns_rr record;
        if (ns_parserr(&parsed, ns_s_an, i, &record) != 0)
            return false;
        take_address(&record, message);
    }
    return true;
}
