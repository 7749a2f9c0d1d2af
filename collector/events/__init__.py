"""Single system calls and what processes do to themselves, from the kernel to decoded events."""
