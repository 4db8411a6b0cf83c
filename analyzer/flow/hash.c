#include "analyzer/flow/hash.h"

#include <sys/random.h>

uint64_t hash_seed(void)
{
    uint64_t seed = 0x2545f4914f6cdd1du; /* stays where the kernel has no randomness to give */
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
        return seed;
    return seed;
}
