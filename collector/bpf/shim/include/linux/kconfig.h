/* Features of the kernel that bcc's own headers ask about before they declare maps and helpers. */
#define CONFIG_64BIT 1
#define CONFIG_BPF_EVENTS 1
#define CONFIG_BPF_SYSCALL 1
