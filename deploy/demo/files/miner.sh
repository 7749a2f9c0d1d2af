# A miner: sizes itself to the machine, asks a pool on loopback for work, computes, and hands in shares,
# for __SECONDS__ seconds.
nproc
grep -c processor /proc/cpuinfo
grep MemAvailable /proc/meminfo
(
    echo '{"id":1,"method":"mining.subscribe","params":["demo/1.0"]}'
    echo '{"id":2,"method":"mining.authorize","params":["wallet.worker","x"]}'
    awk 'BEGIN {
        end = systime() + __SECONDS__
        for (share = 3; systime() < end; share++) {
            for (nonce = 0; nonce < 150000; nonce++) hash = (hash * 1103515245 + 12345 + nonce) % 2147483648
            printf "{\"id\":%d,\"method\":\"mining.submit\",\"params\":[\"wallet.worker\",\"1\",\"%x\"]}\n", share, hash
            fflush()
        }
    }'
) | nc 127.0.0.1 __PORT__ >/dev/null
echo mined
