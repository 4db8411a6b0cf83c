/* What libpcap needs merely to hand out the packets of a file: the unit of the benchmark. */
#include <pcap/pcap.h>
#include <stdio.h>

static void nothing(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    (void)user, (void)header, (void)bytes;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    if (!capture)
        return 2;
    int result = pcap_loop(capture, -1, nothing, NULL);
    pcap_close(capture);
    return result ? 1 : 0;
}
